"""Everything that a database holds, as it lies there: what somebody reads who has the disk and no key."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from bridge.store.database import Database, Postgres, Sqlite, postgres_dsn


def raw(url: str) -> Database:
    """The database beside whoever has it, without a key."""
    if url.startswith("sqlite"):
        return Sqlite(Path(url.removeprefix("sqlite:///")), beside=True)
    return Postgres(postgres_dsn(url), pool=1)


async def dump(url: str) -> str:
    """All rows of all tables; on SQLite the file as well, and its log."""
    path = url.removeprefix("sqlite:///")
    files = [one.read_bytes() for one in (Path(path), Path(f"{path}-wal")) if one.is_file()]
    database = raw(url)
    try:
        rows = await database.run(_rows)
    finally:
        await database.close()
    return "\n".join([rows, *(one.decode("latin-1") for one in files)])


def _rows(connection: Connection) -> str:
    told = []
    for table in inspect(connection).get_table_names():
        for row in connection.execute(text(f'SELECT * FROM "{table}"')):
            values = [bytes(one).decode("latin-1") if isinstance(one, bytes) else str(one) for one in row]
            told.append(f"{table}: {' | '.join(values)}")
    return "\n".join(told)
