"""Carries what is due: while a customer waits, and once a day.

A clock only tells the time: it sleeps in its lane until something is due, queues that, and a clock for the
rest. So each is done once, is cancelled with the clock, and fails by itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from bridge.config import Route
from bridge.engine.follow import notice
from bridge.engine.ports import Ledger
from bridge.engine.work import Change, Done, Failed, Handoff, NewDelivery, Outcome, PutBack, Turn
from bridge.errors import Unavailable
from bridge.model import Control, Direction
from bridge.render import escalation, reminder
from bridge.slack.api import ChannelAway, SlackApi
from bridge.slack.digest import Digests
from bridge.slack.handoffs import About, Handoffs, greets_at, stands
from bridge.slack.pacing import Slots
from bridge.slack.permalinks import Permalinks
from bridge.slack.posting import Spot, post_once
from bridge.slack.routes import Routes
from bridge.slack.scans import Scans

STORE_AWAY = 1.0  # seconds until a clock looks at its handoff again


@dataclass(frozen=True, slots=True)
class Step:
    """What is to be done at `due`, in seconds since the epoch. `breach`: it says that nobody came in time."""

    kind: Literal["greeting", "reminder", "escalation"]
    due: float
    breach: bool = False


def steps(route: Route, handoff: Handoff) -> list[Step]:
    """What a handoff that stands as it does has ahead, or behind it, in its order."""
    found: list[Step] = []
    if stands(handoff) is Control.WAITING and handoff.waiting_since is not None:
        hours, since = route.open_hours, datetime.fromtimestamp(handoff.waiting_since, UTC)
        found += [Step("reminder", hours.after(since, pause).timestamp()) for pause in route.remind_after]
        if route.escalate_after is not None:
            due = hours.after(since, route.escalate_after).timestamp()
            found.append(Step("escalation", due, breach=True))
        elif found:
            found[-1] = replace(found[-1], breach=True)
    # A vendor waits for an answer, in business hours or not, whether or not somebody has claimed.
    greeted = greets_at(route, handoff)
    if greeted is not None and handoff.answered_at is None and handoff.ended_at is None:
        found.append(Step("greeting", greeted.timestamp()))
    return sorted(found, key=lambda step: step.due)


def worth_doing(due: Sequence[Step]) -> list[Step]:
    """Without the reminders that another has overtaken: nobody was here to post them in time."""
    last = max((number for number, step in enumerate(due) if step.kind == "reminder"), default=0)
    return [step for number, step in enumerate(due) if step.kind != "reminder" or number == last]


class ClocksCarrier:
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

    async def carry(self, turn: Turn) -> Outcome:
        match turn.kind:
            case "clock":
                try:
                    return await self._clock(turn)
                except Unavailable:  # its age counts from before it slept: it would be given up at once
                    return PutBack(STORE_AWAY)
            case "digest" | "numbers":
                return await self._digests.carry(turn)
            case "scan":
                return await self._scans.carry(turn)
            case _:
                return await self._tell(turn)

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        if not isinstance(outcome, Failed) or turn.kind != "escalation":
            return ()
        return (notice(turn, f"Nobody could be told that the customer still waits: {outcome.problem}"),)

    async def _clock(self, turn: Turn) -> Outcome:
        told = turn.read()
        handoff = await self._ledger.handoff(told["handoff"])
        if handoff.round != told["round"]:
            return Done()
        route = self._handoffs.route(turn.conversation, handoff)
        ahead = [step for step in steps(route, handoff) if step.due > told.get("past", 0.0)]
        due = [step for step in ahead if step.due <= turn.began]
        if ahead and not due:
            return PutBack(ahead[0].due - turn.began)
        follow = [new for step in worth_doing(due) for new in _queued(turn, step)]
        if len(due) < len(ahead):
            rest = json.dumps({**told, "past": turn.began})
            follow.append(NewDelivery(Direction.CLOCKS, "clock", f"clock:{turn.delivery}", rest))
        # The change that is none lets the conversation be locked first, as whoever stops clocks does.
        return Done(change=Change() if due else None, follow=tuple(follow))

    async def _tell(self, turn: Turn) -> Outcome:
        """Remind or escalate, if the customer still waits."""
        self._api.known()
        told = turn.read()
        handoff = await self._ledger.handoff(told["handoff"])
        if handoff.round != told["round"] or stands(handoff) is not Control.WAITING:
            return Done()
        if told["breach"]:
            await self._ledger.breach(handoff.id)
        about = await self._handoffs.about(turn.conversation, handoff, turn.began)
        waited = turn.began - (handoff.waiting_since or handoff.started_at)
        if turn.kind == "escalation":
            shown = escalation(about.view, about.handoff, waited, to=about.route.escalate_to)
        else:
            shown = reminder(about.view, about.handoff, waited)
        spots = _spots(turn, handoff, about)
        marker = {"delivery": turn.delivery}
        try:
            ts = await post_once(self._api, self._ledger, turn, Slots(self._api, turn), shown, marker, spots)
        except ChannelAway as error:
            if turn.kind == "escalation":
                raise
            # The escalation must not wait behind it.
            return Failed(error.told, where=error.where, detail=error.technical)
        return ts if isinstance(ts, PutBack) else Done(ts)


def _queued(turn: Turn, step: Step) -> list[NewDelivery]:
    told = turn.read()
    about = {"handoff": told["handoff"]}
    if step.kind == "greeting":  # the deadline that the alerts show is no more then
        key = f"greeting:{told['handoff']}"
        alerts = NewDelivery(Direction.ALERTS, "alert", f"alert:{key}", json.dumps(about))
        return [NewDelivery(Direction.VENDOR, "greeting", key, "{}"), alerts]
    new = json.dumps({**about, "round": told["round"], "breach": step.breach})
    return [NewDelivery(Direction.CLOCKS, step.kind, f"{step.kind}:{turn.delivery}", new)]


def _spots(turn: Turn, handoff: Handoff, about: About) -> list[Spot]:
    """Where it is said: where the route wants an escalation, below the channel's alert, in the thread."""
    spots = []
    if turn.kind == "escalation" and about.route.escalate_channel is not None:
        spots.append(Spot(about.route.escalate_channel))
    if (place := handoff.places.get("channel")) is not None:
        spots.append(Spot(place.channel, place.ts))
    if (thread := turn.conversation.thread) is not None:
        spots.append(Spot(thread.channel, thread.ts))
    return spots
