"""A database as Heroku's smallest plan gives it: one role, which may have 20 connections.

https://devcenter.heroku.com/articles/heroku-postgres-plans
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import asyncpg

from tests.postgres import Postgres

LIMIT = 20
REFUSED = "too many connections for role"


@dataclass
class Plan:
    server: Postgres
    role: str
    url: str
    most: int = 0  # connections at the same time, while `watched`

    async def held(self, watching: asyncpg.Connection) -> int:
        """How many connections there are now."""
        count: int = await watching.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE usename = $1", self.role
        )
        self.most = max(self.most, count)
        return count

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Count them ten times a second."""

        async def watch() -> None:
            while True:
                await self.held(watching)
                await asyncio.sleep(0.1)

        watching = await asyncpg.connect(self.server.url("postgres"))
        task = asyncio.create_task(watch())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await watching.close()


@contextlib.contextmanager
def smallest(server: Postgres) -> Iterator[Plan]:
    """An empty database; its address is as Heroku writes it."""
    role, password = f"u{secrets.token_hex(6)}", f"p{secrets.token_hex(16)}"
    server.sql(f"CREATE ROLE {role} LOGIN PASSWORD '{password}' CONNECTION LIMIT {LIMIT}")
    server.sql(f"CREATE DATABASE {role} OWNER {role}")
    try:
        yield Plan(server, role, f"postgres://{role}:{password}@127.0.0.1:{server.port}/{role}")
    finally:
        server.sql(f"DROP DATABASE {role} WITH (FORCE)")
        server.sql(f"DROP ROLE {role}")
