"""A pooler in transaction mode is found before anything starts, and said once; in session mode all works."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bridge.errors import ConfigError
from bridge.sandbox.stage import Stage
from bridge.store import open_store, pooler
from tests.postgres import USER, Postgres, find
from tests.store.pooling import pooled
from tests.stores import opened, receive, said

WRONG = "DATABASE_URL: Postgres is behind a pooler in transaction mode"
REMEDY = "Connect to Postgres directly, or let the pooler use session mode"


@pytest.fixture(scope="module")
def trusting() -> Iterator[Postgres]:
    """A server that lets in whoever comes from this machine, as a pooler does."""
    with Postgres(find()) as server:
        rules = server._data / "pg_hba.conf"
        rules.write_text("host all all 127.0.0.1/32 trust\n" + rules.read_text())
        server.sql("SELECT pg_reload_conf()")
        yield server


@pytest.fixture(params=[True, False], ids=["transaction", "session"])
def by_transaction(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
async def url(trusting: Postgres, by_transaction: bool) -> AsyncIterator[str]:
    direct = trusting.create_database()
    async with opened(direct):
        pass
    async with pooled(trusting.port, USER, by_transaction=by_transaction) as port:
        yield direct.replace(f":{trusting.port}/", f":{port}/")
    trusting.drop_database(direct)


async def test_the_mode_is_found(url: str, by_transaction: bool) -> None:
    store = open_store(Path("unused"), url, pool=2, environ={})
    try:
        if by_transaction:
            for start in (store.check_schema, store.migrate):
                with pytest.raises(ConfigError) as refused:
                    await start()
                assert str(refused.value).startswith(WRONG)
                assert str(refused.value).endswith(REMEDY)
            return
        await store.check_schema()
        number = await store.join()
        await receive(store, said("c", 1))
        (turn,) = await store.claim(number, 30.0, 10)
        assert json.loads(turn.body)["id"] == "c:1"
    finally:
        await store.close()


async def test_a_server_that_is_reached_directly_is_no_pooler(trusting: Postgres) -> None:
    await pooler.check(trusting.create_database())


@pytest.mark.parametrize("by_transaction", [True], indirect=True)
async def test_what_starts_says_it_in_one_line_and_ends(url: str, tmp_path: Path) -> None:
    async with Stage(tmp_path, channel_rate=0, database_url=url) as stage:
        for command in ("serve", "work", "migrate"):
            process = await stage.spawn(command)
            assert await process.wait() == 2
            (line,) = process.log.read_text().strip().splitlines()
            assert line.startswith(f"bridge: {WRONG}")
        process = await stage.spawn("doctor", None, "--before-start")
        assert await process.wait() == 1
        (wrong,) = [line for line in process.log.read_text().splitlines() if "pooler in" in line]
        assert "DATABASE_URL" in wrong
