"""What ops watch, as the store tells it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.engine.work import Incoming
from bridge.model import (
    AnyEvent,
    ConversationEnded,
    ConversationKey,
    HandoffStarted,
    Message,
    Receipt,
    Typing,
)
from bridge.store import Store
from tests.stores import opened, receive, said

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


async def tell(store: Store, kind: type[Any], id: str, at: float, **more: Any) -> None:
    key = ConversationKey(source="acme-ada", id=id)
    event: AnyEvent = kind(
        id=f"{id}:{kind.__name__}:{at}", conversation=key, at=NOW + timedelta(seconds=at), **more
    )
    await store.keep_events(Incoming("acme-ada", event.id, "", b"{}"), (event,))


async def test_the_newest_events_are_what_was_said_or_happened(store: Store) -> None:
    await receive(store, said("c", 1), said("other", 1), said("c", 2))
    await tell(store, Typing, "c", 1, author=said("c", 1).author, active=True)
    await tell(store, Receipt, "c", 2, state="read", by="customer")
    await tell(store, HandoffStarted, "c", 3)
    await receive(store, said("c", 3))

    found = await store.newest_events(1, 20)
    assert [type(one) for one in found] == [Message, HandoffStarted, Message, Message]
    assert [one.id for one in found if isinstance(one, Message)] == ["c:3", "c:2", "c:1"]
    assert await store.newest_events(1, 2) == found[:2]
    assert [one.id for one in await store.newest_events(2, 20)] == ["other:1"]
    assert await store.newest_events(3, 20) == []


async def test_a_course_belongs_to_the_time_it_began_in(store: Store) -> None:
    for id, at in (("a", 0), ("b", 60), ("c", 120)):
        await tell(store, HandoffStarted, id, at)
    await tell(store, ConversationEnded, "b", 90, reason="TIMEOUT")

    start = NOW.timestamp()
    found = await store.courses(start, start + 120)
    assert [one.conversation.key.id for one in found] == ["a", "b"]
    assert [(one.waited, one.claim, one.answer) for one in found] == [(True, None, None)] * 2
    assert [one.handoff.ending for one in found] == [None, "expired"]
    assert await store.counts() == {"waiting": 2, "human": 0}
    assert [row.conversation.key.id for row in await store.open_handoffs(9)] == ["a", "c"]
