"""What ops watch: who waits and who is served, and how it went over a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, select

from bridge.engine.work import KEPT, Course, Row
from bridge.model import EVENT, AnyEvent, Control, DeliveryState, Direction
from bridge.store import conversations
from bridge.store.handoffs import of_row
from bridge.store.tables import conversation, delivery, handoff, lane

_OPEN = (
    select(handoff)
    .where(handoff.c.ended_at.is_(None))
    .order_by(func.coalesce(handoff.c.waiting_since, handoff.c.started_at), handoff.c.id)
    .limit(bindparam("most"))
)
_WITHIN = (
    select(handoff)
    .where(handoff.c.started_at >= bindparam("since"), handoff.c.started_at < bindparam("until"))
    .order_by(handoff.c.started_at, handoff.c.id)
)
_IS_HELD = and_(delivery.c.state == DeliveryState.CANCELLED, delivery.c.refs.contains(f'"{KEPT}": "held"'))
_HELD = (
    select(lane.c.conversation_id, func.count())
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(
        lane.c.conversation_id.in_(bindparam("ids", expanding=True)),
        lane.c.direction == Direction.VENDOR,
        _IS_HELD,
    )
    .group_by(lane.c.conversation_id)
)
_UNDECIDED = (
    select(
        func.count().filter(_IS_HELD),
        func.count().filter(delivery.c.state.in_((DeliveryState.QUEUED, DeliveryState.SENDING))),
        func.count().filter(delivery.c.state == DeliveryState.UNCERTAIN),
    )
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(lane.c.conversation_id == bindparam("conversation"), lane.c.direction == Direction.VENDOR)
    .where(delivery.c.kind.in_(("reply", "correction")))
)
_COUNT = (
    select(conversation.c.control, func.count())
    .select_from(handoff.join(conversation, conversation.c.id == handoff.c.conversation_id))
    .where(handoff.c.ended_at.is_(None))
    .group_by(conversation.c.control)
)

_NEWEST = (
    select(delivery.c.payload)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(lane.c.conversation_id == bindparam("conversation"), lane.c.direction == Direction.SLACK)
    .where(delivery.c.kind == "event")
    .order_by(delivery.c.id.desc())
    .limit(bindparam("most"))
)


def open_handoffs(connection: Connection, most: int) -> list[Row]:
    """The handoffs that are under way, the oldest wait first."""
    rows = connection.execute(_OPEN, {"most": most}).all()
    ids = [row.conversation_id for row in rows]
    found = conversations.read(connection, ids)
    held = {row[0]: row[1] for row in connection.execute(_HELD, {"ids": ids})}
    return [Row(found[row.conversation_id], of_row(row), held.get(row.conversation_id, 0)) for row in rows]


def undecided(connection: Connection, about: int) -> dict[str, int]:
    """How many replies of a conversation the customer does not certainly have."""
    held, queued, uncertain = connection.execute(_UNDECIDED, {"conversation": about}).one()
    return {"held": held, "queued": queued, "uncertain": uncertain}


def counts(connection: Connection) -> dict[str, int]:
    """How many handoffs wait, and how many are with a human."""
    told = {Control.WAITING.value: 0, Control.HUMAN.value: 0}
    return told | {row[0]: row[1] for row in connection.execute(_COUNT)}


def courses(connection: Connection, since: float, until: float) -> list[Course]:
    """The handoffs that began within a time, and how each went."""
    rows: Sequence[Any] = connection.execute(_WITHIN, {"since": since, "until": until}).all()
    found = conversations.read(connection, {row.conversation_id for row in rows})
    return [
        Course(
            found[row.conversation_id],
            of_row(row),
            waited=row.waiting_since is not None,
            claim=_after(row.first_claimed_at, row.started_at),
            answer=_after(row.answered_at, row.started_at),
        )
        for row in rows
    ]


def newest_events(connection: Connection, about: int, most: int) -> list[AnyEvent]:
    """What was last said or happened in a conversation, the newest first."""
    found = connection.execute(_NEWEST, {"conversation": about, "most": most})
    return [EVENT.validate_json(payload) for payload in found.scalars()]


def _after(at: float | None, since: float) -> float | None:
    return None if at is None else max(at - since, 0.0)
