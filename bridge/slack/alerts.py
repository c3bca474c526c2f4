"""Carries the alerts of handoffs: one in the thread, one in the alert channel, both updated in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.delivery.kinds import Alarm, AlertChanged, StuckAlert
from bridge.engine.follow import notice
from bridge.engine.handlers import Handlers, handles
from bridge.engine.ports import Ledger
from bridge.engine.work import AlertPlace, Done, Failed, Handoff, NewDelivery, Outcome, PutBack, Turn
from bridge.model import Control
from bridge.render import SlackMessage, alarm, alert, unseen
from bridge.slack.api import ChannelAway, SlackApi
from bridge.slack.handoffs import Handoffs, stands
from bridge.slack.pacing import Slots
from bridge.slack.permalinks import Permalinks
from bridge.slack.posting import Spot, post_once
from bridge.slack.routes import Routes
from bridge.slack.view import digest


class AlertsCarrier(Handlers):
    def __init__(self, api: SlackApi, ledger: Ledger, routes: Routes, links: Permalinks) -> None:
        self._api = api
        self._ledger = ledger
        self._routes = routes
        self._links = links
        self._handoffs = Handoffs(ledger, routes, links)

    async def carry(self, turn: Turn) -> Outcome:
        self._api.known()
        return await super().carry(turn)

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        if not isinstance(outcome, Failed) or not isinstance(turn.payload, AlertChanged):
            return ()
        return (notice(turn, f"The alert channel could not be told how this stands: {outcome.problem}"),)

    @handles(AlertChanged)
    async def keep_up(self, turn: Turn, payload: AlertChanged) -> Outcome:
        """Both as far as they can be reached: neither waits for the other's channel. The channel's is first:
        what has to be posted does not wait for how the other looks."""
        handoff = await self._ledger.handoff(payload.handoff)
        about = await self._handoffs.about(turn.conversation, handoff, turn.began)
        slots, problem = Slots(self._api, turn), None
        thread, channel = turn.conversation.thread, about.route.alert_channel
        if channel is not None and handoff.waiting_since is not None:
            shown = alert(about.view, about.handoff, in_thread=False)
            try:
                wait = await self._keep_up(turn, handoff, "channel", shown, Spot(channel), slots)
            except ChannelAway as error:
                wait, problem = None, error
            if wait is not None:
                return wait
        if "thread" in handoff.places and thread is not None:
            shown = alert(about.view, about.handoff, in_thread=True)
            spot = Spot(thread.channel, thread.ts)
            if (wait := await self._keep_up(turn, handoff, "thread", shown, spot, slots)) is not None:
                return wait
        if problem is not None:
            raise problem
        return Done()

    async def _keep_up(
        self, turn: Turn, handoff: Handoff, name: str, shown: SlackMessage, spot: Spot, slots: Slots
    ) -> PutBack | None:
        """Let the alert `name` look like `shown`; it is posted at `spot` where it does not stand yet."""
        place, looks = handoff.places.get(name), digest(shown)
        if place is not None:
            if place.looks == looks:
                return None
            if (wait := await slots.wait_to_update()) > 0:
                return PutBack(wait)
            if place.looks:  # unknown from here on: it may change although no answer says so
                await self._ledger.place_alert(handoff.id, name, AlertPlace(place.channel, place.ts))
            if await self._update(shown, place, spot):
                await self._ledger.place_alert(handoff.id, name, AlertPlace(place.channel, place.ts, looks))
                return None
            if stands(handoff) is not Control.WAITING:
                return None  # it is gone, and nobody needs it any more
        marker = {"alert" if name == "channel" else "thread_alert": handoff.id}
        ts = await post_once(self._api, self._ledger, turn, slots, shown, marker, [spot])
        if isinstance(ts, PutBack):
            return ts
        place = AlertPlace(spot.channel, ts, looks)
        if turn.doubt:  # one that was found may be from when the handoff stood otherwise
            await self._update(shown, place, spot)
        await self._ledger.place_alert(handoff.id, name, place)
        return None

    async def _update(self, shown: SlackMessage, place: AlertPlace, spot: Spot) -> bool:
        try:
            return await self._api.update(shown, place.channel, place.ts)
        except ChannelAway:
            if place.channel == spot.channel:
                raise
            return False  # the thread or the alerts moved to another channel meanwhile

    @handles(StuckAlert)
    async def say_stuck(self, turn: Turn, payload: StuckAlert) -> Outcome:
        """What goes into the thread does not get there."""
        about = turn.conversation
        channel, thread = self._routes.of(about).alert_channel, about.thread
        if channel is None or not await self._ledger.is_waiting(payload.delivery):
            return Done("not needed")
        link = await self._links.of(thread.channel, thread.ts) if thread is not None else None
        view = self._routes.view(about, about.facts)
        shown = unseen(view, payload.problem, payload.until, link)
        return await self._post(turn, shown, {"stuck": payload.delivery}, [Spot(channel)])

    @handles(Alarm)
    async def warn(self, turn: Turn, payload: Alarm) -> Outcome:
        """Once for each handoff: the AI agent talks on beside a human."""
        handoff = await self._ledger.handoff(payload.handoff)
        about = await self._handoffs.about(turn.conversation, handoff, turn.began)
        channel, place = about.route.alert_channel, handoff.places.get("channel")
        if channel is None or handoff.alarmed_at is not None or stands(handoff) is not Control.HUMAN:
            return Done()
        below = [] if place is None else [Spot(place.channel, place.ts)]
        shown = alarm(about.view, about.handoff)
        became = await self._post(turn, shown, {"alarm": handoff.id}, [*below, Spot(channel)])
        if isinstance(became, Done):
            await self._ledger.alarm(handoff.id)
        return became

    async def _post(
        self, turn: Turn, shown: SlackMessage, marker: Mapping[str, Any], spots: Sequence[Spot]
    ) -> Done | PutBack | Failed:
        """Post what the alerts must not wait for, once."""
        try:
            ts = await post_once(self._api, self._ledger, turn, Slots(self._api, turn), shown, marker, spots)
        except ChannelAway as error:
            return Failed(error.told, where=error.where, detail=error.technical)
        return ts if isinstance(ts, PutBack) else Done(ts)
