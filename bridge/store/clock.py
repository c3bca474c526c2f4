"""The store's clock, where it is set back or forward: no lane stops for that, and nothing young is deleted.

Whatever waits, waits until a time by the store's clock. A clock that is set back by an hour would let all of
it wait for an hour more. So a worker holds that clock against time that only passes (`look`), and one that
starts against the newest times in the store (`arrive`). Where the clock was set back, what cannot be in the
future is brought back to now, and each lane that waits is looked at once: its carrier puts it back until the
right time. All of it may be done several times, by several workers.

Where the clock was set forward, what is being tried again is not given up for that, and retention pauses.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Double,
    Table,
    Update,
    and_,
    bindparam,
    case,
    delete,
    func,
    or_,
    select,
    text,
    update,
)

from bridge.store.database import Database
from bridge.store.tables import (
    ACTIVE,
    RETRIED,
    attempt,
    conversation,
    delivery,
    handoff,
    inbox,
    lane,
    now,
    pace,
    said,
)

STEP = 5.0  # seconds: by less nothing waits longer than the safety net's poll
LEAP = 3600.0  # seconds forward, after which retention pauses …
PAUSE = 86_400.0  # … for so long
MARGIN = 600.0  # seconds before the step, in which what was tried before it is looked for at the other side
PACED = 3600.0  # seconds; no slot is reserved so far ahead

logger = logging.getLogger(__name__)


def passing() -> float:
    """Seconds of a clock that nobody sets; on Linux it counts while the machine is suspended, too."""
    boottime: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


class Clock:
    """Watches the store's clock for one process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._offset: tuple[float, float] | None = None  # the store's time less ours: at least, at most
        self._back = False  # it was set back, and what waits was not brought back yet
        self._leapt_at: float | None = None

    async def arrive(self) -> None:
        """Bring back what was written by a clock that was ahead of this one."""
        before = passing()
        at, back = await self._database.run(_behind)
        self._step(at - passing(), at - before)
        if back:
            logger.warning("the store was written by a clock that was ahead: all that waits is looked at")
        await self._mend(back, None)

    async def look(self, renew: Callable[..., float], worker: int, held: Any, lease: float) -> bool:
        """Run `renew`, which returns the store's time. True where lanes are due because it was set back."""
        before = passing()
        at = await self._database.run(renew, worker, held, lease)
        step = self._step(at - passing(), at - before)
        if step < 0:
            logger.warning("the store's clock was set back by %.0f s: all that waits is looked at", -step)
            self._back = True
        elif step > 0:
            logger.warning("the store's clock was set forward by %.0f s", step)
            if step > LEAP:
                self._leapt_at = passing()
            await self._database.run(_be_patient, step)
        return await self._mend(self._back, lease)

    @property
    def leapt(self) -> bool:
        """Whether it was set forward so far, and so lately, that nothing is to be deleted by its age."""
        return self._leapt_at is not None and passing() - self._leapt_at < PAUSE

    def _step(self, least: float, most: float) -> float:
        """By how many seconds at least the clock was set since the last look; 0 where it was not."""
        earlier, self._offset = self._offset, (least, most)
        if earlier is None:
            return 0.0
        if most < earlier[0] - STEP:
            return most - earlier[0]
        return least - earlier[1] if least > earlier[1] + STEP else 0.0

    async def _mend(self, back: bool, lease: float | None) -> bool:
        self._back = back  # until all of it is done
        if back:
            for part in (_conversations, _handoffs, _reports, _lanes):  # the order of locks; each by itself
                await self._database.run(part, lease)
            self._back = False
        return back


# ── back ─────────────────────────────────────────────────────────────────────────────────────────

_begun = func.coalesce(delivery.c.started_at, delivery.c.created_at)
_NEWEST = (
    select(inbox.c.received_at).order_by(inbox.c.id.desc()).limit(1),
    select(attempt.c.ended_at).order_by(attempt.c.id.desc()).limit(1),
    select(func.max(case((_begun > delivery.c.created_at, _begun), else_=delivery.c.created_at))).where(
        text(ACTIVE)
    ),
    select(func.max(pace.c.next_at) - PACED),
)
_NOW = select(now())


