"""What Slack could not tell at once it tells again, later: what waits goes out as it was written."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from bridge.engine.work import Done, Incoming, NewDelivery, PutBack, Turn
from bridge.model import Act, ThreadKey
from bridge.slack.asking import act, written
from bridge.store import Store
from tests.stores import opened, receive, said

THREAD = ThreadKey(team="T", channel="C", ts="1.1")


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


async def queue(store: Store, *new: NewDelivery) -> None:
    for one in new:
        assert await store.keep_reply(Incoming("@slack", one.key, "", b"{}"), THREAD, one) == "queued"


def reply(ts: str) -> NewDelivery:
    told = {"team": "T", "channel": "C", "thread_ts": "1.1", "ts": ts, "user": "U0MINA", "text": ts}
    return written(told, f"C:{ts}")


def resolve(ts: str | None) -> NewDelivery:
    return act(Act.RESOLVE, f"act:{ts}", user="U0MINA", team="T", channel="C", thread_ts="1.1", ts=ts)


async def carried(store: Store, turn: Turn | None) -> list[str]:
    """The ts, or the kind, of what is carried to the vendor from `turn` on."""
    order: list[str] = []
    while turn is not None:
        order.append(json.loads(turn.body)["ts"] or turn.kind)
        _, turn = await store.advance(turn, Done(), keep_going=True)
    return order


async def opened_thread(store: Store) -> int:
    worker = await store.join()
    await receive(store, said("c", 0))
    (turn,) = await store.claim(worker, 30, 10)
    await store.open_thread(1, THREAD, "")
    await store.advance(turn, Done(), keep_going=False)
    return worker


async def test_what_was_written_first_goes_first(store: Store) -> None:
    worker = await opened_thread(store)

    await queue(store, reply("2.000002"), resolve("2.000003"), reply("10.0"), reply("2.000001"))

    (turn,) = await store.claim(worker, 30, 10)
    assert await carried(store, turn) == ["2.000001", "2.000002", "2.000003", "10.0"]


async def test_what_was_pressed_has_no_place_among_what_was_written(store: Store) -> None:
    worker = await opened_thread(store)

    await queue(store, reply("2.2"), resolve(None), reply("2.3"), reply("2.1"))

    (turn,) = await store.claim(worker, 30, 10)
    assert await carried(store, turn) == ["2.1", "2.2", "act", "2.3"]


async def test_what_has_begun_stays_where_it_is(store: Store) -> None:
    worker = await opened_thread(store)
    await queue(store, reply("2.2"), reply("2.3"))
    (turn,) = await store.claim(worker, 30, 10)

    await queue(store, reply("2.1"))

    assert await carried(store, turn) == ["2.2", "2.1", "2.3"]


async def test_also_where_the_first_waits_for_its_time(store: Store) -> None:
    worker = await opened_thread(store)
    await queue(store, reply("2.2"))
    (turn,) = await store.claim(worker, 30, 10)
    await store.advance(turn, PutBack(0.0), keep_going=False)

    await queue(store, reply("2.1"))

    (turn,) = await store.claim(worker, 30, 10)
    assert await carried(store, turn) == ["2.1", "2.2"]
