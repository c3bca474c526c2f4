"""Slack knows us again: what waits for its next try there is due at once, in each process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from bridge.engine.work import Again, Done, PutBack, Turn
from bridge.model import ThreadKey
from bridge.store import Store
from bridge.store.tables import lane, now
from tests.stores import opened, receive, said

HOUR = 3600.0


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


async def waits(store: Store) -> set[str]:
    """The conversations that have a lane which is not due yet."""
    found = await store._database.run(
        lambda connection: connection.execute(
            select(lane.c.conversation_id).where(lane.c.due > now() + 60)
        ).scalars().all()
    )  # fmt: skip
    return {(await store.conversation(one)).key.id for one in found}


async def test_what_was_tried_goes_at_once_and_the_rest_stays(store: Store) -> None:
    worker = await store.join()
    for id in ("refused", "elsewhere", "unopened", "paced", "held", "done"):
        await receive(store, said(id, 1))
    turns: dict[str, Turn] = {turn.conversation.key.id: turn for turn in await store.claim(worker, HOUR, 10)}
    assert len(turns) == 6
    for id, team in (("refused", "T1"), ("elsewhere", "T2"), ("paced", "T1"), ("held", "T1"), ("done", "T1")):
        thread = ThreadKey(team=team, channel="C1", ts=id)
        await store.open_thread(turns[id].conversation.id, thread, "card")
    for id in ("refused", "elsewhere", "unopened"):
        await store.advance(
            turns[id], Again(HOUR, "Slack answers token_revoked", doubt=False), keep_going=False
        )
    await store.advance(turns["paced"], PutBack(HOUR), keep_going=False)
    await store.advance(turns["done"], Done("1.0"), keep_going=True)
    assert await waits(store) == {"refused", "elsewhere", "unopened", "paced", "held"}

    store.woken.clear()
    assert await store.resume("T1") == 2

    assert store.woken.is_set()
    assert await waits(store) == {"elsewhere", "paced", "held"}
    again = await store.claim(worker, HOUR, 10)
    assert {(turn.conversation.key.id, turn.attempt) for turn in again} == {("refused", 2), ("unopened", 2)}
    store.woken.clear()
    assert await store.resume("T1") == 0
    assert not store.woken.is_set()


async def test_lanes_that_are_being_written_hold_nobody_up(store: Store) -> None:
    worker = await store.join()
    for number in range(20):
        await receive(store, said(f"c{number}", 1))
    turns = await store.claim(worker, HOUR, 20)
    again = Again(HOUR, "Slack answers invalid_auth", doubt=False)
    await asyncio.gather(
        *(store.advance(turn, again, keep_going=False) for turn in turns),
        *(store.resume("T1") for _ in range(5)),
    )
    await store.resume("T1")
    assert len(await store.claim(worker, HOUR, 50)) == 20
