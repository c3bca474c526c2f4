"""A row that this version cannot read: its lane goes on, and the thread says so."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from collections.abc import AsyncIterator

import pytest

from bridge import deadletters
from bridge.config import Engine
from bridge.delivery.kinds import EventPosted, Notice
from bridge.engine.handlers import Handlers, handles
from bridge.engine.lanes import Lanes
from bridge.engine.work import Done, NewDelivery, Outcome, Turn
from bridge.model import DeliveryState, Direction, ThreadKey
from bridge.store import Store
from bridge.store.lanes import enqueue
from tests.stores import opened, receive, said

THREAD = ThreadKey(team="T", channel="C", ts="1.1")


class Recorder(Handlers):
    def __init__(self) -> None:
        self.shown: list[str] = []

    @handles(EventPosted)
    async def show(self, turn: Turn, payload: EventPosted) -> Outcome:
        self.shown.append(payload.event.id)
        return Done()

    @handles(Notice)
    async def post(self, turn: Turn, payload: Notice) -> Outcome:
        self.shown.append(payload.text)
        return Done()


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


async def test_its_lane_goes_on_and_the_thread_says_so(store: Store) -> None:
    await receive(store, said("a", 1))
    await store.open_thread(1, THREAD, "card")
    broken = NewDelivery(Direction.SLACK, "failure", "broken", '{"text": "secret words"}')
    await store._database.run(enqueue, [(1, broken)])
    await receive(store, said("a", 2))
    carrier = Recorder()
    lanes = Lanes(store, dict.fromkeys(Direction, carrier), Engine(poll=0.2))
    await lanes.start()
    try:
        async with asyncio.timeout(30):
            while len(carrier.shown) < 3:
                await asyncio.sleep(0.02)
    finally:
        await lanes.stop(10)

    assert carrier.shown[:2] == ["a:1", "a:2"]
    assert carrier.shown[2].startswith("Something that was queued for this conversation was given up:")
    assert "secret words" not in carrier.shown[2]
    (dead,) = await store.dead_letters(None, 10)
    assert (dead.kind, dead.state) == ("failure", DeliveryState.FAILED)
    assert await deadletters._show(store, Namespace(id=dead.id, text=False, json=False)) == 0
