"""Pace in the database: slots of several counts at once, and lines that wait for what goes before them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bridge.store import Store
from tests.stores import opened

# So long that the seconds which the tests themselves take are none: every wait is told to the next ten.
CHANNEL, WORKSPACE, TALK = ("post:C", 100.0, 1), ("post", 100.0, 2), ("talk:post:C", 100.0, 1)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


async def test_of_several_counts_all_are_taken_or_none(store: Store) -> None:
    other = ("post:D", 100.0, 1)
    assert await store.take_each((CHANNEL, WORKSPACE)) == 0
    assert 90 < await store.take_each((CHANNEL, WORKSPACE)) <= 100  # the channel has none
    assert await store.take_each((other, WORKSPACE)) == 0  # so the workspace still had its second one
    third = ("post:E", 100.0, 1)
    assert 90 < await store.take_each((third, WORKSPACE)) <= 100
    assert await store.take(*third) == 0  # and that gave back what it had of the third channel's


async def test_all_in_a_line_wait_for_what_goes_before_them_and_keep_their_order(store: Store) -> None:
    waits = [(await store.line_up((TALK,), 1, ())).wait for _ in range(3)]
    assert [round(wait, -1) for wait in waits] == [0, 100, 200]
    assert await store.behind(TALK[0]) == 0
    await store.reserve(*CHANNEL, TALK[0])
    assert await store.behind(TALK[0]) == 100  # all three are that much further from their turn
    stood = await store.line_up((TALK,), 1, ())
    assert (round(stood.wait, -1), stood.behind) == (400, 100)  # and so is who comes now


async def test_who_stands_in_line_for_several_has_the_first_of_them(store: Store) -> None:
    assert round((await store.line_up((TALK,), 3, ())).wait, -1) == 0
    assert round((await store.line_up((TALK,), 1, ())).wait, -1) == 300


async def test_who_is_next_in_every_line_has_a_slot_at_once(store: Store) -> None:
    lines, counts = (TALK, ("talk:post", 100.0, 2)), (CHANNEL, WORKSPACE)

    assert (await store.line_up(lines, 1, counts)).room == 0
    assert await store.take_each(counts) > 0  # since it was taken
    stood = await store.line_up(lines, 1, counts)
    assert (stood.line, round(stood.wait, -1)) == (0, 100)
    stood = await store.line_up(lines[1:], 1, counts)
    assert (stood.line, stood.wait) == (0, 0)  # next …
    assert round(stood.room, -1) == 100  # … and the channel has none
