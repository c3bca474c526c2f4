"""One way to run a transaction, on SQLite and on Postgres.

A transaction is a plain function over a SQLAlchemy `Connection`. On Postgres it runs through asyncpg;
on SQLite in one writer thread that commits several callers' transactions together, so that the price
of a durable commit is shared (measured: ten times aiosqlite). Either way it is committed when `run` returns.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from filelock import FileLock, Timeout
from sqlalchemy import Connection, ExceptionContext, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bridge.errors import ConfigError, Unavailable
from bridge.store import sealed
from bridge.store.sealed import Keys
from bridge.store.unreachable import check_address

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")
Transaction = Callable[..., T]

GROUP = 64  # transactions in one commit at the most
TRIES = 3  # of one transaction on Postgres
#: seconds between looks for one of ours where the server has no connection left; in all less than Slack's 3 s
FULL = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
#: SQLSTATEs: the session writes nothing; the server has ended it
READ_ONLY, _ENDED = "25006", ("57P01", "57P02", "57P03", "57P05")
BACKLOG = 10_000  # transactions waiting for the writer; more than that and callers are told to come back


class Database(Protocol):
    failed: bool  # some transaction was not kept since somebody set this back
    keys: Keys

    async def run(self, transaction: Transaction[T], *args: Any) -> T:
        """Run `transaction(connection, *args)` and commit. Raises `Unavailable` when the database is away."""
        ...

    async def close(self) -> None: ...


class Sqlite:
    """A file, one writer thread, and a lock file that keeps a second process out.

    `beside` such a process another may write in short transactions, as long as it carries nothing: then the
    two take turns by SQLite's own locks.
    """

    def __init__(self, path: Path, keys: Keys | None = None, *, beside: bool = False) -> None:
        self.failed = False
        self.keys = keys or Keys()
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = None if beside else FileLock(f"{path}.lock", timeout=0)
        try:
            if self._lock is not None:
                self._lock.acquire()
        except Timeout:
            raise ConfigError(
                "another bridge process has this SQLite file open",
                where=str(path),
                remedy="One process serves a SQLite store; for several, set DATABASE_URL to a Postgres",
            ) from None
        self._engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})
        sealed.use(self._engine.dialect, self.keys)
        event.listen(self._engine, "connect", _prepare)
        event.listen(self._engine, "begin", _begin)
        self._jobs: queue.Queue[_Job | None] = queue.Queue()
        self._thread = threading.Thread(target=self._write, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def run(self, transaction: Transaction[T], *args: Any) -> T:
        if self._jobs.qsize() > BACKLOG:
            raise Unavailable("the store is too far behind", where="SQLite")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(transaction, args, future, loop))
        return await future

    async def close(self) -> None:
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        self._engine.dispose()
        if self._lock is not None:
            self._lock.release()

    def _write(self) -> None:
        while (job := self._jobs.get()) is not None:
            jobs = [job]
            while len(jobs) < GROUP:
                try:
                    more = self._jobs.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    self._jobs.put(None)
                    break
                jobs.append(more)
            self._commit_together(jobs)

    def _commit_together(self, jobs: list[_Job]) -> None:
        results: list[tuple[_Job, Any, Exception | None]] = []
        try:
            with self._engine.begin() as connection:
                raw: Any = connection.connection.driver_connection
                for job in jobs:
                    raw.execute("SAVEPOINT one")
                    try:
                        results.append((job, job.transaction(connection, *job.args), None))
                        raw.execute("RELEASE one")
                    except Exception as error:
                        if not raw.in_transaction:  # where the disk is full, SQLite rolls all of it back
                            raise
                        raw.execute("ROLLBACK TO one")
                        raw.execute("RELEASE one")
                        results.append((job, None, _told(error, "SQLite")))
        except Exception as error:  # the commit itself, a full disk: nobody's work is kept
            told = _told(error, "SQLite")
            results = [(job, None, told) for job in jobs]
        if any(isinstance(error, Unavailable) for _, _, error in results):
            self.failed = True
        waiting: dict[asyncio.AbstractEventLoop, list[tuple[_Job, Any, Exception | None]]] = {}
        for result in results:
            waiting.setdefault(result[0].loop, []).append(result)
        for loop, some in waiting.items():
            try:
                loop.call_soon_threadsafe(_answer, some)
            except RuntimeError:  # that loop is closed: nobody waits any more
                continue


class Postgres:
    """A pool of asyncpg connections, small enough for the smallest plans."""

    def __init__(self, dsn: str, keys: Keys | None = None, *, pool: int) -> None:
        # SQLite has no use for these two; the second imports SQLAlchemy's ORM.
        from asyncpg import InternalClientError
        from sqlalchemy.ext.asyncio import create_async_engine

        self._client_error = InternalClientError

        self.failed = False
        self.keys = keys or Keys()
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",  # asyncpg reads the address itself: it knows more of libpq
            pool_size=pool,
            max_overflow=0,
            pool_timeout=10,
            # Each size of batch is a statement of its own, and prepared once.
            connect_args={"dsn": dsn, "timeout": 10, "prepared_statement_cache_size": 500},
        )
        sealed.use(self.engine.dialect, self.keys)
        event.listen(self.engine.sync_engine, "handle_error", _discard)

    async def run(self, transaction: Transaction[T], *args: Any) -> T:
        tries, pauses = 0, iter(FULL)
        while True:
            try:
                async with self.engine.begin() as connection:
                    return await connection.run_sync(transaction, *args)
            except (DBAPIError, PoolTimeout, OSError, TimeoutError, self._client_error) as error:
                if _is_full(error) and (pause := next(pauses, None)) is not None:
                    await asyncio.sleep(pause)
                    continue
                tries += 1
                if tries < TRIES and isinstance(error, DBAPIError) and _is_worth_another_try(error):
                    continue
                told = _told(error, "Postgres", self._client_error)
                self.failed = self.failed or isinstance(told, Unavailable)
                raise told from error

    async def close(self) -> None:
        await self.engine.dispose()


# libpq's parameters that asyncpg would take for settings of the server, which knows none of them
_LIBPQ_ONLY = {
    "channel_binding",
    "connect_timeout",
    "gssencmode",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "requirepeer",
    "sslcompression",
    "tcp_user_timeout",
}


def postgres_dsn(url: str) -> str:
    """A platform's DATABASE_URL as asyncpg reads it. Raises `ConfigError` where it is no Postgres."""
    parts = urlsplit(url)
    scheme = parts.scheme.partition("+")[0]
    if scheme not in ("postgres", "postgresql"):
        raise ConfigError(
            f"DATABASE_URL begins with {parts.scheme!r}",
            where="environment",
            remedy="It is a Postgres address, postgres://user:password@host/name; unset it to use SQLite",
        )
    check_address(parts)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name not in _LIBPQ_ONLY]
    return urlunsplit((scheme, parts.netloc, parts.path, urlencode(query), ""))


