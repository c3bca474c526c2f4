"""Begins the deliveries at the heads of lanes, and counts the starts that had no outcome.

`delivery.starts` is raised when a delivery is begun, and 0 again once an outcome is recorded. So one that was
begun and is found without an outcome was under way when its process ended, or lost its lane. Once, that is a
process that was killed. From the start `SUSPECT` on the delivery is a *suspect*: it may be what ends the
process, and so may all that were under way beside it. Suspects are begun one at a time in each process, those
with the fewest starts first, and nothing is claimed together with one: so the starts of the delivery that
ends its process grow, and those of the others do not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Double, bindparam, func, or_, select, text, update

from bridge.engine.work import SUSPECT, Turn
from bridge.model import DeliveryState, Direction
from bridge.store import conversations
from bridge.store.tables import ACTIVE, delivery, lane, now

SUSPECT_PAUSE = 0.25  # seconds until a suspect that waits for another is looked at again

_HEADS = (
    select(func.min(delivery.c.id))
    .where(delivery.c.lane_id.in_(bindparam("lanes", expanding=True)), text(ACTIVE))
    .group_by(delivery.c.lane_id)
)
# One that was being sent already had a worker that died: from then on it is in doubt.
_BEGIN = (
    update(delivery)
    .where(delivery.c.id.in_(_HEADS))
    .values(
        state=DeliveryState.SENDING,
        attempts=delivery.c.attempts + 1,
        first_at=func.coalesce(delivery.c.first_at, now()),
        started_at=now(),
        starts=delivery.c.starts + 1,
        doubt=or_(delivery.c.doubt, delivery.c.state == DeliveryState.SENDING),
    )
    .returning(
        delivery.c.id,
        delivery.c.lane_id,
        delivery.c.key,
        delivery.c.kind,
        delivery.c.payload,
        delivery.c.attempts,
        delivery.c.starts,
        delivery.c.started_at,
        (now() - delivery.c.first_at).label("age"),
        (now() - delivery.c.created_at).label("waited"),
        (now() - delivery.c.slot).label("late"),
        delivery.c.doubt,
        delivery.c.refs,
    )
)
_LET_GO = update(lane).where(lane.c.id.in_(bindparam("lanes", expanding=True))).values(owner=None, due=None)
_OTHER_SUSPECT = (
    select(delivery.c.id)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(
        lane.c.owner == bindparam("worker"),
        lane.c.id.not_in(bindparam("lanes", expanding=True)),
        delivery.c.state == DeliveryState.SENDING,
        delivery.c.starts >= SUSPECT,
        text(ACTIVE),
    )
    .limit(1)
)
_NOT_BEGUN = (
    update(delivery)
    .where(delivery.c.id.in_(bindparam("ids", expanding=True)))
    .values(state=DeliveryState.QUEUED, attempts=delivery.c.attempts - 1, starts=delivery.c.starts - 1)
)
_PUT_OFF = (
    update(lane)
    .where(lane.c.id.in_(bindparam("lanes", expanding=True)))
    .values(owner=None, due=now() + bindparam("wait", type_=Double()))
)


def begin(connection: Connection, held: Mapping[int, Any], worker_id: int | None = None) -> list[Turn]:
    """Begin the heads of the lanes that are held; let go of those that have none.

    With `worker_id` the lanes were claimed just now, and a suspect among them is begun alone.
    """
    if not held:
        return []
    heads = connection.execute(_BEGIN, {"lanes": list(held)}).all()
    idle = held.keys() - {head.lane_id for head in heads}
    if idle:
        connection.execute(_LET_GO, {"lanes": sorted(idle)})
    if worker_id is not None and any(head.starts >= SUSPECT for head in heads):
        heads = _isolate(connection, heads, worker_id)
    found = conversations.read(connection, {held[head.lane_id].conversation_id for head in heads})
    return [
        Turn(
            lane=head.lane_id,
            token=held[head.lane_id].token,
            direction=Direction(held[head.lane_id].direction),
            conversation=found[held[head.lane_id].conversation_id],
            delivery=head.id,
            kind=head.kind,
            body=head.payload,
            attempt=head.attempts,
            began=head.started_at,
            age=head.age,
            doubt=head.doubt,
            refs=json.loads(head.refs),
            waited=head.waited,
            late=head.late,
            key=head.key,
            starts=head.starts,
        )
        for head in heads
    ]


def _isolate(connection: Connection, heads: Sequence[Any], worker_id: int) -> list[Any]:
    """Of heads that were begun just now, those that are begun indeed: one suspect alone, or where another is
    under way in this process, all but the suspects."""
    suspects = sorted(
        (head for head in heads if head.starts >= SUSPECT), key=lambda head: (head.starts, head.id)
    )
    lanes = {"worker": worker_id, "lanes": [head.lane_id for head in heads]}
    if connection.execute(_OTHER_SUSPECT, lanes).first() is None:
        begun = suspects[:1]
    else:
        begun = [head for head in heads if head.starts < SUSPECT]
    for wait, rest in (
        (SUSPECT_PAUSE, [head for head in suspects if head not in begun]),
        (0.0, [head for head in heads if head.starts < SUSPECT and head not in begun]),
    ):
        if rest:
            connection.execute(_NOT_BEGUN, {"ids": [head.id for head in rest]})
            connection.execute(_PUT_OFF, {"lanes": [head.lane_id for head in rest], "wait": wait})
    return begun
