"""Workers on one Postgres: they wake each other, and take over from one that has died."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from bridge.store import Store
from tests.postgres import Postgres
from tests.stores import connect, opened, receive, said


@pytest.fixture
async def url(postgres: Postgres) -> AsyncIterator[str]:
    url = postgres.create_database()
    async with opened(url):
        pass
    yield url
    postgres.drop_database(url)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


async def cut(store: Store) -> None:
    """Let the store's own listening connection die, as when the network drops it."""
    assert store._listener is not None
    connection = store._listener._connection
    assert connection is not None
    pid = connection.get_server_pid()
    await store._database.run(
        lambda db: db.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")  # a number of our own
    )


async def test_a_webhook_at_one_wakes_the_other(url: str) -> None:
    one, other = connect(url), connect(url)
    await one.join(), await other.join()
    other.woken.clear()
    await receive(one, said("c", 1))
    await until(other.woken.is_set)
    await one.close(), await other.close()


async def test_the_lanes_of_one_that_is_gone_are_free_after_two_looks(url: str) -> None:
    gone, other = connect(url), connect(url)
    worker = await gone.join()
    number = await other.join()
    await receive(gone, said("c", 1))
    assert len(await gone.claim(worker, 600, 10)) == 1
    assert gone._listener is not None and gone._listener._connection is not None
    pid = gone._listener._connection.get_server_pid()
    await gone.close()  # without leaving: its lock goes with its connection
    alive = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}"
    async with asyncio.timeout(20):
        while await other._database.run(lambda db: db.exec_driver_sql(alive).scalar_one()):
            await asyncio.sleep(0.02)
    assert await other.reap() == 0
    assert await other.claim(number, 600, 10) == []
    assert await other.reap() == 1
    (turn,) = await other.claim(number, 600, 10)
    assert turn.doubt
    await other.close()


async def test_one_that_was_away_is_known_again(url: str) -> None:
    away, other = connect(url), connect(url)
    number = await away.join()
    await other.join()
    listener = away._listener
    assert listener is not None
    before = listener._connection
    await away._database.run(lambda db: db.exec_driver_sql(f"DELETE FROM worker WHERE id = {number}"))
    await cut(away)
    await until(lambda: listener._connection not in (None, before))
    known = await other._database.run(
        lambda db: db.exec_driver_sql(f"SELECT count(*) FROM worker WHERE id = {number}").scalar_one()
    )
    assert known == 1
    assert await other.reap() == 0
    assert await other.reap() == 0
    await away.close(), await other.close()
