"""What comes in: kept, deduplicated and queued in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam
from sqlalchemy.dialects.postgresql import insert

from bridge import control
from bridge.control import Signal
from bridge.engine.echo import ECHO, digest
from bridge.engine.work import Incoming, NewDelivery
from bridge.model import (
    EVENT,
    AnyEvent,
    Control,
    ConversationKey,
    Direction,
    HandoffStarted,
    Message,
    Receipt,
    Typing,
)
from bridge.store import handoffs
from bridge.store.keeping import keep
from bridge.store.lanes import enqueue
from bridge.store.replies import was_said
from bridge.store.tables import conversation, now

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
#: a webhook and what its adapter read in it
Webhook = tuple[Incoming, Sequence[AnyEvent]]


def keep_events(connection: Connection, webhooks: Sequence[Webhook]) -> list[bool]:
    """Keep webhooks and queue their events for Slack, in this order.

    For each, whether it is new; False where it was kept before, and then nothing is done, except about a
    start that has no id of its own: once its handoff is over, the same is the start of another.
    """
    new = keep(connection, [incoming for incoming, _ in webhooks])
    told = [
        (number, event)
        for number, (_, events) in enumerate(webhooks)
        for event in events
        if new[number] or _is_unnamed(event)
    ]
    if not told:
        return new
    events = [event for _, event in told]
    # Sorted, so that all who write the same conversations lock them in the same order.
    keys = sorted({(event.conversation.source, event.conversation.id) for event in events})
    met = {
        (row.source, row.external_id): row
        for row in connection.execute(_MEET, [{"source": one, "external": two} for one, two in keys])
    }
    rows = [met[event.conversation.source, event.conversation.id] for event in events]
    deliveries = [(row.id, _delivery(event)) for row, event in zip(rows, events, strict=True)]
    controls = {row.id: Control(row.control) for row in rows}
    follow: list[tuple[int, NewDelivery]] = []
    for row, (number, event), queued in zip(rows, told, enqueue(connection, deliveries), strict=True):
        again = not queued and _is_unnamed(event)
        if again and controls[row.id] in (Control.BOT, Control.CLOSED):
            event = event.model_copy(update={"id": f"{event.id}:{event.at.timestamp()}"})
            enqueue(connection, [(row.id, _delivery(event))])
            new[number] = True
        # One that is known moves the time up to which the vendor has been heard: an older end is overtaken.
        if (queued or again) and _matters(controls[row.id], event) and not _is_echo(connection, event):
            after, more = handoffs.tell(connection, row.id, event)
            controls[row.id] = after or controls[row.id]
            follow += [(row.id, one) for one in more]
    enqueue(connection, follow)
    return new


def _is_unnamed(event: AnyEvent) -> bool:
    return isinstance(event, HandoffStarted) and event.unnamed


def _matters(stands: Control, event: AnyEvent) -> bool:
    """Whether `event` may change who has the conversation, or answers. Most do not, and cost nothing more."""
    happened = control.signal(event)
    answers = happened is Signal.AGENT_SPOKE
    return answers or happened in control.STATED or control.after(stands, happened) is not None


def _is_echo(connection: Connection, event: AnyEvent) -> bool:
    """Whether a vendor tells back what we said for somebody here: that says nothing new of who has it."""
    told = digest(event, tells_humans_apart=True) if isinstance(event, Message) else None
    return told is not None and was_said(connection, told, ECHO)


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


def keep_clock(connection: Connection, about: ConversationKey, new: NewDelivery) -> None:
    """Queue something that is about no customer's conversation; `about` has a source that none can have."""
    met = connection.execute(_MEET, [{"source": about.source, "external": about.id}]).one()
    enqueue(connection, [(met.id, new)])
