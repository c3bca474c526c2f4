"""Whimbrel, a vendor that does not exist: the adapter that docs/new-vendor.md builds."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import httpx
from pydantic import Field, SecretStr

from bridge.adapter import (
    Capabilities,
    FileRules,
    Finding,
    Limit,
    Received,
    Secrets,
    Settings,
    Webhook,
    variable_for,
)
from bridge.errors import NotFound
from bridge.model import Act, ConversationKey, Reply, Sent

from . import checking, webhooks
from .api import API

__all__ = ["Whimbrel"]


class WhimbrelSettings(Settings):
    base_url: str = Field("https://api.whimbrel.example", pattern=r"^https?://[^\s?#]+$")
    """Whimbrel's API."""

    max_age: float = Field(300.0, gt=0, allow_inf_nan=False)
    """Webhooks that were signed more seconds before or after now are refused."""


class WhimbrelSecrets(Secrets):
    api_key: SecretStr = Field(description="it is made in Whimbrel: Account > API keys")
    webhook_secret: tuple[SecretStr, ...] = Field(
        min_length=1, description="it is shown in Whimbrel: Account > Webhook"
    )


class Whimbrel:
    vendor: ClassVar[str] = "whimbrel"
    settings: ClassVar[type[Settings]] = WhimbrelSettings
    secrets: ClassVar[type[Secrets]] = WhimbrelSecrets
    capabilities: ClassVar[Capabilities] = Capabilities(
        files=FileRules(how="link"),
        cannot={
            Act.TAKE_OVER: "Whimbrel has no call that takes a conversation from its assistant",
            Act.REOPEN: "Whimbrel has no call that reopens a conversation; the customer has to write again",
        },
    )
    limits = (Limit(count=600, seconds=60),)

    def __init__(
        self, source: str, settings: WhimbrelSettings, secrets: WhimbrelSecrets, http: httpx.AsyncClient
    ) -> None:
        self._source = source
        self._max_age = settings.max_age
        self._webhook_secret = secrets.webhook_secret
        self._api = API(http, settings.base_url, secrets.api_key, variable_for(source, "api_key"))

    def receive(self, webhook: Webhook) -> Received:
        if webhook.path:
            raise NotFound("Whimbrel has no such hook", remedy="Its webhook goes to the source itself")
        webhooks.verify(webhook, self._webhook_secret, self._max_age)
        return webhooks.read(webhook, self._source)

    async def send(self, reply: Reply) -> Sent:
        return await self._api.send(reply)

    @classmethod
    def preview(cls, webhook: Webhook, source: str) -> Received:
        return webhooks.read(webhook, source)

    def replay(self, body: bytes, at: datetime, *, fresh: bool) -> Webhook:
        return webhooks.replayed(body, at, self._webhook_secret[0], fresh=fresh)

    async def find(self, reply: Reply, within: float) -> Sent | None:
        return await self._api.find(reply)

    async def hand_back(self, conversation: ConversationKey) -> None:
        await self._api.hand_back(conversation)

    async def resolve(self, conversation: ConversationKey) -> None:
        await self._api.close(conversation)

    async def check(self, address: str | None) -> tuple[Finding, ...]:
        return await checking.check(self._api, self._source, address)
