"""Looks through channels for threads in which somebody wrote while nobody listened.

Those that matter most are looked into at once (`bridge.store.catchup`). A channel's list tells of each thread
when it was last written in, 200 at a call: so the others are found at little cost, however many there are.
https://docs.slack.dev/reference/methods/conversations.history
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bridge.config import MAIN, Route
from bridge.delivery.kinds import Scan
from bridge.engine.policy import while_patient
from bridge.engine.ports import Ledger
from bridge.engine.work import Done, NewDelivery, Outcome, PutBack, Turn
from bridge.errors import RetryAfter
from bridge.model import ConversationKey, ThreadKey
from bridge.slack.api import ChannelAway, ScopeMissing, SlackApi

SOURCE = "@scan"  # no configured source can have this name
BACK = 3 * 86_400.0  # seconds before the gap in which a thread has to have begun
INTERVAL = 1.2  # seconds: Tier 3, 50 a minute, https://docs.slack.dev/apis/web-api/rate-limits
CURSOR, FOUND = "cursor", "found"  # among the refs: the next page, and how many threads there were so far


class Scans:
    """Those of one workspace: a delivery for each of its routes' channels, and a turn for each page."""

    def __init__(self, api: SlackApi, ledger: Ledger, routes: Iterable[Route], workspace: str = MAIN) -> None:
        self._api = api
        self._ledger = ledger
        self._workspace = workspace
        own = [route for route in routes if route.workspace == workspace]
        every = [channel for route in own for channel in (route.channel, route.fallback_channel) if channel]
        self._channels = tuple(dict.fromkeys(every))

    async def arrange(self, since: float, now: float) -> None:
        """Let each channel be looked through for what was written since then, also if it was a moment ago."""
        for channel in self._channels:
            scan = Scan(workspace=self._workspace, channel=channel, since=since)
            new = NewDelivery.of(scan, f"scan:{now:.6f}")
            id = channel if self._workspace == MAIN else f"{self._workspace}/{channel}"
            await self._ledger.keep_clock(ConversationKey(source=SOURCE, id=id), new)

    async def carry(self, turn: Turn, scan: Scan) -> Outcome:
        # Another process may be here before the one that starts has queued its looks, which are left out.
        if (wait := INTERVAL - turn.waited) > 0:
            return PutBack(wait)
        us, channel, since = self._api.known(), scan.channel, scan.since
        try:
            with while_patient(turn, RetryAfter):
                page = await self._api.page(channel, oldest=since - BACK, cursor=turn.refs.get(CURSOR, ""))
        except (ChannelAway, ScopeMissing):
            return Done("away")  # nobody could write there, or be heard
        messages, cursor = page
        queued, found = turn.began - turn.waited, int(turn.refs.get(FOUND, "0"))
        for message in messages:
            if _latest(message) > since:
                thread = ThreadKey(team=us.team, channel=channel, ts=str(message["ts"]))
                found += await self._ledger.look_into(thread, since, queued)
        if not cursor:
            return Done(f"{found} found")
        turn.refs.update({CURSOR: cursor, FOUND: str(found)})
        return PutBack(INTERVAL)


def _latest(message: Mapping[str, Any]) -> float:
    """When its thread was last written in."""
    try:
        return float(message.get("latest_reply") or 0.0)
    except (TypeError, ValueError):
        return 0.0
