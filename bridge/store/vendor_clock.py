"""A vendor's clock as its webhooks show it, and which of its reports come too late to count.

The vendor's times are compared with each other only. What its clock says now follows from its newest
webhooks: the time that each names, less the time at which the store wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from bridge import control
from bridge.control import Mark, Signal
from bridge.model import AnyEvent, Direction
from bridge.store.tables import conversation, delivery, lane, now

LOOKED_AT = 300  # the newest deliveries, of all sources
LATE = 900.0  # seconds: a webhook that is further behind was delivered late, whatever the vendor's clock says
OLDER = 30  # the newest of the conversation before these
WEBHOOKS = 9  # that show how the clock of one runs

_ASKED = select(conversation.c.source, select(func.max(delivery.c.id)).scalar_subquery().label("last")).where(
    conversation.c.id == bindparam("conversation")
)
_NEWEST = (
    select(delivery.c.id, delivery.c.lane_id)
    .where(delivery.c.id > bindparam("after"), delivery.c.id <= bindparam("last"), delivery.c.kind == "event")
    .order_by(delivery.c.id.desc())
    .limit(LOOKED_AT)
)
_LANES = (
    select(lane.c.id, lane.c.conversation_id)
    .join(conversation, conversation.c.id == lane.c.conversation_id)
    .where(
        lane.c.id.in_(bindparam("lanes", expanding=True)),
        lane.c.direction == Direction.SLACK,
        conversation.c.source == bindparam("source"),
    )
)
_TIMES = (
    select(delivery.c.lane_id, delivery.c.payload, delivery.c.created_at)
    .where(delivery.c.id.in_(bindparam("deliveries", expanding=True)))
    .order_by(delivery.c.id.desc())
)
_OWN = (
    select(delivery.c.lane_id, delivery.c.payload, delivery.c.created_at)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(
        lane.c.conversation_id == bindparam("conversation"),
        lane.c.direction == Direction.SLACK,
        delivery.c.id <= bindparam("last"),
        delivery.c.kind == "event",
    )
    .order_by(delivery.c.created_at.desc())  # by no index: else a database may read back through all of them
    .limit(OLDER)
)
_NOW = select(now())


def leads(connection: Connection, about: int, *, but: AnyEvent | None = None, at: float = 0.0) -> list[float]:
    """The leads of the newest webhooks of the conversation's source (see `control.lead_of`), without the
    event `but`, those dated `at`, and what came late; of the conversation alone, where that suffices. Where
    the newest deliveries of all sources have too few, also those of the conversation's older webhooks."""
    source, newest_id = connection.execute(_ASKED, {"conversation": about}).one()
    last = int(newest_id or 0)
    newest = connection.execute(_NEWEST, {"after": last - LOOKED_AT, "last": last}).all()
    asked = {"lanes": sorted({row.lane_id for row in newest}), "source": source}
    lanes = {row.id: row.conversation_id for row in connection.execute(_LANES, asked)}
    # Payloads may be long, so few are read: twice as many as are wanted, since some say no time.
    of_source = [row.id for row in newest if row.lane_id in lanes]
    of_own = [row.id for row in newest if lanes.get(row.lane_id) == about]
    deliveries = {*of_source[: 2 * WEBHOOKS], *of_own[: 2 * WEBHOOKS]}
    rows = connection.execute(_TIMES, {"deliveries": sorted(deliveries)}).all()
    own = _leads([row for row in rows if lanes[row.lane_id] == about], but, at)
    found = _leads(rows, but, at)
    if len(found) < control.ENOUGH:  # other sources have more to say
        older = _leads(
            connection.execute(_OWN, {"conversation": about, "last": last - LOOKED_AT}).all(), but, at
        )
        own, found = own + older, found + older
    return (own if len(own) >= control.ENOUGH else found)[:WEBHOOKS]


def _leads(rows: Iterable[Any], but: AnyEvent | None, at: float) -> list[float]:
    found: list[float] = []
    for row in rows:
        try:
            event = json.loads(row.payload)
            then = datetime.fromisoformat(event["at"]).timestamp()
        except (ValueError, KeyError, TypeError):  # its own lane gives it up: no other may fail because of it
            continue
        is_other = then != at and (but is None or event["id"] != but.id)
        lead = then - row.created_at
        if is_other and event.get("dated", True) and not event.get("late") and lead > -LATE:
            found.append(lead)
    return found


def lead(connection: Connection, about: int) -> float:
    """Seconds that the vendor's clock is ahead of ours now."""
    return control.lead_of(leads(connection, about))


def ours(connection: Connection, about: int, event: AnyEvent) -> float:
    """When `event` happened, by the store's clock."""
    at, then = connection.execute(_NOW).scalar_one(), event.at.timestamp()
    if event.dated:
        then -= control.lead_of(leads(connection, about, but=event))
    return float(min(then, at))


def is_late(connection: Connection, about: int, row: Any, happened: Signal, event: AnyEvent) -> bool:
    """Whether `event` is overtaken, as the conversation's `row` is now. Without a date it is not."""
    if not event.dated:
        return False
    stated, acted = _marks(row)
    older_than = control.overtaking(happened, event.at.timestamp(), stated=stated, acted=acted)
    asks = happened in control.ASKED
    return any(
        not control.dated_ahead(mark, leads(connection, about, but=event, at=mark.at), asks=asks)
        for mark in older_than
    )


def _marks(row: Any) -> tuple[Mark | None, Mark | None]:
    """A process of an earlier version writes the times alone, beside the lead of the time before: where a
    clock has one, that is about the same."""
    stated: Mark | None = None
    acted: Mark | None = None
    if row.vendor_at is not None:
        stated = Mark(row.vendor_at, row.vendor_at - (row.vendor_lead or 0.0))
    if row.acted_at is not None:
        acted = Mark(row.acted_at + (row.acted_lead or 0.0), row.acted_at)
    return stated, acted
