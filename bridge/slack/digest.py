"""The day's handoffs in numbers, once a day in each alert channel that wants them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bridge.config import MAIN, Route
from bridge.delivery.kinds import DigestDue, DigestPosted
from bridge.engine.numbers import summary
from bridge.engine.ports import Ledger
from bridge.engine.work import Conversation, Done, NewDelivery, Outcome, PutBack, Turn
from bridge.hours import zone
from bridge.model import ConversationKey
from bridge.render import DigestView, digest
from bridge.slack.api import SlackApi
from bridge.slack.pacing import Slots
from bridge.slack.posting import Spot, post_once
from bridge.slack.routes import Routes

SOURCE = "@digest"  # no configured source can have this name
LATE = 12 * 3600.0  # seconds after which it is the next one that counts
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Daily:
    """The digest of `channel` in `workspace`: about each whole day in `zone`, on the day after at the time
    `at`."""

    channel: str
    at: time
    zone: ZoneInfo
    workspace: str = MAIN

    def due(self, day: date) -> float:
        return datetime.combine(day + _DAY, self.at, self.zone).timestamp()

    def next(self, now: float) -> date:
        """The day that the next digest is about."""
        today = datetime.fromtimestamp(now, self.zone).date()
        return today if self.due(today - _DAY) <= now else today - _DAY

    def span(self, day: date) -> tuple[float, float]:
        midnight = datetime.combine(day, time(), self.zone)
        return midnight.timestamp(), (midnight + _DAY).timestamp()

    @property
    def about(self) -> ConversationKey:
        """The line it stands in."""
        id = self.channel if self.workspace == MAIN else f"{self.workspace}/{self.channel}"
        return ConversationKey(source=SOURCE, id=id)

    def clock(self, day: date, now: float) -> NewDelivery:
        due = DigestDue(workspace=self.workspace, channel=self.channel, day=day, arranged=now)
        return NewDelivery.of(due, f"digest:{day}")


class Digests:
    """Those of one workspace."""

    def __init__(
        self,
        api: SlackApi,
        ledger: Ledger,
        routes: Routes,
        settings: Sequence[Route],
        workspace: str = MAIN,
    ) -> None:
        self._api = api
        self._ledger = ledger
        self._routes = routes
        self._workspace = workspace
        self._daily: dict[str, Daily] = {}
        for route in settings:
            if route.workspace == workspace and route.alert_channel and route.digest_at:
                channel, at = route.alert_channel, time.fromisoformat(route.digest_at)
                self._daily.setdefault(channel, Daily(channel, at, zone(route.time_zone), workspace))

    async def arrange(self, now: float) -> None:
        """Let the next digest of each channel be on its way; it is followed by the one after it.

        One that became due while nobody was here is so still: what it posts would wait behind the next.
        """
        for daily in self._daily.values():
            await self._ledger.keep_clock(daily.about, daily.clock(daily.next(now - LATE), now))

    async def wait(self, turn: Turn, wanted: DigestDue) -> Outcome:
        """Wait until the numbers are due, and queue them and the next day's."""
        daily, day = self._daily.get(wanted.channel), wanted.day
        if daily is None:
            return Done()  # nobody wants it any more
        due = daily.due(day)
        if turn.began < due:
            return PutBack(due - turn.began)
        following = daily.clock(max(day + _DAY, daily.next(turn.began - LATE)), turn.began)
        if turn.began >= due + LATE or wanted.arranged > due:  # nobody was here to want it
            return Done(follow=(following,))
        numbers = NewDelivery.of(DigestPosted(**wanted.model_dump()), f"numbers:{day}")
        return Done(follow=(numbers, following))

    async def post(self, turn: Turn, wanted: DigestPosted) -> Outcome:
        """Post the numbers of one day."""
        daily, day = self._daily.get(wanted.channel), wanted.day
        if daily is None:
            return Done()  # nobody wants it any more
        self._api.known()
        since, until = daily.span(day)
        courses = [
            course
            for course in await self._ledger.courses(since, until)
            if self._is_here(course.conversation)
            and self._routes.of(course.conversation).alert_channel == daily.channel
        ]
        numbers = summary(courses, until=until, zone=daily.zone)
        shown = digest(DigestView(day=day, time_zone=daily.zone.key, **asdict(numbers)))
        marker = {"digest": day.isoformat()}
        slots = Slots(self._api, turn)
        ts = await post_once(self._api, self._ledger, turn, slots, shown, marker, [Spot(daily.channel)])
        return ts if isinstance(ts, PutBack) else Done(ts)

    def _is_here(self, conversation: Conversation) -> bool:
        if conversation.thread is None:
            return self._routes.workspace(conversation) == self._workspace
        return conversation.thread.team == self._api.known().team
