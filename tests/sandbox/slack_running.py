"""The sandbox's Slack over real HTTP, and an app that listens to it with real Bolt."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from bridge.sandbox.slack import SlackSandbox

BOT_TOKEN = "xoxb-sandbox"
APP_TOKEN = "xapp-sandbox"
SECRET = "sandbox-signing-secret"
SUPPORT = "C0SUPPORT"


class Clock:
    """Time that moves only when it is told to. Not for events: Bolt checks their age by its own clock."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """`app` on a free port of loopback."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(
            uvicorn.Config(
                app, lifespan="off", log_config=None, access_log=False, timeout_graceful_shutdown=2
            )
        )
        task = asyncio.create_task(server.serve(sockets=[bound]))
        while not server.started:
            await asyncio.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


@dataclass
class Running:
    slack: SlackSandbox
    client: AsyncWebClient
    url: str


@asynccontextmanager
async def running(**options: Any) -> AsyncIterator[Running]:
    slack = SlackSandbox(bot_token=BOT_TOKEN, signing_secret=SECRET, app_token=APP_TOKEN, **options)
    async with serving(Starlette(routes=[Mount("/slack", app=slack.app)])) as url:
        await slack.start()
        try:
            yield Running(slack, web_client(url), url)
        finally:
            await slack.stop()


def web_client(url: str, token: str = BOT_TOKEN) -> AsyncWebClient:
    return AsyncWebClient(token=token, base_url=f"{url}/slack/api/", retry_handlers=[])


@dataclass
class Heard:
    """What reached the app, request by request, and what it answers before Bolt sees anything."""

    bodies: list[dict[str, Any]] = field(default_factory=list)  # what Bolt let through
    headers: list[dict[str, str]] = field(default_factory=list)  # of every request
    statuses: list[int] = field(default_factory=list)
    refusals: list[Response] = field(default_factory=list)  # answered first, one a request
    refuse: Callable[[bytes], bool] = lambda body: False  # answered 500 while it says so
    hold: asyncio.Event | None = None  # what has `held` in it, first try, is not answered before it is set
    held: bytes = b""
    answer: dict[str, Any] = field(default_factory=dict)  # what interactions are acknowledged with
    before: Callable[[], Awaitable[object]] | None = None  # awaited before that
    more: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [body["event"] for body in self.bodies if "event" in body]

    @property
    def interactions(self) -> list[dict[str, Any]]:
        return [body for body in self.bodies if "event" not in body]

    async def add(self, body: dict[str, Any]) -> None:
        async with self.more:
            self.bodies.append(body)
            self.more.notify_all()

    async def until(self, count: int) -> None:
        async with self.more:
            await self.more.wait_for(lambda: len(self.bodies) >= count)


def bolt(client: AsyncWebClient, heard: Heard, secret: str = SECRET, **options: Any) -> AsyncApp:
    """An app that takes everything, its own echoes too."""
    app = AsyncApp(
        client=client,
        signing_secret=secret,
        process_before_response=True,
        ignoring_self_events_enabled=False,
        **options,
    )

    async def listen(body: dict[str, Any]) -> None:
        await heard.add(body)

    async def act(ack: Any, body: dict[str, Any]) -> None:
        if heard.before is not None:
            await heard.before()
        await ack(**heard.answer)
        await heard.add(body)

    app.event({"type": "message"})(listen)
    app.event("reaction_added")(listen)
    app.event("reaction_removed")(listen)
    app.event("app_home_opened")(listen)
    app.action(re.compile(".*"))(act)
    app.view(re.compile(".*"))(act)
    app.view_closed(re.compile(".*"))(act)
    app.shortcut(re.compile(".*"))(act)
    return app


@asynccontextmanager
async def listening(run: Running, *, secret: str = SECRET) -> AsyncIterator[Heard]:
    """A Bolt app at the other end of `run`'s events."""
    heard = Heard()
    handler = AsyncSlackRequestHandler(bolt(run.client, heard, secret))

    async def endpoint(request: Request) -> Response:
        heard.headers.append(dict(request.headers))
        first_try = "x-slack-retry-num" not in request.headers
        if heard.hold and first_try and heard.held in await request.body():
            await heard.hold.wait()
        if heard.refusals:
            response = heard.refusals.pop(0)
        elif heard.refuse(await request.body()):
            response = Response(status_code=500)
        else:
            response = await handler.handle(request)
        heard.statuses.append(response.status_code)
        return response

    async with serving(Starlette(routes=[Route("/slack/events", endpoint, methods=["POST"])])) as url:
        run.slack.events_url = f"{url}/slack/events"
        yield heard
        await run.slack.settled()


async def refused(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


def post_bare(run: Running, method: str = "chat.postMessage", **arguments: Any) -> Any:
    """Where the SDK would warn that there is no text."""
    return run.client.api_call(method, json=arguments)


async def thread(run: Running, replies: int = 0) -> str:
    card = await run.client.chat_postMessage(channel=SUPPORT, text="card")
    for number in range(replies):
        await run.client.chat_postMessage(channel=SUPPORT, text=f"reply {number}", thread_ts=card["ts"])
    return str(card["ts"])
