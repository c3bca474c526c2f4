"""The store's clock is set back or forward: no lane stops for it, on both databases."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select, text, update

from bridge.config import Engine
from bridge.control import Signal
from bridge.engine.lanes import Lanes
from bridge.engine.work import Again, Done, Incoming, NewDelivery, Outcome, PutBack, Turn
from bridge.model import Control, ConversationEnded, Direction, HandoffEnded, HandoffStarted
from bridge.store import Store, clock, handoffs, own_reports
from bridge.store.tables import conversation, handoff, lane, now
from tests.store.stepped import StoreClock
from tests.store.test_vendor_clock import Vendor
from tests.stores import connect, opened, receive, said

HOUR = 3600.0
CHANNEL = ("post:C", 0.01, 3)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


@pytest.fixture
async def at(store: Store) -> StoreClock:
    stepped = StoreClock()
    await stepped.install(store)
    return stepped


class Paced:
    """Sends each message as the pace of its channel allows, the first one of each conversation only after
    another attempt."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.sent: list[str] = []
        self.failed: set[str] = set()
        self._reserved: set[str] = set()  # a slot for each message, not one for each turn

    async def carry(self, turn: Turn) -> Outcome:
        id = json.loads(turn.body)["id"]
        if id.endswith(":1") and id not in self.failed:
            self.failed.add(id)
            return Again(0.2, "busy")
        if id not in self._reserved:
            self._reserved.add(id)
            if (wait := await self._store.reserve(*CHANNEL)) > 0:
                return PutBack(wait)
        self.sent.append(id)
        return Done()

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        return ()


@contextlib.asynccontextmanager
async def working(store: Store, carrier: Any) -> AsyncIterator[None]:
    engine = Lanes(store, dict.fromkeys(Direction, carrier), Engine(lease=1, poll=0.5))
    await engine.start()
    try:
        yield
    finally:
        await engine.stop(30)


async def until(condition: Any, patience: float = 60.0) -> None:
    async with asyncio.timeout(patience):
        while not condition():
            await asyncio.sleep(0.02)


async def talk(store: Store, *numbers: int) -> None:
    for number in numbers:
        for name in ("a", "b", "c"):
            await receive(store, said(name, number))


def ids(*numbers: int) -> list[str]:
    return sorted(f"{name}:{number}" for name in ("a", "b", "c") for number in numbers)


@pytest.mark.parametrize("step", [-HOUR, HOUR, -60.0])
async def test_a_clock_that_is_set_under_traffic_stops_nothing(
    store: Store, at: StoreClock, step: float
) -> None:
    carrier = Paced(store)
    await at.set(store, max(0.0, -step))
    async with working(store, carrier):
        await talk(store, 1)
        await until(lambda: len(carrier.failed) == 3)  # each waits for its next attempt
        await talk(store, 2, 3)
        await at.set(store, max(0.0, step))
        await talk(store, 4)
        await until(lambda: len(carrier.sent) == 12)
    for name in ("a", "b", "c"):
        assert [one for one in carrier.sent if one[0] == name] == [f"{name}:{n}" for n in (1, 2, 3, 4)]


async def test_what_waits_by_a_clock_that_was_ahead_goes_on_after_a_restart(
    store: Store, at: StoreClock, database_url: str
) -> None:
    """Its process ended, and the clock was right again before the next one started."""
    await at.set(store, HOUR)
    worker = await store.join()
    await talk(store, 1, 2)
    first, second, third = await store.claim(worker, 600.0, 10)
    await store.advance(first, Again(1.0, "busy"), keep_going=True)
    for _ in range(5):
        wait = await store.reserve(*CHANNEL)
    await store.advance(second, PutBack(wait), keep_going=True)
    assert third.delivery  # under way when the process ended
    if store._listener is not None:
        await store._listener.stop()

    await at.set(store, 0.0)
    carrier = Paced(store)
    carrier.failed |= {f"{name}:1" for name in ("a", "b", "c")}
    async with working(store, carrier):
        await until(lambda: sorted(carrier.sent) == ids(1, 2))


async def test_nothing_is_later_than_now_once_the_clock_was_set_back(store: Store, at: StoreClock) -> None:
    """A wait since a time in the future would cause a reminder only after it; an agent's act at such a time
    would make the vendor's events until then count as late."""
    await at.set(store, HOUR)
    worker = await store.join()
    about = said("a", 1)
    start = HandoffStarted(id="start", conversation=about.conversation, at=about.at)
    await store.keep_events(Incoming("acme-ada", "start", "ada", b"{}"), (start,))
    by_clock: Any = lambda on: on.execute(update(conversation).values(acted_at=now(), control_at=now()))
    await store._database.run(by_clock)
    wait: Any = lambda on: on.execute(update(handoff).values(started_at=now(), waiting_since=now()))
    await store._database.run(wait)
    await store.renew(worker, [], 15.0)
    await at.set(store, 0.0)
    await store.renew(worker, [], 15.0)

    def later(connection: Any) -> list[float]:
        here = connection.execute(select(now())).scalar_one()
        columns = (
            conversation.c.acted_at,
            conversation.c.control_at,
            handoff.c.waiting_since,
            handoff.c.started_at,
            lane.c.due,
        )
        found = [one for column in columns for one in connection.execute(select(column)).scalars()]
        assert len(found) > 5
        return [one - here for one in found if one is not None and one > here]

    assert await store._database.run(later) == []
    heard = await store.heard()
    assert heard is not None
    assert heard <= await store._database.run(lambda on: on.execute(select(now())).scalar_one())


