"""What people write first: Bolt and a route, without a store. What it is told, it passes on at once.

The customer's words go straight to Slack, and Ada gets its 200 after Slack has answered; an agent's reply is
acknowledged by Bolt, and goes to Ada from memory. A restart loses the threads and what was under way, what
Ada sends again is posted twice, and nothing keeps the order.
`python -m benchmarks.plain PORT SLACK_AND_VENDOR_URL`.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import httpx
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from standardwebhooks import Webhook
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from benchmarks.bare import serve
from benchmarks.loop import run

CHANNEL = "C0BENCH"


def app(base: str, token: str, signing_secret: str, webhook_secret: str) -> Starlette:
    bolt = AsyncApp(
        client=AsyncWebClient(token=token, base_url=f"{base}/api/"), signing_secret=signing_secret
    )
    bolt_handler = AsyncSlackRequestHandler(bolt)
    vendor = httpx.AsyncClient(base_url=f"{base}/ada/api/v2", headers={"Authorization": "Bearer key"})
    svix = Webhook(webhook_secret)
    threads: dict[str, str] = {}  # conversation -> its thread
    conversations: dict[str, str] = {}  # and back

    async def webhook(request: Request) -> Response:
        told = svix.verify(
            (await request.body()).decode(),
            {f"webhook-{name}": request.headers[f"svix-{name}"] for name in ("id", "timestamp", "signature")},
        )["data"]
        conversation = told["conversation_id"]
        posted = await bolt.client.chat_postMessage(
            channel=CHANNEL,
            text=told["content"]["body"],
            username=told["author"]["display_name"],
            thread_ts=threads.get(conversation),
        )
        conversations.setdefault(threads.setdefault(conversation, str(posted["ts"])), conversation)
        return JSONResponse({})

    @bolt.event("message")
    async def said(event: dict[str, Any]) -> None:
        if conversation := conversations.get(event.get("thread_ts", "")):
            message = {"author": {"role": "human_agent"}, "content": {"type": "text", "body": event["text"]}}
            answer = await vendor.post(f"/conversations/{conversation}/messages/", json=message)
            answer.raise_for_status()

    async def events(request: Request) -> Response:
        return await bolt_handler.handle(request)

    return Starlette(
        routes=[
            Route("/webhooks/acme-ada", webhook, methods=["POST"]),
            Route("/slack/events", events, methods=["POST"]),
        ]
    )


if __name__ == "__main__":
    secrets = (
        os.environ[name] for name in ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "ACME_ADA_WEBHOOK_SECRET")
    )
    run(serve(app(sys.argv[2], *secrets), int(sys.argv[1])))
