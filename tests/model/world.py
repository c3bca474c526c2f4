"""The real bridge before the sandbox's Slack, on an event loop that runs only while something is done.

A test that is no coroutine, as hypothesis wants it, does one thing after the other. In between the bridge
stands still, so what was begun and not waited for happens together with what comes next.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar, cast

import uvicorn
from sqlalchemy import Connection, select

from bridge.app import Bridge, store_of
from bridge.config import load
from bridge.engine.work import KEPT, SENDING, WAS, Incoming
from bridge.model import AnyEvent, Control, ConversationKey, Direction, HeldFor
from bridge.registry import adapters
from bridge.sandbox.slack import Message
from bridge.sandbox.stage import HOST, Stage
from bridge.store.tables import conversation, delivery, handoff, lane, said
from tests.bridge.scene import later, ready
from tests.model.expected import State
from tests.model.reports import report
from tests.model.vendor import VENDORS, Recording

T = TypeVar("T")

ALERTS = "C0HANDOFFS"
ROUTE = f'reply_mode = "confirm"\nalert_channel = "{ALERTS}"'
SOURCES = "".join(f'[sources.acme-{vendor}]\nvendor = "{vendor}"\n' for vendor in VENDORS)
DELAYS = 'delays = ["200ms", "500ms", "1s", "2s"]'
REST = 20.0  # seconds in which everything comes to rest, or never will


@dataclass(frozen=True)
class Row:
    """A reply as the store has it."""

    id: int
    message: str
    state: str
    problem: str | None
    payload: dict[str, Any]
    refs: dict[str, str]

    @property
    def became(self) -> State:
        if self.state != "cancelled":
            return cast("State", self.state)
        return "held" if self.refs.get(KEPT) == "held" else "note"

    @property
    def held_for(self) -> HeldFor:
        return HeldFor((self.problem or "").removeprefix("held: "))

    @property
    def was(self) -> list[str]:
        return self.refs.get(WAS, "").split()

    @property
    def begun(self) -> bool:
        return SENDING in self.refs


@dataclass(frozen=True)
class Snapshot:
    """A conversation in the store, all of one moment."""

    control: Control
    owner: str | None
    owner_id: str | None
    vendor_at: float | None
    acted_at: float | None
    handoffs: Sequence[Any]
    own_ends: Sequence[Any]  # acts of which the vendor may still report that the handoff has ended
    replies: dict[str, Row]  # by message
    odd: Sequence[Any]  # what is under way, and what failed without a vendor in it


class Talk:
    """One conversation; `card` is the first message of its thread."""

    def __init__(self, world: World, key: ConversationKey, row: int, card: Message) -> None:
        self.world, self.key, self.row, self.card = world, key, row, card

    @property
    def thread(self) -> list[Message]:
        return self.card.replies

    @property
    def vendor(self) -> Recording:
        return self.world.vendor(self.key.source)

    def whispers(self) -> list[Message]:
        """What only one person sees in the thread."""
        told = self.world.stage.slack.state.channels[self.card.channel].ephemerals.values()
        return [one for one in told if one.thread_ts == self.card.ts]

    def alerts(self) -> dict[int, list[Message]]:
        """The alerts in the alert channel, by their handoff."""
        found: dict[int, list[Message]] = {}
        for message in self.world.stage.slack.state.channels[ALERTS].messages.values():
            told = (message.metadata or {}).get("event_payload", {})
            if "alert" in told and not message.is_reply:
                found.setdefault(told["alert"], []).append(message)
        return found


class World:
    def __init__(self, runner: asyncio.Runner, stage: Stage, bridge: Bridge) -> None:
        self.stage, self.bridge = stage, bridge
        self._runner = runner
        self._under_way: list[asyncio.Task[Any]] = []
        self._number = count(1)
        for source, adapter in bridge.adapters.items():
            if isinstance(adapter, Recording):
                adapter.report = self._reports(source)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def vendor(self, source: str) -> Recording:
        adapter = self.bridge.adapters[source]
        assert isinstance(adapter, Recording)
        return adapter

    # ── what happens ─────────────────────────────────────────────────────────────────────────────

    def meet(self, vendor: str) -> Talk:
        """A customer nobody has met before; what was said of others is looked at no more."""
        channels = self.stage.slack.state.channels
        channels[ALERTS].messages.clear()
        for channel in channels.values():
            channel.ephemerals.clear()
        key = ConversationKey(source=f"acme-{vendor}", id=f"c{next(self._number)}")
        self.vendor(key.source).ahead.clear()
        self.tell(report("the AI agent writes", self.new_id(), key, time.time() - 3600))
        return self.run(self._met(key))

    async def _met(self, key: ConversationKey) -> Talk:
        await self.settled()
        query = select(conversation.c.id).where(conversation.c.external_id == key.id)
        row = int(await self._ask(lambda connection: connection.execute(query).scalar_one()))
        thread = (await self.bridge.store.conversation(row)).thread
        assert thread is not None
        return Talk(self, key, row, self.stage.slack.state.channels[thread.channel].messages[thread.ts])

    def new_id(self) -> str:
        return f"e{next(self._number)}"

    def tell(self, *events: AnyEvent, key: str | None = None) -> None:
        """One webhook. The vendor sends one again under the same `key`."""
        self.run(self._tell(events, key))

    async def _tell(self, events: Sequence[AnyEvent], key: str | None = None) -> None:
        incoming = Incoming(events[0].conversation.source, key or self.new_id(), "model", b"{}")
        await self.bridge.store.keep_events(incoming, events)

    def _reports(self, source: str) -> Any:
        async def reports(about: ConversationKey, kind: str) -> AnyEvent:
            # a little ahead, so that it is after what we have just done by any clock
            event = report(kind, self.new_id(), about, time.time() + 0.001)
            await self._tell((event,))
            return event

        return reports

    def begin(self, *acts: Coroutine[Any, Any, Any], pause: float = 0.0) -> None:
        """Let people act at the same time, without waiting for what comes of it."""

        async def begun() -> None:
            self._under_way += [asyncio.ensure_future(act) for act in acts]
            await asyncio.sleep(pause)

        self.run(begun())

    def settle(self) -> None:
        self.run(self.settled())

    async def settled(self) -> None:
        """Until nothing is under way any more: everything was told, and every lane rests."""
        try:
            async with asyncio.timeout(REST):
                while self._under_way:
                    await self._under_way.pop(0)
                await self.stage.slack.settled()
                while self.bridge._lanes._held or await self._ask(_busy):
                    await asyncio.sleep(0.002)
        except TimeoutError:
            raise AssertionError(f"not at rest after {REST:.0f} s: {await self._ask(_busy)}") from None

    # ── what stands ──────────────────────────────────────────────────────────────────────────────

    def look(self, row: int) -> Snapshot:
        snapshot: Snapshot = self.run(self._ask(lambda connection: _snapshot(connection, row)))
        return snapshot

    async def _ask(self, query: Any) -> Any:
        return await self.bridge.store._database.run(query)


def _snapshot(connection: Connection, about: int) -> Snapshot:
    stands = connection.execute(select(conversation).where(conversation.c.id == about)).one()
    handoffs = select(handoff).where(handoff.c.conversation_id == about).order_by(handoff.c.id)
    own_ends = select(said).where(said.c.digest == f"handoff_ended:{about}", said.c.event_id.is_(None))
    lines = select(delivery, lane.c.direction).join(lane).where(lane.c.conversation_id == about)
    rows = connection.execute(lines.order_by(delivery.c.id)).all()
    replies = [row for row in rows if row.kind == "reply"]
    return Snapshot(
        Control(stands.control),
        stands.owner,
        stands.owner_id,
        stands.vendor_at,
        stands.acted_at,
        connection.execute(handoffs).all(),
        connection.execute(own_ends).all(),
        {
            one.message: Row(
                one.id, one.message, one.state, one.problem, json.loads(one.payload), json.loads(one.refs)
            )
            for one in replies
        },
        [row for row in rows if row.state in ("queued", "sending") or _is_odd(row)],
    )


def _is_odd(row: Any) -> bool:
    """Whether it failed although only a vendor, or who may do what, is a reason here."""
    fault = "internal error" in (row.problem or "")
    return fault or (row.state == "failed" and row.direction not in (Direction.VENDOR, Direction.ACTS))


def _busy(connection: Connection) -> list[Any]:
    """What is to be carried, and the lanes that somebody holds."""
    carried = select(lane.c.conversation_id, lane.c.direction, delivery.c.kind, delivery.c.state)
    active = carried.join(delivery).where(delivery.c.state.in_(("queued", "sending")))
    held = select(lane.c.conversation_id, lane.c.direction, lane.c.due).where(lane.c.owner.is_not(None))
    return [*connection.execute(active), *connection.execute(held)]


@contextlib.contextmanager
def opened(folder: Path, database_url: str | None) -> Iterator[World]:
    with asyncio.Runner() as runner:
        stack = contextlib.AsyncExitStack()
        try:
            stage = Stage(
                folder, database_url=database_url, channel_rate=0, route=ROUTE, extra_config=SOURCES
            )
            stage.config.write_text(stage.config.read_text().replace(DELAYS, 'delays = ["5ms"]'))
            runner.run(stack.enter_async_context(stage))
            yield World(runner, stage, runner.run(stack.enter_async_context(_serving(stage))))
        finally:
            runner.run(stack.aclose())


@contextlib.asynccontextmanager
async def _serving(stage: Stage) -> AsyncIterator[Bridge]:
    """As `tests.bridge.running` does it, with our vendors among the adapters."""
    config = load(stage.config, stage.environ, {**adapters(), **VENDORS})
    store = store_of(config)
    await store.migrate()
    bridge = Bridge(config, store)
    settings = uvicorn.Config(
        bridge.asgi(),
        host=HOST,
        port=stage.bridge_port,
        log_config=None,
        access_log=False,
        timeout_keep_alive=100,
    )
    server = uvicorn.Server(settings)
    serving = asyncio.create_task(server.serve())
    try:

        async def is_ready() -> bool:
            return server.started and (await ready(stage))[0] == 200

        await later(is_ready, "the bridge in this process")
        yield bridge
    finally:
        server.should_exit = True
        await serving