def _behind(connection: Connection) -> tuple[float, bool]:
    """The time, and whether something was written later than that."""
    times = [connection.execute(newest).scalar_one_or_none() for newest in _NEWEST]
    at: float = connection.execute(_NOW).scalar_one()
    return at, any(time is not None and time > at + STEP for time in times)


def _no_later(*columns: Column[float]) -> dict[str, Any]:
    return {column.name: case((column > now(), now()), else_=column) for column in columns}


def _later(*columns: Column[float]) -> ColumnElement[bool]:
    return or_(*(column > _NOW.scalar_subquery() for column in columns))


def _brought_back(table: Table, *columns: Column[float]) -> Update:
    return update(table).where(_later(*columns)).values(**_no_later(*columns))


_ACTED = _brought_back(
    conversation, conversation.c.created_at, conversation.c.control_at, conversation.c.acted_at
)
_UNDER_WAY = _brought_back(
    handoff,
    handoff.c.started_at,
    handoff.c.waiting_since,
    handoff.c.claimed_at,
    handoff.c.first_claimed_at,
    handoff.c.answered_at,
    handoff.c.breached_at,
    handoff.c.alarmed_at,
).where(handoff.c.ended_at.is_(None))
_ENDED = _brought_back(handoff, handoff.c.ended_at, handoff.c.end_written_at)
_SAID = _brought_back(said, said.c.at, said.c.recorded_at)
_WAITING = (
    select(lane.c.id)
    .where(_later(lane.c.due))
    .order_by(lane.c.conversation_id, lane.c.direction)
    .with_for_update()
)
_DUE = update(lane).where(_later(lane.c.due), lane.c.owner.is_(None)).values(due=now())
_LEASES = (
    update(lane)
    .where(lane.c.due > now() + bindparam("lease", type_=Double()), lane.c.owner.is_not(None))
    .values(due=now() + bindparam("lease", type_=Double()))
)
# Without a slot, a place in a line counts no more: the lines begin anew.
_QUEUED = (
    update(delivery)
    .where(
        text(ACTIVE),
        or_(
            delivery.c.slot.is_not(None),
            _later(delivery.c.created_at, delivery.c.first_at, delivery.c.started_at),
        ),
    )
    .values(
        slot=None,
        created_at=case(
            (and_(delivery.c.created_at > now(), delivery.c.attempts > 0), now() - MARGIN),
            (delivery.c.created_at > now(), now()),
            else_=delivery.c.created_at,
        ),
        **_no_later(delivery.c.first_at, delivery.c.started_at),
    )
)


def _conversations(connection: Connection, _lease: float | None) -> None:
    """An agent's act with a time in the future would make a vendor's events until then count as late."""
    connection.execute(_ACTED)


def _handoffs(connection: Connection, _lease: float | None) -> None:
    """A wait that began in the future would cause a reminder only after that time. After an end in the future
    the AI agent's talk would be shown in a quiet channel, and each later end be another word for that one."""
    connection.execute(_UNDER_WAY)
    connection.execute(_ENDED)


def _reports(connection: Connection, _lease: float | None) -> None:
    """An act that was recorded in the future would take each end until then for its own report."""
    connection.execute(_SAID)


def _lanes(connection: Connection, lease: float | None) -> None:
    connection.execute(_WAITING).all()
    connection.execute(_QUEUED)
    connection.execute(delete(pace))
    if lease is not None:
        connection.execute(_LEASES, {"lease": lease})
    connection.execute(_DUE)


# ── forward ──────────────────────────────────────────────────────────────────────────────────────

_step_on = delivery.c.first_at + bindparam("step", type_=Double())
_PATIENCE = (
    update(delivery).where(text(RETRIED)).values(first_at=case((_step_on > now(), now()), else_=_step_on))
)


def _be_patient(connection: Connection, step: float) -> None:
    """Let what is being retried keep its age: a delivery retried for a minute is not an hour old."""
    connection.execute(_PATIENCE, {"step": step})
