"""Finds a connection pooler in transaction mode between the bridge and Postgres, before anything starts.

In that mode each transaction may run in another server session. Advisory locks, LISTEN and prepared statements
belong to one session, so with it a worker counts as dead, hears nothing, and its statements fail now and then:
https://www.pgbouncer.org/features.html
"""

from __future__ import annotations

from typing import Any

import asyncpg

from bridge.errors import ConfigError

LOOKS = 3  # a pooler may give its sessions in turn
TIMEOUT = 10.0  # seconds
_SESSION = "SELECT pg_backend_pid()"
#: a prepared statement that another session has, or has not
_STATEMENT_ELSEWHERE = (asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError)


async def check(dsn: str) -> None:
    """Raises `ConfigError` where there is one. A database that is away is found by others."""
    try:
        pooled = await _changes_sessions(dsn)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        return
    if pooled:
        raise ConfigError(
            "Postgres is behind a pooler in transaction mode, in which locks, LISTEN and prepared statements "
            "do not work",
            where="DATABASE_URL",
            remedy="Connect to Postgres directly, or let the pooler use session mode",
        )


async def _changes_sessions(dsn: str) -> bool:
    first = await _connect(dsn)
    try:
        session: int = await first.fetchval(_SESSION)
        if session == first.get_server_pid():  # a pooler gives a number of its own
            return False
        other = await _connect(dsn)
        try:
            for _ in range(LOOKS):
                async with other.transaction():  # and holds the session that it is in
                    if await other.fetchval(_SESSION) == session:
                        return True
                    if await first.fetchval(_SESSION) != session:
                        return True
                if await first.fetchval(_SESSION) != session:
                    return True
        finally:
            other.terminate()
    except (*_STATEMENT_ELSEWHERE, TimeoutError):  # the only session is the other's
        return True
    finally:
        first.terminate()
    return False


async def _connect(dsn: str) -> asyncpg.Connection[Any]:
    return await asyncpg.connect(dsn, timeout=TIMEOUT, command_timeout=TIMEOUT, statement_cache_size=0)
