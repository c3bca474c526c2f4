"""Ada's sandbox beside a receiver, with what its tests ask of both."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any

import httpx
from svix.webhooks import Webhook

from bridge.sandbox.vendors import AdaSandbox
from bridge.sandbox.vendors.ada import AdaConversation
from tests.sandbox.receiver import Call, Receiver, running

SECRET = "whsec_YnJpZGdlLXRlc3Qta2V5LTI0Ynl0ZXMh"
EVENTS, START = "events", "handoff"
MESSAGE = "v1.conversation.message"
TEXT = {
    "author": {"role": "human_agent", "display_name": "Mina K."},
    "content": {"type": "text", "body": "Hi"},
}


class World:
    def __init__(self, ada: AdaSandbox, bridge: Receiver, http: httpx.AsyncClient) -> None:
        self.ada, self.bridge, self.http = ada, bridge, http

    @property
    def events(self) -> list[Any]:
        """What arrived as events, each one verified."""
        return [verified(call) for call in self.bridge.at(EVENTS)]

    async def opened(self) -> AdaConversation:
        conversation = self.ada.open("Ada Lovelace")
        await self.ada.settled()
        return conversation

    async def handed_over(self) -> AdaConversation:
        conversation = await self.opened()
        self.ada.say(conversation.id, "a human, please")
        await self.ada.settled()
        assert conversation.state == "handoff"
        return conversation

    async def post(self, conversation: AdaConversation, call: str, **how: Any) -> httpx.Response:
        return await self.http.post(f"/api/v2/conversations/{conversation.id}/{call}/", **how)


def verified(call: Call) -> Any:
    Webhook(SECRET).verify(call.body, dict(call.headers))
    signed = f"{call.headers['svix-id']}.{call.headers['svix-timestamp']}.".encode() + call.body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert call.headers["svix-signature"] == f"v1,{digest}"
    return call.json


def build(bridge_url: str, **options: Any) -> AdaSandbox:
    return AdaSandbox(
        api_key="ada-key",
        webhook_secret=SECRET,
        handoff_token="start-token",
        webhook_url=f"{bridge_url}/{EVENTS}",
        handoff_url=f"{bridge_url}/{START}",
        **{"retry_delays": (0, 0.01, 0.01), **options},
    )


@contextlib.asynccontextmanager
async def running_world(options: dict[str, Any]) -> AsyncIterator[World]:
    headers = {"authorization": "Bearer ada-key"}
    async with (
        running(lambda bridge_url: build(bridge_url, **options)) as (ada, bridge, url),
        httpx.AsyncClient(base_url=url, headers=headers) as http,
    ):
        yield World(ada, bridge, http)
