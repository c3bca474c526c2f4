"""Who has a conversation, in the store: the one place where control changes, and all that follows from it.

Every signal is held against the control that stands when it is written, on a row that is locked. With
control go the handoff's own row and what is to be queued because of it: the card, the alerts, the clocks.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Double, bindparam, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert

from bridge import control
from bridge.control import Signal
from bridge.delivery.kinds import AlertChanged, CardChanged, Clock, EventPosted, Reopened
from bridge.engine.work import AlertPlace, Handoff, NewDelivery, Owner
from bridge.model import EVENT, AnyEvent, Control, DeliveryState, Direction, HandoffStarted, Message
from bridge.store import own_reports, vendor_clock
from bridge.store.tables import ACTIVE, conversation, delivery, handoff, lane, now

_STANDS = (
    select(
        conversation.c.control,
        conversation.c.vendor_at,
        conversation.c.vendor_lead,
        conversation.c.acted_at,
        conversation.c.acted_lead,
        conversation.c.changes,
        conversation.c.owner_id,
    )
    .where(conversation.c.id == bindparam("conversation"))
    .with_for_update(key_share=True)
)
_CHANGE = update(conversation).where(conversation.c.id == bindparam("conversation"))
_LAST = (
    select(handoff)
    .where(handoff.c.conversation_id == bindparam("conversation"))
    .order_by(handoff.c.id.desc())
    .limit(1)
)
_OPEN = _LAST.where(handoff.c.ended_at.is_(None))
_CLOCKS = (
    select(lane.c.id)
    .where(lane.c.conversation_id == bindparam("conversation"), lane.c.direction == Direction.CLOCKS)
    .with_for_update()
)
_STOP = (
    update(delivery)
    .where(delivery.c.lane_id == bindparam("lane"), text(ACTIVE))
    .values(state=DeliveryState.CANCELLED, done_at=now(), problem="nobody waits any more")
)
# Whoever looks at one just now finds the lane taken away, and does not put it back to sleep.
_POKE = (
    update(lane)
    .where(lane.c.id == bindparam("lane_id"))
    .values(owner=None, due=now(), token=lane.c.token + 1)
)
# What is said here is urgent from now on: it does not wait for its turn among the talk.
_URGE = (
    update(lane)
    .where(
        lane.c.id
        == select(lane.c.id)
        .where(
            lane.c.conversation_id == bindparam("conversation"),
            lane.c.direction == Direction.SLACK,
            lane.c.owner.is_(None),
            lane.c.due > now(),
            select(delivery.c.id)
            .where(delivery.c.lane_id == lane.c.id, text(ACTIVE), delivery.c.slot > now())
            .exists(),
        )
        .with_for_update(skip_locked=True, of=lane)  # somebody looks at it just now
        .scalar_subquery()
    )
    .values(due=now())
)
_ANSWERED = (
    update(handoff)
    .where(
        handoff.c.conversation_id == bindparam("conversation"),
        handoff.c.ended_at.is_(None),
        handoff.c.answered_at.is_(None),
    )
    .values(answered_at=now())
    .returning(handoff.c.id)
)

_JUST_NOW = select(handoff.c.id).where(
    handoff.c.id == bindparam("handoff"),
    handoff.c.end_written_at > now() - bindparam("within", type_=Double()),
)
AT_ONCE = 10.0  # seconds between two words for one end

#: how a handoff ends by what an agent does
_ENDINGS = {Signal.HANDED_BACK: "handed_back", Signal.RESOLVED: "closed"}

#: what is to be queued; None where nothing changed
Follow = list[NewDelivery] | None


def tell(connection: Connection, about: int, event: AnyEvent) -> tuple[Control | None, list[NewDelivery]]:
    """What a vendor reports: the control that follows, or None where it stays, and what is to be queued."""
    happened = control.signal(event)
    if happened is None:
        return None, []
    row = connection.execute(_STANDS, {"conversation": about}).one()
    if own_reports.is_overtaken(connection, about, event):
        return None, []
    if vendor_clock.is_late(connection, about, row, happened, event):
        return None, []
    stated = _stated(connection, about, row, event) if happened in control.STATED else {}
    after = control.after(Control(row.control), happened)
    if happened is Signal.AGENT_LEFT and row.owner_id is not None:
        after = None  # a colleague at the vendor left; somebody here has it
    if after is not None:
        author = getattr(event, "author", None) if after is Control.HUMAN else None
        by = Owner(name=author.name) if author is not None else None
        at = vendor_clock.ours(connection, about, event)
        new = _become(connection, about, row, after, by, at=at, event=event, **stated)
    else:
        if stated:
            connection.execute(_CHANGE.values(**stated), {"conversation": about})
        new = _learned(connection, about, event) if isinstance(event, HandoffStarted) else []
    if happened is Signal.AGENT_SPOKE:
        new += answered(connection, about)
    return after, new


def act(
    connection: Connection,
    about: int,
    happened: Signal,
    by: Owner,
    meant: int | None = None,
    *,
    final: bool = False,
) -> Follow:
    """What an agent does: what is to be queued, or None where it changes nothing. What ends a handoff ends no
    later one than `meant`: its customer asked for a human again. Nothing is said at the vendor after what is
    `final`."""
    follow = _act(connection, about, happened, by, meant, final=final)
    # Last, so that only a later act is written after it.
    own_reports.recorded(connection, about, happened)
    return follow


def _act(
    connection: Connection, about: int, happened: Signal, by: Owner, meant: int | None, *, final: bool
) -> Follow:
    row = connection.execute(_STANDS, {"conversation": about}).one()
    after = control.after(Control(row.control), happened)
    same = after is Control.HUMAN and row.control == after and row.owner_id == by.id
    if after is None or same:
        return _told_before(connection, about, happened, by)
    if happened in _ENDINGS and meant is not None:
        newest = last(connection, about)
        if newest is not None and newest.is_later_than(meant):
            return _told_before(connection, about, happened, by, meant)
    lead = vendor_clock.lead(connection, about)
    told: dict[str, Any] = {"acted_at": now(), "acted_lead": lead}
    if final:
        lead += control.WHOLE_SECOND
        told |= {"vendor_at": now() + lead, "vendor_lead": lead}
    return _become(connection, about, row, after, by, at=None, event=None, **told)


def _stated(connection: Connection, about: int, row: Any, event: AnyEvent) -> dict[str, Any]:
    """The vendor's newest statement, by its own clock. A call without a date says nothing of that clock, but
    where a handoff is open, the end of an earlier one may be on its way."""
    if event.dated:
        at = event.at.timestamp()
        if row.vendor_at is not None and row.vendor_at - control.WHOLE_SECOND <= at <= row.vendor_at:
            return {}
        return {"vendor_at": at, "vendor_lead": literal(at) - now()}
    if row.control in (Control.WAITING, Control.HUMAN):
        lead = vendor_clock.lead(connection, about)
        return {"vendor_at": now() + lead, "vendor_lead": lead}
    return {}


def answered(connection: Connection, about: int) -> list[NewDelivery]:
    """The customer has an agent's words, by a deadline that an alert may show."""
    first = connection.execute(_ANSWERED, {"conversation": about}).scalars()
    return [alert(one, f"alert:answered:{one}") for one in first]


