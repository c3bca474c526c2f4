"""Everything of one customer: found, stopped, deleted, and wiped off the disk.

It goes in small batches beside the traffic, as retention does; the last one takes the conversation itself.
From then on its lanes are no more, so whoever carries something of it just now records nothing.

What came in of them is found by what it says; one that tells of several conversations goes as a whole. Its
key stays, without a body, until retention takes it: a vendor that sends it once more is answered as before. A
key that names them goes too.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

from bridge.model import Control, DeliveryState, Direction, ThreadKey
from bridge.store import conversations
from bridge.store.catchup import HISTORY
from bridge.store.database import Database, Postgres, Sqlite
from bridge.store.tables import (
    FORGOTTEN,
    METADATA,
    attempt,
    conversation,
    delivery,
    early_change,
    handoff,
    inbox,
    lane,
    locked,
    now,
    said,
    thread,
)

SLACK = "@slack"  # what came from there
#: the source of rows that are newer than those deleted: SQLite would give the ids of the newest again, and
#: somebody may still carry the old ones
NOBODY = "@forgotten"
_ACTIVE = (DeliveryState.QUEUED, DeliveryState.SENDING)
_OPEN = (Control.WAITING, Control.HUMAN)
REBUILT = 100_000_000  # bytes of a SQLite file at most: seconds at 25 MB/s, for which writers wait
_LONG = 8  # characters of a name that means nobody else wherever it stands
_ABOUT = re.compile(rb'\\*"conversation\\*":\s*(\d+)')  # in what we give a button, or a modal, in JSON


@dataclass(frozen=True, slots=True)
class Theirs:
    """A conversation. `names` are what its vendor calls the customer by, and must not be shown."""

    id: int
    source: str
    external_id: str
    control: Control
    channel: str | None
    began: float
    ended: float
    deliveries: int
    under_way: int
    handoffs: int
    threads: tuple[ThreadKey, ...]
    names: frozenset[str]

    @property
    def is_open(self) -> bool:
        return self.control in _OPEN or self.under_way > 0


# ── find ─────────────────────────────────────────────────────────────────────────────────────────


def known_as(
    connection: Connection, wanted: str, source: str | None, after: int, most: int
) -> tuple[list[int], int | None]:
    """Of the next conversations, those whose customer has `wanted` as id, e-mail or phone; and the id behind
    which to go on, None at the end."""
    page = select(conversation.c.id, conversation.c.source, conversation.c.facts).order_by(conversation.c.id)
    rows = connection.execute(page.where(conversation.c.id > after).limit(most)).all()
    found = [
        row.id
        for row in rows
        if source in (None, row.source) and any(_same(name, wanted) for name in _names(row.facts))
    ]
    return found, rows[-1].id if len(rows) == most else None


def _names(facts: str) -> frozenset[str]:
    customer: Mapping[str, Any] = json.loads(facts).get("customer") or {}
    told = (customer.get(name) for name in ("id", "email", "phone"))
    return frozenset(one for one in told if isinstance(one, str) and one)


def _channel(facts: str) -> str | None:
    told: Mapping[str, Any] = json.loads(facts).get("channel") or {}
    return told.get("name") or told.get("type") or told.get("id")


def _same(known: str, wanted: str) -> bool:
    digits = re.sub(r"[\s()./-]", "", wanted)
    is_phone = re.fullmatch(r"\+?\d{6,}", digits) is not None
    return known.casefold() == wanted.casefold() or (is_phone and re.sub(r"[\s()./-]", "", known) == digits)


def about(connection: Connection, id: int) -> Theirs | None:
    row = connection.execute(select(conversation).where(conversation.c.id == id)).first()
    if row is None:
        return None
    under_way = func.count().filter(delivery.c.state.in_(_ACTIVE))
    numbers = (
        select(func.count(), under_way, func.max(delivery.c.created_at))
        .join(lane, lane.c.id == delivery.c.lane_id)
        .where(lane.c.conversation_id == id)
    )
    count, active, last = connection.execute(numbers).one()
    told = select(handoff.c.places).where(handoff.c.conversation_id == id)
    places = list(connection.execute(told).scalars())
    of_it = select(thread).where(thread.c.conversation_id == id).order_by(thread.c.ts)
    threads = [ThreadKey(team=one.team, channel=one.channel, ts=one.ts) for one in connection.execute(of_it)]
    if threads:  # an alert stands where its thread is, or in a channel of the same workspace
        stand = {(channel, ts) for one in places for channel, ts, *_ in json.loads(one).values()}
        more = sorted(stand - {(one.channel, one.ts) for one in threads})
        threads += [ThreadKey(team=threads[0].team, channel=channel, ts=ts) for channel, ts in more]
    return Theirs(
        id=id,
        source=row.source,
        external_id=row.external_id,
        control=Control(row.control),
        channel=_channel(row.facts),
        began=row.created_at,
        ended=max(last or row.created_at, row.control_at or row.created_at),
        deliveries=count,
        under_way=active,
        handoffs=len(places),
        threads=tuple(threads),
        names=_names(row.facts),
    )


# ── stop ─────────────────────────────────────────────────────────────────────────────────────────


def stop(connection: Connection, id: int, even_open: bool) -> tuple[bool, bool]:
    """Cancel what is under way, and take its lanes from whoever has them. Whether it was done, which it is
    not where it is open and should not be; and whether somebody was carrying something."""
    conversations.lock(connection, [id])
    found = about(connection, id)
    if found is None:
        return True, False
    if found.is_open and not even_open:
        return False, False
    return True, _fence(connection, id)


def _fence(connection: Connection, id: int) -> bool:
    lanes = select(lane.c.id, lane.c.owner).where(lane.c.conversation_id == id).order_by(lane.c.direction)
    held = connection.execute(lanes.with_for_update()).all()
    ids = [row.id for row in held]
    connection.execute(
        update(lane).where(lane.c.id.in_(ids)).values(owner=None, due=None, token=lane.c.token + 1)
    )
    connection.execute(
        update(delivery)
        .where(delivery.c.lane_id.in_(ids), delivery.c.state.in_(_ACTIVE))
        .values(state=DeliveryState.CANCELLED, done_at=now(), problem="its customer is forgotten")
    )
    return any(row.owner is not None for row in held)


# ── delete ───────────────────────────────────────────────────────────────────────────────────────


class Saying:
    """What a body, or a key, of each source says where it is about these conversations."""

    def __init__(self, theirs: Sequence[Theirs]) -> None:
        self.sources = sorted({one.source for one in theirs} | {SLACK})
        self._rows = {one.id for one in theirs}
        self._names: dict[str, set[str]] = {}
        self._forms: dict[str, set[bytes]] = {SLACK: set()}
        for one in theirs:
            self._names.setdefault(one.source, set()).update({one.external_id, *one.names})
            for where in one.threads:  # as it is, and as it stands in a link
                self._forms[SLACK] |= {where.ts.encode(), b"p" + where.ts.replace(".", "").encode()}
        for source, names in self._names.items():
            self._forms[source] = {form for name in names for form in _forms(name)}

    def says(self, source: str, body: bytes) -> bool:
        if any(form in body for form in self._forms[source]):
            return True
        return source == SLACK and any(int(row) in self._rows for row in _ABOUT.findall(body))

    def names(self, source: str, key: str) -> bool:
        parts = set(re.split(r"[:/]", key))
        return any(name in (key if len(name) >= _LONG else parts) for name in self._names.get(source, ()))


def _forms(name: str) -> set[bytes]:
    """`name` as JSON may write it; a short one only as a value of its own."""
    forms = {name, json.dumps(name)[1:-1]}
    return {(form if len(name) >= _LONG else f'"{form}"').encode() for form in forms}


def webhooks(connection: Connection, saying: Saying, after: int, most: int) -> tuple[int, int, bool]:
    """Of the next rows of what came in, those that say something of them: how many, the id behind which to go
    on, and whether there is more."""
    ids = (
        connection.execute(select(inbox.c.id).where(inbox.c.id > after).order_by(inbox.c.id).limit(most))
        .scalars()
        .all()
    )
    upto = ids[-1] if ids else after
    found = select(inbox.c.id, inbox.c.source, inbox.c.key, inbox.c.path, inbox.c.body).where(
        inbox.c.id > after, inbox.c.id <= upto, inbox.c.source.in_(saying.sources)
    )
    gone: list[int] = []
    emptied: list[int] = []
    for row in connection.execute(found):
        named = saying.names(row.source, row.key)
        if named or saying.says(row.source, row.body):
            # Slack's are about a thread that nobody knows any more, and are not kept when they come again.
            (gone if named or row.source == SLACK or row.path == HISTORY else emptied).append(row.id)
    connection.execute(delete(inbox).where(inbox.c.id.in_(gone)))
    connection.execute(update(inbox).where(inbox.c.id.in_(emptied)).values(body=b"", path=FORGOTTEN))
    return len(gone) + len(emptied), upto, len(ids) == most


def deliveries(connection: Connection, theirs: Theirs, most: int) -> tuple[int, bool]:
    """Some of what is done, with all that belongs to it; how many, and whether there is more."""
    some = (
        select(delivery.c.id, delivery.c.key, delivery.c.message)
        .join(lane, lane.c.id == delivery.c.lane_id)
        .where(lane.c.conversation_id == theirs.id, delivery.c.state.not_in(_ACTIVE))
        .order_by(delivery.c.id)
        .limit(most)
    )
    rows = connection.execute(some).all()
    _delete_deliveries(connection, theirs, rows)
    return len(rows), len(rows) == most


def _delete_deliveries(connection: Connection, theirs: Theirs, rows: Sequence[Any]) -> None:
    ids = [row.id for row in rows]
    marks = {row.message for row in rows if row.message is not None} | {one.ts for one in theirs.threads}
    channels = {one.channel for one in theirs.threads}
    connection.execute(delete(attempt).where(attempt.c.delivery_id.in_(ids)))
    connection.execute(delete(delivery).where(delivery.c.id.in_(ids)))
    for table in (locked, early_change):
        connection.execute(delete(table).where(table.c.ts.in_(marks), table.c.channel.in_(channels)))
    teams = {one.team for one in theirs.threads}
    pressed = {name for row in rows for name in (row.key, *(f"{team}:{row.key}" for team in teams))}
    connection.execute(delete(inbox).where(inbox.c.source == SLACK, inbox.c.key.in_(pressed)))


def end(connection: Connection, theirs: Theirs, saying: Saying, after: int) -> int:
    """The conversation, and what came of it since the webhooks up to `after` were looked through. Whoever
    brings more waits for its row, and then finds none: that is a new conversation. How many deliveries."""
    conversations.lock(connection, [theirs.id])
    _fence(connection, theirs.id)
    more = True
    while more:
        _, after, more = webhooks(connection, saying, after, 500)
    _keep_places(connection)
    rest = (
        select(delivery.c.id, delivery.c.key, delivery.c.message)
        .join(lane, lane.c.id == delivery.c.lane_id)
        .where(lane.c.conversation_id == theirs.id)
    )
    rows = connection.execute(rest).all()
    _delete_deliveries(connection, theirs, rows)
    for table in (said, handoff, thread, lane):
        connection.execute(delete(table).where(table.c.conversation_id == theirs.id))
    connection.execute(delete(conversation).where(conversation.c.id == theirs.id))
    return len(rows)


def _keep_places(connection: Connection) -> None:
    """Rows of nobody, newer than all that are deleted; retention takes them in time."""

    def new(table: Table, **values: Any) -> int:
        return int(connection.execute(insert(table).values(**values).returning(table.c.id)).scalar_one())

    where = new(
        conversation,
        source=NOBODY,
        external_id=secrets.token_hex(8),
        control=Control.CLOSED,
        facts="{}",
        created_at=now(),
    )
    line = new(lane, conversation_id=where, direction=Direction.CLOCKS, token=0)
    new(
        delivery,
        lane_id=line,
        key=FORGOTTEN,
        kind=FORGOTTEN,
        payload="{}",
        state=DeliveryState.CANCELLED,
        created_at=now(),
        done_at=now(),
        attempts=0,
        doubt=False,
        refs="{}",
    )
    # Begun at no time that anybody counts.
    new(handoff, conversation_id=where, started_at=0.0, round=0, ended_at=now(), ending=FORGOTTEN)


# ── wipe ─────────────────────────────────────────────────────────────────────────────────────────


async def wipe(database: Database) -> bool:
    """Let what was deleted be on the disk no more, as far as the database does it; False where it did not."""
    if isinstance(database, Postgres):
        return await _vacuum(database)
    return not isinstance(database, Sqlite) or await asyncio.to_thread(_checkpoint, database)


def _checkpoint(database: Sqlite) -> bool:
    """What is deleted is overwritten by `secure_delete`, but for what a page still has of rows that went to
    another as it was split. So the file is built anew, unless that took too long for a bridge beside it; and
    the log goes, which has all of it still.

    https://www.sqlite.org/lang_vacuum.html https://www.sqlite.org/pragma.html#pragma_wal_checkpoint
    """
    connection = sqlite3.connect(database.path, timeout=10, isolation_level=None)
    try:
        if small := database.path.stat().st_size <= REBUILT:
            connection.execute("VACUUM")
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return small and not busy


async def _vacuum(database: Postgres) -> bool:
    """Rows that nobody sees any more are given back: https://www.postgresql.org/docs/current/routine-vacuuming.html"""
    tables = ", ".join(f'"{table.name}"' for table in METADATA.sorted_tables)
    try:
        async with database.engine.connect() as connection:
            connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(text(f"VACUUM {tables}"))
    except (DBAPIError, OSError, TimeoutError):
        return False
    return True
