"""Ada (ada.cx): signed events and the handoff start call come in, people's messages go out.

It cannot speak as the customer: Ada takes that on custom channels only, under the end user's id, and a
conversation's id tells neither which channel it is on nor whose it is.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import httpx
from pydantic import Field, SecretStr, field_validator

from adapters.ada import checking, handoff, replaying, webhooks
from adapters.ada.api import API
from bridge.adapter import (
    Capabilities,
    FileRules,
    Finding,
    Limit,
    Received,
    Secrets,
    Settings,
    Upload,
    Webhook,
    variable_for,
)
from bridge.errors import NotFound
from bridge.model import Act, AnyEvent, ConversationKey, Customer, File, Reply, Sent

__all__ = ["Ada"]

# What POST …/attachments/ takes; webp, json, html and md are not among it.
# fmt: off
ENDINGS = frozenset((
    "txt", "log", "csv", "eml", "png", "svg", "jpeg", "jpg", "gif", "heif", "heic", "avif", "wav",
    "m4a", "mp3", "mp4", "m4v", "mov", "mpeg", "mpg", "zip", "pdf", "doc", "docx", "xls", "xlsx", "ppt",
    "pptx", "keynote", "pages", "numbers",
))
# fmt: on
FILES = FileRules(how="upload", endings=ENDINGS, max_size=50 * 1024**2)
#: of an instance, whichever key calls: docs.ada.cx, "Rate limits"
LIMITS = (Limit(count=10, seconds=1), Limit(count=100, seconds=60), Limit(count=10_000, seconds=86_400))
CANNOT = {
    Act.TAKE_OVER: "Ada hands a conversation over only in its own Handoff flow; "
    "the customer has to ask its AI agent for a person",
    Act.REOPEN: "Ada has no call that reopens a conversation; the customer has to write again",
}


class AdaSettings(Settings):
    base_url: str = Field(pattern=r"^https?://[^\s?#]+$")
    """Your Ada instance, without /api. Required."""

    handoff_label: str | None = Field(None, min_length=1)
    """The "Handoff integration label" of the Request block in your Handoff flow. Default: none, and every
    handoff is ours."""

    keep_limits: bool = Field(True, strict=True)
    """Whether Ada's documented limits are kept to (10 calls a second, 100 a minute, 10,000 a day). false:
    yours are higher."""


class AdaSecrets(Secrets):
    api_key: SecretStr = Field(description="it is an API key of Ada's: Config > Platform > API keys")
    webhook_secret: tuple[SecretStr, ...] = Field(
        min_length=1,
        description="it is the signing secret (whsec_…) of the endpoint in Ada: Config > Platform > Webhooks",
    )
    handoff_token: tuple[SecretStr, ...] = Field(
        min_length=1,
        description="it is a long random text of your own, which the Request block in Ada's Handoff flow "
        "sends as the header `Authorization: Bearer …`",
    )

    @field_validator("webhook_secret")
    @classmethod
    def _can_sign(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        webhooks.signers_for(secrets)
        return secrets


class Ada:
    vendor: ClassVar[str] = "ada"
    title: ClassVar[str] = "Ada"
    erasure: ClassVar[str] = (
        "Ada deletes on request, https://docs.ada.cx/reference/end-users/bulk-deletion/overview"
    )
    settings: ClassVar[type[Settings]] = AdaSettings
    secrets: ClassVar[type[Secrets]] = AdaSecrets
    capabilities: ClassVar[Capabilities] = Capabilities(
        # that it begins another conversation is not documented, only that this one has ended
        files=FILES,
        cannot=CANNOT,
        writes_again="new_conversation",
    )

    def __init__(
        self, source: str, settings: AdaSettings, secrets: AdaSecrets, http: httpx.AsyncClient
    ) -> None:
        self.limits = LIMITS if settings.keep_limits else ()
        self._source = source
        self._label = settings.handoff_label
        self._handoff_token = secrets.handoff_token
        self._webhook_secret = secrets.webhook_secret
        self._signers = webhooks.signers_for(secrets.webhook_secret)
        self._api = API(http, settings.base_url, secrets.api_key, variable_for(source, "api_key"))

    def receive(self, webhook: Webhook) -> Received:
        if webhook.path == "":
            key = webhooks.verify(webhook, self._signers)
            return webhooks.read(webhook, key, source=self._source, label=self._label)
        if webhook.path == "handoff":
            return handoff.start(webhook, self._handoff_token, source=self._source)
        raise NotFound("Ada has no such hook", remedy="Events go to the source itself, the start to /handoff")

    @classmethod
    def preview(cls, webhook: Webhook, source: str) -> Received:
        if "type" in webhook.json_object():
            return webhooks.read(webhook, "preview", source=source, label=None)
        return handoff.read(webhook, source=source)

    def replay(self, body: bytes, at: datetime, *, fresh: bool) -> Webhook:
        if "type" in Webhook("", {}, body, at).json_object():
            return replaying.event(body, at, self._signers[0], fresh=fresh)
        return replaying.start(body, at, self._handoff_token[0])

    async def send(self, reply: Reply) -> Sent:
        return await self._api.send(reply)

    async def find(self, reply: Reply, within: float) -> Sent | None:
        return await self._api.find(reply, within)

    async def history(self, conversation: ConversationKey, since: datetime) -> tuple[AnyEvent, ...]:
        found = [webhooks.past(entry, conversation) async for entry in self._api.told(conversation)]
        told = [event for event in found if event is not None and event.at >= since]
        return tuple(sorted(told, key=lambda event: event.at))

    async def customer(self, id: str) -> Customer | None:
        return webhooks.profile(await self._api.end_user(id))

    async def upload(self, conversation: ConversationKey, file: Upload) -> File:
        return await self._api.upload(conversation, file)

    async def hand_back(self, conversation: ConversationKey) -> None:
        await self._api.end_handoff(conversation)

    async def resolve(self, conversation: ConversationKey) -> None:
        await self._api.end(conversation)

    async def check(self, address: str | None) -> tuple[Finding, ...]:
        return await checking.check(self._api, self._source, address, self._webhook_secret)
