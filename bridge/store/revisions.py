"""A message that a vendor tells again under the same id with other words: queued once more, as a revision."""

from __future__ import annotations

import json

from sqlalchemy import Connection, bindparam, select

from bridge.delivery.kinds import Revision
from bridge.engine.known import revision_key, same_content
from bridge.engine.work import ECHOED, EVENTS, NewDelivery, Turn
from bridge.model import EVENT, Direction, Message
from bridge.store.lanes import enqueue, storable
from bridge.store.tables import delivery, lane

_FIRST = (
    select(delivery.c.payload)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(
        lane.c.conversation_id == bindparam("conversation"),
        lane.c.direction == Direction.SLACK,
        delivery.c.key == bindparam("key"),
        delivery.c.kind.in_(EVENTS),
    )
)
_OUTCOME = select(delivery.c.refs).where(
    delivery.c.lane_id == bindparam("lane"), delivery.c.key == bindparam("key")
)


def revise(connection: Connection, about: int, message: Message) -> bool:
    """Queue `message`, whose id is known, if it has other words than before. Whether it was queued."""
    told = {"conversation": about, "key": storable(message.id)}
    payload = connection.execute(_FIRST, told).scalar_one_or_none()
    if payload is None or same_content(EVENT.validate_json(payload), message):
        return False
    new = NewDelivery.of(Revision(event=message), revision_key(message))
    return all(enqueue(connection, [(about, new)]))


def first_was_echo(connection: Connection, turn: Turn, message: Message) -> bool:
    """Whether the message that `message` revises was our own reply, told back."""
    refs = connection.execute(_OUTCOME, {"lane": turn.lane, "key": storable(message.id)}).scalar_one_or_none()
    return refs is not None and json.loads(refs).get("") == ECHOED
