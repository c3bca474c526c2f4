"""A plan with ten connections, of which Postgres keeps three for superusers: two processes share the rest."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.store import Store, open_store
from tests.faults.ground import owned
from tests.postgres import Postgres, find
from tests.stores import migrate, receive, said


@pytest.fixture
def small() -> Iterator[Postgres]:
    with Postgres(find()) as server:
        server.sql("ALTER SYSTEM SET max_connections = 10")
        server.restart("fast")
        yield server


async def test_two_processes_work(small: Postgres, tmp_path: Path) -> None:
    url = owned(small)
    await migrate(url)
    stores = [open_store(tmp_path, url, pool=3, environ={}) for _ in range(2)]
    numbers = [await store.join() for store in stores]
    await asyncio.gather(*(talk(store, number) for number, store in enumerate(stores)))
    claimed = [await store.claim(number, 30.0, 20) for number, store in zip(numbers, stores, strict=True)]
    assert sum(map(len, claimed)) == 20
    for store in stores:
        await store.ping()
        await store.close()


async def talk(store: Store, number: int) -> None:
    """More at once than there are connections."""
    await asyncio.gather(*(receive(store, said(f"{number}-{one}", 1)) for one in range(10)))
