"""The store's own clock, set by a test: SQLite's, or that of the Postgres server."""

from __future__ import annotations

import time

from sqlalchemy import Connection

from bridge.store import Store

_SCHEMA = """
CREATE SCHEMA IF NOT EXISTS faked;
CREATE TABLE IF NOT EXISTS faked.step (seconds float8 NOT NULL);
CREATE OR REPLACE FUNCTION faked.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
  SELECT pg_catalog.clock_timestamp() + (SELECT seconds FROM faked.step) * interval '1 second' $$;
DELETE FROM faked.step;
INSERT INTO faked.step VALUES (0);
"""
_AHEAD = 2440587.5  # the Julian day of the epoch


class StoreClock:
    """Ahead of the true time by so many seconds as `set` says."""

    def __init__(self) -> None:
        self._seconds = 0.0

    async def install(self, store: Store) -> None:
        """Let `store`, which was opened just now, go by this clock."""
        await store._database.run(self._install)
        await store._database.run(self._write)
        if hasattr(store._database, "engine"):  # the sessions of the pool know only their search path so far
            await store._database.engine.dispose()

    async def set(self, store: Store, seconds: float) -> None:
        self._seconds = seconds
        await store._database.run(self._write)

    def _install(self, connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            raw = connection.connection.driver_connection
            assert raw is not None
            julian = lambda _now: (time.time() + self._seconds) / 86_400.0 + _AHEAD
            raw.create_function("julianday", 1, julian)
            return
        for statement in _SCHEMA.replace("$$\n  ", "$$ ").split(";\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
        database = connection.exec_driver_sql("SELECT current_database()").scalar_one()
        connection.exec_driver_sql(f"ALTER DATABASE {database} SET search_path = faked, pg_catalog, public")

    def _write(self, connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"UPDATE faked.step SET seconds = {self._seconds}")
