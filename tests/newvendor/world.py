"""Whimbrel's server beside a receiver, as the tests of the adapter's contract want it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx

from bridge.sandbox.vendors.conversation import Conversation
from tests.newvendor.server import WhimbrelServer
from tests.sandbox.receiver import running

KEY = "whimbrel-key"


@dataclass
class World:
    whimbrel: WhimbrelServer
    http: httpx.AsyncClient

    async def says(self, *texts: str) -> Conversation:
        """A customer, and what their words bring about."""
        conversation = self.whimbrel.open("Alan Turing")
        for text in texts:
            self.whimbrel.say(conversation.id, text)
        await self.whimbrel.settled()
        return conversation


@contextlib.asynccontextmanager
async def running_world() -> AsyncIterator[World]:
    def build(bridge_url: str) -> WhimbrelServer:
        return WhimbrelServer(api_key=KEY, webhook_secret="a secret", webhook_url=f"{bridge_url}/events")

    async with running(build) as (whimbrel, _, url), httpx.AsyncClient(base_url=url) as http:
        yield World(whimbrel, http)
