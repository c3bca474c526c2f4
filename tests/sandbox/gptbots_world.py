"""GPTBots' sandbox beside a receiver, with what its tests ask of both."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx

from bridge.sandbox.vendors import GPTBotsSandbox
from bridge.sandbox.vendors.gptbots import GPTBotsConversation
from tests.sandbox.receiver import Call, Receiver, running

MESSAGES = "messages"
ESTABLISH = "unguessable/conversation/establish"
CHAT = "unguessable/chat"
CLOSE = "unguessable/conversation/close"


class World:
    def __init__(self, gptbots: GPTBotsSandbox, bridge: Receiver, http: httpx.AsyncClient) -> None:
        self.gptbots, self.bridge, self.http = gptbots, bridge, http

    async def says(self, *texts: str) -> GPTBotsConversation:
        conversation = self.gptbots.open("Grace Hopper")
        for text in texts:
            self.gptbots.say(conversation.id, text)
        await self.gptbots.settled()
        return conversation

    def at(self, path: str) -> list[Call]:
        return self.bridge.at(path)

    async def receive(self, conversation: GPTBotsConversation, text: str) -> httpx.Response:
        body = {"conversation_id": conversation.human_id, "timestamp": 1, "body": text}
        return await self.http.post("/v1/human/message/receive", json=body)


@contextlib.asynccontextmanager
async def running_world(options: dict[str, Any]) -> AsyncIterator[World]:
    def build(bridge_url: str) -> GPTBotsSandbox:
        settings = {
            "webhook_token": "hook-token",
            "webhook_url": f"{bridge_url}/{MESSAGES}",
            "human_url": f"{bridge_url}/unguessable",
            **options,
        }
        return GPTBotsSandbox(api_key="app-key", **settings)

    headers = {"authorization": "Bearer app-key"}
    async with (
        running(build) as (gptbots, bridge, url),
        httpx.AsyncClient(base_url=url, headers=headers) as http,
    ):
        yield World(gptbots, bridge, http)
