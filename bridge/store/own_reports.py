"""The reports with which a vendor answers an act of ours: that the handoff, or the conversation, has ended.

The thread says by itself that an agent did it. So such a report is kept and not shown, and it ends no handoff
that began since. A report that names an agent, or says that the wait has timed out, is about another end.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Double, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bridge import control
from bridge.control import Signal
from bridge.engine.echo import ECHO
from bridge.model import AnyEvent, ConversationEnded, HandoffEnded, Role
from bridge.store import vendor_clock
from bridge.store.tables import conversation, handoff, now, said

#: the kinds of events that an act may bring about
_KINDS = {
    Signal.HANDED_BACK: ("handoff_ended",),
    Signal.RESOLVED: ("handoff_ended", "conversation_ended"),
}
_BEGUN = select(said.c.id).where(said.c.digest == bindparam("digest"), said.c.act == bindparam("of_act"))
_EXPECT = insert(said).values(
    digest=bindparam("digest"),
    at=now(),
    conversation_id=bindparam("about"),
    act=bindparam("of_act"),
    handoff_id=select(func.max(handoff.c.id))
    .where(handoff.c.conversation_id == bindparam("about"))
    .scalar_subquery(),
)
_REFUSED = delete(said).where(
    said.c.digest.in_(bindparam("digests", expanding=True)),
    said.c.act == bindparam("of_act"),
    said.c.event_id.is_(None),
)
_RECORDED = (
    update(said)
    .where(said.c.digest.in_(bindparam("digests", expanding=True)), said.c.recorded_at.is_(None))
    .values(recorded_at=now())
)
_EXPECTED = (
    select(said)
    .where(
        said.c.digest == bindparam("digest"),
        said.c.event_id.is_(None),
        said.c.at > now() - bindparam("within", type_=Double()),
    )
    .order_by(said.c.id)
    .limit(1)
)
_FOUND = update(said).where(said.c.id == bindparam("row")).values(event_id=bindparam("event"))
_IS_OWN = select(said.c.id).where(said.c.digest == bindparam("digest"), said.c.event_id == bindparam("event"))
_NEXT = (
    select(handoff.c.started_at)
    .where(
        handoff.c.conversation_id == bindparam("about"),
        handoff.c.id > bindparam("handoff"),
    )
    .order_by(handoff.c.id)
    .limit(1)
)
_ACTED = select(conversation.c.acted_at, conversation.c.acted_lead).where(
    conversation.c.id == bindparam("about")
)


def expect(connection: Connection, about: int, act: int, happened: Signal) -> None:
    """The delivery `act` is about to do this at the vendor."""
    for digest in _digests(about, happened):
        told = {"digest": digest, "of_act": act}
        if connection.execute(_BEGUN, told).first() is None:
            connection.execute(_EXPECT, {**told, "about": about})


def refused(connection: Connection, about: int, act: int, happened: Signal) -> None:
    """The vendor has not done it."""
    connection.execute(_REFUSED, {"digests": _digests(about, happened), "of_act": act})


def recorded(connection: Connection, about: int, happened: Signal) -> None:
    """The act has changed control: a report of it that is still to come changes nothing."""
    if digests := _digests(about, happened):
        connection.execute(_RECORDED, {"digests": digests})


def is_overtaken(connection: Connection, about: int, event: AnyEvent) -> bool:
    """Whether `event` reports an act that has changed control already. Remembers which event reports it."""
    if not isinstance(event, HandoffEnded | ConversationEnded) or not _may_be_ours(event):
        return False
    expected = {"digest": _digest(about, event.kind), "within": ECHO}
    row = connection.execute(_EXPECTED, expected).first()
    if row is None or _is_of_later(connection, about, row, event):
        return False
    connection.execute(_FOUND, {"row": row.id, "event": event.id})
    return row.recorded_at is not None


def is_own(connection: Connection, about: int, event: AnyEvent) -> bool:
    """Whether `event` reports an act of ours."""
    told = {"digest": _digest(about, event.kind), "event": event.id}
    return connection.execute(_IS_OWN, told).first() is not None


def _may_be_ours(event: HandoffEnded | ConversationEnded) -> bool:
    """Ada names no agent, and may call an end by its API the system's: docs/vendors/ada.md."""
    by = event.by if isinstance(event, ConversationEnded) else None
    may = by is None or by.role is Role.SYSTEM or (by.role is Role.AGENT and not by.name)
    return may and not control.gave_up(event)


def _is_of_later(connection: Connection, about: int, row: Any, event: AnyEvent) -> bool:
    """Whether the conversation went on since the act, and `event` is from that time by the vendor's clock."""
    if row.recorded_at is None or not event.dated:
        return False
    at, lead = event.at.timestamp(), control.lead_of(vendor_clock.leads(connection, about, but=event))
    if at > row.recorded_at + lead + control.LONG_BEFORE:  # the report of the act never came
        return True
    began = connection.execute(_NEXT, {"about": about, "handoff": row.handoff_id or 0}).scalar()
    if began is not None and at > began + lead:
        return True
    acted = connection.execute(_ACTED, {"about": about}).one()
    is_later = acted.acted_at is not None and acted.acted_at > row.recorded_at
    return is_later and acted.acted_lead is not None and at > acted.acted_at + acted.acted_lead


def _digests(about: int, happened: Signal) -> list[str]:
    return [_digest(about, kind) for kind in _KINDS.get(happened, ())]


def _digest(about: int, kind: str) -> str:
    return f"{kind}:{about}"
