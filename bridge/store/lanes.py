"""The lanes in SQL: who may take which, what is at its head, what became of it.

Rules the numbers support: lanes are claimed, not deliveries; every record carries the lane's token, so
that a worker that lost its lane writes nothing; the lane's row is locked before its deliveries are
read again and it is let go, so that nothing queued in between is overlooked.

Lock order on Postgres: conversation, then lanes in the order of `Direction`. All plain statements,
the same on both databases (SQLite leaves out FOR UPDATE: its writer is alone).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Boolean, Connection, Row, bindparam, case, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert  # the construct compiles for SQLite as well

from bridge.engine.work import (
    Again,
    Conversation,
    Done,
    Failed,
    NewDelivery,
    Outcome,
    PutBack,
    Turn,
    Uncertain,
)
from bridge.model import Control, ConversationKey, DeliveryState, Direction, ThreadKey
from bridge.store.tables import attempt, conversation, delivery, lane, now, worker

_ACTIVE = delivery.c.state.in_((DeliveryState.QUEUED, DeliveryState.SENDING))

# ── queue ────────────────────────────────────────────────────────────────────────────────────────

_new_lane = insert(lane).values(
    conversation_id=bindparam("conversation"), direction=bindparam("direction"), due=now(), token=0
)
# A lane that is owned, or waits for its next try, keeps its time; an idle one is due now.
_OPEN_LANE = _new_lane.on_conflict_do_update(
    index_elements=[lane.c.conversation_id, lane.c.direction],
    set_={"due": func.coalesce(lane.c.due, _new_lane.excluded.due)},
).returning(lane.c.id)

_QUEUE = (
    insert(delivery)
    .values(
        lane_id=bindparam("lane"),
        key=bindparam("key"),
        kind=bindparam("kind"),
        payload=bindparam("payload"),
        state=DeliveryState.QUEUED,
        created_at=now(),
        attempts=0,
        doubt=False,
        refs="{}",
    )
    .on_conflict_do_nothing(index_elements=[delivery.c.lane_id, delivery.c.key])
    .returning(delivery.c.id)
)


def enqueue(connection: Connection, conversation_id: int, new: NewDelivery) -> bool:
    """Queue `new` in its lane. False where that lane has had it before."""
    lane_id = connection.execute(
        _OPEN_LANE, {"conversation": conversation_id, "direction": new.direction}
    ).scalar_one()
    row = connection.execute(
        _QUEUE, {"lane": lane_id, "key": new.key, "kind": new.kind, "payload": new.payload}
    ).first()
    return row is not None


# ── take ─────────────────────────────────────────────────────────────────────────────────────────

_DUE = (
    select(lane.c.id)
    .where(lane.c.due <= now())
    .order_by(lane.c.due)
    .limit(bindparam("limit"))
    .with_for_update(skip_locked=True)
    .cte("due_lane")
)
_CLAIM = (
    update(lane)
    .where(lane.c.id.in_(select(_DUE.c.id)))
    .values(owner=bindparam("worker"), due=now() + bindparam("lease"), token=lane.c.token + 1)
    .returning(lane.c.id, lane.c.token, lane.c.direction, lane.c.conversation_id)
)


def _begin(heads: Any) -> Any:
    """Mark the deliveries `heads` as being sent. One that already was had a worker that died: doubt."""
    return (
        update(delivery)
        .where(delivery.c.id.in_(heads))
        .values(
            state=DeliveryState.SENDING,
            attempts=delivery.c.attempts + 1,
            first_at=func.coalesce(delivery.c.first_at, now()),
            started_at=now(),
            doubt=or_(delivery.c.doubt, delivery.c.state == DeliveryState.SENDING),
        )
        .returning(
            delivery.c.id,
            delivery.c.lane_id,
            delivery.c.kind,
            delivery.c.payload,
            delivery.c.attempts,
            (now() - delivery.c.first_at).label("age"),
            (now() - delivery.c.slot).label("late"),
            delivery.c.doubt,
            delivery.c.refs,
        )
    )


_BEGIN_MANY = _begin(
    select(func.min(delivery.c.id))
    .where(delivery.c.lane_id.in_(bindparam("lanes", expanding=True)), _ACTIVE)
    .group_by(delivery.c.lane_id)
)
_BEGIN_NEXT = _begin(
    select(func.min(delivery.c.id)).where(delivery.c.lane_id == bindparam("lane"), _ACTIVE).scalar_subquery()
)
_CONVERSATION = select(
    conversation.c.id,
    conversation.c.source,
    conversation.c.external_id,
    conversation.c.control,
    conversation.c.team,
    conversation.c.channel,
    conversation.c.thread_ts,
    conversation.c.facts,
    conversation.c.card,
    conversation.c.created_at,
)
_CONVERSATIONS = _CONVERSATION.where(conversation.c.id.in_(bindparam("ids", expanding=True)))
_LET_GO = (
    update(lane)
    .where(lane.c.id == bindparam("lane"), lane.c.token == bindparam("held"))
    .values(owner=None, due=None)
)


def claim(connection: Connection, worker_id: int, lease: float, limit: int) -> list[Turn]:
    """Take up to `limit` due lanes for this worker, each with the delivery at its head begun."""
    lanes = {
        row.id: row
        for row in connection.execute(_CLAIM, {"worker": worker_id, "lease": lease, "limit": limit})
    }
    if not lanes:
        return []
    heads = connection.execute(_BEGIN_MANY, {"lanes": list(lanes)}).all()
    found = conversations(connection, {lanes[head.lane_id].conversation_id for head in heads})
    turns = []
    for head in heads:
        held = lanes.pop(head.lane_id)
        turns.append(_turn(held.token, held.direction, found[held.conversation_id], head))
    for idle in lanes.values():
        connection.execute(_LET_GO, {"lane": idle.id, "held": idle.token})
    return turns


def conversations(connection: Connection, ids: Iterable[int]) -> dict[int, Conversation]:
    rows = connection.execute(_CONVERSATIONS, {"ids": list(ids)})
    return {row.id: _conversation(row) for row in rows}


def _conversation(row: Any) -> Conversation:
    located = row.team is not None
    return Conversation(
        id=row.id,
        key=ConversationKey(source=row.source, id=row.external_id),
        control=Control(row.control),
        thread=ThreadKey(team=row.team, channel=row.channel, ts=row.thread_ts) if located else None,
        created_at=row.created_at,
        facts=json.loads(row.facts),
        card=row.card,
    )


def _turn(token: int, direction: str, about: Conversation, head: Row[Any]) -> Turn:
    return Turn(
        lane=head.lane_id,
        token=token,
        direction=Direction(direction),
        conversation=about,
        delivery=head.id,
        kind=head.kind,
        payload=head.payload,
        attempt=head.attempts,
        age=head.age,
        doubt=head.doubt,
        refs=json.loads(head.refs),
        late=head.late,
    )


# ── record ───────────────────────────────────────────────────────────────────────────────────────

_HOLD = (
    select(lane.c.owner)
    .where(lane.c.id == bindparam("lane"), lane.c.token == bindparam("held"))
    .with_for_update()
)
_FINISH = (
    update(delivery)
    .where(delivery.c.id == bindparam("delivery"))
    .values(
        state=bindparam("new_state"),
        problem=bindparam("new_problem"),
        doubt=bindparam("new_doubt"),
        attempts=delivery.c.attempts - bindparam("uncounted"),
        slot=None,
        done_at=case((bindparam("ended", type_=Boolean()), now()), else_=None),
    )
)
_SLOT = update(delivery).where(delivery.c.id == bindparam("delivery")).values(slot=now() + bindparam("wait"))
_REF = update(delivery).where(delivery.c.id == bindparam("delivery")).values(refs=bindparam("new_refs"))
_ATTEMPT = insert(attempt).from_select(
    ["delivery_id", "number", "worker", "started_at", "ended_at", "outcome", "problem"],
    select(
        delivery.c.id,
        bindparam("number", type_=attempt.c.number.type),
        bindparam("by", type_=attempt.c.worker.type),
        delivery.c.started_at,
        now(),
        bindparam("outcome", type_=attempt.c.outcome.type),
        bindparam("why", type_=attempt.c.problem.type),
    ).where(delivery.c.id == bindparam("delivery")),
)
_RETRY_LANE = (
    update(lane).where(lane.c.id == bindparam("lane")).values(owner=None, due=now() + bindparam("wait"))
)
_CHANGE = update(conversation).where(conversation.c.id == bindparam("conversation"))


def advance(
    connection: Connection, turn: Turn, outcome: Outcome, keep_going: bool
) -> tuple[bool, Turn | None]:
    """Record what became of `turn`; take the lane's next delivery, or let the lane go.

    Returns whether the lane was still ours (else nothing is written), and the next turn.
    """
    change = outcome.change if isinstance(outcome, Done) else None
    values: dict[str, Any] = {}
    if change is not None and change.control is not None:
        values["control"] = change.control
    if change is not None and change.facts is not None:
        values["facts"] = json.dumps(change.facts)
    if change is not None and change.card is not None:
        values["card"] = change.card
    held = _hold(connection, turn, first=values and turn.conversation.id)
    if held is None:
        return False, None
    if values:
        connection.execute(_CHANGE.values(**values), {"conversation": turn.conversation.id})

    _finish(connection, turn, outcome, worker_id=held)
    if not isinstance(outcome, PutBack):
        for new in outcome.follow:
            enqueue(connection, turn.conversation.id, new)
    if isinstance(outcome, PutBack | Again):
        connection.execute(_RETRY_LANE, {"lane": turn.lane, "wait": outcome.wait})
        return True, None
    if not keep_going:  # whoever takes it next finds out whether there is more
        connection.execute(_RETRY_LANE, {"lane": turn.lane, "wait": 0.0})
        return True, None
    head = connection.execute(_BEGIN_NEXT, {"lane": turn.lane}).first()
    if head is None:
        connection.execute(_LET_GO, {"lane": turn.lane, "held": turn.token})
        return True, None
    about = conversations(connection, (turn.conversation.id,))[turn.conversation.id]
    return True, _turn(turn.token, turn.direction, about, head)


_LOCK_CONVERSATION = (
    select(conversation.c.id).where(conversation.c.id == bindparam("id")).with_for_update(key_share=True)
)


def _hold(connection: Connection, turn: Turn, *, first: object) -> int | None:
    """The worker that holds the turn's lane, or None where it is no longer held under this token."""
    if first:  # the conversation will be written: its row comes before the lane's in the lock order
        connection.execute(_LOCK_CONVERSATION, {"id": turn.conversation.id})
    row = connection.execute(_HOLD, {"lane": turn.lane, "held": turn.token}).first()
    return None if row is None or row.owner is None else int(row.owner)


