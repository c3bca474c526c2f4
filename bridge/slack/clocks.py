"""Carries what is due: while a customer waits, and once a day.

A clock only tells the time: it sleeps in its lane until something is due, queues that, and a clock for the
rest. So each is done once, is cancelled with the clock, and fails by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from bridge.config import Route
from bridge.delivery.kinds import (
    AlertChanged,
    Clock,
    DigestDue,
    DigestPosted,
    Escalation,
    Greeting,
    Overdue,
    Reminder,
    Scan,
)
from bridge.engine.follow import notice
from bridge.engine.handlers import Handlers, handles
from bridge.engine.ports import Ledger
from bridge.engine.work import Change, Done, Failed, Handoff, NewDelivery, Outcome, PutBack, Turn
from bridge.errors import Unavailable
from bridge.model import Control
from bridge.render import escalation, reminder
from bridge.slack.api import ChannelAway, SlackApi
from bridge.slack.digest import Digests
from bridge.slack.handoffs import Handoffs, greets_at, stands
from bridge.slack.pacing import Slots
from bridge.slack.permalinks import Permalinks
from bridge.slack.posting import Spot, post_once
from bridge.slack.routes import Routes
from bridge.slack.scans import Scans

STORE_AWAY = 1.0  # seconds until a clock looks at its handoff again


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done at `due`, in seconds since the epoch. `breach`: it says that nobody came in time."""

    kind: type[Greeting | Reminder | Escalation]
    due: float
    breach: bool = False


def steps(route: Route, handoff: Handoff) -> list[Step]:
    """What a handoff that stands as it does has ahead, or behind it, in its order."""
    found: list[Step] = []
    if stands(handoff) is Control.WAITING and handoff.waiting_since is not None:
        hours, since = route.open_hours, datetime.fromtimestamp(handoff.waiting_since, UTC)
        found += [Step(Reminder, hours.after(since, pause).timestamp()) for pause in route.remind_after]
        if route.escalate_after is not None:
            due = hours.after(since, route.escalate_after).timestamp()
            found.append(Step(Escalation, due, breach=True))
        elif found:
            found[-1] = replace(found[-1], breach=True)
    # A vendor waits for an answer, in business hours or not, whether or not somebody has claimed.
    greeted = greets_at(route, handoff)
    if greeted is not None and handoff.answered_at is None and handoff.ended_at is None:
        found.append(Step(Greeting, greeted.timestamp()))
    return sorted(found, key=lambda step: step.due)


def worth_doing(due: Sequence[Step]) -> list[Step]:
    """Without the reminders that another has overtaken: nobody was here to post them in time."""
    last = max((number for number, step in enumerate(due) if step.kind is Reminder), default=0)
    return [step for number, step in enumerate(due) if step.kind is not Reminder or number == last]


class ClocksCarrier(Handlers):
    def __init__(
        self,
        api: SlackApi,
        ledger: Ledger,
        routes: Routes,
        links: Permalinks,
        digests: Digests,
        scans: Scans,
    ) -> None:
        self._api = api
        self._ledger = ledger
        self._handoffs = Handoffs(ledger, routes, links)
        self._digests = digests
        self._scans = scans

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        if not isinstance(outcome, Failed) or not isinstance(turn.payload, Escalation):
            return ()
        return (notice(turn, f"Nobody could be told that the customer still waits: {outcome.problem}"),)

    @handles(DigestDue)
    async def wait_for_day(self, turn: Turn, payload: DigestDue) -> Outcome:
        return await self._digests.wait(turn, payload)

    @handles(DigestPosted)
    async def post_numbers(self, turn: Turn, payload: DigestPosted) -> Outcome:
        return await self._digests.post(turn, payload)

    @handles(Scan)
    async def scan(self, turn: Turn, payload: Scan) -> Outcome:
        return await self._scans.carry(turn, payload)

    @handles(Clock)
    async def wait(self, turn: Turn, payload: Clock) -> Outcome:
        try:
            return await self._wait(turn, payload)
        except Unavailable:  # its age counts from before it slept: it would be given up at once
            return PutBack(STORE_AWAY)

    async def _wait(self, turn: Turn, clock: Clock) -> Outcome:
        handoff = await self._ledger.handoff(clock.handoff)
        if handoff.round != clock.round:
            return Done()
        if clock.past > turn.began:  # by a clock that has been set back since
            return Done(follow=(_rest(turn, clock),))
        route = self._handoffs.route(turn.conversation, handoff)
        ahead = [step for step in steps(route, handoff) if step.due > clock.past]
        due = [step for step in ahead if step.due <= turn.began]
        if ahead and not due:
            return PutBack(ahead[0].due - turn.began)
        follow = [new for step in worth_doing(due) for new in _queued(turn, clock, step)]
        if len(due) < len(ahead):
            follow.append(_rest(turn, clock))
        # The change that is none lets the conversation be locked first, as whoever stops clocks does.
        return Done(change=Change() if due else None, follow=tuple(follow))

    @handles(Reminder)
    async def remind(self, turn: Turn, payload: Reminder) -> Outcome:
        return await self._tell(turn, payload)

    @handles(Escalation)
    async def escalate(self, turn: Turn, payload: Escalation) -> Outcome:
        return await self._tell(turn, payload)

    async def _tell(self, turn: Turn, overdue: Overdue) -> Outcome:
        """Remind or escalate, if the customer still waits."""
        self._api.known()
        handoff, escalates = await self._ledger.handoff(overdue.handoff), isinstance(overdue, Escalation)
        if handoff.round != overdue.round or stands(handoff) is not Control.WAITING:
            return Done()
        if overdue.breach:
            await self._ledger.breach(handoff.id)
        about = await self._handoffs.about(turn.conversation, handoff, turn.began)
        waited = turn.began - (handoff.waiting_since or handoff.started_at)
        if escalates:
            shown = escalation(about.view, about.handoff, waited, to=about.route.escalate_to)
        else:
            shown = reminder(about.view, about.handoff, waited)
        spots = _spots(turn, handoff, about.route.escalate_channel if escalates else None)
        marker = {"delivery": turn.delivery}
        try:
            ts = await post_once(self._api, self._ledger, turn, Slots(self._api, turn), shown, marker, spots)
        except ChannelAway as error:
            if escalates:
                raise
            # The escalation must not wait behind it.
            return Failed(error.told, where=error.where, detail=error.technical)
        return ts if isinstance(ts, PutBack) else Done(ts)


def _rest(turn: Turn, clock: Clock) -> NewDelivery:
    """The clock for what is ahead from now on."""
    return NewDelivery.after(turn, clock.model_copy(update={"past": turn.began}))


def _queued(turn: Turn, clock: Clock, step: Step) -> list[NewDelivery]:
    if step.kind is Greeting:  # the deadline that the alerts show is no more then
        key = f"greeting:{clock.handoff}"
        alerts = AlertChanged(handoff=clock.handoff)
        return [NewDelivery.of(Greeting(), key), NewDelivery.of(alerts, f"alert:{key}")]
    overdue = Escalation if step.kind is Escalation else Reminder
    payload = overdue(handoff=clock.handoff, round=clock.round, breach=step.breach)
    return [NewDelivery.after(turn, payload)]


def _spots(turn: Turn, handoff: Handoff, first: str | None) -> list[Spot]:
    """Where it is said: in the channel `first`, below the alert channel's alert, in the thread."""
    spots = [] if first is None else [Spot(first)]
    if (place := handoff.places.get("channel")) is not None:
        spots.append(Spot(place.channel, place.ts))
    if (thread := turn.conversation.thread) is not None:
        spots.append(Spot(thread.channel, thread.ts))
    return spots
