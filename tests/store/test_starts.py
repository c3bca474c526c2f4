"""A delivery that ends its process is given up after a few starts; what was under way beside it is not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.config import Engine
from bridge.engine.lanes import Lanes
from bridge.engine.work import STARTS, SUSPECT, Done, Failed, NewDelivery, Outcome, Turn
from bridge.model import Direction
from bridge.store import Store, lanes
from tests.stores import opened, receive, said

NAMES = "abcdefgh"
DEADLY = "d"


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


def name(turn: Turn) -> str:
    return str(json.loads(turn.body)["id"]).partition(":")[0]


async def dies(store: Store, worker: int) -> int:
    """Its lanes are free, as once a dead worker was found; and another takes its place."""
    await store._database.run(lanes.free, [worker])
    return await store._database.run(lanes.enlist, "next")


async def test_only_the_delivery_that_ends_its_process_is_given_up(store: Store) -> None:
    """All that a process has taken are under way when it ends, each time."""
    worker = await store._database.run(lanes.enlist, "first")
    for one in NAMES:
        await receive(store, said(one, 1), said(one, 2))
    most, deaths, sent = dict.fromkeys(NAMES, 0), 0, []
    async with asyncio.timeout(60):
        while len(sent) < 2 * len(NAMES):
            turns = await store.claim(worker, 30.0, 10)
            for turn in turns:
                most[name(turn)] = max(most[name(turn)], turn.starts)
            deadly = [turn for turn in turns if json.loads(turn.body)["id"] == f"{DEADLY}:1"]
            if deadly and deadly[0].starts <= STARTS:
                deaths += 1
                worker = await dies(store, worker)
                continue
            assert len(turns) <= 1 or not any(turn.is_suspect for turn in turns)
            for turn in turns:
                await store.advance(turn, Failed("no") if turn in deadly else Done(), keep_going=False)
                sent.append(json.loads(turn.body)["id"])
            if not turns:
                await asyncio.sleep(0.05)
    assert deaths == STARTS
    assert most.pop(DEADLY) == STARTS + 1
    assert max(most.values()) <= SUSPECT
    assert sorted(sent) == sorted(f"{one}:{number}" for one in NAMES for number in (1, 2))


async def test_an_outcome_ends_the_count(store: Store) -> None:
    worker = await store._database.run(lanes.enlist, "first")
    await receive(store, said("a", 1), said("a", 2))
    for _ in range(SUSPECT - 1):
        (turn,) = await store.claim(worker, 30.0, 10)
        worker = await dies(store, worker)
    (turn,) = await store.claim(worker, 30.0, 10)
    assert (turn.starts, turn.is_suspect, turn.doubt) == (SUSPECT, True, True)
    _, following = await store.advance(turn, Done(), keep_going=True)
    assert following is not None
    assert (json.loads(following.body)["id"], following.starts) == ("a:2", 1)


async def test_what_is_tried_again_by_people_is_counted_anew(store: Store) -> None:
    worker = await store._database.run(lanes.enlist, "first")
    await receive(store, said("a", 1))
    for _ in range(STARTS):
        (turn,) = await store.claim(worker, 30.0, 10)
        worker = await dies(store, worker)
    (turn,) = await store.claim(worker, 30.0, 10)
    await store.advance(turn, Failed("given up"), keep_going=False)
    await store.claim(worker, 30.0, 10)
    assert await store.retry(turn.delivery) == "failed"
    (again,) = await store.claim(worker, 30.0, 10)
    assert (again.delivery, again.starts) == (turn.delivery, 1)


class Carrier:
    """What `raises` says is raised for its delivery the first time."""

    def __init__(self, raises: dict[str, BaseException] | None = None) -> None:
        self.raises = raises or {}
        self.carried: list[tuple[str, bool]] = []
        self.followed: list[Outcome] = []

    async def carry(self, turn: Turn) -> Outcome:
        id = str(json.loads(turn.body)["id"])
        self.carried.append((id, turn.doubt))
        if (error := self.raises.pop(id, None)) is not None:
            raise error
        return Done()

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        self.followed.append(outcome)
        return ()


async def carried(store: Store, carrier: Carrier, *wanted: str, during: Any = None) -> None:
    """Until all of `wanted` were carried by a worker, whose leases are far longer than this takes."""
    engine = Lanes(store, dict.fromkeys(Direction, carrier), Engine(lease=600, poll=0.2))
    await engine.start()
    if during is not None:
        await during()
    async with asyncio.timeout(60):
        while {id for id, _ in carrier.carried} < set(wanted) or await store.next_due() is not None:
            await asyncio.sleep(0.02)
        assert engine.working
    await engine.stop(30)


async def test_given_up_without_being_carried_once_more_and_said(store: Store) -> None:
    await receive(store, said("a", 1), said("a", 2))
    worker = await store._database.run(lanes.enlist, "first")
    for _ in range(STARTS):
        await store.claim(worker, 30.0, 10)
        worker = await dies(store, worker)
    carrier = Carrier()
    await carried(store, carrier, "a:2")
    assert carrier.carried == [("a:2", False)]
    (outcome,) = carrier.followed
    assert isinstance(outcome, Failed)
    assert (
        outcome.problem
        == "the bridge's process ended each time that it was tried (given up after 4 attempts)"
    )


async def test_given_up_without_a_word_where_the_word_ends_the_process_too(store: Store) -> None:
    await receive(store, said("a", 1), said("a", 2))
    worker = await store._database.run(lanes.enlist, "first")
    for _ in range(STARTS + 1):
        (turn,) = await store.claim(worker, 30.0, 10)
        worker = await dies(store, worker)
    carrier = Carrier()
    await carried(store, carrier, "a:2")
    assert carrier.followed == []
    kept = await store.delivery(turn.delivery)
    assert kept is not None
    assert kept[0].state == "failed"


@pytest.mark.parametrize("error", [asyncio.CancelledError(), SystemExit(3)], ids=repr)
async def test_what_a_library_raises_as_if_we_were_to_end_is_a_fault_as_any_other(
    store: Store, error: BaseException
) -> None:
    await receive(store, said("a", 1), said("a", 2))
    carrier = Carrier({"a:1": error})
    await carried(store, carrier, "a:2")
    assert carrier.carried == [("a:1", False), ("a:1", True), ("a:2", False)]


STRAYS = pytest.mark.parametrize("error", [asyncio.CancelledError, SystemExit, MemoryError])


@STRAYS
@pytest.mark.parametrize("method", ["claim", "advance", "renew", "reap", "next_due"])
async def test_a_stray_error_leaves_no_lane_and_no_loop_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch, method: str, error: type[BaseException]
) -> None:
    call, strays = getattr(store, method), [error()]

    async def stray(*args: Any, **how: Any) -> Any:
        result = await call(*args, **how)
        if strays and (method != "claim" or result):
            raise strays.pop()
        return result

    monkeypatch.setattr(store, method, stray)
    monkeypatch.setattr("bridge.engine.lanes.REAP", 0.02)
    carrier = Carrier()

    async def during() -> None:
        await receive(store, said("a", 1), said("a", 2))

    await carried(store, carrier, "a:1", "a:2", during=during)
    assert (strays == []) == (method != "renew")  # whose turn comes later


@STRAYS
async def test_a_stray_error_before_a_claimed_lane_is_carried_leaves_none_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    begin, strays = Lanes._begin, [error()]

    def stray(self: Lanes, turn: Turn) -> asyncio.Task[None]:
        if strays:
            raise strays.pop()
        return begin(self, turn)

    monkeypatch.setattr(Lanes, "_begin", stray)
    await receive(store, said("a", 1), said("a", 2))
    await carried(store, Carrier(), "a:1", "a:2")
    assert strays == []


async def test_a_write_that_is_cancelled_fails_its_callers(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bridge.errors import Unavailable

    async def stray(*_args: Any) -> Any:
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(store._database, "run", stray)
        async with asyncio.timeout(30):
            with pytest.raises(Unavailable):
                await receive(store, said("a", 1))
    assert await receive(store, said("a", 1))
