"""Moveo's sandbox beside a receiver, with what its tests ask of both."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any

import httpx

from bridge.sandbox.vendors import MoveoSandbox
from bridge.sandbox.vendors.moveo import MoveoConversation
from tests.sandbox.receiver import Receiver, running

EVENTS = "events"
SECRET = "moveo-secret"
ENVELOPE = {
    "event_type",
    "request_id",
    "session_id",
    "external_session_id",
    "integration_id",
    "desk_id",
    "context",
    "timestamp",
}
AGENT = {
    "input": {"text": "Mina here"},
    "agent": {"agent_id": "slack:U1", "agent_name": "Mina K.", "agent_avatar": "https://example.com/m.png"},
}


class World:
    def __init__(self, moveo: MoveoSandbox, bridge: Receiver, http: httpx.AsyncClient) -> None:
        self.moveo, self.bridge, self.http = moveo, bridge, http

    @property
    def events(self) -> list[Any]:
        """What arrived, each one verified."""
        for call in self.bridge.at(EVENTS):
            digest = hmac.new(SECRET.encode(), call.body, hashlib.sha256).hexdigest()
            assert call.headers["x-moveo-signature"] == digest
        return [call.json for call in self.bridge.at(EVENTS)]

    @property
    def kinds(self) -> list[str]:
        return [event["event_type"] for event in self.events]

    async def says(self, *texts: str) -> MoveoConversation:
        """What a customer's words bring about, without the greeting before them."""
        conversation = self.moveo.open("Alan Turing")
        await self.moveo.settled()
        self.bridge.calls.clear()
        for text in texts:
            self.moveo.say(conversation.id, text)
        await self.moveo.settled()
        return conversation

    async def call(self, conversation: MoveoConversation, path: str, **how: Any) -> httpx.Response:
        method = how.pop("method", "POST")
        return await self.http.request(method, f"{self.sessions}/{conversation.id}/{path}", **how)

    @property
    def sessions(self) -> str:
        return f"/v1/custom/{self.moveo.integration_id}/sessions"


@contextlib.asynccontextmanager
async def running_world(options: dict[str, Any]) -> AsyncIterator[World]:
    def build(bridge_url: str) -> MoveoSandbox:
        settings = {"retry_delays": (0, 0.01, 0.01, 0.01, 0.01), **options}
        return MoveoSandbox(
            api_key="moveo-key", webhook_secret=SECRET, webhook_url=f"{bridge_url}/{EVENTS}", **settings
        )

    headers = {"authorization": "apikey moveo-key"}
    async with (
        running(build) as (moveo, bridge, url),
        httpx.AsyncClient(base_url=url, headers=headers) as http,
    ):
        yield World(moveo, bridge, http)
