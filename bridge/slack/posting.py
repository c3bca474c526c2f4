"""Posts the one message of a turn: once, in the first place that takes it."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bridge.engine.ports import Ledger
from bridge.engine.work import PutBack, Turn
from bridge.model import ThreadKey
from bridge.render import SlackMessage
from bridge.slack.api import ChannelAway, SlackApi, ThreadGone
from bridge.slack.opening import LOOKBACK
from bridge.slack.pacing import Slots


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a message may stand: in `channel`, or there below the message `below`."""

    channel: str
    below: str | None = None


async def post_once(
    api: SlackApi,
    ledger: Ledger,
    turn: Turn,
    slots: Slots,
    message: SlackMessage,
    marker: Mapping[str, Any],
    spots: Sequence[Spot],
) -> str | PutBack:
    """The ts of `message`, told from all others by `marker`. Raises why the last of `spots` refuses."""
    if turn.doubt:
        oldest = turn.began - turn.waited - LOOKBACK
        for spot in spots:
            with contextlib.suppress(ChannelAway, ThreadGone):
                found = await api.standing(spot.channel, marker, oldest=oldest, below=spot.below)
                if found is not None:
                    return await _ours(api, ledger, turn, spot, found)
    problem: ChannelAway | ThreadGone = ChannelAway("the conversation has no thread yet")
    # Of the first spot only: what goes elsewhere is rare, and would lose its place in two lines.
    if spots and (wait := await slots.wait(spots[0].channel)) > 0:
        return PutBack(wait)
    for spot in spots:
        try:
            ts = (await api.post(spot.channel, message, marker, spot.below)).ts
        except (ChannelAway, ThreadGone) as error:
            problem = error
            continue
        return await _ours(api, ledger, turn, spot, ts)
    raise problem


async def _ours(api: SlackApi, ledger: Ledger, turn: Turn, spot: Spot, ts: str) -> str:
    """`ts`, known as ours: people talk below what stands in a channel."""
    if spot.below is None:
        where = ThreadKey(team=api.known().team, channel=spot.channel, ts=ts)
        await ledger.own_thread(turn.conversation.id, where)
    return ts