async def test_an_end_counts_though_ours_was_recorded_by_a_clock_that_was_ahead(
    store: Store, at: StoreClock
) -> None:
    """The report of our own never came, and the customer came back to the AI agent."""
    await at.set(store, HOUR)
    worker = await store.join()
    await store.renew(worker, [], 15.0)
    vendor = Vendor(store)
    await vendor.tells(HandoffStarted)
    await vendor.act(Signal.CLAIMED)
    await store._database.run(own_reports.expect, 1, 77, Signal.RESOLVED)
    assert await vendor.act(Signal.RESOLVED) is Control.CLOSED
    await at.set(store, 0.0)
    await store.renew(worker, [], 15.0)
    await vendor.talks()
    assert await vendor.control() is Control.BOT
    assert await vendor.tells(ConversationEnded, 400) is Control.CLOSED


async def test_a_second_end_is_another_word_for_the_first_for_seconds_only(
    store: Store, at: StoreClock
) -> None:
    await at.set(store, HOUR)
    worker = await store.join()
    await store.renew(worker, [], 15.0)
    vendor = Vendor(store)
    await vendor.tells(HandoffStarted)
    assert await vendor.tells(HandoffEnded) is Control.BOT
    await at.set(store, 0.0)
    await store.renew(worker, [], 15.0)
    await at.set(store, handoffs.AT_ONCE + 1)
    await vendor.act(Signal.RESOLVED)
    ending: Any = lambda on: on.execute(select(handoff.c.ending)).scalar_one()
    assert await store._database.run(ending) == "handed_back"


class Slow:
    """Carries for as long as it is not let go."""

    def __init__(self) -> None:
        self.carried: list[str] = []
        self.let = asyncio.Event()

    async def carry(self, turn: Turn) -> Outcome:
        self.carried.append(json.loads(turn.body)["id"])
        await self.let.wait()
        return Done()

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        return ()


async def test_what_is_under_way_is_not_taken_again_where_all_leases_are_over(
    store: Store, at: StoreClock
) -> None:
    slow = Slow()
    async with working(store, slow):
        await talk(store, 1)
        await until(lambda: len(slow.carried) == 3)
        await at.set(store, HOUR)
        store.woken.set()
        await asyncio.sleep(1.0)  # it is looked for lanes that are due several times
        slow.let.set()
        await talk(store, 2)
        await until(lambda: len(slow.carried) == 6)
    assert sorted(slow.carried) == ids(1, 2)


async def test_nothing_is_given_up_because_the_clock_was_set_forward(store: Store, at: StoreClock) -> None:
    worker = await store.join()
    await receive(store, said("a", 1))
    (turn,) = await store.claim(worker, 15.0, 10)
    await store.renew(worker, [turn.lane], 15.0)
    await store.advance(turn, Again(0.0, "busy"), keep_going=True)
    await at.set(store, HOUR)
    await store.renew(worker, [], 15.0)
    (again,) = await store.claim(worker, 15.0, 10)
    assert again.attempt == 2
    assert again.age < 60


async def test_nothing_is_deleted_by_its_age_after_the_clock_was_set_forward(
    store: Store, at: StoreClock
) -> None:
    worker = await store.join()
    await talk(store, 1, 2)
    for turn in await store.claim(worker, 15.0, 10):
        await store.advance(turn, Done(), keep_going=False)
    await store.renew(worker, [], 15.0)
    await at.set(store, 400 * 86_400.0)
    await store.renew(worker, [], 15.0)
    assert await store.sweep(7 * 86_400.0) == {}
    kept = await store._database.run(lambda on: on.execute(text("SELECT count(*) FROM inbox")).scalar_one())
    assert kept == 6


@pytest.mark.parametrize(
    ("looks", "steps"),
    [
        ([(10.0, 10.1), (10.0, 10.1)], [0.0, 0.0]),
        ([(10.0, 10.1), (6.0, 6.1), (6.0, 6.1)], [0.0, 0.0, 0.0]),  # less than it matters
        ([(10.0, 10.0), (-3590.0, -3590.0), (-3590.0, -3590.0)], [0.0, -3600.0, 0.0]),
        ([(10.0, 10.0), (3610.0, 3610.0)], [0.0, 3600.0]),
        ([(10.0, 10.0), (-20.0, 10.0), (10.0, 10.0)], [0.0, 0.0, 0.0]),  # an answer that took half a minute
    ],
)
def test_a_step_is_told_from_an_answer_that_was_long_on_its_way(
    looks: list[tuple[float, float]], steps: list[float]
) -> None:
    watched = clock.Clock(None)  # type: ignore[arg-type]
    assert [watched._step(*look) for look in looks] == steps


async def test_a_start_with_a_right_clock_brings_nothing_back(
    store: Store, at: StoreClock, database_url: str
) -> None:
    worker = await store.join()
    await receive(store, said("a", 1))
    (turn,) = await store.claim(worker, 15.0, 10)
    await store.advance(turn, Again(600.0, "busy"), keep_going=True)
    other = connect(database_url) if store.shared else store
    await other.join()
    due = await store.next_due()
    assert due is not None and due > 500
    if other is not store:
        await other.close()
