"""Many rows in one parameter: what comes out is what was put in, as its columns' types store it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    select,
)

from bridge.store import Store
from bridge.store.rows import Rows
from tests.stores import opened


class Backwards(TypeDecorator[Any]):
    """Stores a text or bytes the other way round."""

    impl: Any = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: object) -> Any:
        return None if value is None else value[::-1]


class BytesBackwards(Backwards):
    impl: Any = LargeBinary
    cache_ok = True


THINGS = Table(
    "thing",
    MetaData(),
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("name", Text),
    Column("body", LargeBinary),
    Column("size", BigInteger),
    Column("at", Double),
    Column("good", Boolean),
    Column("told", Backwards),
    Column("kept", BytesBackwards),
    Column("same", Backwards, nullable=False),
    UniqueConstraint("name"),
)
GIVEN = Rows(*(THINGS.c[name] for name in ("name", "body", "size", "at", "good", "told", "kept")))
INSERT = (
    GIVEN.insert(same="abc").on_conflict_do_nothing(index_elements=[THINGS.c.name]).returning(THINGS.c.name)
)
ALL = select(THINGS).order_by(THINGS.c.id)

ROWS: list[tuple[Any, ...]] = [
    (
        "Łukasz “Ł”\n\\u0000 \U0001f600",
        bytes(range(256)),
        2**53 + 1,
        1795203345.123456,
        True,
        "told",
        b"kept",
    ),
    ("", b"", 0, -0.5, False, "", b""),
    ("only its name", None, None, None, None, None, None),
    ('{"kind": "message", "text": "\\u00e4\\"[]"}', b"\0\xff", -(2**62), 1e-300, True, "é", b"\0"),
    ("x" * 100_000, b"y" * 100_000, 7, 0.1, False, "z" * 9_000, b"\x01" * 9_000),
]


async def run(url: str, work: Any) -> Any:
    async with opened(url) as store:
        return await _in(store, work)


async def _in(store: Store, work: Any) -> Any:
    def made(connection: Connection) -> Any:
        THINGS.create(connection)
        return work(connection)

    return await store._database.run(made)


def put(connection: Connection, *rows: tuple[Any, ...]) -> list[str]:
    return list(connection.execute(INSERT, GIVEN.given(connection, rows)).scalars())


async def test_what_comes_out_is_what_was_put_in_in_its_order(database_url: str) -> None:
    def work(connection: Connection) -> None:
        assert put(connection, *ROWS) == [row[0] for row in ROWS]
        kept = connection.execute(ALL).all()
        backwards = [
            (*row[:5], *(None if one is None else one[::-1] for one in row[5:7]), "cba") for row in ROWS
        ]
        assert [tuple(row)[1:] for row in kept] == backwards
        assert [row.id for row in kept] == sorted(row.id for row in kept)

    await run(database_url, work)


async def test_the_second_of_two_that_are_one_is_left_out(database_url: str) -> None:
    def work(connection: Connection) -> None:
        first, second, third = (("a", b"1"), ("b", b"2"), ("a", b"3"))
        nothing = (None,) * 5
        assert put(connection, (*first, *nothing), (*second, *nothing), (*third, *nothing)) == ["a", "b"]
        assert put(connection, (*third, *nothing)) == []
        assert [row.body for row in connection.execute(ALL)] == [b"1", b"2"]

    await run(database_url, work)


async def test_rows_are_found_by_what_is_among_their_values(database_url: str) -> None:
    about = Rows(THINGS.c.name, THINGS.c.size)
    found = select(THINGS.c.name).where(about.among()).order_by(THINGS.c.id)

    def work(connection: Connection) -> None:
        put(connection, *((name, None, size, *(None,) * 4) for name, size in (("a", 1), ("b", 2), ("c", 1))))
        asked = [("c", 1), ("x", 7), ("b", 1)]
        assert list(connection.execute(found, about.given(connection, asked)).scalars()) == ["c"]
        assert list(connection.execute(found, about.given(connection, [])).scalars()) == []

    await run(database_url, work)


async def test_a_text_with_nul_is_refused_and_nothing_is_cut_short(database_url: str) -> None:
    def work(connection: Connection) -> None:
        for text in ("\0", "a\0b", "\\\0", '\\\\"\0'):
            with pytest.raises(ValueError, match="NUL"):
                GIVEN.given(connection, [(text, *(None,) * 6)])
        texts = ["\\u0000", "\\\\u0000", 'a"\\u0000']
        assert put(connection, *((text, *(None,) * 6) for text in texts)) == texts

    await run(database_url, work)
