"""What comes in: kept, deduplicated and queued in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from bridge import control
from bridge.control import Signal
from bridge.delivery.kinds import EventPosted, History, OfEvent, ReceiptShown, TypingShown
from bridge.engine.echo import ECHO, digest
from bridge.engine.work import Incoming, NewDelivery
from bridge.model import (
    AnyEvent,
    Control,
    ConversationKey,
    HandoffEnded,
    HandoffStarted,
    Message,
    Receipt,
    Role,
    Typing,
)
from bridge.store import handoffs
from bridge.store.keeping import keep
from bridge.store.lanes import enqueue, queue
from bridge.store.replies import matching_replies
from bridge.store.revisions import Retelling, revise
from bridge.store.rows import Rows
from bridge.store.tables import conversation, now

_ABOUT = Rows(conversation.c.source, conversation.c.external_id)
_ROW = (conversation.c.id, conversation.c.source, conversation.c.external_id, conversation.c.control)
_KNOWN = (
    select(*_ROW)
    .where(_ABOUT.among())
    .order_by(conversation.c.source, conversation.c.external_id)
    .with_for_update(key_share=True)
)
# Where another process was faster the update changes nothing; it makes RETURNING give the row, and locks it.
_MEET = (
    _ABOUT.insert(control=Control.BOT, facts="{}", created_at=now())
    .on_conflict_do_update(
        index_elements=[conversation.c.source, conversation.c.external_id],
        set_={"control": conversation.c.control},
    )
    .returning(*_ROW)
)
#: a webhook and what its adapter read in it
Webhook = tuple[Incoming, Sequence[AnyEvent]]


def keep_events(connection: Connection, webhooks: Sequence[Webhook]) -> list[tuple[bool, bool]]:
    """Keep webhooks and queue their events for Slack, in this order.

    For each, whether it is new; False where it was kept before, and then nothing is done, except about a
    start that has no id of its own: once its handoff is over, the same is the start of another. A message
    whose id is known from another webhook is queued as a revision if it has other words. And whether some
    lane is due because of them all: most come while their lanes are busy.
    """
    new = keep(connection, [incoming for incoming, _ in webhooks])
    told = [
        (number, event)
        for number, (_, events) in enumerate(webhooks)
        for event in events
        if new[number] or _is_unnamed(event)
    ]
    # Sorted, so that all who write the same conversations lock them in the same order.
    met, unknown = _meet(connection, sorted({_about(event) for _, event in told}))
    rows = [met[_about(event)] for _, event in told]
    deliveries = [(row.id, _delivery(event)) for row, (_, event) in zip(rows, told, strict=True)]
    accepted, due = queue(connection, deliveries)
    controls = {row.id: Control(row.control) for row in rows}
    follow = _asked_for(unknown, [(row.id, event) for row, (_, event) in zip(rows, told, strict=True)])
    for row, (number, event), queued in zip(rows, told, accepted, strict=True):
        again = not queued and _is_unnamed(event)
        if not queued and isinstance(event, Retelling) and not event.late:  # a history may word it otherwise
            due |= revise(connection, row.id, event)
        if again and controls[row.id] in (Control.BOT, Control.CLOSED):
            event = event.model_copy(update={"id": f"{event.id}:{event.at.timestamp()}"})
            enqueue(connection, [(row.id, _delivery(event))])
            new[number] = due = True
        # One that is known moves the time up to which the vendor has been heard: an older end is overtaken.
        if (
            (queued or again)
            and not event.earlier
            and _matters(controls[row.id], event)
            and not _is_echo(connection, event)
        ):
            after, more = handoffs.tell(connection, row.id, event)
            controls[row.id] = after or controls[row.id]
            follow += [(row.id, one) for one in more]
            due = True
    enqueue(connection, follow)
    return [(one, due) for one in new]


def _about(event: AnyEvent) -> tuple[str, str]:
    return event.conversation.source, event.conversation.id


def _meet(
    connection: Connection, keys: Sequence[tuple[str, str]]
) -> tuple[dict[tuple[str, str], Any], set[int]]:
    """The rows of these conversations, known or new, locked in this order; and the ids of the new ones."""
    if not keys:
        return {}, set()
    met = {row[1:3]: row for row in connection.execute(_KNOWN, _ABOUT.given(connection, keys)).all()}
    if unknown := [key for key in keys if key not in met]:
        met |= {row[1:3]: row for row in connection.execute(_MEET, _ABOUT.given(connection, unknown)).all()}
    return met, {met[key].id for key in unknown}


def _asked_for(unknown: set[int], told: Sequence[tuple[int, AnyEvent]]) -> list[tuple[int, NewDelivery]]:
    """A request for the vendor's history, once for each new conversation whose first event is of a handoff:
    what was said before is not here."""
    first: dict[int, AnyEvent] = {}
    for about, event in told:
        first.setdefault(about, event)
    new = NewDelivery.of(History(since=0, earlier=True), "history:earlier")
    return [(about, new) for about in first if about in unknown and _is_of_handoff(first[about])]


def _is_of_handoff(event: AnyEvent) -> bool:
    match event:
        case HandoffStarted(unnamed=unnamed, context=context):
            return unnamed and not context  # else the vendor reports by itself what was said
        case Message(author=author, handoff=label):
            return label is not None or author.role is Role.AGENT
        case _:
            return isinstance(event, HandoffEnded)


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
    return told is not None and bool(matching_replies(connection, told, ECHO))


def _delivery(event: AnyEvent) -> NewDelivery:
    return NewDelivery.of(_shown(event), event.id)


def _shown(event: AnyEvent) -> OfEvent:
    """What is said or happens goes in order, the rest past it."""
    match event:
        case Typing():
            return TypingShown(event=event)
        case Receipt():
            return ReceiptShown(event=event)
        case _:
            return EventPosted(event=event)


def keep_clock(connection: Connection, about: ConversationKey, new: NewDelivery) -> None:
    """Queue something that is about no customer's conversation; `about` has a source that none can have."""
    rows, _ = _meet(connection, [(about.source, about.id)])
    enqueue(connection, [(row.id, new) for row in rows.values()])
