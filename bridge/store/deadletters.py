"""Dead letters: deliveries that failed or are uncertain. Listed, shown, queued again, or dropped.

What is queued again keeps its place: it is the next of its lane. `queue_again` is the one way there, for
operators, for *Retry* in Slack and for what was held.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, select, text, update

from bridge.delivery.kind import readable_payload
from bridge.delivery.kinds import Decided
from bridge.engine.work import KEPT, LOOKED, SENDING, WAS
from bridge.model import ConversationKey, DeliveryState, Direction
from bridge.store.lanes import CHANNEL, wake
from bridge.store.tables import DEAD, attempt, conversation, delivery, lane, now

_DELIVERIES = (
    select(delivery, conversation.c.source, conversation.c.external_id, lane.c.direction)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .join(conversation, conversation.c.id == lane.c.conversation_id)
)
NEWEST = (
    _DELIVERIES.where(text(DEAD))
    .order_by(delivery.c.done_at.desc())
    .limit(bindparam("most", type_=Integer()))
)
_OF_SOURCE = NEWEST.where(conversation.c.source == bindparam("source"))
_ONE = _DELIVERIES.where(delivery.c.id == bindparam("delivery"))
_ATTEMPTS = select(attempt).where(attempt.c.delivery_id == bindparam("delivery")).order_by(attempt.c.id)

_LANE = select(delivery.c.lane_id).where(delivery.c.id == bindparam("delivery")).scalar_subquery()
_HOLD = select(lane.c.id).where(lane.c.id == _LANE).with_for_update()
_HELD = (
    select(delivery, lane.c.conversation_id, lane.c.direction)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(delivery.c.id == bindparam("delivery"))
)
_SET = update(delivery).where(delivery.c.id == bindparam("delivery"))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try as it was recorded; times are in seconds since the epoch."""

    number: int
    started_at: float
    ended_at: float
    outcome: str
    problem: str | None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery as operators see it; `attempts` counts those since it was last queued."""

    id: int
    conversation: ConversationKey
    direction: Direction
    kind: str
    state: DeliveryState
    queued_at: float
    ended_at: float | None
    attempts: int
    problem: str | None
    payload: str


def newest(connection: Connection, source: str | None, most: int) -> list[Delivery]:
    """The dead letters, of one source or of all; those that ended last come first."""
    wanted = NEWEST if source is None else _OF_SOURCE
    told = {"most": most} if source is None else {"most": most, "source": source}
    return [_delivery(row) for row in connection.execute(wanted, told)]


def read(connection: Connection, delivery_id: int) -> tuple[Delivery, list[Attempt]] | None:
    """Any delivery, and its attempts in their order."""
    row = connection.execute(_ONE, {"delivery": delivery_id}).first()
    if row is None:
        return None
    tries = connection.execute(_ATTEMPTS, {"delivery": delivery_id})
    attempts = [Attempt(one.number, one.started_at, one.ended_at, one.outcome, one.problem) for one in tries]
    return _delivery(row), attempts


def _delivery(row: Any) -> Delivery:
    return Delivery(
        id=row.id,
        conversation=ConversationKey(source=row.source, id=row.external_id),
        direction=Direction(row.direction),
        kind=row.kind,
        state=DeliveryState(row.state),
        queued_at=row.created_at,
        ended_at=row.done_at,
        attempts=row.attempts,
        problem=row.problem,
        payload=row.payload,
    )


# ── decide ───────────────────────────────────────────────────────────────────────────────────────


def hold(connection: Connection, delivery_id: int) -> Any:
    """The delivery's row, with its lane's `direction` and `conversation_id`, or None. The lane is locked
    first, so that the delivery is neither begun nor ended until the commit."""
    connection.execute(_HOLD, {"delivery": delivery_id})
    return connection.execute(_HELD, {"delivery": delivery_id}).first()


def is_dead(held: Any) -> bool:
    return held.state in (DeliveryState.FAILED, DeliveryState.UNCERTAIN)


def queue_again(connection: Connection, held: Any, body: str, was: str) -> None:
    """Let it be carried as if it were new, but for the steps that are done. `was` is its state so far."""
    refs = json.loads(held.refs)
    # A vendor is asked only where it may have something: an agent may well say the same words again.
    doubt = held.direction != Direction.VENDOR or held.state == DeliveryState.UNCERTAIN or SENDING in refs
    refs = {name: value for name, value in refs.items() if name not in (KEPT, SENDING, LOOKED)}
    refs[WAS] = " ".join(sorted({*refs.get(WAS, "").split(), was}))
    again = {
        "state": DeliveryState.QUEUED,
        "payload": body,
        "refs": json.dumps(refs),
        "doubt": doubt,
        "attempts": 0,
        "starts": 0,
        "first_at": None,
        "slot": None,
        "done_at": None,
        "problem": None,
    }
    connection.execute(_SET.values(**again), {"delivery": held.id})
    wake(connection, held.conversation_id, held.direction)


def try_again(connection: Connection, held: Any, by: str | None) -> None:
    """Queue a dead letter again, as `by` in Slack wants it, or an operator. Who wants it answers for it."""
    wanted, body = readable_payload(Direction(held.direction), held.kind, held.payload), held.payload
    if isinstance(wanted, Decided):
        told = wanted.model_dump(exclude_unset=True, exclude={"again_by"})
        body = type(wanted).model_validate(told | ({} if by is None else {"again_by": by})).write()
    queue_again(connection, held, body, held.state)


def retry(connection: Connection, delivery_id: int) -> DeliveryState | None:
    """Queue a dead letter again. Returns the state it was in, any other than those of dead letters being left
    as it is; None where there is no such delivery."""
    held = hold(connection, delivery_id)
    if held is not None and is_dead(held):
        try_again(connection, held, None)
        if connection.dialect.name == "postgresql":  # another process carries it
            connection.execute(text(f"NOTIFY {CHANNEL}"))
    return None if held is None else DeliveryState(held.state)


def drop(connection: Connection, delivery_id: int) -> DeliveryState | None:
    """Give a dead letter up for good. Returns as `retry` does."""
    held = hold(connection, delivery_id)
    if held is not None and is_dead(held):
        told = {"state": DeliveryState.CANCELLED, "done_at": now(), "problem": f"dropped: {held.problem}"}
        connection.execute(_SET.values(**told), {"delivery": delivery_id})
    return None if held is None else DeliveryState(held.state)
