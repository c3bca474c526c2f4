"""A store as it is after a long time: so many conversations, ten deliveries each, and all that hangs on them.

What waits, sleeps, failed or is open belongs to the last day, the same at every size: a store grows by what
is over. It is made inside the database, by one set of statements for both.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from bridge.model import (
    EVENT,
    AnyEvent,
    Author,
    Channel,
    ConversationKey,
    Customer,
    HandoffStarted,
    Message,
    Role,
    Text,
)
from bridge.store.tables import METADATA

PER_DAY = 1_000  # conversations, about
APART = 86  # seconds between the beginnings of two; the newest begins just now
EACH = 10  # deliveries of a conversation
LONG = 5_000  # and of the newest, which has talked for long
LAG = 8  # conversations that begin between two deliveries of one: they run side by side
TEAM, CHANNEL = "T0SANDBOX", "C0SUPPORT"
SOURCE = "acme-ada"


def external_id(number: int | str) -> str:
    """SQL for the vendor's id of a conversation: no two are alike, and they come in no order."""
    return f"CAST(({number} * 2654435761) % 4294967296 AS TEXT)"


def external(number: int) -> str:
    """The same in Python."""
    return str(number * 2654435761 % 4294967296)


def thread_ts(number: int) -> str:
    return f"{1_700_000_000 + number}.000100"


_AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
_KEY = ConversationKey(source=SOURCE, id="@ID@")
_CUSTOMER = Customer(id="@ID@", name="Lena Fischer", email="lena@example.com", language="de")
_WHERE = Channel(id="65a4cc7c7ce58e728d589700", name="Chat", type="native", modality="messaging")
_MESSAGE = Message(
    id="@ID@",
    conversation=_KEY,
    at=_AT,
    customer=Customer(id="@ID@"),
    channel=_WHERE,
    author=Author(role=Role.CUSTOMER, id="@ID@", name="Lena Fischer"),
    parts=(Text(text="The parcel was to be here on Monday, and nobody at the depot knows where it is."),),
)
_HANDOFF = HandoffStarted(
    id="@ID@",
    conversation=_KEY,
    at=_AT,
    customer=_CUSTOMER,
    reason="Asked for a human",
    text="Somebody will be with you in a moment.",
)
_FACTS = {
    "customer": _CUSTOMER.model_dump(exclude_none=True),
    "channel": _WHERE.model_dump(exclude_none=True),
    "started_at": _AT.timestamp(),
    "start_page": "https://shop.example.com/orders/4711",
    "details": {"browser": "Firefox", "device": "desktop", "plan": "plus", "order": "4711"},
}
_REPLY = {
    "team": TEAM,
    "channel": CHANNEL,
    "user": "U0MINA",
    "ts": "@ID@.000200",
    "thread_ts": "@ID@.000100",
    "text": "I have asked the depot, and will be back with you within the hour.",
}


def _of(template: AnyEvent | dict[str, object] | dict[str, str], id: str) -> str:
    told = json.dumps(template) if isinstance(template, dict) else EVENT.dump_json(template).decode()
    return f"replace('{told}', '@ID@', {id})"


