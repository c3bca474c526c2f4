"""Which keys the store is sealed with: known from the start on, and all of it brought to the first key.

Whoever may seal is written down before it does, so that a process that lacks a key is told so as it starts
and not when it reads. `rewrite` goes through all that is stored in small batches beside the traffic.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Connection, Table, bindparam, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from bridge.errors import ConfigError
from bridge.store.database import Database
from bridge.store.retention import Stride
from bridge.store.sealed import (
    VARIABLE,
    Keys,
    SealedBytes,
    SealedText,
    is_behind,
    is_sealed,
)
from bridge.store.tables import METADATA, now, sealing

SEALED: dict[Table, list[Column[Any]]] = {
    table: columns
    for table in METADATA.sorted_tables
    if (columns := [one for one in table.c if isinstance(one.type, SealedText | SealedBytes)])
}
_WRITE_DOWN = insert(sealing).on_conflict_do_nothing()


def check(connection: Connection, keys: Keys, *, seals: bool = True) -> None:
    """Raises `ConfigError` where something was sealed with a key that we have not. Who `seals` is known by it
    from here on."""
    known = set(connection.execute(select(sealing.c.key)).scalars())
    missing = {one: list(_tables(connection, one)) for one in sorted(known) if one not in keys}
    if told := [f"{one} ({', '.join(tables)})" for one, tables in missing.items() if tables]:
        raise ConfigError(
            f"stored text is sealed with a key that is not in {VARIABLE}: {'; '.join(told)}",
            where="environment",
            remedy=f"Add it to {VARIABLE}, behind the first; what a lost key sealed cannot be read any more",
        )
    if seals and keys.first is not None and keys.first not in known:
        connection.execute(_WRITE_DOWN.values(key=keys.first, since=now()))


def told(connection: Connection, keys: Keys) -> str:
    """What is to be said of the keys where none is missing, as to who looks for what is wrong."""
    if not keys.all:
        return ""
    if not _is_known(connection, keys):
        return (
            f"no bridge was started with the key {keys.first} yet: restart the bridge with it, then run "
            "`bridge encrypt`"
        )
    behind = [
        table.name
        for table, columns in SEALED.items()
        if connection.execute(
            select(table.c.id).where(or_(*(is_behind(column, keys) for column in columns))).limit(1)
        ).first()
    ]
    by = (
        f"stored text is sealed with the key {keys.first}"
        if keys.first
        else "stored text is not sealed any more"
    )
    return f"{by}, but for some of {', '.join(behind)}: `bridge encrypt` brings it there" if behind else by


def require_first(connection: Connection, keys: Keys) -> None:
    """Raises `ConfigError` where nobody was started with the first key: it could not read what that seals."""
    if not _is_known(connection, keys):
        raise ConfigError(
            f"no bridge was started with the key {keys.first}: one that runs could not read what it seals",
            where=VARIABLE,
            remedy="Restart the bridge with it, or run `bridge migrate` with it, and then this",
        )


def _is_known(connection: Connection, keys: Keys) -> bool:
    """Whether somebody was started with the first key, if there is one."""
    wanted = select(sealing.c.key).where(sealing.c.key == keys.first)
    return keys.first is None or connection.execute(wanted).first() is not None


def _tables(connection: Connection, key: str) -> Iterator[str]:
    """Those that have a row of this key."""
    for table, columns in SEALED.items():
        of_key = or_(*(is_sealed(column, key) for column in columns))
        if connection.execute(select(table.c.id).where(of_key).limit(1)).first() is not None:
            yield table.name


async def rewrite(database: Database) -> dict[str, int]:
    """Let all that is stored be as it would be stored now: how many rows of each table were changed."""
    changed: dict[str, int] = {}
    stride = Stride()
    for table in SEALED:
        after: int | None = 0
        while after is not None:
            count, after = await stride(database, _rewrite, table, database.keys, after)
            changed[table.name] = changed.get(table.name, 0) + count
    return changed


def _rewrite(
    connection: Connection, table: Table, keys: Keys, after: int, most: int
) -> tuple[int, int | None]:
    """The next rows that are behind; how many, and the id behind which to go on, None at the end."""
    columns = SEALED[table]
    behind = (
        select(table.c.id, *columns)
        .where(table.c.id > after, or_(*(is_behind(column, keys) for column in columns)))
        .order_by(table.c.id)
        .limit(most)
        .with_for_update()
    )
    rows = connection.execute(behind).all()
    if rows:
        again: dict[str, Any] = {column.name: bindparam(f"as_{column.name}") for column in columns}
        anew = update(table).where(table.c.id == bindparam("row")).values(**again)
        told = [
            {"row": row.id} | {f"as_{one.name}": row._mapping[one.name] for one in columns} for row in rows
        ]
        connection.execute(anew, told)
    return len(rows), rows[-1].id if len(rows) == most else None


async def retire(database: Database) -> list[str]:
    """Strike off the keys that nothing is sealed with any more, but for the first: which."""
    return await database.run(_retire, database.keys)


def _retire(connection: Connection, keys: Keys) -> list[str]:
    known = connection.execute(select(sealing.c.key).where(sealing.c.key != (keys.first or ""))).scalars()
    gone = [one for one in known if not any(_tables(connection, one))]
    connection.execute(delete(sealing).where(sealing.c.key.in_(gone)))
    return sorted(gone)
