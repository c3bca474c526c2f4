"""Gaps in threads: what was refused when Slack told it. The store was away, or we did not know who we are.

Slack tells it again, but after what was written in the meantime. So before anything else of that thread is
kept, what was written there is looked for; it then has its place (`bridge.store.catchup`). It is remembered
in this process only: another one looks when it starts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bridge.model import ThreadKey
from bridge.slack.inbound import team_of

MOST = 1_000  # threads that are remembered; of others Slack's own order counts

#: arranges that what was written in a thread since then is looked for; raises `Unavailable`
LookInto = Callable[[ThreadKey, float], Awaitable[object]]


class Gaps:
    """`look_into` is called for a thread that has one, before more of it is kept."""

    def __init__(self, look_into: LookInto) -> None:
        self._look_into = look_into
        self._threads: dict[ThreadKey, float] = {}  # since when something is missing there

    async def close_before(self, told: Mapping[str, Any]) -> None:
        """Before `told` is kept. Raises `Unavailable`, and then `told` is refused as well."""
        thread, _ = _place(told)
        if thread in self._threads:
            await self._look_into(thread, self._threads[thread])
            self._threads.pop(thread, None)  # others of the thread may have come here meanwhile

    def open_at(self, told: Mapping[str, Any]) -> None:
        """`told` was refused."""
        thread, at = _place(told)
        if thread is not None and len(self._threads) < MOST:
            self._threads[thread] = min(at - 1.0, self._threads.get(thread, at))


def _place(told: Mapping[str, Any]) -> tuple[ThreadKey | None, float]:
    """The thread that a message was written in, and when."""
    match told.get("event"):
        case {"type": "message", "channel": str(channel), "thread_ts": str(thread_ts), "ts": str(ts)}:
            team = team_of(told)
            if isinstance(team, str) and ts.replace(".", "", 1).isdecimal():
                return ThreadKey(team=team, channel=channel, ts=thread_ts), float(ts)
    return None, 0.0
