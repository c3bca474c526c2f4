"""Retention: what is over, and was kept for long enough, is deleted in small batches beside the traffic.

Never what is open, queued, held or uncertain; nor the newest of a kind, whose id SQLite would give again.
What is stored as it comes in is walked through by its ids, which are in the order of time: that needs no
index, which every webhook would pay for. What is passed over on the way, being still needed, is little.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Connection,
    Delete,
    Double,
    Integer,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    func,
    not_,
    or_,
    select,
    tuple_,
)

from bridge.engine.echo import ECHO
from bridge.model import DeliveryState, Direction
from bridge.store.database import Database
from bridge.store.early import LASTS
from bridge.store.tables import (
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
from bridge.store.watch import is_held

BATCH = 500  # rows looked at in one transaction …
FEWEST = 50  # … down to so few where they take longer than this, as where they are read from the disk:
LONGEST = 0.05  # seconds; on SQLite all the others wait meanwhile
PAUSE = 0.05  # seconds between two, or as long as the last one took: the database is the others'
_LOCK = select(func.pg_try_advisory_xact_lock(7021922))  # one process at a time

_most: BindParameter[int] = bindparam("most", type_=Integer())
_ids: BindParameter[list[int]] = bindparam("ids", expanding=True)
# One value for the whole statement: an index takes no other.
_cutoff = select(now() - bindparam("keep", type_=Double())).scalar_subquery()

Told = Mapping[str, Any]
R = TypeVar("R")


def _within(table: Table) -> ColumnElement[bool]:
    return and_(table.c.id > bindparam("after"), table.c.id <= bindparam("upto"))


def _none(of: Select[Any]) -> ColumnElement[bool]:
    """Looked up for each row: of a plain EXISTS Postgres may make a join, and read whole tables for it."""
    return of.limit(1).scalar_subquery().is_(None)


def _padded(ids: Iterable[int]) -> dict[str, list[int]]:
    """Lists of one length make one statement, prepared once. No row has the id 0."""
    found = sorted(ids)
    return {"ids": found + [0] * (BATCH - len(found))}


# ── deliveries ───────────────────────────────────────────────────────────────────────────────────

_other, _its_lane, _other_lane = delivery.alias("other"), lane.alias("its_lane"), lane.alias("other_lane")
_HELD = (
    select(_other.c.id)
    .join(_other_lane, _other_lane.c.id == _other.c.lane_id)
    .join(_its_lane, _its_lane.c.conversation_id == _other_lane.c.conversation_id)
    .where(_its_lane.c.id == delivery.c.lane_id, _other_lane.c.direction == Direction.VENDOR, is_held(_other))
)
_DELIVERIES = (
    select(delivery.c.id)
    .where(_within(delivery), delivery.c.done_at < _cutoff)
    .where(delivery.c.state.in_((DeliveryState.SENT, DeliveryState.FAILED, DeliveryState.CANCELLED)))
    .where(not_(is_held(delivery)))
    # The author of a held reply can let themselves be asked again, as they were.
    .where(or_(delivery.c.kind != "question", _none(_HELD)))
    .with_for_update(skip_locked=True)
)


def _deliveries(connection: Connection, told: Told) -> int:
    """Done ones, with their attempts."""
    ids = _padded(connection.execute(_DELIVERIES, told).scalars())
    connection.execute(delete(attempt).where(attempt.c.delivery_id.in_(_ids)), ids)
    return connection.execute(delete(delivery).where(delivery.c.id.in_(_ids)), ids).rowcount


# ── handoffs and conversations ───────────────────────────────────────────────────────────────────

_WAITING = select(lane.c.id).where(
    lane.c.conversation_id == handoff.c.conversation_id, lane.c.due.is_not(None)
)
_newest = select(func.max(handoff.alias().c.id)).scalar_subquery()
_HANDOFFS = (
    select(handoff.c.id)
    .where(handoff.c.ended_at < _cutoff, handoff.c.id < _newest, _none(_WAITING))
    .order_by(handoff.c.ended_at)
    .limit(_most)
)

_OF_DELIVERIES = select(lane.c.conversation_id).join(delivery, delivery.c.lane_id == lane.c.id)
_OF_HANDOFFS = select(handoff.c.conversation_id)
_CONVERSATIONS = (
    select(conversation.c.id)
    .where(_within(conversation), conversation.c.created_at < _cutoff)
    .where(_none(_OF_DELIVERIES.where(lane.c.conversation_id == conversation.c.id)))
    .where(_none(_OF_HANDOFFS.where(handoff.c.conversation_id == conversation.c.id)))
    .order_by(conversation.c.id)
    .with_for_update(skip_locked=True)
)
_LANES = (
    select(lane.c.id)
    .where(lane.c.conversation_id.in_(_ids))
    .order_by(lane.c.conversation_id, lane.c.direction)
    .with_for_update()
)
_AFTER_ALL = _OF_DELIVERIES.where(lane.c.conversation_id.in_(_ids)).union(
    _OF_HANDOFFS.where(handoff.c.conversation_id.in_(_ids))
)


def _conversations(connection: Connection, told: Told) -> int:
    """Those with nothing left: whatever happens in one is a delivery, so it has been quiet for as long.

    They and their lanes are held, and looked at once more: something may have come in before that.
    """
    found = connection.execute(_CONVERSATIONS, told).scalars().all()
    ids = _padded(found)
    connection.execute(_LANES, ids)
    ids = _padded(set(found).difference(connection.execute(_AFTER_ALL, ids).scalars()))
    connection.execute(delete(thread).where(thread.c.conversation_id.in_(_ids)), ids)
    connection.execute(delete(lane).where(lane.c.conversation_id.in_(_ids)), ids)
    return connection.execute(delete(conversation).where(conversation.c.id.in_(_ids)), ids).rowcount


# ── all of it ────────────────────────────────────────────────────────────────────────────────────


def _by_place(table: Table) -> Delete:
    """The oldest rows about messages in Slack."""
    place = table.c.team, table.c.channel, table.c.ts
    oldest = select(*place).where(table.c.at < _cutoff).order_by(table.c.at).limit(_most)
    return delete(table).where(tuple_(*place).in_(oldest))


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of rows. Those with a `walk` are looked at in the order of their ids, as long as they are old;
    `lasts` is for how long they are of use, where that is not as configured."""

    name: str
    delete: Callable[[Connection, Told], int]
    walk: Select[Any] | None = None
    lasts: float | None = None