def _become(
    connection: Connection,
    about: int,
    row: Any,
    after: Control,
    by: Owner | None,
    *,
    at: float | None,
    event: AnyEvent | None,
    **told: Any,
) -> list[NewDelivery]:
    before, changes = Control(row.control), row.changes + 1
    has = by if after is Control.HUMAN and by is not None else Owner()
    values = {
        "control": after,
        "control_at": now() if at is None else at,
        "owner": has.name,
        "owner_id": has.id,
        "changes": changes,
        **told,
    }
    connection.execute(_CHANGE.values(**values), {"conversation": about})
    start = None
    if after is Control.WAITING and event is not None:
        start = event if isinstance(event, HandoffStarted) else control.missed(event)
    new = [NewDelivery.of(CardChanged(), f"card:change:{changes}")]
    if start is not None and start is not event:
        new.append(NewDelivery.of(EventPosted(event=start), start.id))
    if before is Control.CLOSED and after is Control.BOT and isinstance(event, Message):
        new.append(NewDelivery.of(Reopened(), f"opened_again:{changes}"))
    open_ = connection.execute(_OPEN, {"conversation": about}).first()
    if after in (Control.WAITING, Control.HUMAN):
        if before in (Control.BOT, Control.CLOSED):
            connection.execute(_URGE, {"conversation": about})
        if open_ is None:
            found = _begin(connection, about, after, start, now() if at is None else at)
        else:
            found = _go_on(connection, open_.id, after, by)
    elif open_ is not None:
        found = _end(connection, open_.id, _ending(open_, after, event), by, now() if at is None else at)
    else:
        found = _ended_with_it(connection, about, after, by)
    if found is not None and found.waiting_since is not None:
        new.append(alert(found.id, f"alert:{changes}"))
    if after is Control.WAITING or (before is Control.WAITING and not _runs_on(after, found)):
        _stop_clocks(connection, about)
    if found is not None and after is Control.WAITING:
        clock = Clock(handoff=found.id, round=found.round)
        new.append(NewDelivery.of(clock, f"clock:{found.id}:{found.round}"))
    return new


