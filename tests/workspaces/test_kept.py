"""What is kept of two workspaces in which everything has the same ids, on both databases."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from bridge.engine.work import Incoming, NewDelivery, Turn
from bridge.model import ConversationKey, Direction, HandoffStarted, ThreadKey
from bridge.store import Store
from tests.stores import opened

PLACES = {team: ThreadKey(team=team, channel="C1", ts="1.1") for team in ("T1", "T2")}


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


async def begin(store: Store, *teams: str) -> None:
    """A customer in each team who waits for a human, and whose thread is at the same place."""
    for team in teams or PLACES:
        about, at = ConversationKey(source="s", id=team), datetime.now(UTC)
        event = HandoffStarted(id=f"start-{team}", conversation=about, at=at)
        await store.keep_events(Incoming("s", event.id, "", b"{}"), (event,))
        await store.open_thread(list(PLACES).index(team) + 1, PLACES[team], "")


async def write(store: Store) -> None:
    """Somebody replies in each, at the same time."""
    for team, place in PLACES.items():
        message = {**place.model_dump(), "ts": "2.2", "thread_ts": "1.1", "user": "U1", "text": "Hello"}
        reply = NewDelivery(Direction.VENDOR, "reply", "the-same", json.dumps(message), message="2.2")
        incoming = Incoming("@slack", f"Ev{team}", "events", b"{}")
        assert await store.keep_reply(incoming, place, reply) == "queued"


async def replies(store: Store) -> dict[str, Turn]:
    worker = await store.join()
    turns = await store.claim(worker, 15.0, 20)
    return {one.conversation.key.id: one for one in turns if one.kind == "reply"}


async def test_a_lock_is_on_the_message_in_its_workspace(store: Store) -> None:
    await begin(store)
    await write(store)
    locked = ThreadKey(team="T2", channel="C1", ts="2.2")
    assert await store.lock_message(Incoming("@slack", "EvL", "events", b"{}"), locked, ()) == "locked"

    turns = await replies(store)
    assert [await store.is_locked(turns[team]) for team in PLACES] == [False, True]


async def test_a_lock_that_comes_late_is_told_in_its_workspace(store: Store) -> None:
    await begin(store)
    await write(store)
    turns = await replies(store)
    assert await store.begin_reply(turns["T1"], "0", (), None) is None  # the vendor may have this one

    incoming = Incoming("@slack", "EvL", "events", b"{}")
    locked = ThreadKey(team="T2", channel="C1", ts="2.2")
    assert await store.lock_message(incoming, locked, ()) == "locked"


async def test_both_threads_are_looked_into(store: Store) -> None:
    for team in PLACES:  # that of the first is still to come when the second begins
        await begin(store, team)
        assert await store.look_back(0.0) == 1
    assert await store.look_back(0.0) == 0


async def test_each_lists_what_is_in_it(store: Store) -> None:
    await begin(store)
    for team in PLACES:
        assert [row.conversation.key.id for row in await store.open_handoffs(10, team)] == [team]
        assert await store.counts(team) == {"waiting": 1, "human": 0}
    assert len(await store.open_handoffs(10)) == 2
    assert await store.open_handoffs(10, "T3") == []
