"""What ops watch: who waits and who is served, and how it went over a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    FromClause,
    and_,
    bindparam,
    func,
    select,
    text,
)

from bridge.engine.work import EVENTS, KEPT, Backlog, Course, Row
from bridge.model import EVENT, AnyEvent, Control, DeliveryState, Direction
from bridge.store import conversations
from bridge.store.handoffs import of_row
from bridge.store.tables import ACTIVE, DEAD, RETRIED, conversation, delivery, handoff, lane, now

MOST = 10_000  # lanes, and deliveries, that are counted

_OPEN = (
    select(handoff)
    .where(handoff.c.ended_at.is_(None))
    .order_by(func.coalesce(handoff.c.waiting_since, handoff.c.started_at), handoff.c.id)
    .limit(bindparam("most"))
)
# Where its thread is.
_OF_TEAM = conversation.c.team == bindparam("team")
_OPEN_OF_TEAM = _OPEN.join(conversation, conversation.c.id == handoff.c.conversation_id).where(_OF_TEAM)
_WITHIN = (
    select(handoff)
    .where(handoff.c.started_at >= bindparam("since"), handoff.c.started_at < bindparam("until"))
    .order_by(handoff.c.started_at, handoff.c.id)
)


def is_held(of: FromClause) -> ColumnElement[bool]:
    """Whether a delivery waits for its author's word."""
    return and_(of.c.state == DeliveryState.CANCELLED, of.c.refs.contains(f'"{KEPT}": "held"'))


_HELD = (
    select(lane.c.conversation_id, func.count())
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(
        lane.c.conversation_id.in_(bindparam("ids", expanding=True)),
        lane.c.direction == Direction.VENDOR,
        is_held(delivery),
    )
    .group_by(lane.c.conversation_id)
)
_UNDECIDED = (
    select(
        func.count().filter(is_held(delivery)),
        func.count().filter(delivery.c.state.in_((DeliveryState.QUEUED, DeliveryState.SENDING))),
        func.count().filter(delivery.c.state == DeliveryState.UNCERTAIN),
    )
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(lane.c.conversation_id == bindparam("conversation"), lane.c.direction == Direction.VENDOR)
    .where(delivery.c.kind.in_(("reply", "correction")))
)
_COUNT = (
    select(conversation.c.control, func.count(), now() - func.min(conversation.c.control_at))
    .select_from(handoff.join(conversation, conversation.c.id == handoff.c.conversation_id))
    .where(handoff.c.ended_at.is_(None))
    .group_by(conversation.c.control)
)

# Of the first so many, which cost the same however long the line is.
_active = (
    select(delivery.c.lane_id, delivery.c.state)
    .where(text(ACTIVE))
    .order_by(delivery.c.lane_id, delivery.c.id)
    .limit(MOST)
    .subquery()
)
_lanes = (
    select(
        _active.c.lane_id,
        func.count().filter(_active.c.state == DeliveryState.QUEUED).label("queued"),
        func.count().filter(_active.c.state == DeliveryState.SENDING).label("sending"),
        func.count().label("all"),
    )
    .group_by(_active.c.lane_id)
    .subquery()
)
UNDER_WAY = (
    select(lane.c.direction, func.sum(_lanes.c.queued), func.sum(_lanes.c.sending), func.max(_lanes.c.all))
    .join(lane, lane.c.id == _lanes.c.lane_id)
    .group_by(lane.c.direction)
)
_due = (
    select(lane.c.direction, lane.c.due.label("since"))
    .where(lane.c.due <= select(now()).scalar_subquery())
    .order_by(lane.c.due)
    .limit(MOST)
    .subquery()
)
DUE = select(_due.c.direction, func.count(), now() - func.min(_due.c.since)).group_by(_due.c.direction)
_retried = (
    select(lane.c.direction, (lane.c.due > now()).label("rests"), delivery.c.first_at.label("since"))
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(text(RETRIED))
    .order_by(delivery.c.first_at)
    .limit(MOST)
    .subquery()
)
RETRYING = select(
    _retried.c.direction, func.count().filter(_retried.c.rests), now() - func.min(_retried.c.since)
).group_by(_retried.c.direction)
_since = select(now() - bindparam("within", type_=Double())).scalar_subquery()
ENDED_BADLY = (
    select(delivery.c.state, func.count())
    .where(text(DEAD), delivery.c.done_at > _since)
    .group_by(delivery.c.state)
)
_WAITS = select(delivery.c.id).where(
    delivery.c.id == bindparam("delivery"),
    delivery.c.state.in_((DeliveryState.QUEUED, DeliveryState.SENDING)),
)

