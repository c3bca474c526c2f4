"""A message that a vendor tells again under the same id with other words: queued once more, as a revision.

What is told again need not be a message any more: a presence, or what cannot be read, such as a withdrawal.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select

from bridge import control
from bridge.control import Mark
from bridge.delivery.kinds import Revision
from bridge.engine.known import revision_key, same_content
from bridge.engine.work import ECHOED, EVENTS, NewDelivery, Turn
from bridge.model import EVENT, AnyEvent, Direction, Message, Presence, UnknownEvent
from bridge.store import retold, vendor_clock
from bridge.store.lanes import enqueue, storable
from bridge.store.tables import delivery, lane

_FIRST = (
    select(delivery.c.id, delivery.c.lane_id, delivery.c.payload, delivery.c.created_at)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(
        lane.c.conversation_id == bindparam("conversation"),
        lane.c.direction == Direction.SLACK,
        delivery.c.key == bindparam("key"),
        delivery.c.kind.in_(EVENTS),
    )
)
_REVISIONS = (
    select(delivery.c.id, delivery.c.payload, delivery.c.created_at)
    .where(
        delivery.c.lane_id == bindparam("lane"),
        delivery.c.id > bindparam("first"),
        delivery.c.kind == Revision.kind.name,
    )
    .order_by(delivery.c.id)
)
_OUTCOME = select(delivery.c.refs).where(
    delivery.c.lane_id == bindparam("lane"), delivery.c.key == bindparam("key")
)

#: what has the id of a message
Retelling = Message | Presence | UnknownEvent
#: a telling of a message, and when it was written
Told = tuple[AnyEvent, float]


def revise(connection: Connection, about: int, message: Retelling) -> bool:
    """Queue `message`, whose id is known, if it has other words than before. Whether it was queued.

    The first words may be those of now once more. They are a repetition, unless the vendor dates them later.
    """
    known = _known(connection, about, message)
    if known and known[0][0].late:
        retold.by(connection, about, known[0][0], message)
    if not known or any(_repeats(message, one) for one, _ in known):
        return False
    if same_content(_newest(connection, about, known), message):
        return False
    new = NewDelivery.of(Revision(event=message), revision_key(message))
    return all(enqueue(connection, [(about, new)]))


def is_overtaken(connection: Connection, turn: Turn, message: Message) -> bool:
    """Whether the revision `message` has earlier words than those that are shown: it came late."""
    about = turn.conversation.id
    known = _known(connection, about, message, before=turn.delivery)
    return any(_is_older(connection, about, message, one) for one in known)


def _known(
    connection: Connection, about: int, message: Retelling, *, before: int | None = None
) -> list[Told]:
    """All that was told under the id of `message`, in the order of writing."""
    told = {"conversation": about, "key": storable(message.id)}
    first = connection.execute(_FIRST, told).one_or_none()
    if first is None:
        return []
    revisions = connection.execute(_REVISIONS, {"lane": first.lane_id, "first": first.id})
    rows = [first, *(row for row in revisions if before is None or row.id < before)]
    known = [(EVENT.validate_json(row.payload), row.created_at) for row in rows]
    return [(event, at) for event, at in known if event.id == message.id]


def _newest(connection: Connection, about: int, known: Sequence[Told]) -> AnyEvent:
    newest = known[0]
    for told in known[1:]:
        if not _is_older(connection, about, told[0], newest):
            newest = told
    return newest[0]


def _is_older(connection: Connection, about: int, event: AnyEvent, than: Told) -> bool:
    """Whether the vendor dates `event` before `than`, and not because that has a wrong date."""
    (other, written_at), at = than, event.at.timestamp()
    mark = Mark(other.at.timestamp(), written_at)
    if not (event.dated and other.dated) or at >= mark.at - control.WHOLE_SECOND:
        return False
    return not control.dated_ahead(mark, vendor_clock.leads(connection, about, but=event, at=mark.at))


def _repeats(message: Retelling, other: AnyEvent) -> bool:
    """Whether `message` is `other` once more, and not its words of another time."""
    later = (message.at - other.at).total_seconds() > control.WHOLE_SECOND
    return same_content(other, message) and not (message.dated and other.dated and later)


def first_was_echo(connection: Connection, turn: Turn, message: Message) -> bool:
    """Whether the message that `message` revises was our own reply, told back."""
    refs = connection.execute(_OUTCOME, {"lane": turn.lane, "key": storable(message.id)}).scalar_one_or_none()
    return refs is not None and json.loads(refs).get("") == ECHOED
