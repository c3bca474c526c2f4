"""What comes in: kept, deduplicated and queued in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, Double, bindparam, or_, update
from sqlalchemy.dialects.postgresql import insert

from bridge import control
from bridge.engine.work import Incoming, NewDelivery
from bridge.model import EVENT, AnyEvent, Control, Direction, Receipt, Typing
from bridge.store.lanes import enqueue, storable
from bridge.store.tables import conversation, inbox, now

AT_ONCE = 60.0  # seconds

_KEEP = (
    insert(inbox)
    .values(
        source=bindparam("source"),
        key=bindparam("key"),
        path=bindparam("path"),
        body=bindparam("body"),
        received_at=now(),
    )
    .on_conflict_do_nothing(index_elements=[inbox.c.source, inbox.c.key])
    .returning(inbox.c.source, inbox.c.key)
)
_new_conversation = insert(conversation).values(
    source=bindparam("source"),
    external_id=bindparam("external"),
    control=Control.BOT,
    facts="{}",
    created_at=now(),
)
# The update changes nothing; it makes RETURNING give the row, and locks it before its lanes.
_MEET = _new_conversation.on_conflict_do_update(
    index_elements=[conversation.c.source, conversation.c.external_id],
    set_={"control": conversation.c.control},
).returning(conversation.c.id, conversation.c.source, conversation.c.external_id, conversation.c.control)
# An event that comes late moves nothing back: then the vendor's own time decides. One that comes at once is
# believed, since clocks differ.
_CONTROL = (
    update(conversation)
    .where(
        conversation.c.id == bindparam("conversation"),
        or_(
            conversation.c.control_at.is_(None),
            conversation.c.control_at <= bindparam("at"),
            bindparam("at") > now() - bindparam("at_once", type_=Double()),
        ),
    )
    .values(control=bindparam("new_control"), control_at=bindparam("at"), owner=None)
)
#: a webhook and what its adapter read in it
Webhook = tuple[Incoming, Sequence[AnyEvent]]


def keep_events(connection: Connection, webhooks: Sequence[Webhook]) -> list[bool]:
    """Keep webhooks and queue their events for Slack, in this order.

    For each, whether it is new; False where it was kept before, and then nothing is done.
    """
    new = keep(connection, [incoming for incoming, _ in webhooks])
    events = [event for one, (_, told) in zip(new, webhooks, strict=True) if one for event in told]
    if not events:
        return new
    # Sorted, so that all who write the same conversations lock them in the same order.
    keys = sorted({(event.conversation.source, event.conversation.id) for event in events})
    met = {
        (row.source, row.external_id): row
        for row in connection.execute(_MEET, [{"source": one, "external": two} for one, two in keys])
    }
    rows = [met[event.conversation.source, event.conversation.id] for event in events]
    deliveries = [(row.id, _delivery(event)) for row, event in zip(rows, events, strict=True)]
    controls = {row.id: Control(row.control) for row in rows}
    missed = []
    for row, event, queued in zip(rows, events, enqueue(connection, deliveries), strict=True):
        after = control.after_event(controls[row.id], event) if queued else None
        if after is None:
            continue
        start = control.missed(event)
        told = {"conversation": row.id, "new_control": after, "at": event.at.timestamp()}
        # What only hints at a handoff may be the end of the last one, overtaken: it must be newer.
        told["at_once"] = AT_ONCE if start is None else 0.0
        if connection.execute(_CONTROL, told).rowcount:
            controls[row.id] = after
            if start is not None:
                missed.append((row.id, _delivery(start)))
    enqueue(connection, missed)
    return new


def _delivery(event: AnyEvent) -> NewDelivery:
    return NewDelivery(line(event), "event", event.id, EVENT.dump_json(event).decode())


def line(event: AnyEvent) -> Direction:
    """The line an event goes by: what is said or happened in order, the rest past it."""
    match event:
        case Typing():
            return Direction.STATUS
        case Receipt():
            return Direction.MARKS
        case _:
            return Direction.SLACK


def keep(connection: Connection, incoming: Sequence[Incoming]) -> list[bool]:
    """Keep what was not kept before; for each, whether it is new."""
    rows = [
        {"source": one.source, "key": storable(one.key), "path": one.path, "body": one.body}
        for one in incoming
    ]
    kept = {(row.source, row.key) for row in connection.execute(_KEEP, rows)}
    new = []
    for row in rows:
        place = (row["source"], row["key"])
        new.append(place in kept)
        kept.discard(place)  # the same twice in one go: the second is the duplicate
    return new