class _Job:
    __slots__ = ("args", "future", "loop", "transaction")

    def __init__(
        self,
        transaction: Transaction[Any],
        args: tuple[Any, ...],
        future: asyncio.Future[Any],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.transaction = transaction
        self.args = args
        self.future = future
        self.loop = loop


def _is_full(error: Exception) -> bool:
    """Whether the server has no connection to give: then one of the pool's has to do, once it is free."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == "53300"


def _discard(context: ExceptionContext) -> None:
    """A session that cannot write is not used again, nor are the others of the pool: a session keeps what it
    was opened with, also when its server takes writes again. The next one may be at another server."""
    if getattr(context.original_exception, "sqlstate", None) in (READ_ONLY, *_ENDED):
        context.is_disconnect = True


def _is_worth_another_try(error: DBAPIError) -> bool:
    """A pooled connection that died while idle is found out only by using it; a deadlock has a loser.

    Every transaction here can be run again: its keys and tokens make what was done before a no-op.
    """
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in ("40001", "40P01")


def _answer(results: list[tuple[_Job, Any, Exception | None]]) -> None:
    for job, value, error in results:
        if job.future.done():  # its caller was cancelled; the work is committed all the same
            continue
        if error is not None:
            job.future.set_exception(error)
        else:
            job.future.set_result(value)


def _prepare(raw: Any, _record: Any) -> None:
    raw.isolation_level = None  # we say BEGIN ourselves
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",  # NORMAL can lose an acknowledged webhook with the power
        "fullfsync = 1",  # macOS: fsync alone does not reach the disk
        "foreign_keys = ON",
        "secure_delete = ON",  # zeros where something was deleted: who is forgotten is not in the file
        "busy_timeout = 5000",
        "cache_size = -16000",  # KiB; the rest is the system's page cache
    ):
        raw.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def is_read_only(connection: Connection) -> bool:
    """Whether this session of Postgres writes nothing."""
    if connection.dialect.name != "postgresql":
        connection.exec_driver_sql("SELECT 1")
        return False
    return bool(connection.exec_driver_sql("SHOW transaction_read_only").scalar_one() == "on")


def _told(error: Exception, where: str, *client_errors: type[Exception]) -> Exception:
    """A database that cannot be used now is `Unavailable`; a fault in our own code stays what it is."""
    # Without a statement the connection was refused: by its address it may want a setting that is not known.
    if isinstance(error, ProgrammingError | IntegrityError | DataError) and error.statement is not None:
        return error
    if isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == READ_ONLY:
        return Unavailable("takes no writes now: it is read-only, as a replica is", where=where)
    if isinstance(error, sqlite3.DatabaseError):  # not yet one of SQLAlchemy's: the file cannot be opened
        return Unavailable(f"{type(error).__name__}: {_first_line(error)}", where=where)
    if isinstance(error, DBAPIError):
        # The statement and its values stay out of it: they hold what customers wrote.
        return Unavailable(f"{type(error.orig).__name__}: {_first_line(error.orig)}", where=where)
    if isinstance(error, (PoolTimeout, OSError, TimeoutError, *client_errors)):
        return Unavailable(f"{type(error).__name__}: {_first_line(error)}", where=where)
    return error


def _first_line(error: object) -> str:
    return str(error).split("\n", 1)[0][:200]