_NEWEST = (
    select(delivery.c.id, delivery.c.payload)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(lane.c.conversation_id == bindparam("conversation"), lane.c.direction == Direction.SLACK)
    .where(delivery.c.kind.in_(EVENTS))
    .order_by(delivery.c.id.desc())
    .limit(bindparam("most"))
)


def open_handoffs(connection: Connection, most: int, team: str | None = None) -> list[Row]:
    """The handoffs that are under way, in the workspace `team` or in all, the oldest wait first."""
    wanted = _OPEN if team is None else _OPEN_OF_TEAM
    rows = connection.execute(wanted, {"most": most, "team": team}).all()
    ids = [row.conversation_id for row in rows]
    found = conversations.read(connection, ids)
    held = {row[0]: row[1] for row in connection.execute(_HELD, {"ids": ids})}
    return [Row(found[row.conversation_id], of_row(row), held.get(row.conversation_id, 0)) for row in rows]


def undecided(connection: Connection, about: int) -> dict[str, int]:
    """How many replies of a conversation the customer does not certainly have."""
    held, queued, uncertain = connection.execute(_UNDECIDED, {"conversation": about}).one()
    return {"held": held, "queued": queued, "uncertain": uncertain}


def counts(connection: Connection, team: str | None = None) -> dict[str, int]:
    """How many handoffs wait, and how many are with a human, in the workspace `team` or in all."""
    return {control: count for control, (count, _) in _open_now(connection, team).items()}


def _open_now(connection: Connection, team: str | None = None) -> dict[str, tuple[int, float]]:
    rows = connection.execute(_COUNT if team is None else _COUNT.where(_OF_TEAM), {"team": team})
    told = dict.fromkeys((Control.WAITING.value, Control.HUMAN.value), (0, 0.0))
    return told | {control: (count, max(seconds, 0.0)) for control, count, seconds in rows}


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


def backlog(connection: Connection, within: float) -> Backlog:
    """What is under way and what does not get on now, and what ended badly `within` the last seconds."""
    deliveries = dict.fromkeys(Direction, (0, 0, 0))
    for direction, queued, sending, deepest in connection.execute(UNDER_WAY):
        deliveries[Direction(direction)] = int(queued), int(sending), deepest
    lanes = dict.fromkeys(Direction, (0, 0.0))
    for found in (DUE, RETRYING):  # a lane that is due is counted as such, also where it was tried before
        for direction, count, seconds in connection.execute(found):
            before, longest = lanes[Direction(direction)]
            lanes[Direction(direction)] = before + count, max(longest, seconds)
    dead = dict.fromkeys((DeliveryState.FAILED, DeliveryState.UNCERTAIN), 0)
    for state, count in connection.execute(ENDED_BADLY, {"within": within}):
        dead[DeliveryState(state)] = count
    return Backlog(_open_now(connection), deliveries, lanes, dead)


def is_waiting(connection: Connection, delivery_id: int) -> bool:
    """Whether a delivery is still to be carried."""
    return connection.execute(_WAITS, {"delivery": delivery_id}).first() is not None


def newest_events(connection: Connection, about: int, most: int) -> list[AnyEvent]:
    """What was last said or happened in a conversation, the newest first."""
    return [event for _, event in numbered_events(connection, about, most)]


def numbered_events(connection: Connection, about: int, most: int) -> list[tuple[int, AnyEvent]]:
    """The same, each with the number of its delivery."""
    found = connection.execute(_NEWEST, {"conversation": about, "most": most})
    return [(row.id, EVENT.validate_json(row.payload)) for row in found]


def _after(at: float | None, since: float) -> float | None:
    return None if at is None else max(at - since, 0.0)
