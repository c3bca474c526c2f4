"""Migrations make the schema that the program uses; a store that cannot be used says why."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from bridge.errors import ConfigError, Unavailable
from bridge.store import migrate, open_store
from bridge.store.database import Sqlite, postgres_dsn
from bridge.store.tables import METADATA
from tests.postgres import Postgres
from tests.stores import connect, opened


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without tables."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/bridge.sqlite3"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.create_database()
    yield url
    server.drop_database(url)


def test_the_newest_version_is_the_last_migration() -> None:
    migrations = Config()
    migrations.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    migrations.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(migrations).get_heads() == [migrate.newest()]


async def test_migrations_make_the_tables(empty_database_url: str) -> None:
    async with opened(empty_database_url) as store:

        def difference(connection: Connection) -> object:
            return compare_metadata(MigrationContext.configure(connection), METADATA)

        assert await store._database.run(difference) == []
        before, after = await store.migrate()
        assert before == after  # a second time changes nothing
        await store.check_schema()


async def test_an_empty_postgres_says_what_to_run(postgres: Postgres) -> None:
    url = postgres.create_database()
    store = connect(url)
    with pytest.raises(ConfigError, match="python -m bridge migrate"):
        await store.check_schema()
    await store.close()
    postgres.drop_database(url)


async def test_a_second_process_is_kept_out_of_a_sqlite_file(tmp_path: Path) -> None:
    async with opened(f"sqlite:///{tmp_path}/bridge.sqlite3"):
        with pytest.raises(ConfigError, match="another bridge process"):
            Sqlite(tmp_path / "bridge.sqlite3")


def test_an_ephemeral_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="DYNO is set and DATABASE_URL is not"):
        open_store(tmp_path / "x", None, pool=1, environ={"DYNO": "web.1"})


async def test_a_database_that_is_away_is_unavailable(tmp_path: Path) -> None:
    store = open_store(tmp_path / "x", "postgres://nobody@127.0.0.1:9/none", pool=1, environ={})
    with pytest.raises(Unavailable):
        await store.ping()
    await store.close()


@pytest.mark.parametrize(
    ("given", "becomes"),
    [
        ("postgres://u:p@h:5432/d", "postgres://u:p@h:5432/d"),
        ("postgresql://u:p@h/d?sslmode=require", "postgresql://u:p@h/d?sslmode=require"),
        ("postgresql+psycopg://h/d", "postgresql://h/d"),
        ("postgres://h/d?sslmode=require&channel_binding=require", "postgres://h/d?sslmode=require"),
    ],
)
def test_platforms_write_the_address_in_several_ways(given: str, becomes: str) -> None:
    assert postgres_dsn(given) == becomes


async def test_an_address_with_all_that_platforms_add_connects(postgres: Postgres) -> None:
    url = postgres.create_database()
    more = "sslmode=prefer&channel_binding=prefer&application_name=bridge&connect_timeout=5"
    store = connect(f"{url}{'&' if '?' in url else '?'}{more}")
    await store.migrate()
    worker = await store.join()
    await store.leave(worker)
    await store.close()
    postgres.drop_database(url)


def test_another_database_is_refused() -> None:
    with pytest.raises(ConfigError, match="DATABASE_URL begins with 'mysql'"):
        postgres_dsn("mysql://h/d")
