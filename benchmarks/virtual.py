"""A world on a virtual clock: the real store, lanes and carriers before a Slack that keeps Slack's limits.

Time jumps to whatever is due next as soon as nothing is ready, so an hour takes as long as its work does, and
the same seed gives the same hour on every machine. Three seams are not as in production. The store's
transactions run in the loop, on a SQLite in memory: production's writer is a thread, whose pace is the
machine's. Calls to Slack end in the sandbox's methods, without HTTP. The vendor says 200 to everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import selectors
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any, TypeVar
from unittest.mock import patch

import httpx
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient
from sqlalchemy import create_engine, event, func, select
from sqlalchemy.pool import StaticPool

from bridge.app import Bridge
from bridge.config import MAIN, Config, Engine, Media, Route, Server, Slack, Source
from bridge.config import Store as Kept
from bridge.config import Workspace as Settings
from bridge.sandbox.slack.app import METHODS
from bridge.sandbox.slack.arguments import ApiError, Arguments
from bridge.sandbox.slack.furnished import furnish
from bridge.sandbox.slack.pace import Pace, RateLimited
from bridge.sandbox.slack.state import Channel
from bridge.sandbox.slack.workspace import Workspace
from bridge.store import Store, sealed
from bridge.store.database import Transaction
from bridge.store.tables import delivery
from tests.vendors import SECRETS, SETTINGS, VENDORS, Answering

T = TypeVar("T")

SOURCE = "acme-moveo"
EPOCH = 1_790_000_000.0  # when every world begins, in seconds since the epoch
JULIAN = 2440587.5  # the epoch as SQLite's julianday has it

# https://docs.slack.dev/apis/web-api/rate-limits: a tier's calls a minute, with room for a burst; "several
# hundred" messages a minute in a workspace. How large the bursts may be is not published.
TIERS = {"chat.update": 50, "reactions.add": 50, "reactions.remove": 20, "chat.postEphemeral": 100}
TIER_BURST = 20
MESSAGES = 300
MESSAGES_BURST = 30
CHANNEL_BURST = 4


class Clock:
    def __init__(self) -> None:
        self.passed = 0.0

    def monotonic(self) -> float:
        return self.passed

    def time(self) -> float:
        return EPOCH + self.passed


class _Jumping(selectors.DefaultSelector):
    """Where the loop would wait, the clock moves."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if timeout is None and not ready:
            raise RuntimeError("everybody waits, and for nothing that has a time")
        if timeout is not None and not ready:
            self._clock.passed += max(0.0, timeout)
        return ready


class Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: Clock) -> None:
        super().__init__(_Jumping(clock))
        self._virtual = clock

    def time(self) -> float:
        return self._virtual.passed


def run(main: Callable[[Clock], Coroutine[Any, Any, T]]) -> T:
    """What `main` gives, on a clock of its own."""
    clock = Clock()
    with patch("bridge.slack.api.time", clock), asyncio.Runner(loop_factory=lambda: Loop(clock)) as runner:
        return runner.run(main(clock))


class Inline:
    """The store's database: each transaction at once, one after the other, by the virtual clock."""

    def __init__(self, clock: Clock) -> None:
        self.failed = False
        self.keys = sealed.Keys()
        self._engine = create_engine("sqlite://", poolclass=StaticPool)
        sealed.use(self._engine.dialect, self.keys)

        @event.listens_for(self._engine, "connect")
        def _(raw: Any, _record: Any) -> None:
            raw.create_function("julianday", 1, lambda _: JULIAN + clock.time() / 86400)

    async def run(self, transaction: Transaction[T], *args: Any) -> T:
        await asyncio.sleep(0)  # others may be first, as with any database
        with self._engine.begin() as connection:
            return transaction(connection, *args)

    async def close(self) -> None:
        self._engine.dispose()