_NAMES = {Done: "sent", Failed: "failed", Uncertain: "uncertain", Again: "retry"}
_STATES = {
    Done: DeliveryState.SENT,
    Failed: DeliveryState.FAILED,
    Uncertain: DeliveryState.UNCERTAIN,
    Again: DeliveryState.QUEUED,
    PutBack: DeliveryState.QUEUED,
}


def _finish(connection: Connection, turn: Turn, outcome: Outcome, *, worker_id: int) -> None:
    ended = not isinstance(outcome, PutBack | Again)
    problem = None if isinstance(outcome, Done | PutBack) else outcome.problem
    if not isinstance(outcome, PutBack):
        connection.execute(
            _ATTEMPT,
            {
                "delivery": turn.delivery,
                "number": turn.attempt,
                "by": worker_id,
                "outcome": _NAMES[type(outcome)],
                "why": problem,
            },
        )
    if isinstance(outcome, Done) and outcome.ref is not None:
        _add_refs(connection, turn.delivery, {"": outcome.ref})
    connection.execute(
        _FINISH,
        {
            "delivery": turn.delivery,
            "new_state": _STATES[type(outcome)],
            "new_problem": problem,
            "new_doubt": outcome.doubt if isinstance(outcome, Again) else turn.doubt and not ended,
            "uncounted": 1 if isinstance(outcome, PutBack) else 0,
            "ended": ended,
        },
    )
    if isinstance(outcome, PutBack):
        connection.execute(_SLOT, {"delivery": turn.delivery, "wait": outcome.wait})


