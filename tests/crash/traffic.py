"""Customers who talk: signed webhooks, one after another within a conversation, sent until they are taken."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime

import aiohttp

from bridge.sandbox.stage import Stage
from tests import signing


def message(stage: Stage, conversation: str, number: int) -> tuple[bytes, dict[str, str]]:
    """Ada's webhook for `number` said in `conversation`, as the vendor signs it."""
    at = datetime.now(UTC).isoformat()
    body = json.dumps(
        {
            "type": "v1.conversation.message",
            "timestamp": at,
            "data": {
                "message_id": f"{conversation}-{number}",
                "conversation_id": conversation,
                "end_user_id": f"user-{conversation}",
                "handoff_integration": None,
                "channel": {"type": "native", "id": "ch", "name": "Chat", "modality": "messaging"},
                "created_at": at,
                "author": {"id": "u", "role": "end_user", "avatar": None, "display_name": "Lena"},
                "content": {"type": "text", "body": f"{conversation} says {number}"},
                "ai_agent_domain": "acme.ada.support",
            },
        }
    ).encode()
    secret = stage.environ["ACME_ADA_WEBHOOK_SECRET"]
    return body, signing.ada(body, secret, id=f"msg_{conversation}_{number}")


async def talk(
    stage: Stage, conversations: int, each: int, *, at_once: int = 32, told: Callable[[], None] | None = None
) -> None:
    """Let every customer say 0, 1, 2 …, each only after the one before was taken with a 2xx."""
    limit = asyncio.Semaphore(at_once)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as http:

        async def one(name: str) -> None:
            for number in range(each):
                async with limit:
                    await send(stage, http, name, number)
                if told is not None:
                    told()

        await asyncio.gather(*(one(f"c{number}") for number in range(conversations)))


async def send(stage: Stage, http: aiohttp.ClientSession, conversation: str, number: int) -> None:
    """Send one message until it is taken, as the vendor would."""
    body, headers = message(stage, conversation, number)
    for _ in range(200):
        try:
            url = f"{stage.bridge_url}/webhooks/acme-ada"
            async with http.post(url, data=body, headers=headers) as response:
                told = await response.text()
        except (aiohttp.ClientError, TimeoutError):
            await asyncio.sleep(0.1)
            continue
        if response.ok:
            return
        if response.status != 503:
            raise AssertionError(f"the bridge answered {response.status}: {told}")
        await asyncio.sleep(0.1)
    raise AssertionError("the bridge took no webhook for 20 s")