def statements(count: int, at: float, series: Callable[[int], str], binary: str) -> Iterator[str]:
    """What fills an empty store with `count` conversations, as if it were `at`. `series` is a table of the
    numbers from 1 in a column i; `binary` a text as bytes, with {} for it."""
    now = f"CAST({at:.3f} AS DOUBLE PRECISION)"
    begun = f"{now} - ({count} - i) * {APART}"
    fresh, handed = f"i > {count - PER_DAY}", "i % 5 = 0"  # every fifth was handed to a human
    ts = f"CAST({1_700_000_000} + i AS TEXT)"
    yield f"""
        INSERT INTO conversation (id, source, external_id, control, control_at, changes, owner, owner_id,
            team, channel, thread_ts, facts, card, created_at)
        SELECT i, '{SOURCE}', {external_id("i")},
            CASE WHEN {handed} AND {fresh} THEN CASE WHEN i % 20 = 0 THEN 'human' ELSE 'waiting' END
                WHEN i > {count - 3 * PER_DAY} OR i % 10 = 3 THEN 'bot' ELSE 'closed' END,
            {begun}, 2,
            CASE WHEN {fresh} AND i % 20 = 0 THEN 'Mina' END,
            CASE WHEN {fresh} AND i % 20 = 0 THEN 'U0MINA' END,
            '{TEAM}', '{CHANNEL}', {ts} || '.000100', {_of(_FACTS, external_id("i"))}, '0123456789abcdef',
            {begun}
        FROM {series(count)}"""
    yield f"""
        INSERT INTO thread (team, channel, ts, conversation_id, opened_at, alert)
        SELECT '{TEAM}', '{CHANNEL}', {ts} || '.000100', i, {begun}, FALSE FROM {series(count)}
        UNION ALL
        SELECT '{TEAM}', 'C0OLD', {ts} || '.000100', i, {begun}, FALSE FROM {series(count)} WHERE i % 50 = 0
        UNION ALL
        SELECT '{TEAM}', 'C0ALERTS', {ts} || '.000300', i, {begun}, TRUE FROM {series(count)}
        WHERE {handed}"""
    yield f"""
        INSERT INTO handoff (conversation_id, start, start_id, started_at, waiting_since, round, claimed_at,
            first_claimed_at, answered_at, ended_at, ending, ended_by, places)
        SELECT i, {_of(_HANDOFF, external_id("i"))}, {external_id("i")}, {begun}, {begun}, 1,
            CASE WHEN NOT {fresh} OR i % 20 = 0 THEN {begun} + 60 END,
            CASE WHEN NOT {fresh} OR i % 20 = 0 THEN {begun} + 60 END,
            CASE WHEN NOT {fresh} THEN {begun} + 120 END, CASE WHEN NOT {fresh} THEN {begun} + 900 END,
            CASE WHEN NOT {fresh} THEN 'closed' END, CASE WHEN NOT {fresh} THEN 'Mina' END,
            '{{"channel": ["C0ALERTS", "' || {ts} || '.000300", "0123456789abcdef"]}}'
        FROM {series(count)} WHERE {handed}"""
    # Of a conversation: 1 the thread, 2 marks; where it was handed over 3 the vendor, 4 alerts, 5 clocks.
    yield f"""
        INSERT INTO lane (id, conversation_id, direction, due, token)
        SELECT i, (i + 4) / 5,
            CASE i % 5 WHEN 1 THEN 'slack' WHEN 2 THEN 'marks' WHEN 3 THEN 'vendor' WHEN 4 THEN 'alerts'
                ELSE 'clocks' END,
            CASE WHEN i > {5 * (count - PER_DAY)} AND i % 5 = 0 AND i % 25 = 0 AND i % 100 <> 0
                THEN {now} + 86400 + i % 3600
                WHEN i > {5 * (count - PER_DAY)} AND i % 250 = 1 THEN {now} + 21600 + i % 3600 END,
            3
        FROM {series(5 * count)} WHERE i % 5 IN (1, 2) OR (i + 4) / 5 % 5 = 0"""
    # The k-th delivery is the step s of the conversation c. With a LIMIT, what is computed below is not put
    # into what is above, and computed again at each place.
    once = "LIMIT 1000000000000"
    total = EACH * (count + (EACH - 1) * LAG)
    steps = f"""(
        SELECT i - 1 AS k, (i - 1) % {EACH} AS s, (i - 1) / {EACH} - ((i - 1) % {EACH}) * {LAG} + 1 AS c
        FROM {series(total)} {once}) AS steps"""
    lanes = f"""(
        SELECT k, s, c, {now} - ({total} - k) * {APART} / {EACH} AS told_at,
            c > {count - PER_DAY} AS fresh,
            CASE WHEN c % 5 <> 0 THEN CASE WHEN s >= 8 THEN 2 ELSE 1 END
                WHEN s = 4 THEN 4 WHEN s = 5 THEN 5 WHEN s IN (7, 8) THEN 3 WHEN s = 9 THEN 2 ELSE 1 END AS d
        FROM {steps} WHERE c BETWEEN 1 AND {count} {once}) AS lanes"""
    sleeps = "d = 5 AND fresh AND c % 20 <> 0"
    retried = "d = 1 AND s = 7 AND fresh AND c % 50 = 1"
    held = "d = 3 AND s = 8 AND fresh AND c % 25 = 0"
    told = f"""(
        SELECT k, s, c, d, told_at,
            CASE WHEN {sleeps} OR {retried} THEN 'queued' WHEN d = 5 OR {held} THEN 'cancelled'
                WHEN k % 1009 = 1 THEN 'failed' WHEN k % 10007 = 1 THEN 'uncertain' ELSE 'sent' END AS state,
            CASE WHEN {retried} THEN 3 WHEN d = 5 THEN 0 ELSE 1 END AS tries,
            CASE WHEN {held} THEN '{{"kept": "held"}}' WHEN d = 5 OR {retried} THEN '{{}}'
                WHEN d = 3 THEN '{{"sending": "0", "": "' || {external_id("c")} || '"}}'
                ELSE '{{"": "' || CAST({1_700_000_000} + k AS TEXT) || '.000200"}}' END AS refs
        FROM {lanes} WHERE k >= 0 {once}) AS told"""
    columns = """INSERT INTO delivery (lane_id, key, kind, payload, message, state, created_at, attempts,
        first_at, started_at, done_at, doubt, refs, problem)"""
    kinds = "WHEN 1 THEN 'event' WHEN 2 THEN 'card' WHEN 3 THEN 'reply' WHEN 4 THEN 'alert' ELSE 'clock'"
    kind = f"CASE d {kinds} END"
    yield f"""
        {columns}
        SELECT (c - 1) * 5 + d, {kind} || ':' || {external_id("k")}, {kind},
            CASE d WHEN 1 THEN {_of(_MESSAGE, external_id("c"))}
                WHEN 2 THEN '{{}}' WHEN 3 THEN {_of(_REPLY, f"CAST({1_700_000_000} + c AS TEXT)")}
                ELSE '{{"handoff": ' || CAST(c / 5 AS TEXT) || ', "round": 1}}' END,
            CASE WHEN d = 3 THEN CAST({1_700_000_000} + c AS TEXT) || '.000' || CAST(200 + s AS TEXT) END,
            state, told_at, tries, CASE WHEN tries > 0 THEN told_at + 0.01 END,
            CASE WHEN tries > 0 THEN told_at + 0.01 END, CASE WHEN state <> 'queued' THEN told_at + 0.5 END,
            FALSE, refs,
            CASE WHEN state IN ('failed', 'uncertain') THEN 'the vendor answered 404' END
        FROM {told} WHERE k >= 0"""
    yield f"""
        {columns}
        SELECT {5 * (count - 1) + 1}, 'long:' || CAST(i AS TEXT), 'event',
            {_of(_MESSAGE, external_id(count))}, NULL, 'sent', {now} - ({LONG} - i), 1, {now}, {now}, {now},
            FALSE,
            '{{"": "' || CAST({1_800_000_000} + i AS TEXT) || '.000200"}}', NULL
        FROM {series(LONG)}"""
    yield """
        INSERT INTO attempt (delivery_id, number, worker, started_at, ended_at, outcome, problem)
        SELECT id, 1, 1, started_at, done_at, state, problem FROM delivery
        WHERE state IN ('sent', 'failed', 'uncertain') ORDER BY id"""
    body = binary.format(_of(_MESSAGE, external_id("c")))
    yield f"""
        INSERT INTO inbox (source, key, path, received_at, body)
        SELECT '{SOURCE}', 'msg_' || {external_id("k")}, 'ada', told_at, {body}
        FROM {lanes} WHERE d = 1"""
    yield f"""
        INSERT INTO locked (team, channel, ts, at)
        SELECT '{TEAM}', '{CHANNEL}', {ts} || '.000400', {begun} FROM {series(count)} WHERE i % 10 = 0"""
    yield f"INSERT INTO said (digest, at) SELECT 'digest' || CAST(i AS TEXT), {now} FROM {series(400)}"
    yield f"INSERT INTO pace (key, next_at) SELECT 'channel:' || CAST(i AS TEXT), {now} FROM {series(20)}"