class SlackEnd(AsyncWebClient):
    """The SDK's client with Slack itself at its end; `way` is how many seconds a call takes to get there."""

    def __init__(self, clock: Clock, channels: int, way: Callable[[], float]) -> None:
        super().__init__(token="xoxb-virtual", retry_handlers=[])
        self.refused: list[tuple[float, str]] = []  # when, and what: each was a 429
        self.calls: list[tuple[float, str, Mapping[str, Any]]] = []  # those that were taken
        self.cards: dict[str, tuple[str, str]] = {}  # by conversation: channel and ts
        self.workspace = Workspace(
            clock=clock.time,
            pace=Pace(1.0, CHANNEL_BURST, clock.monotonic),
            emit=lambda *_: None,
            changed=lambda _: None,
        )
        furnish(self.workspace)
        members = [self.workspace.app.user, "U0MINA"]
        for number in range(channels):
            self.workspace.channels[talk(number)] = Channel(talk(number), f"talk-{number}", list(members))
        self._tiers = {method: Pace(rate / 60, TIER_BURST, clock.monotonic) for method, rate in TIERS.items()}
        self._messages = Pace(MESSAGES / 60, MESSAGES_BURST, clock.monotonic)
        self._clock = clock
        self._way = way

    async def _request(self, *, http_verb: str, api_url: str, req_args: Mapping[str, Any]) -> dict[str, Any]:
        method = api_url.rpartition("/")[2]
        values = dict(req_args.get("json") or req_args.get("params") or {})
        await asyncio.sleep(self._way())
        status = 200
        headers: dict[str, str] = {}
        told: dict[str, Any] = {"ok": True}
        try:
            if (
                pace := self._messages if method == "chat.postMessage" else self._tiers.get(method)
            ) is not None:
                pace.take("")
            if method == "auth.test":
                told |= {"team_id": self.workspace.team_id, "user_id": self.workspace.app.user}
                told |= {"bot_id": self.workspace.app.bot_id}
            else:
                told = await METHODS[method].handler(Arguments(self.workspace, values))
                if "card" in (marker := values.get("metadata", {}).get("event_payload", {})):
                    self.cards[marker["card"]] = (values["channel"], told["ts"])
            self.calls.append((self._clock.passed, method, values))
        except RateLimited as limited:
            self.refused.append((self._clock.passed, method))
            status, headers = 429, {"Retry-After": str(limited.seconds)}
            told = {"ok": False, "error": "ratelimited"}
        except ApiError as error:
            told = error.as_json()
        await asyncio.sleep(self._way())
        return {"data": told, "headers": headers, "status_code": status}


def talk(number: int) -> str:
    """The id of a channel for conversations."""
    return f"C0TALK{number:02}"


class World:
    """`store` takes what comes in, `slack` has what came of it."""

    def __init__(self, clock: Clock, bridge: Bridge, database: Inline, slack: SlackEnd) -> None:
        self.clock = clock
        self.store = bridge.store
        self.slack = slack
        self.api = bridge.workspaces.first.api
        self._database = database

    async def left(self) -> int:
        """How many deliveries are not carried yet."""
        active = select(func.count()).where(delivery.c.state.in_(("queued", "sending")))
        return await self._database.run(lambda connection: connection.execute(active).scalar_one())


@contextlib.asynccontextmanager
async def world(
    clock: Clock, routes: tuple[Route, ...], *, channels: int, settings: Slack, way: Callable[[], float]
) -> AsyncIterator[World]:
    """The bridge at work, put together by `bridge.app`, with one source `acme-moveo`."""
    moveo = VENDORS["moveo"]
    given, secrets = moveo.settings(**SETTINGS["moveo"]), moveo.secrets(**SECRETS["moveo"])
    config = Config(
        server=Server(),
        store=Kept(keep=0),
        workspaces={MAIN: Settings(MAIN, settings, SecretStr("xoxb-virtual"), (SecretStr("virtual"),))},
        media=Media(),
        engine=Engine(),
        sources={SOURCE: Source(SOURCE, moveo, given, secrets)},
        routes=routes,
        aliases={},
        database_url=None,
    )
    database, slack = Inline(clock), SlackEnd(clock, channels, way)
    store = Store(database, dsn=None)
    await store.migrate()
    yes = Answering(httpx.Response(200, json={}))
    with (
        patch("bridge.slack.workspace.AsyncWebClient", lambda **_: slack),
        patch("bridge.app.Calls", lambda *_: yes),
    ):
        bridge = Bridge(config, store)
    await bridge.start(listen=False)
    try:
        yield World(clock, bridge, database, slack)
    finally:
        await bridge.stop()
