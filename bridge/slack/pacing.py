"""When the next message may go: Slack's pace, with what people wait for before what AI agents chat about.

Each channel has one count of messages. What is urgent reserves its slot there, and is put back until then.
Talk queues in a line of its own, at the same pace; when its turn in that line has come it takes a slot of
the channel's only if one is there now. So talk never stands before a handoff or a person's words; and since
each urgent slot moves the line of talk as well, the line does not fall behind. What has waited for `PATIENCE`
all the same counts as urgent: no thread starves.
"""

from __future__ import annotations

from bridge.engine.work import Turn
from bridge.model import Control, Direction
from bridge.slack.api import SlackApi

SLOT = 2.0  # seconds that a reserved slot stays good when its turn comes late
PATIENCE = 15.0  # seconds that talk waits behind what is urgent
#: among a delivery's refs: since when it is its turn among the talk, or that it has a slot of the channel's
PACE = "pace"
_HAS_SLOT = "slot"


class Slots:
    """Slack's pace for one turn: the slot that was reserved when it was put back, then new ones."""

    def __init__(self, api: SlackApi, turn: Turn) -> None:
        self._api = api
        self._turn = turn
        is_the_channels = turn.refs.get(PACE, _HAS_SLOT) == _HAS_SLOT  # else its turn among the talk
        self._reserved = is_the_channels and turn.late is not None and turn.late < SLOT
        told = turn.conversation.control in (Control.BOT, Control.CLOSED)
        self._talks = turn.direction is Direction.SLACK and turn.kind == "event" and told

    async def wait(self, channel: str) -> float:
        """Seconds until the next message of `channel` may go; 0 for now."""
        wait = await (self._line_up(channel) if self._talks else self._urgent(channel))
        if wait == 0 and (wait := await self._api.room_in_workspace()) > 0 and self._talks:
            self._turn.refs[PACE] = _HAS_SLOT
        return wait

    async def wait_to_update(self) -> float:
        """Seconds until the next change of a message may go; 0 for now."""
        return 0.0 if self._take_reserved() else await self._api.room_to_update()

    async def _urgent(self, channel: str) -> float:
        self._turn.refs.pop(PACE, None)  # it was talk when it was put back
        return 0.0 if self._take_reserved() else await self._api.room(channel)

    async def _line_up(self, channel: str) -> float:
        stands = self._turn.refs.pop(PACE, None)
        if stands == _HAS_SLOT and self._take_reserved():
            return 0.0
        if stands is None or stands == _HAS_SLOT:
            wait = await self._api.room_to_talk(channel)
            turn_at = self._turn.began + wait
        else:
            wait, turn_at = 0.0, float(stands)
        if wait == 0 and self._turn.began - turn_at > PATIENCE:
            if (wait := await self._api.room(channel)) > 0:
                self._turn.refs[PACE] = _HAS_SLOT
            return wait
        if wait == 0:
            wait = await self._api.room_now(channel)
        if wait > 0:
            self._turn.refs[PACE] = f"{turn_at:.3f}"
        return wait

    def _take_reserved(self) -> bool:
        reserved, self._reserved = self._reserved, False
        return reserved
