"""When the next message may go: Slack's pace, with what people wait for before what AI agents chat about.

Each channel has one count of messages, and the workspace another; changes of messages have a third. What is
urgent reserves its slot in one after the other, and is put back until then. Talk, and how cards look,
stands in lines, one before each count and at its pace; when its turn has come it takes a slot only if one
is there now. Each slot that is reserved for what is urgent lets all who stand in the lines wait for it
(`bridge.store.pace`). So talk never stands before a handoff or a person's words, and nobody in a line
overtakes another. Where urgent words take all there is, one of the talk reserves a slot each `PATIENCE`
seconds: no thread starves. What has begun goes on: who needs several messages has stood in line for all of
them.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.delivery.kinds import CardChanged, EventPosted, Revision
from bridge.engine.ports import Limit
from bridge.engine.work import Turn
from bridge.model import Control
from bridge.slack.api import SlackApi

SLOT = 2.0  # seconds that a reserved slot stays good when its turn comes late
PATIENCE = 15.0  # seconds that talk waits behind what is urgent
GRACE = 0.1  # of the time between two messages: who comes from a line looks so much later than who was there
#: among a delivery's refs: where it stands among the talk, or of which count it has a slot
PACE = "pace"
_HAS_SLOT = "slot "


@dataclass(frozen=True)
class Place:
    """A place in a line: before which of the counts, the turn by the line's time, and since when, by ours, it
    should have come."""

    line: int
    turn: float
    since: float

    def __str__(self) -> str:
        return f"{self.line} {self.turn:.3f} {self.since:.3f}"

    @classmethod
    def read(cls, told: str) -> Place | None:
        match told.split():
            case [line, turn, since]:
                return cls(int(line), float(turn), float(since))
        return None


class Slots:
    """Slack's pace for one turn of so many `messages`: the slot that was reserved when it was put back, then
    new ones."""

    def __init__(self, api: SlackApi, turn: Turn, messages: int = 1) -> None:
        self._api = api
        self._ledger = api.ledger
        self._turn = turn
        self._messages = messages
        # Without a slot, as after the clock was set back, its place counts no more.
        pace = turn.refs.get(PACE, "") if turn.late is not None else ""
        self._place = Place.read(pace)
        in_time = turn.late is not None and turn.late < SLOT
        self._reserved = pace.removeprefix(_HAS_SLOT) if pace.startswith(_HAS_SLOT) and in_time else None
        told = turn.conversation.control in (Control.BOT, Control.CLOSED)
        talks = isinstance(turn.payload, EventPosted | Revision) and told
        self._lines_up = (talks or isinstance(turn.payload, CardChanged)) and not pace.startswith(_HAS_SLOT)

    async def wait(self, channel: str) -> float:
        """Seconds until the next message of `channel` may go; 0 for now."""
        return await self._wait(self._api.to_post(channel))

    async def wait_to_update(self) -> float:
        """Seconds until the next change of a message may go; 0 for now."""
        return await self._wait(self._api.to_update())

    async def _wait(self, counts: tuple[Limit, ...]) -> float:
        self._turn.refs.pop(PACE, None)
        if not counts:
            return 0.0
        return await (self._line_up(counts) if self._lines_up else self._reserve(counts))

    async def _reserve(self, counts: tuple[Limit, ...]) -> float:
        """One count's slot after another's: none is reserved long before it can be used."""
        keys = [key for key, _, _ in counts]
        had = keys.index(self._reserved) + 1 if self._reserved in keys else 0
        self._reserved = None
        for count in counts[had:]:
            # Who stood in line has a slot there already: nobody waits for this one.
            before = None if self._place else _line(count)[0]
            if (wait := await self._ledger.reserve(*count, before)) > 0:
                self._turn.refs[PACE] = _HAS_SLOT + count[0]
                return wait
        return 0.0

    async def _line_up(self, counts: tuple[Limit, ...]) -> float:
        now, (first, interval, _) = self._turn.began, counts[0]
        if (place := self._place) is None:
            place, wait, room = await self._stand(0, counts)
        else:
            wait, room = place.turn - now + await self._ledger.behind(_line(counts[place.line])[0]), None
            if wait <= 0 and place.line + 1 < len(counts):
                place, wait, room = await self._stand(place.line + 1, counts)
        self._place = place
        if now - place.since > PATIENCE and await self._ledger.take(f"patience:{first}", PATIENCE, 1) == 0:
            return await self._reserve(counts)
        if wait > 0:
            wait = max(wait, interval / 4) + interval * GRACE
        else:
            wait = await self._ledger.take_each(counts) if room is None else room
        if wait > 0:
            self._turn.refs[PACE] = str(place)
        return wait

    async def _stand(self, first: int, counts: tuple[Limit, ...]) -> tuple[Place, float, float]:
        """From the line `first` on; also how long until all counts have room, 0 where it was taken."""
        lines = [_line(count) for count in counts[first:]]
        line, wait, behind, room = await self._ledger.line_up(lines, self._messages, counts)
        now = self._turn.began
        return Place(first + line, now - behind + wait, now + wait), wait, room


def _line(count: Limit) -> Limit:
    """The line before a count."""
    key, interval, burst = count
    return f"talk:{key}", interval, burst
