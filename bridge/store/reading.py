"""The store as it is read beside a bridge that runs: nothing is written, and nobody waits for the reader."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from bridge.errors import ConfigError, Unavailable
from bridge.store import migrate
from bridge.store.database import Database, Postgres, T, Transaction, postgres_dsn


def read_only(path: Path) -> str:
    """The address at which SQLite does not write the file, nor make it."""
    return f"sqlite:///file:{quote(str(path.absolute()))}?mode=ro&uri=true"


class SqliteReader:
    """A file that somebody else may be writing. It has a write-ahead log, so neither waits for the other
    (https://www.sqlite.org/wal.html#concurrency); the lock file is for those who write."""

    def __init__(self, path: Path) -> None:
        self.failed = False
        if not path.is_file():
            raise ConfigError(
                "there is no store here yet",
                where=str(path),
                remedy="`bridge serve` makes it; is [store] path the one that the bridge has?",
            )
        self._engine = create_engine(read_only(path), poolclass=NullPool, connect_args={"timeout": 5})
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))

    async def run(self, transaction: Transaction[T], *args: Any) -> T:
        try:
            return await asyncio.to_thread(self._run, transaction, *args)
        except OperationalError as error:
            raise Unavailable(f"cannot be read: {error.orig}", where="SQLite") from None

    def _run(self, transaction: Transaction[T], *args: Any) -> T:
        with self._engine.begin() as connection:
            return transaction(connection, *args)

    async def close(self) -> None:
        self._engine.dispose()


def _prepare(raw: Any, _record: Any) -> None:
    raw.isolation_level = None  # we say BEGIN ourselves: one look sees one state


async def open_reader(path: Path, database_url: str | None, environ: Mapping[str, str]) -> Database:
    """The store at `database_url`, else the SQLite file at `path`, to be read only. Raises `ConfigError`."""
    if database_url is None and environ.get("DYNO"):
        raise ConfigError("DATABASE_URL is not set: there is no store to look into", where="environment")
    database: Database = Postgres(postgres_dsn(database_url), pool=1) if database_url else SqliteReader(path)
    try:
        found = await database.run(migrate.version)
    except BaseException:
        await database.close()
        raise
    if found != migrate.newest():
        await database.close()
        raise ConfigError(
            f"the database's schema is at {found or 'nothing'}, this program wants {migrate.newest()}",
            where="DATABASE_URL" if database_url else str(path),
            remedy="Run: python -m bridge migrate",
        )
    return database
