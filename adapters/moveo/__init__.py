"""Moveo (moveo.ai), custom integration: its AI's and agents' words come in, people's replies go out.

Moveo is the brain and the customer's channel is your own app: what the customer writes never comes by
webhook, and a reply sent to Moveo is recorded there but shown to nobody.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import ClassVar

import httpx
from pydantic import Field, SecretStr

from adapters.moveo import checking, webhooks
from adapters.moveo.api import API
from bridge.adapter import (
    Capabilities,
    FileRules,
    Finding,
    Received,
    Secrets,
    Settings,
    Upload,
    Webhook,
    variable_for,
)
from bridge.errors import NotFound
from bridge.model import Act, ConversationKey, File, Reply, Sent

__all__ = ["Moveo"]

CANNOT = {
    Act.HAND_BACK: "Moveo has no call that gives a conversation back to its AI agent; resolve it instead"
}


class MoveoSettings(Settings):
    base_url: str = Field("https://channels.moveo.ai", pattern=r"^https?://[^\s?#]+$")
    """Moveo's API."""

    integration_id: str = Field(min_length=1)
    """The custom integration's id. Required."""

    max_age: float = Field(300.0, gt=0, allow_inf_nan=False)
    """Seconds, more than 0: how old a webhook may be, or how far ahead, before it is refused as replayed."""


class MoveoSecrets(Secrets):
    api_key: SecretStr = Field(
        description="it is the key of the custom integration in Moveo: Connections > Custom HTTP"
    )
    webhook_secret: tuple[SecretStr, ...] = Field(
        min_length=1,
        description="it is the webhook secret of the custom integration in Moveo: Connections > Custom HTTP",
    )


class Moveo:
    vendor: ClassVar[str] = "moveo"
    title: ClassVar[str] = "Moveo"
    erasure: ClassVar[str] = (
        "Moveo documents no call for it; its privacy policy says whom to ask, https://moveo.ai/privacy-policy"
    )
    settings: ClassVar[type[Settings]] = MoveoSettings
    secrets: ClassVar[type[Secrets]] = MoveoSecrets
    # Which files Moveo takes, and how large, is not published: its storage says so.
    capabilities: ClassVar[Capabilities] = Capabilities(
        writes_again="reopens", delivers_replies=False, files=FileRules(how="upload"), cannot=CANNOT
    )

    def __init__(
        self, source: str, settings: MoveoSettings, secrets: MoveoSecrets, http: httpx.AsyncClient
    ) -> None:
        self._source = source
        self._max_age = settings.max_age
        self._webhook_secret = secrets.webhook_secret
        self._api = API(
            http, settings.base_url, settings.integration_id, secrets.api_key, variable_for(source, "api_key")
        )

    def receive(self, webhook: Webhook) -> Received:
        if webhook.path:
            raise NotFound("Moveo has no such hook", remedy="Its webhooks go to the source itself")
        webhooks.verify(webhook, self._webhook_secret)
        return webhooks.read(webhook, source=self._source, max_age=self._max_age)

    @classmethod
    def preview(cls, webhook: Webhook, source: str) -> Received:
        return webhooks.read(webhook, source=source, max_age=math.inf)

    def replay(self, body: bytes, at: datetime, *, fresh: bool) -> Webhook:
        return webhooks.replayed(body, at, self._webhook_secret[0], fresh=fresh)

    async def send(self, reply: Reply) -> Sent:
        return await self._api.send(reply)

    async def upload(self, conversation: ConversationKey, file: Upload) -> File:
        return await self._api.upload(conversation, file)

    async def say(self, conversation: ConversationKey, text: str) -> None:
        await self._api.say(conversation, text)

    async def locate(self, conversation: ConversationKey, file_id: str) -> str:
        return await self._api.locate(conversation, file_id)

    async def take_over(self, conversation: ConversationKey) -> None:
        await self._api.move(conversation, "handover")

    async def resolve(self, conversation: ConversationKey) -> None:
        await self._api.move(conversation, "conversation/close")

    async def reopen(self, conversation: ConversationKey) -> None:
        await self._api.move(conversation, "conversation/reopen")

    async def check(self, address: str | None) -> tuple[Finding, ...]:
        return await checking.check(self._api, self._source, address)