def alert(handoff_id: int, key: str) -> NewDelivery:
    """Let the alerts of a handoff show how it stands."""
    return NewDelivery.of(AlertChanged(handoff=handoff_id), key)


def _told_before(
    connection: Connection, about: int, happened: Signal, by: Owner, handoff_id: int | None = None
) -> Follow:
    """Where the vendor told of the end before it answered to whoever ended it: by whom it was."""
    row = _just_ended(connection, about, handoff_id) if happened in _ENDINGS else None
    if row is None or row.ending != _ENDINGS[happened]:
        return None
    _changed(connection, row.id, {"ended_by": by.name})
    return [alert(row.id, f"alert:by:{row.id}")]


def _ended_with_it(connection: Connection, about: int, after: Control, by: Owner | None) -> Any:
    """The handoff whose end a vendor told just before that of all: it was not handed back."""
    row = _just_ended(connection, about) if after is Control.CLOSED else None
    if row is None or row.ending != "handed_back":
        return None
    return _changed(connection, row.id, {"ending": "closed", "ended_by": by.name if by else None})


def _just_ended(connection: Connection, about: int, handoff_id: int | None = None) -> Any:
    """The last handoff, or this one, where a vendor has just told of its end."""
    this = _LAST if handoff_id is None else _LAST.where(handoff.c.id == handoff_id)
    row = connection.execute(this, {"conversation": about}).first()
    if row is None or row.ended_by is not None:
        return None
    just_now = connection.execute(_JUST_NOW, {"handoff": row.id, "within": AT_ONCE}).first()
    return row if just_now is not None else None


def _begin(
    connection: Connection, about: int, after: Control, start: HandoffStarted | None, when: Any
) -> Any:
    waits = after is Control.WAITING
    begun = {"waiting_since": when} if waits else {"claimed_at": when, "first_claimed_at": when}
    new = insert(handoff).values(
        conversation_id=about,
        start=EVENT.dump_json(start).decode() if start else None,
        start_id=start.id if start else None,
        started_at=when,
        round=1,
        **begun,
    )
    return connection.execute(new.returning(handoff)).one()


def _go_on(connection: Connection, handoff_id: int, after: Control, by: Owner | None) -> Any:
    values: dict[str, Any] = {
        "claimed_at": now(),
        "first_claimed_at": func.coalesce(handoff.c.first_claimed_at, now()),
        "released_by": None,
    }
    if after is Control.WAITING:
        values = {
            "claimed_at": None,
            "waiting_since": now(),
            "round": handoff.c.round + 1,
            "released_by": by.name if by else None,
        }
    return _changed(connection, handoff_id, values)


