"""The store beside a bridge that runs: read, when nothing is written and nobody waits for the reader; or
written, in transactions so short that hardly anybody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import create_engine, event
from sqlalchemy.exc import DatabaseError, ProgrammingError
from sqlalchemy.pool import NullPool

from bridge.errors import ConfigError, Unavailable
from bridge.store import keyring, migrate, sealed
from bridge.store.database import Database, Postgres, Sqlite, T, Transaction, postgres_dsn
from bridge.store.patience import REMEDY
from bridge.store.sealed import Keys, keys_of
from bridge.store.unreachable import postgres_at, reason


def read_only(path: Path) -> str:
    """The address at which SQLite does not write the file, nor make it."""
    return f"sqlite:///file:{quote(str(path.absolute()))}?mode=ro&uri=true"


class SqliteReader:
    """A file that somebody else may be writing. It has a write-ahead log, so neither waits for the other
    (https://www.sqlite.org/wal.html#concurrency); the lock file is for those who write."""

    def __init__(self, path: Path, keys: Keys) -> None:
        self.failed = False
        self.keys = keys
        self._engine = create_engine(read_only(path), poolclass=NullPool, connect_args={"timeout": 5})
        sealed.use(self._engine.dialect, keys)
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))

    async def run(self, transaction: Transaction[T], *args: Any) -> T:
        try:
            return await asyncio.to_thread(self._run, transaction, *args)
        except DatabaseError as error:
            if isinstance(error, ProgrammingError):  # a fault of ours
                raise
            raise Unavailable(f"cannot be read: {error.orig}", where="SQLite") from error

    def _run(self, transaction: Transaction[T], *args: Any) -> T:
        with self._engine.begin() as connection:
            return transaction(connection, *args)

    async def close(self) -> None:
        self._engine.dispose()


def _prepare(raw: Any, _record: Any) -> None:
    raw.isolation_level = None  # we say BEGIN ourselves: one look sees one state


async def open_reader(path: Path, database_url: str | None, environ: Mapping[str, str]) -> Database:
    """The store at `database_url`, else the SQLite file at `path`, to be read only. Raises `ConfigError`."""
    return await _open(path, database_url, environ, writes=False)


async def open_beside(path: Path, database_url: str | None, environ: Mapping[str, str]) -> Database:
    """The same, to be written in short transactions, with a key that others have. It carries nothing, so on
    SQLite it needs not to be alone."""
    return await _open(path, database_url, environ, writes=True)


async def _open(path: Path, url: str | None, environ: Mapping[str, str], *, writes: bool) -> Database:
    if url is None and environ.get("DYNO"):
        raise ConfigError("DATABASE_URL is not set: there is no store to look into", where="environment")
    keys = keys_of(environ)
    database: Database
    if url is not None:
        database = Postgres(postgres_dsn(url), keys, pool=1)
    elif not await asyncio.to_thread(path.is_file):
        raise ConfigError(
            "there is no store here yet",
            where=str(path),
            remedy="`bridge serve` makes it; is [store] path the one that the bridge has?",
        )
    else:
        database = Sqlite(path, keys, beside=True) if writes else SqliteReader(path, keys)
    try:
        try:
            found = await database.run(migrate.version)
        except Unavailable as error:
            where = postgres_at(postgres_dsn(url)) if url else f"SQLite at {path}"
            raise Unavailable(f"cannot be reached: {reason(error)}", where=where, remedy=REMEDY) from error
        migrate.check(found, "DATABASE_URL" if url else str(path))
        await database.run(lambda connection: keyring.check(connection, keys, seals=False))
        if writes:
            await database.run(keyring.require_first, keys)
    except BaseException:
        await database.close()
        raise
    return database
