"""Postgres takes no writes for a while, as in a failover: what comes is refused, and all goes on after it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator

import pytest

from bridge.errors import Unavailable
from bridge.store import Store
from tests.postgres import Postgres, find
from tests.store.replica import Replica
from tests.stores import connect, opened, receive, said


@pytest.fixture
async def url(postgres: Postgres) -> AsyncIterator[str]:
    url = postgres.create_database()
    async with opened(url):
        pass
    yield url
    postgres.drop_database(url)


def set_read_only(postgres: Postgres, url: str, value: str) -> None:
    postgres.sql(f"ALTER DATABASE {url.rpartition('/')[2]} SET default_transaction_read_only = {value}")


def cut(postgres: Postgres, url: str) -> None:
    database = url.rpartition("/")[2]
    postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'")


async def refused(store: Store, number: int) -> None:
    with pytest.raises(Unavailable, match="read-only"):
        await receive(store, said("c", number))


async def works(store: Store, *numbers: int) -> None:
    for number in numbers:
        assert await receive(store, said("c", number))


async def test_sessions_from_a_read_only_spell_are_not_used_again(postgres: Postgres, url: str) -> None:
    """As many as the pool has: each would refuse what comes for ever."""
    store = connect(url)
    await asyncio.gather(*(receive(store, said(name, 1)) for name in "abcd"))
    set_read_only(postgres, url, "on")
    cut(postgres, url)
    for number in range(4):
        await refused(store, number)
    with pytest.raises(Unavailable, match="read-only"):
        await store.ping()

    set_read_only(postgres, url, "off")
    await works(store, *range(10, 18))
    await store.ping()
    await store.close()


async def test_readiness_says_so_where_nothing_was_to_be_written_yet(postgres: Postgres, url: str) -> None:
    set_read_only(postgres, url, "on")
    store = connect(url)
    with pytest.raises(Unavailable, match="Postgres: takes no writes now: it is read-only"):
        await store.ping()
    set_read_only(postgres, url, "off")
    await store.ping()
    await works(store, 1)
    await store.close()


async def test_a_worker_that_cannot_join_leaves_no_sessions_behind(
    postgres: Postgres, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It listens again and again until it may write down that it is there."""
    monkeypatch.setattr("bridge.store.listen.RECONNECT", (0.02,))
    store = connect(url)
    await store.join()
    listener = store._listener
    assert listener is not None
    before = listener._connection
    set_read_only(postgres, url, "on")
    cut(postgres, url)
    listening = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{url.rpartition('/')[2]}'"
    counts = []
    for _ in range(20):
        await asyncio.sleep(0.05)
        counts.append(int(postgres.sql(listening)))
    assert max(counts) <= 2
    set_read_only(postgres, url, "off")
    async with asyncio.timeout(30):
        while listener._connection in (None, before):
            await asyncio.sleep(0.02)
    await store.close()


@pytest.fixture
def pair() -> Iterator[tuple[Postgres, Replica, str]]:
    """A primary with a migrated database, and its replica."""
    with Postgres(find()) as primary:
        database = primary.create_database()

        async def migrate() -> None:
            async with opened(database):
                pass

        asyncio.run(migrate())
        with Replica(primary) as replica:
            yield primary, replica, database.rpartition("/")[2]


def test_a_replica_that_is_promoted_is_used_without_a_restart(pair: tuple[Postgres, Replica, str]) -> None:
    """By its own address, and by one that names both servers and asks for the one that takes writes."""
    primary, replica, database = pair
    hosts = f"127.0.0.1:{primary.port},127.0.0.1:{replica.port}"
    both = f"postgresql://bridge:{primary.password}@{hosts}/{database}?target_session_attrs=read-write"

    async def failover() -> None:
        at_both, at_replica = connect(both), connect(replica.url(database))
        number = await at_both.join()
        await works(at_both, 1)
        await refused(at_replica, 2)
        with pytest.raises(Unavailable, match="read-only"):
            await at_replica.ping()
        async with asyncio.timeout(60):
            caught_up = "SELECT count(*) FROM inbox"
            while replica.sql(caught_up, database) != "1\n":
                await asyncio.sleep(0.05)

        primary._stop_server("immediate")
        with pytest.raises(Unavailable):
            await receive(at_both, said("c", 3))
        await asyncio.to_thread(replica.promote)
        await works(at_replica, 4)
        await at_replica.ping()
        async with asyncio.timeout(60):
            while not await holds_its_lock(at_both, number):
                await asyncio.sleep(0.1)
        await works(at_both, 5)
        (turn,) = await at_both.claim(number, 30.0, 10)
        assert json.loads(turn.body)["id"] == "c:1"
        await at_both.close(), await at_replica.close()

    async def holds_its_lock(store: Store, number: int) -> bool:
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = "
        return replica.sql(f"{held}{number}", database) == "1\n"

    asyncio.run(failover())
