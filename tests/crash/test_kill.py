"""Processes killed with SIGKILL while they work: nothing lost, nothing out of order, nothing twice.

The fakes are in the test's process; the bridges are real processes. `BRIDGE_CRASH_CONVERSATIONS` says how
many customers talk in the larger runs.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from sqlalchemy import select

from bridge.sandbox.stage import Stage
from bridge.store.tables import attempt
from tests.crash.books import cards, differences, shown, until
from tests.crash.traffic import talk
from tests.postgres import Postgres
from tests.stores import connect

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

CUSTOMERS = int(os.environ.get("BRIDGE_CRASH_CONVERSATIONS", "1000"))
EACH = 10


def total(stage: Stage) -> int:
    return sum(len(said) for said in shown(stage).values())


async def test_one_process_on_sqlite_is_killed_twice(tmp_path: Path) -> None:
    async with Stage(tmp_path, channel_rate=0) as stage:
        bridge = await stage.serve()
        customers = asyncio.create_task(talk(stage, CUSTOMERS, EACH))
        for part in (0.2, 0.6):
            await until(lambda part=part: total(stage) >= CUSTOMERS * EACH * part, 120, "messages in threads")
            await bridge.kill()
            bridge = await stage.serve()
        await customers
        await until(lambda: total(stage) >= CUSTOMERS * EACH, 120, f"all in threads: {total(stage)}")
        books = differences(shown(stage), CUSTOMERS, EACH)
        print(f"\n2 kills, {total(stage)} messages: {dict(books)}")
        assert books.total() == 0
        assert len(cards(stage)) == CUSTOMERS


async def test_one_of_two_workers_on_postgres_is_killed(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.create_database()
    async with Stage(tmp_path, channel_rate=0, database_url=url) as stage:
        await stage.run("migrate")
        await stage.serve()
        first, _second = await stage.spawn("work"), await stage.spawn("work")
        customers = asyncio.create_task(talk(stage, CUSTOMERS, EACH))
        await until(lambda: total(stage) >= CUSTOMERS * EACH * 0.3, 120, "messages in threads")
        await first.kill()
        await customers
        await until(lambda: total(stage) >= CUSTOMERS * EACH, 120, f"all in threads: {total(stage)}")
        books = differences(shown(stage), CUSTOMERS, EACH)
        print(f"\n1 of 2 workers killed, {total(stage)} messages: {dict(books)}")
        assert books.total() == 0
        assert len(cards(stage)) == CUSTOMERS
        # Each of the three carried its share, the killed one until it was killed.
        assert len(await carried_by(url)) == 3
    postgres.drop_database(url)


async def carried_by(url: str) -> set[int]:
    """The workers that have carried something, by the attempts they recorded."""
    store = connect(url)
    try:
        found = await store._database.run(
            lambda connection: connection.execute(select(attempt.c.worker).distinct()).scalars().all()
        )
    finally:
        await store.close()
    return set(found)
