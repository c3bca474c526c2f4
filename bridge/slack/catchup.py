"""Looks into threads for what people wrote there while the bridge was away; see `bridge.store.catchup`."""

from __future__ import annotations

import time

from bridge import metrics
from bridge.delivery.kinds import Look
from bridge.engine.follow import notice
from bridge.engine.policy import while_patient
from bridge.engine.ports import Ledger
from bridge.engine.work import Done, Failed, NewDelivery, Outcome, PutBack, Turn
from bridge.errors import RetryAfter
from bridge.model import ThreadKey
from bridge.slack.api import ChannelAway, ScopeMissing, SlackApi, ThreadGone
from bridge.slack.missed import missed


class Looks:
    """Carries the looks among what goes to a vendor."""

    def __init__(self, api: SlackApi, ledger: Ledger) -> None:
        self._api = api
        self._ledger = ledger

    async def carry(self, turn: Turn, look: Look) -> Outcome:
        us = self._api.known()
        if (wait := look.after - turn.waited) > 0:
            return PutBack(wait)
        thread = ThreadKey(team=look.team, channel=look.channel, ts=look.ts)
        try:
            with while_patient(turn, RetryAfter):
                messages = [message async for message in self._api.replies(thread, look.since)]
        except (ThreadGone, ChannelAway, ScopeMissing):
            return Done("away")  # nobody could write there, or be heard
        until = turn.began - turn.waited if look.until is None else look.until
        found = missed(messages, thread, us, look=turn.delivery, until=until, now=time.time())
        new = await self._ledger.keep_found(turn, found) if found else 0
        metrics.slack_events.labels("found").inc(new)
        return Done(f"{new} found")

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        if not isinstance(outcome, Failed):
            return ()
        text = (
            "Nobody could look for what was written here while the bridge was away: "
            f"{outcome.problem}. What carries no mark was not sent; write it again."
        )
        return (notice(turn, text),)