def progress(connection: Connection, turn: Turn, refs: Mapping[str, str]) -> bool:
    """Record steps of a delivery that are done. False where the lane is no longer ours."""
    if _hold(connection, turn, first=False) is None:
        return False
    _add_refs(connection, turn.delivery, refs)
    return True


def _add_refs(connection: Connection, delivery_id: int, refs: Mapping[str, str]) -> None:
    known = connection.execute(select(delivery.c.refs).where(delivery.c.id == delivery_id)).scalar_one()
    connection.execute(_REF, {"delivery": delivery_id, "new_refs": json.dumps({**json.loads(known), **refs})})


# ── hold and let go ──────────────────────────────────────────────────────────────────────────────

_RENEW = (
    update(lane)
    .where(lane.c.id.in_(bindparam("lanes", expanding=True)), lane.c.owner == bindparam("worker"))
    .values(due=now() + bindparam("lease"))
)
_FREE = (
    update(lane)
    .where(lane.c.owner.is_not(None), lane.c.owner.in_(bindparam("dead", expanding=True)))
    .values(owner=None, due=now())
)
_NEXT_DUE = select(func.min(lane.c.due) - now()).where(lane.c.due.is_not(None))


def renew(connection: Connection, worker_id: int, lanes: Sequence[int], lease: float) -> None:
    connection.execute(_RENEW, {"worker": worker_id, "lanes": list(lanes), "lease": lease})


def free(connection: Connection, dead: Sequence[int]) -> int:
    """Free the lanes of dead workers at once, and forget the workers. Returns how many lanes."""
    freed = connection.execute(_FREE, {"dead": list(dead)}).rowcount
    connection.execute(delete(worker).where(worker.c.id.in_(list(dead))))
    return freed


def next_due(connection: Connection) -> float | None:
    """Seconds until some lane is due (negative: overdue), or None."""
    return connection.execute(_NEXT_DUE).scalar_one_or_none()


def enlist(connection: Connection, name: str) -> int:
    """A number for a new worker: the owner in its lanes, and its advisory lock on Postgres."""
    new = insert(worker).values(name=name, started_at=now()).returning(worker.c.id)
    return int(connection.execute(new).scalar_one())


def workers(connection: Connection) -> list[int]:
    return list(connection.execute(select(worker.c.id)).scalars())