def _end(connection: Connection, handoff_id: int, ending: str, by: Owner | None, when: Any) -> Any:
    values = {
        "ended_at": when,
        "end_written_at": now(),
        "ending": ending,
        "ended_by": by.name if by else None,
    }
    return _changed(connection, handoff_id, values)


def _changed(connection: Connection, handoff_id: int, values: dict[str, Any]) -> Any:
    changed = update(handoff).where(handoff.c.id == handoff_id).values(**values).returning(handoff)
    return connection.execute(changed).one()


def _ending(row: Any, after: Control, event: AnyEvent | None) -> str:
    """A vendor that gave up did not wait for somebody who claims."""
    if after is Control.BOT:
        return "handed_back"
    return "expired" if row.answered_at is None and control.gave_up(event) else "closed"


def _learned(connection: Connection, about: int, start: HandoffStarted) -> list[NewDelivery]:
    """The start of a handoff that only a message had told of: now with why, and for whom."""
    row = connection.execute(_OPEN, {"conversation": about}).first()
    if row is None or not (row.start_id or "").startswith("missed:"):
        return []
    _changed(connection, row.id, {"start": EVENT.dump_json(start).decode(), "start_id": start.id})
    return [alert(row.id, f"alert:{start.id}")]


def _runs_on(after: Control, row: Any) -> bool:
    """Whether a vendor goes on counting: it wants an answer, not somebody who claims."""
    start = of_row(row).start if row is not None else None
    return after is Control.HUMAN and start is not None and start.wait is not None


def _stop_clocks(connection: Connection, about: int) -> None:
    found = connection.execute(_CLOCKS, {"conversation": about}).scalar_one_or_none()
    if found is not None:
        connection.execute(_STOP, {"lane": found})
        connection.execute(_POKE, {"lane_id": found})


# ── read and note ────────────────────────────────────────────────────────────────────────────────


def read(connection: Connection, handoff_id: int) -> Handoff:
    return of_row(connection.execute(select(handoff).where(handoff.c.id == handoff_id)).one())


def last(connection: Connection, about: int) -> Handoff | None:
    """The handoff that is open, or else the last one."""
    row = connection.execute(_LAST, {"conversation": about}).first()
    return of_row(row) if row else None


def of_row(row: Any) -> Handoff:
    start = EVENT.validate_json(row.start) if row.start else None
    return Handoff(
        id=row.id,
        started_at=row.started_at,
        waiting_since=row.waiting_since,
        round=row.round,
        start=start if isinstance(start, HandoffStarted) else None,
        claimed_at=row.claimed_at,
        released_by=row.released_by,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        ending=row.ending,
        ended_by=row.ended_by,
        end_written_at=row.end_written_at,
        breached_at=row.breached_at,
        alarmed_at=row.alarmed_at,
        places={name: AlertPlace(*one) for name, one in json.loads(row.places).items()},
    )


def place(connection: Connection, handoff_id: int, name: str, at: AlertPlace) -> None:
    """Remember where an alert stands and how it looks."""
    held = select(handoff.c.places).where(handoff.c.id == handoff_id).with_for_update()
    places = json.loads(connection.execute(held).scalar_one())
    places[name] = [at.channel, at.ts, at.looks]
    _changed(connection, handoff_id, {"places": json.dumps(places)})


def breach(connection: Connection, handoff_id: int) -> None:
    """Somebody waited for longer than was promised."""
    _changed(connection, handoff_id, {"breached_at": func.coalesce(handoff.c.breached_at, now())})


def alarm(connection: Connection, handoff_id: int) -> None:
    _changed(connection, handoff_id, {"alarmed_at": func.coalesce(handoff.c.alarmed_at, now())})