def _walk(at: Column[float]) -> Select[Any]:
    """The next rows by id, and whether each is old."""
    id = at.table.c.id
    return select(id, (at < _cutoff).label("old")).where(id > bindparam("after")).order_by(id).limit(_most)


def _plainly(wanted: Delete) -> Callable[[Connection, Told], int]:
    return lambda connection, told: connection.execute(wanted, told).rowcount


PARTS = (
    Part(
        "webhooks",
        _plainly(delete(inbox).where(_within(inbox), inbox.c.received_at < _cutoff)),
        walk=_walk(inbox.c.received_at),
    ),
    Part("deliveries", _deliveries, walk=_walk(delivery.c.created_at)),
    Part("handoffs", _plainly(delete(handoff).where(handoff.c.id.in_(_HANDOFFS)))),
    Part(
        "said",
        _plainly(delete(said).where(_within(said), said.c.at < _cutoff)),
        walk=_walk(said.c.at),
        lasts=ECHO,
    ),
    Part(
        "locks",
        _plainly(_by_place(locked)),
    ),
    Part("early_changes", _plainly(_by_place(early_change)), lasts=LASTS),
    Part("conversations", _conversations, walk=_walk(conversation.c.created_at)),
)


def batch(
    connection: Connection, part: Part, after: int, keep: float, most: int | None = None
) -> tuple[int, int | None] | None:
    """Delete what is over among the next rows of one kind. How many, and the id behind which to go on, None
    at the end; nothing at all while another process sweeps."""
    if connection.dialect.name == "postgresql" and not connection.execute(_LOCK).scalar_one():
        return None
    most = most or BATCH
    told = {"after": after, "keep": part.lasts or keep, "most": most}
    if part.walk is None:
        count = part.delete(connection, told)
        return count, after if count == most else None
    rows = connection.execute(part.walk, {**told, "most": most + 1}).all()
    more = len(rows) > most
    rows = rows[:-1]  # the next, or the newest of all, which stays
    if not rows or not rows[0].old:
        return 0, None
    count = part.delete(connection, {**told, "upto": rows[-1].id})
    return count, rows[-1].id if more else None


def _timed(connection: Connection, transaction: Callable[..., R], *told: Any) -> tuple[R, float]:
    """What it returns, and its own seconds, without those that it waited for its turn."""
    began = time.monotonic()
    return transaction(connection, *told), time.monotonic() - began


class Stride:
    """One batch after the other: so few rows that none takes long, and then the database is the others'."""

    def __init__(self) -> None:
        self._most = BATCH

    async def __call__(self, database: Database, transaction: Callable[..., R], *told: Any) -> R:
        """Run `transaction(connection, *told, most)` for the next `most` rows."""
        result: tuple[R, float] = await database.run(_timed, transaction, *told, self._most)
        found, took = result
        self._most = min(self._most * 2 if took < LONGEST else max(self._most // 2, FEWEST), BATCH)
        await asyncio.sleep(max(PAUSE, took))
        return found


async def sweep(database: Database, keep: float) -> dict[str, int]:
    """Delete everything that has been over for `keep` seconds: how many rows of each kind."""
    swept: dict[str, int] = {}
    stride = Stride()
    for part in PARTS:
        after: int | None = 0
        while after is not None:
            found = await stride(database, batch, part, after, keep)
            if found is None:
                return swept
            count, after = found
            swept[part.name] = swept.get(part.name, 0) + count
    return swept
