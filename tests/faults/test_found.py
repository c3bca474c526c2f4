"""What the rows brought to light, reduced to where it was."""

from __future__ import annotations

import asyncio
import functools
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from bridge.errors import Unavailable
from bridge.store.database import Sqlite
from bridge.store.listen import Listener
from tests.crash.books import until
from tests.postgres import Postgres
from tests.stores import opened

pytestmark = pytest.mark.faults


async def test_of_a_full_disk_nobody_is_told_that_their_work_is_kept(tmp_path: Path) -> None:
    """SQLite takes back all of a transaction, not only the statement for which there was no room."""

    def write(connection: Connection, size: int) -> None:
        connection.execute(text("INSERT INTO kept VALUES (:words)"), {"words": "x" * size})

    def count(connection: Connection) -> int:
        return int(connection.execute(text("SELECT count(*) FROM kept")).scalar_one())

    database = Sqlite(tmp_path / "bridge.sqlite3")
    await database.run(lambda connection: connection.execute(text("CREATE TABLE kept (words TEXT)")))
    await database.run(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 1").all())
    together = [database.run(write, size) for size in (1, 100_000, 1)]  # one commit for all three
    told = await asyncio.gather(*together, return_exceptions=True)
    assert [str(one) for one in told] == ["SQLite: OperationalError: database or disk is full"] * 3
    assert {type(one) for one in told} == {Unavailable}
    await database.run(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 1000").all())
    await database.run(write, 100_000)
    assert await database.run(count) == 1
    await database.close()


async def test_a_look_for_the_dead_does_not_cost_the_others_news(postgres: Postgres) -> None:
    """Both go through one connection, which takes one call at a time."""
    url, heard = postgres.create_database(), 0

    def wake() -> None:
        nonlocal heard
        heard += 1

    def has_heard(number: int) -> bool:
        return heard >= number

    async with opened(url):
        tells, hears = Listener(url, lambda: None), Listener(url, wake)
        await tells.start(1, "tells")
        await hears.start(2, "hears")

        async def look() -> None:
            while True:
                await tells.dead()

        looking = asyncio.create_task(look())
        for number in range(1, 6):
            tells.notify()
            await until(functools.partial(has_heard, number), 15, f"news {number}")
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
        await tells.stop()
        await hears.stop()
    postgres.drop_database(url)
