"""The digest: once a day in each alert channel that wants it, whatever happens around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

import pytest

from bridge.config import Match, Route
from bridge.control import Signal
from bridge.delivery.kinds import DigestDue
from bridge.engine.work import Again, Done, PutBack
from bridge.model import Customer, HandoffStarted
from bridge.sandbox.slack import Message as Posted
from bridge.slack.digest import Daily, Digests
from tests.sandbox.slack_running import SUPPORT
from tests.slack.desk import routes_of
from tests.slack.watch import ALERTS, LEADS, Watch, watching, words

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 5, 4)


class Watching(Protocol):
    async def __call__(self, *routes: Route) -> Watch: ...


@pytest.fixture
async def watched(database_url: str) -> AsyncIterator[Watching]:
    async with AsyncExitStack() as stack:

        async def open_(*routes: Route) -> Watch:
            return await stack.enter_async_context(watching(database_url, *routes))

        yield open_


def due_in(hours: float, channel: str = ALERTS, **more: object) -> tuple[Route, Daily]:
    """A route whose digest is due in so many hours, where it is about noon now, and its rule."""
    zone = f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"  # whose sign is that of the way to the west
    at = f"{datetime.now(ZoneInfo(zone)) + timedelta(hours=hours):%H:%M}"
    told = {"channel": SUPPORT, "alert_channel": channel, "digest_at": at, "time_zone": zone, **more}
    return Route.model_validate(told), Daily(channel, time.fromisoformat(at), ZoneInfo(zone))


def before(hours: float) -> float:
    """A time at which what is due in so many hours was still to come."""
    return datetime.now(UTC).timestamp() + (hours - 1) * 3600


def noon_of(daily: Daily, hours: float) -> float:
    """How long ago it was noon on the day that the digest is about."""
    noon = datetime.combine(daily.next(before(hours)), time(12), daily.zone)
    return (datetime.now(UTC) - noon).total_seconds()


def digests(watch: Watch, channel: str = ALERTS) -> list[Posted]:
    shown = [(one, (one.metadata or {}).get("event_payload", {})) for one in watch.shown(channel)]
    return [one for one, marker in shown if "digest" in marker]


def test_it_is_about_the_whole_day_before() -> None:
    daily = Daily(ALERTS, time(9), BERLIN)
    due = datetime(2026, 5, 5, 9, tzinfo=BERLIN).timestamp()
    assert daily.due(MONDAY) == due
    assert daily.next(due - 1) == MONDAY
    assert daily.next(due) == MONDAY + timedelta(days=1)
    since, until = daily.span(MONDAY)
    assert datetime.fromtimestamp(since, BERLIN) == datetime(2026, 5, 4, tzinfo=BERLIN)
    assert until - since == 24 * 3600


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_on_which_the_clocks_change_is_shorter_or_longer(day: date, hours: int) -> None:
    since, until = Daily(ALERTS, time(9), BERLIN).span(day)
    assert until - since == hours * 3600


def test_at_midnight_the_day_has_just_ended() -> None:
    daily = Daily(ALERTS, time(0), BERLIN)
    assert daily.due(MONDAY) == daily.span(MONDAY)[1]
    assert daily.next(daily.due(MONDAY) - 1) == MONDAY
    assert daily.next(daily.due(MONDAY)) == MONDAY + timedelta(days=1)


async def test_it_sleeps_until_its_time(watched: Watching) -> None:
    route, _ = due_in(2)
    watch = await watched(route)
    for _ in range(2):  # every process arranges it when it starts
        await watch.digests.arrange(datetime.now(UTC).timestamp())
    (outcome,) = await watch.carry("digest")
    assert isinstance(outcome, PutBack)
    assert outcome.wait == pytest.approx(7200, abs=90)
    assert watch.shown() == []


async def test_it_is_posted_once_and_the_next_one_sleeps(watched: Watching) -> None:
    route, daily = due_in(-0.1)
    watch = await watched(route)
    await watch.waits(noon_of(daily, -0.1))
    await watch.acts(Signal.CLAIMED)
    await watch.digests.arrange(before(-0.1))
    done, sleeping = await watch.carry("digest")

    (told,) = digests(watch)
    assert isinstance(done, Done) and isinstance(sleeping, PutBack)
    assert sleeping.wait == pytest.approx(23.9 * 3600, abs=90)
    day, said = daily.next(before(-0.1)), words(told)
    assert f"{day.day} {day:%B %Y}" in said
    assert "Handoffs:  1" in said and "Claimed:  1" in said and "acme-ada 1" in said
    assert told.metadata is not None
    assert told.metadata["event_payload"] == {"digest": day.isoformat()}


async def test_one_for_a_channel_about_its_own_routes(watched: Watching) -> None:
    german, daily = due_in(-0.1, LEADS, match=Match(language="de"))
    others, _ = due_in(-0.1)
    again, _ = due_in(-0.2, match=Match(source="acme-moveo"))
    watch = await watched(german, again, others)
    await watch.digests.arrange(before(-0.1))
    for number, language in enumerate(["de", "en", "de"]):
        await watch.tell(
            HandoffStarted, noon_of(daily, -0.1), id=f"c{number}", customer=Customer(language=language)
        )
    await watch.carry()
    await watch.carry()

    assert ["Handoffs:  1" in words(one) for one in digests(watch)] == [True]
    assert ["Handoffs:  2" in words(one) for one in digests(watch, LEADS)] == [True]


async def test_one_that_may_have_been_posted_is_looked_for(watched: Watching) -> None:
    route, _ = due_in(-0.1)
    watch = await watched(route)
    await watch.digests.arrange(before(-0.1))
    watch.slack.faults.next("chat.postMessage", reset=True)
    (outcome,) = await watch.carry("numbers")
    assert isinstance(outcome, Again) and outcome.doubt
    assert [type(one) for one in await watch.carry("numbers")] == [Done]
    assert len(digests(watch)) == 1


async def test_one_that_comes_far_too_late_makes_room_for_the_next(watched: Watching) -> None:
    route, _ = due_in(-12.5)
    watch = await watched(route)
    await watch.digests.arrange(before(-12.5))
    done, sleeping = await watch.carry("digest")
    assert isinstance(done, Done) and isinstance(sleeping, PutBack)
    assert sleeping.wait == pytest.approx(11.5 * 3600, abs=90)
    assert digests(watch) == []


async def test_it_follows_the_configuration(watched: Watching) -> None:
    """At its time: to another time, or to its end."""
    route, _ = due_in(-0.1)
    watch = await watched(route)
    await watch.digests.arrange(before(-0.1))
    turn = (await watch.store.claim(watch.worker, 30, 9))[0]

    later, _ = due_in(1)
    due = turn.carries(DigestDue)
    moved = await Digests(watch.api, watch.store, routes_of(later), [later]).wait(turn, due)
    assert isinstance(moved, PutBack)
    assert moved.wait == pytest.approx(3600, abs=90)
    plain = Route(channel=SUPPORT, alert_channel=ALERTS)
    assert await Digests(watch.api, watch.store, routes_of(plain), [plain]).wait(turn, due) == Done()
