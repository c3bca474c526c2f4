"""Many rows for one statement, in one parameter: it is the same statement for one row and for a thousand.

A webhook's way into the store is made of it: there a parameter for each value costs more than all that the
database does. The rows are an array of arrays in JSON, each value as its column's type stores it. Bytes are
a parameter of their own, and each row takes its part of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import (
    ClauseElement,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Integer,
    LargeBinary,
    Text,
    TypeDecorator,
    and_,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import Insert, insert  # the construct compiles for SQLite as well
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NULLTYPE, TypeEngine

_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


class Rows:
    """Rows with a value for each of these `columns`, which are one table's."""

    def __init__(self, *columns: Column[Any]) -> None:
        self._columns = columns
        plain = [_plain(column) for column in columns]
        self._are_bytes = [isinstance(kind, LargeBinary) for kind in plain]
        self._processes: WeakKeyDictionary[Dialect, list[Callable[[Any], Any] | None]] = WeakKeyDictionary()
        rows = _Each(bindparam("rows", type_=Text)).table_valued("value", name="given")
        self._number: ColumnElement[int] = _Number(rows.c.value)
        self._fields: list[ColumnElement[Any]] = []
        place = 0
        for kind, is_bytes in zip(plain, self._are_bytes, strict=True):
            item = _Item(rows.c.value, literal_column(str(place)))
            if is_bytes:
                length = _Item(rows.c.value, literal_column(str(place + 1)))
                all_bytes = bindparam(f"bytes{place}", type_=LargeBinary)
                self._fields.append(func.substr(all_bytes, cast(item, Integer), cast(length, Integer)))
            else:
                self._fields.append(cast(item, kind))
            place += 2 if is_bytes else 1

    def insert(self, **same: Any) -> Insert:
        """Puts them into their table in their order, each with what is the same for all."""
        table = self._columns[0].table
        more = [
            value if isinstance(value, ClauseElement) else literal(value, table.c[name].type)
            for name, value in same.items()
        ]
        names = [*(column.name for column in self._columns), *same]
        return insert(table).from_select(names, select(*self._fields, *more).order_by(self._number))

    def among(self) -> ColumnElement[bool]:
        """Whether a row of the table has in each of these columns what some row here has there."""
        both = zip(self._columns, self._fields, strict=True)
        return and_(*(_Among(column, select(field).scalar_subquery()) for column, field in both))

    def given(self, connection: Connection, rows: Sequence[Sequence[Any]]) -> dict[str, Any]:
        """The parameters of a statement that was made of this."""
        told: dict[str, Any] = {}
        columns: list[Iterable[Any]] = []
        kinds = zip(self._of(connection.dialect), self._are_bytes, strict=True)
        for number, (process, is_bytes) in enumerate(kinds):
            values = [row[number] for row in rows]
            if process is not None:
                values = [process(value) for value in values]
            if is_bytes:
                lengths = [None if value is None else len(value) for value in values]
                # They begin with one that is no row's: SQLite takes a part of nothing for NULL.
                told[f"bytes{len(columns)}"] = b"".join((b"\0", *(value or b"" for value in values)))
                columns += (accumulate((length or 0 for length in lengths), initial=2), lengths)
            else:
                columns.append(values)
        told["rows"] = text = _write(list(zip(*columns, strict=False)))
        if "\\u0000" in text and _NUL.search(text):  # Postgres refuses it, SQLite would end the text there
            raise ValueError("a text with NUL in it cannot be kept")
        return told

    def _of(self, dialect: Dialect) -> list[Callable[[Any], Any] | None]:
        """What the columns' types make of a value before it is stored."""
        if dialect not in self._processes:
            types = [column.type.dialect_impl(dialect) for column in self._columns]
            self._processes[dialect] = [one.bind_processor(dialect) for one in types]
        return self._processes[dialect]


def _plain(column: Column[Any]) -> TypeEngine[Any]:
    """How the database has it."""
    return column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type


class _Each(FunctionElement[Any]):
    """A row for each element of an array."""

    inherit_cache = True


class _Among(FunctionElement[Any]):
    """Whether a value is among those of a subquery."""

    type = NULLTYPE  # as a Boolean it would be compared with 1 on SQLite, and go by no index
    inherit_cache = True


class _Number(FunctionElement[int]):
    """Where in the array it is."""

    type = Integer()
    inherit_cache = True


class _Item(FunctionElement[str]):
    """One of the elements of an array in an array."""

    inherit_cache = True


@compiles(_Each, "sqlite")
def _each_sqlite(element: _Each, compiler: Any, **kw: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **kw)})"


@compiles(_Each, "postgresql")
def _each_postgresql(element: _Each, compiler: Any, **kw: Any) -> str:
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **kw)} AS JSONB)) WITH ORDINALITY"


@compiles(_Among, "sqlite")
def _among_sqlite(element: _Among, compiler: Any, **kw: Any) -> str:
    value, subquery = (compiler.process(one, **kw) for one in element.clauses)
    return f"{value} IN {subquery}"


@compiles(_Among, "postgresql")
def _among_postgresql(element: _Among, compiler: Any, **kw: Any) -> str:
    value, subquery = (compiler.process(one, **kw) for one in element.clauses)
    return f"{value} = ANY(ARRAY{subquery})"  # as a subquery it would be taken for longer than it is


@compiles(_Number, "sqlite")
def _number_sqlite(element: _Number, compiler: Any, **kw: Any) -> str:
    return "given.key"


@compiles(_Number, "postgresql")
def _number_postgresql(element: _Number, compiler: Any, **kw: Any) -> str:
    return "given.ordinality"


@compiles(_Item, "sqlite")
def _item_sqlite(element: _Item, compiler: Any, **kw: Any) -> str:
    value, place = (compiler.process(one, **kw) for one in element.clauses)
    return f"json_extract({value}, '$[{place}]')"


@compiles(_Item, "postgresql")
def _item_postgresql(element: _Item, compiler: Any, **kw: Any) -> str:
    value, place = (compiler.process(one, **kw) for one in element.clauses)
    return f"({value} ->> {place})"
