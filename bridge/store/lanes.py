"""The lanes in SQL: who may take which, what is at its head, what became of it.

Rules the numbers support: lanes are claimed, not deliveries; every record carries the lane's token, so
that a worker that lost its lane writes nothing; the lane's row is locked before its deliveries are
read again and it is let go, so that nothing queued in between is overlooked.

Lock order on Postgres: conversation, then lanes in the order of `Direction`. All plain statements,
the same on both databases (SQLite leaves out FOR UPDATE: its writer is alone).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Boolean, Connection, Double, bindparam, case, delete, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert  # the construct compiles for SQLite as well

from bridge.engine.work import (
    KEPT,
    Again,
    Change,
    Done,
    Failed,
    Kept,
    NewDelivery,
    Outcome,
    PutBack,
    Turn,
    Uncertain,
    recorded,
)
from bridge.model import DeliveryState, Direction
from bridge.store import conversations
from bridge.store.begin import begin
from bridge.store.rows import Rows
from bridge.store.tables import attempt, delivery, lane, now, worker

CHANNEL = "bridge_lanes"  # of Postgres' NOTIFY: some lane may be due

# ── queue ────────────────────────────────────────────────────────────────────────────────────────

_LANES = Rows(lane.c.conversation_id, lane.c.direction)
_THERE = (
    select(lane.c.id, lane.c.conversation_id, lane.c.direction, lane.c.due)
    .where(_LANES.among())
    .order_by(lane.c.conversation_id, lane.c.direction)
    .with_for_update()
)
_new_lanes = _LANES.insert(due=now(), token=0)
# A lane that is owned, or waits for its next try, keeps its time; an idle one is due now.
_OPEN_LANES = _new_lanes.on_conflict_do_update(
    index_elements=[lane.c.conversation_id, lane.c.direction],
    set_={"due": func.coalesce(lane.c.due, _new_lanes.excluded.due)},
).returning(lane.c.id, lane.c.conversation_id, lane.c.direction)

_DELIVERIES = Rows(
    delivery.c.lane_id, delivery.c.key, delivery.c.kind, delivery.c.payload, delivery.c.message
)
_QUEUE = (
    _DELIVERIES.insert(state=DeliveryState.QUEUED, created_at=now(), attempts=0, doubt=False, refs="{}")
    .on_conflict_do_nothing(index_elements=[delivery.c.lane_id, delivery.c.key])
    .returning(delivery.c.lane_id, delivery.c.key)
)


def storable(key: str) -> str:
    """`key`, or its hash where it is too long for an index."""
    return key if len(key) <= 300 else hashlib.sha256(key.encode()).hexdigest()


def enqueue(connection: Connection, new: Sequence[tuple[int, NewDelivery]]) -> list[bool]:
    """Queue each delivery in its conversation's lane, in this order.

    For each, whether it is new; False where its lane has had one of that key before.
    """
    return queue(connection, new)[0]


def queue(connection: Connection, new: Sequence[tuple[int, NewDelivery]]) -> tuple[list[bool], bool]:
    """As `enqueue`; also whether a lane was idle, and is due now."""
    if not new:
        return [], False
    lanes, due = _open(connection, sorted({(about, one.direction) for about, one in new}))
    rows = [
        (lanes[about, one.direction], storable(one.key), one.kind, one.body, one.message)
        for about, one in new
    ]
    found = connection.execute(_QUEUE, _DELIVERIES.given(connection, rows)).all()
    queued = {(row.lane_id, row.key) for row in found}
    accepted = []
    for lane_id, key, *_ in rows:
        accepted.append((lane_id, key) in queued)
        queued.discard((lane_id, key))  # the same twice in one go: the second is the duplicate
    return accepted, due


def _open(
    connection: Connection, wanted: Sequence[tuple[int, Direction]]
) -> tuple[dict[tuple[int, str], int], bool]:
    """The lanes of conversations in these directions, locked in this order; and whether any was idle."""
    there = connection.execute(_THERE, _LANES.given(connection, wanted)).all()
    lanes = {(row.conversation_id, row.direction): row.id for row in there if row.due is not None}
    if idle := [one for one in wanted if one not in lanes]:
        opened = connection.execute(_OPEN_LANES, _LANES.given(connection, idle)).all()
        lanes |= {(row.conversation_id, row.direction): row.id for row in opened}
    return lanes, bool(idle)


def wake(connection: Connection, about: int, direction: Direction) -> None:
    """Let the lane be looked at: something in it was queued again."""
    _open(connection, [(about, direction)])


# ── take ─────────────────────────────────────────────────────────────────────────────────────────

_DUE = (
    select(lane.c.id)
    # A clock that may tell another time for each row is no condition of an index; one that was read once is.
    .where(lane.c.due <= select(now()).scalar_subquery())
    # What this worker holds it carries, also where its lease is over because the clock was set forward.
    .where(or_(lane.c.owner.is_(None), lane.c.owner != bindparam("worker")))
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


def claim(connection: Connection, worker_id: int, lease: float, limit: int) -> list[Turn]:
    """Take up to `limit` due lanes for this worker, each with the delivery at its head begun."""
    claimed = connection.execute(_CLAIM, {"worker": worker_id, "lease": lease, "limit": limit})
    return begin(connection, {row.id: row for row in claimed}, worker_id)


# ── record ───────────────────────────────────────────────────────────────────────────────────────

_HOLD = (
    select(lane.c.id, lane.c.token, lane.c.owner, lane.c.conversation_id, lane.c.direction)
    .where(lane.c.id.in_(bindparam("lanes", expanding=True)))
    .order_by(lane.c.conversation_id, lane.c.direction)
    .with_for_update()
)
_FINISH = (
    update(delivery)
    .where(delivery.c.id == bindparam("delivery"))
    .values(
        state=bindparam("new_state"),
        problem=bindparam("new_problem"),
        doubt=bindparam("new_doubt"),
        refs=bindparam("new_refs"),
        attempts=delivery.c.attempts - bindparam("uncounted"),
        starts=0,
        slot=now() + bindparam("slot_in", type_=Double()),  # null where there is none
        done_at=case((bindparam("ended", type_=Boolean()), now()), else_=None),
    )
)
_COVER = (
    update(delivery)
    .where(
        delivery.c.id.in_(bindparam("covers", expanding=True)),
        delivery.c.lane_id == bindparam("lane"),
        delivery.c.state == DeliveryState.QUEUED,
    )
    .values(state=DeliveryState.SENT, done_at=now(), refs=bindparam("new_refs"))
)
_REFS = update(delivery).where(delivery.c.id == bindparam("delivery")).values(refs=bindparam("new_refs"))
_ATTEMPTS = insert(attempt).values(
    delivery_id=bindparam("delivery"),
    number=bindparam("number"),
    worker=bindparam("by"),
    started_at=bindparam("began"),
    ended_at=now(),
    outcome=bindparam("outcome"),
    problem=bindparam("why"),
)
_RETRY_LANE = (
    update(lane)
    .where(lane.c.id == bindparam("lane"))
    .values(owner=None, due=now() + bindparam("wait", type_=Double()))
)
_NAMES = {Done: "sent", Kept: "kept", Failed: "failed", Uncertain: "uncertain", Again: "retry"}
_STATES = {
    Done: DeliveryState.SENT,
    Kept: DeliveryState.CANCELLED,
    Failed: DeliveryState.FAILED,
    Uncertain: DeliveryState.UNCERTAIN,
    Again: DeliveryState.QUEUED,
    PutBack: DeliveryState.QUEUED,
}

#: a turn, what became of it, and whether its worker wants the lane's next
Recorded = tuple[Turn, Outcome, bool]


def advance(connection: Connection, recorded: Sequence[Recorded]) -> list[tuple[bool, Turn | None]]:
    """Record what became of each turn; take each lane's next delivery, or let the lane go.

    For each, whether the lane was still ours (else nothing is written), and its next turn.
    """
    changed = {turn.conversation.id for turn, outcome, _ in recorded if _change(outcome) is not None}
    if changed:  # their rows come before the lanes' in the lock order
        conversations.lock(connection, sorted(changed))
    rows = {row.id: row for row in connection.execute(_HOLD, {"lanes": [one[0].lane for one in recorded]})}
    ours = [one for one in recorded if _is_held(rows.get(one[0].lane), one[0])]
    if ours:
        _finish(connection, ours, rows)
    follow: list[tuple[int, NewDelivery]] = []
    for turn, outcome, _ in ours:  # several lanes of one conversation may be among them
        new = [] if isinstance(outcome, PutBack) else list(outcome.follow)
        if (change := _change(outcome)) is not None:
            new += conversations.change(connection, turn.conversation.id, change)
        follow += [(turn.conversation.id, one) for one in new]
    enqueue(connection, follow)
    following = {}
    for turn, outcome, keep_going in ours:
        if isinstance(outcome, PutBack | Again):
            connection.execute(_RETRY_LANE, {"lane": turn.lane, "wait": outcome.wait})
        elif not keep_going:  # whoever takes it next finds out whether there is more
            connection.execute(_RETRY_LANE, {"lane": turn.lane, "wait": 0.0})
        else:
            following[turn.lane] = rows[turn.lane]
    turns = {turn.lane: turn for turn in begin(connection, following)}
    held = {turn.lane for turn, _, _ in ours}
    return [(turn.lane in held, turns.get(turn.lane)) for turn, _, _ in recorded]


def _change(outcome: Outcome) -> Change | None:
    return outcome.change if isinstance(outcome, Done) else None


def _is_held(row: Any | None, turn: Turn) -> bool:
    return row is not None and row.token == turn.token and row.owner is not None


def _finish(connection: Connection, ours: Sequence[Recorded], rows: Mapping[int, Any]) -> None:
    attempts, finished = [], []
    for turn, outcome, _ in ours:
        ended = not isinstance(outcome, PutBack | Again)
        problem = recorded(outcome)
        refs = dict(turn.refs)
        if isinstance(outcome, Done) and outcome.ref is not None:
            refs[""] = outcome.ref
        elif isinstance(outcome, Kept):
            refs[KEPT] = outcome.why
        if not isinstance(outcome, PutBack):
            attempts.append(
                {
                    "delivery": turn.delivery,
                    "number": turn.attempt,
                    "by": rows[turn.lane].owner,
                    "began": turn.began,
                    "outcome": _NAMES[type(outcome)],
                    "why": problem,
                }
            )
        finished.append(
            {
                "delivery": turn.delivery,
                "new_state": _STATES[type(outcome)],
                "new_problem": problem,
                "new_doubt": outcome.doubt if isinstance(outcome, Again) else turn.doubt and not ended,
                "new_refs": json.dumps(refs),
                "uncounted": 1 if isinstance(outcome, PutBack) else 0,
                "slot_in": outcome.wait if isinstance(outcome, PutBack) else None,
                "ended": ended,
            }
        )
    if attempts:
        connection.execute(_ATTEMPTS, attempts)
    connection.execute(_FINISH, finished)
    for turn, outcome, _ in ours:
        if isinstance(outcome, Done) and outcome.covers:
            shown = json.dumps({"": outcome.ref, "with": turn.delivery})
            told = {"covers": list(outcome.covers), "lane": turn.lane, "new_refs": shown}
            connection.execute(_COVER, told)


def progress(connection: Connection, turn: Turn, refs: Mapping[str, str]) -> bool:
    """Record the steps of a delivery that are done. False where the lane is no longer ours."""
    if not _is_held(connection.execute(_HOLD, {"lanes": [turn.lane]}).first(), turn):
        return False
    connection.execute(_REFS, {"delivery": turn.delivery, "new_refs": json.dumps(refs)})
    return True


# ── hold and let go ──────────────────────────────────────────────────────────────────────────────

_RENEWED = (
    select(lane.c.id)
    .where(lane.c.id.in_(bindparam("lanes", expanding=True)), lane.c.owner == bindparam("worker"))
    .with_for_update(skip_locked=True)  # one that is being written is renewed the next time
    .cte("renewed")
)
_RENEW = update(lane).where(lane.c.id.in_(select(_RENEWED.c.id))).values(due=now() + bindparam("lease"))
_FREE = (
    update(lane)
    .where(lane.c.owner.is_not(None), lane.c.owner.in_(bindparam("dead", expanding=True)))
    .values(owner=None, due=now())
)
_NEXT_DUE = select(func.min(lane.c.due) - now()).where(lane.c.due.is_not(None))


def renew(connection: Connection, worker_id: int, lanes: Sequence[int], lease: float) -> float:
    """Renew the leases. Returns the time by the store's clock."""
    if lanes:
        connection.execute(_RENEW, {"worker": worker_id, "lanes": list(lanes), "lease": lease})
    return float(connection.execute(select(now())).scalar_one())


def free(connection: Connection, dead: Sequence[int]) -> int:
    """Free the lanes of dead workers at once, and forget the workers. Returns how many lanes."""
    freed = connection.execute(_FREE, {"dead": list(dead)}).rowcount
    connection.execute(delete(worker).where(worker.c.id.in_(list(dead))))
    return freed


def disown(connection: Connection, worker_id: int, held: Sequence[int]) -> None:
    """Free what a worker owns beside what it holds: it never learnt of it."""
    connection.execute(_FREE.where(lane.c.id.not_in(held)), {"dead": [worker_id]})


def next_due(connection: Connection) -> float | None:
    """Seconds until some lane is due (negative: overdue), or None."""
    return connection.execute(_NEXT_DUE).scalar_one_or_none()


def enlist(connection: Connection, name: str) -> int:
    """A number for a new worker: the owner in its lanes, and its advisory lock on Postgres."""
    new = insert(worker).values(name=name, started_at=now()).returning(worker.c.id)
    return int(connection.execute(new).scalar_one())


def workers(connection: Connection) -> list[int]:
    return list(connection.execute(select(worker.c.id)).scalars())