def fill_sqlite(path: Path, count: int) -> None:
    """Fill a migrated file that nobody has open. No ANALYZE: a bridge on SQLite never runs one."""

    def series(length: int) -> str:
        counted = f"WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s LIMIT {length})"
        return f"({counted} SELECT i FROM s) AS s"

    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for pragma in (
            "journal_mode = OFF",
            "synchronous = OFF",
            "foreign_keys = OFF",
            "cache_size = -2000000",
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        for statement in statements(count, time.time(), series, "CAST({} AS BLOB)"):
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode = WAL")


# What is lost in a crash is made again.
_HURRIED = ("autovacuum = off", "fsync = off", "full_page_writes = off", "max_wal_size = '16GB'")


async def fill_postgres(dsn: str, count: int) -> None:
    """Fill a migrated database of a server of our own, and leave it vacuumed and analyzed, as autovacuum does
    within minutes."""

    def series(length: int) -> str:
        return f"generate_series(1, {length}::bigint) AS s(i)"

    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        for setting in _HURRIED:
            await connection.execute(f"ALTER SYSTEM SET {setting}")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.execute("SET session_replication_role = replica")  # rows as these need no checks
        for statement in statements(count, time.time(), series, "convert_to({}, 'UTF8')"):
            await connection.execute(statement, timeout=3600)
        for table in METADATA.sorted_tables:
            if "id" in table.c:
                await connection.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) "
                    f"FROM {table.name} HAVING max(id) IS NOT NULL"
                )
        await connection.execute("VACUUM ANALYZE", timeout=3600)
        await connection.execute("ALTER SYSTEM RESET ALL")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.execute("CHECKPOINT", timeout=3600)
    finally:
        await connection.close()
