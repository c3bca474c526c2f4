"""How worker processes on one Postgres wake each other, and see which of them have died.

One direct connection a process: it listens, notifies, and holds an advisory lock as long as the process
lives. A lock that is gone for two looks in a row is a dead worker; one look could be a reconnect.
(Not through a transaction-mode PgBouncer: the lock belongs to the session.)
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

import asyncpg

from bridge.store.lanes import CHANNEL
from bridge.store.patience import patiently
from bridge.store.unreachable import postgres_at

logger = logging.getLogger(__name__)

# The last is what a call gets whose connection the server has just ended.
_AWAY = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    TimeoutError,
    asyncpg.InternalClientError,
)

LOCKS = 0x62726467  # the class of our advisory locks; the worker's number is the object
COALESCE = 0.005  # seconds: a burst of commits is one NOTIFY
RECONNECT = (0.05, 0.1, 0.25, 0.5, 1.0)

_UNLOCKED = """
SELECT id FROM worker WHERE id <> $1 AND NOT EXISTS (
    SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid::bigint = $2 AND objid::bigint = worker.id)
"""

_ENLIST = """
INSERT INTO worker (id, name, started_at) VALUES ($1, $2, extract(epoch from clock_timestamp()))
ON CONFLICT (id) DO NOTHING
"""


class Listener:
    def __init__(self, dsn: str, wake: Callable[[], None]) -> None:
        self._dsn = dsn
        self._wake = wake
        self._worker = 0
        self._name = ""
        self._connection: asyncpg.Connection[Any] | None = None
        self._using = asyncio.Lock()  # a connection takes one call at a time, and fails the second
        self._lost = asyncio.Event()
        self._pending = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._suspects: set[int] = set()

    async def start(self, worker_id: int, name: str) -> None:
        self._worker, self._name = worker_id, name
        await patiently(self._connect, _AWAY, postgres_at(self._dsn))
        self._tasks = [asyncio.create_task(self._keep()), asyncio.create_task(self._notify())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connection is not None:
            self._connection.remove_termination_listener(self._on_lost)
            with contextlib.suppress(Exception):
                await self._connection.close(timeout=2)
            self._connection = None

    def notify(self) -> None:
        """Tell the other processes, soon, that some lane may be due."""
        self._pending.set()

    async def dead(self) -> list[int]:
        """The workers that have held no lock now and at the last look."""
        try:
            async with self._using:
                if self._connection is None:
                    return []
                rows = await self._connection.fetch(_UNLOCKED, self._worker, LOCKS, timeout=5)
        except _AWAY:
            return []
        unlocked = {row["id"] for row in rows}
        dead = unlocked & self._suspects
        self._suspects = unlocked - dead
        return sorted(dead)

    async def _connect(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=10)
        try:
            await connection.add_listener(CHANNEL, self._on_notify)
            await connection.execute("SELECT pg_advisory_lock($1, $2)", LOCKS, self._worker)
            # While we were away the others may have taken us for dead, and forgotten us.
            await connection.execute(_ENLIST, self._worker, self._name)
        except BaseException:
            connection.terminate()  # or each try would leave one open, and the lock in it
            raise
        self._lost.clear()
        connection.add_termination_listener(self._on_lost)
        self._connection = connection
        if connection.is_closed():
            self._lost.set()

    async def _keep(self) -> None:
        while True:
            await self._lost.wait()
            self._connection = None
            self._suspects.clear()
            attempt = 0
            while self._connection is None:
                await asyncio.sleep(RECONNECT[min(attempt, len(RECONNECT) - 1)])
                attempt += 1
                try:
                    await self._connect()
                except _AWAY as error:
                    if attempt == len(RECONNECT):
                        logger.warning("cannot listen on Postgres: %s", type(error).__name__)
            self._wake()  # whatever was announced meanwhile

    async def _notify(self) -> None:
        while True:
            await self._pending.wait()
            await asyncio.sleep(COALESCE)
            self._pending.clear()
            # A lost one is no loss: the others poll, and we wake them when we are back.
            with contextlib.suppress(*_AWAY):
                async with self._using:
                    if self._connection is not None:
                        await self._connection.execute(f"NOTIFY {CHANNEL}", timeout=5)

    def _on_notify(self, connection: Any, pid: int, _channel: str, _payload: object) -> None:
        if pid != connection.get_server_pid():  # who said it has been awake since it wrote
            self._wake()

    def _on_lost(self, _connection: object) -> None:
        self._lost.set()
