"""Clocks: what is due while a customer waits, each once, and not after somebody came."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest

from bridge.config import Engine, Route
from bridge.control import Signal
from bridge.engine.lanes import Lanes
from bridge.engine.work import Again, Change, Done, Failed, Handoff, PutBack
from bridge.errors import Unavailable
from bridge.model import ConversationEnded, ConversationKey, Direction, HandoffStarted
from bridge.sandbox.slack import Message as Posted
from bridge.slack.clocks import Step, steps, worth_doing
from tests.sandbox.slack_running import SUPPORT
from tests.slack.watch import ALERTS, LEADS, Watch, watching, words
from tests.stores import connect

REMINDED = Route(channel=SUPPORT, alert_channel=ALERTS, remind_after=("2m", "10m"))
ESCALATED = Route(
    channel=SUPPORT,
    alert_channel=ALERTS,
    remind_after=("2m", "10m"),
    escalate_after="5m",
    escalate_channel=LEADS,
    escalate_to="S0LEADS",
)
GREETED = Route(channel=SUPPORT, alert_channel=ALERTS, greeting="One moment, please.")
FRIDAY = datetime(2026, 5, 8, 17, 55, tzinfo=UTC).timestamp()
START = HandoffStarted(
    id="e1",
    conversation=ConversationKey(source="s", id="c"),
    at=datetime.fromtimestamp(FRIDAY, UTC),
    wait=60.0,
)
WAITING = Handoff(id=1, started_at=FRIDAY, waiting_since=FRIDAY, round=1, start=START)


class Watching(Protocol):
    async def __call__(self, *routes: Route) -> Watch: ...


@pytest.fixture
async def watched(database_url: str) -> AsyncIterator[Watching]:
    async with AsyncExitStack() as stack:

        async def open_(*routes: Route) -> Watch:
            return await stack.enter_async_context(watching(database_url, *routes))

        yield open_


def after(found: list[Step]) -> list[tuple[str, float, bool]]:
    return [(step.kind.kind.name, step.due - FRIDAY, step.breach) for step in found]


# ── what is due when ─────────────────────────────────────────────────────────────────────────────


def test_an_escalation_is_the_breach_or_else_the_last_reminder() -> None:
    assert after(steps(ESCALATED, WAITING)) == [
        ("reminder", 120, False),
        ("escalation", 300, True),
        ("reminder", 600, False),
    ]
    assert after(steps(REMINDED, WAITING)) == [("reminder", 120, False), ("reminder", 600, True)]
    assert steps(Route(channel=SUPPORT), WAITING) == []


def test_only_business_hours_count_but_not_for_a_vendor() -> None:
    route = Route(
        channel=SUPPORT,
        greeting="One moment.",
        remind_after=("2m", "10m"),
        hours=("mon-fri 09:00-18:00",),
        time_zone="UTC",
    )
    monday = datetime(2026, 5, 11, 9, 5, tzinfo=UTC).timestamp() - FRIDAY
    assert after(steps(route, WAITING)) == [
        ("greeting", 30, False),
        ("reminder", 120, False),
        ("reminder", monday, True),
    ]


def test_what_is_ahead_depends_on_how_the_handoff_stands() -> None:
    route = Route(channel=SUPPORT, greeting="One moment.", remind_after=("2m",))
    both, greeting, reminder = ["greeting", "reminder"], ["greeting"], ["reminder"]
    silent = replace(WAITING, start=START.model_copy(update={"wait": None}))

    for handoff, expected in (
        (WAITING, both),
        (replace(WAITING, answered_at=FRIDAY), reminder),
        (replace(WAITING, claimed_at=FRIDAY), greeting),  # the vendor waits for words
        (replace(WAITING, claimed_at=FRIDAY, answered_at=FRIDAY), []),
        (replace(WAITING, ended_at=FRIDAY, ending="expired"), []),
        (silent, reminder),
        (replace(WAITING, start=None), reminder),
    ):
        assert [step.kind.kind.name for step in steps(route, handoff)] == expected
    assert [step.kind.kind.name for step in steps(REMINDED, WAITING)] == ["reminder", "reminder"]


def test_of_reminders_that_are_late_only_the_last_is_worth_posting() -> None:
    due = steps(ESCALATED, WAITING)
    assert worth_doing(due) == due[1:]
    assert worth_doing(due[:2]) == due[:2]
    assert worth_doing([]) == []


# ── reminders ────────────────────────────────────────────────────────────────────────────────────


async def test_a_clock_sleeps_until_something_is_due(watched: Watching) -> None:
    watch = await watched(REMINDED)
    await watch.waits(30)
    (outcome,) = await watch.carry("clock")
    assert isinstance(outcome, PutBack)
    assert outcome.wait == pytest.approx(90, abs=20)
    assert watch.alert.replies == []

    await watch.acts(Signal.CLAIMED)
    assert await watch.carry("clock") == []
    assert await watch.store.next_due() is None


async def test_what_was_done_by_a_clock_that_was_ahead_does_not_hide_what_is_due(watched: Watching) -> None:
    """The store's clock has been set back since."""
    watch = await watched(REMINDED)
    await watch.waits(125)
    turn = await watch.turn(Direction.CLOCKS)
    ahead = replace(turn, body=json.dumps({**json.loads(turn.body), "past": turn.began + 3600.0}))
    outcome = await watch.carriers[Direction.CLOCKS].carry(ahead)
    assert isinstance(outcome, Done)
    (rest,) = outcome.follow
    assert rest.kind == "clock"
    assert json.loads(rest.body)["past"] == turn.began


async def test_a_reminder_is_told_to_the_channel_below_its_alert(watched: Watching) -> None:
    watch = await watched(REMINDED)
    handoff = await watch.waits(125)
    await watch.opens()
    done, sleeping = await watch.carry("clock")
    assert isinstance(done, Done) and isinstance(sleeping, PutBack)
    assert sleeping.wait == pytest.approx(475, abs=20)

    (below,) = watch.alert.replies
    assert below.broadcast and "has waited 2 min" in words(below)
    assert (await watch.store.handoff(handoff.id)).breached_at is None


async def test_without_an_alert_channel_it_is_in_the_thread(watched: Watching) -> None:
    watch = await watched(Route(channel=SUPPORT, remind_after=("2m",)))
    handoff = await watch.waits(125)
    card = await watch.opens()
    await watch.carry()
    below = card.replies[-1]
    assert below.broadcast and "has waited 2 min" in words(below)
    assert (await watch.store.handoff(handoff.id)).breached_at is not None


async def test_after_a_long_sleep_of_ours_there_is_no_burst(watched: Watching) -> None:
    watch = await watched(ESCALATED)
    handoff = await watch.waits(1200)
    await watch.carry()

    (below,) = watch.alert.replies
    assert "has waited 20 min" in words(below)
    (escalated,) = watch.shown(LEADS)
    assert "nobody has claimed the conversation" in words(escalated)
    assert (await watch.store.handoff(handoff.id)).breached_at is not None
    assert await watch.store.next_due() is None


async def test_nobody_is_reminded_of_what_was_claimed_meanwhile(watched: Watching) -> None:
    watch = await watched(REMINDED)
    await watch.waits(700)
    carrier = watch.carriers[Direction.CLOCKS]
    clock = await watch.turn(Direction.CLOCKS)
    _, remind = await watch.store.advance(clock, await carrier.carry(clock), keep_going=True)
    assert remind is not None and remind.kind == "reminder"

    await watch.acts(Signal.CLAIMED)  # just before it is posted
    assert await carrier.carry(remind) == Done()
    await watch.carry()
    assert watch.alert.replies == []
    assert (await watch.store.handoff(1)).breached_at is None


async def test_a_release_begins_anew(watched: Watching) -> None:
    watch = await watched(REMINDED)
    await watch.waits(700)
    await watch.acts(Signal.CLAIMED)
    await watch.acts(Signal.RELEASED)
    (outcome,) = await watch.carry("clock")
    assert isinstance(outcome, PutBack)
    assert outcome.wait == pytest.approx(120, abs=20)
    assert watch.alert.replies == []


async def test_a_clock_that_ran_on_does_not_hold_up_the_next_round(watched: Watching) -> None:
    """Where the vendor waits for an answer, a claim does not stop it."""
    watch = await watched(REMINDED)
    await watch.waits(125, wait=60.0)
    await watch.carry()
    await watch.acts(Signal.CLAIMED)
    await watch.acts(Signal.RELEASED)
    (outcome,) = await watch.carry("clock")
    assert isinstance(outcome, PutBack)
    assert outcome.wait == pytest.approx(120, abs=20)


async def test_a_clock_that_is_looked_at_while_somebody_claims_is_cancelled_too(watched: Watching) -> None:
    watch = await watched(REMINDED)
    await watch.waits(30)
    turn = await watch.turn(Direction.CLOCKS)
    outcome = await watch.carriers[Direction.CLOCKS].carry(turn)
    assert isinstance(outcome, PutBack)
    await watch.acts(Signal.CLAIMED)
    assert await watch.store.advance(turn, outcome, keep_going=False) == (False, None)
    assert await watch.carry("clock") == []


async def test_one_that_may_have_been_posted_is_looked_for(watched: Watching) -> None:
    watch = await watched(REMINDED)
    await watch.waits(125)
    await watch.opens()
    watch.slack.faults.next("chat.postMessage", reset=True, when=_is_reply)
    (outcome,) = await watch.carry("reminder")
    assert isinstance(outcome, Again) and outcome.doubt
    await watch.carry()
    assert len(watch.alert.replies) == 1


async def test_an_alert_channel_that_is_away_keeps_nothing_quiet(watched: Watching) -> None:
    watch = await watched(REMINDED)
    await watch.waits(125)
    card = await watch.opens()
    turn = await watch.turn(Direction.ALERTS)
    await watch.store.advance(turn, await watch.carriers[Direction.ALERTS].carry(turn), keep_going=False)
    watch.slack.state.channels[ALERTS].is_archived = True
    await watch.carry()
    assert "has waited 2 min" in words(card.replies[-1])


async def test_an_escalation_does_not_wait_behind_a_reminder_that_cannot_be_posted(watched: Watching) -> None:
    watch = await watched(ESCALATED)
    watch.slack.state.channels[ALERTS].is_archived = True
    await watch.waits(1200)
    (outcome,) = await watch.carry("reminder")
    assert isinstance(outcome, Failed)
    assert len(watch.shown(LEADS)) == 1


# ── escalations ──────────────────────────────────────────────────────────────────────────────────


async def test_an_escalation_calls_whom_the_route_names_and_nobody_else(watched: Watching) -> None:
    watch = await watched(ESCALATED)
    await watch.waits(310)
    await watch.opens()
    await watch.carry()
    (told,) = watch.shown(LEADS)
    assert told.pings.groups == {"S0LEADS"}
    assert (told.pings.users, told.pings.broadcast) == (frozenset(), frozenset())
    assert "/archives/C0SUPPORT/p" in str(told.blocks)


@pytest.mark.parametrize("channel", [ALERTS, None])
async def test_without_a_channel_of_its_own_it_is_where_reminders_are(
    watched: Watching, channel: str | None
) -> None:
    watch = await watched(
        Route(channel=SUPPORT, alert_channel=channel, escalate_after="5m", escalate_to="U0LEE")
    )
    await watch.waits(310)
    card = await watch.opens()
    await watch.carry()
    told: Posted = (watch.alert if channel else card).replies[-1]
    assert told.broadcast and told.pings.users == {"U0LEE"}


async def test_it_waits_until_it_can_be_told(watched: Watching) -> None:
    watch = await watched(Route(channel=SUPPORT, escalate_after="5m", escalate_channel=LEADS))
    watch.slack.state.channels[LEADS].is_archived = True
    handoff = await watch.waits(310)
    (outcome,) = await watch.carry("escalation")
    assert isinstance(outcome, Again)
    assert (await watch.store.handoff(handoff.id)).breached_at is not None
    watch.slack.state.channels[LEADS].is_archived = False
    await watch.carry()
    assert len(watch.shown(LEADS)) == 1


async def test_the_thread_hears_of_one_that_was_given_up(watched: Watching) -> None:
    watch = await watched(ESCALATED)
    await watch.waits(310)
    watch.slack.faults.next("chat.postMessage", ok_error="no_permission", when=_is_in(LEADS))
    (outcome,) = await watch.carry("escalation")
    assert isinstance(outcome, Failed)
    (turn,) = [one for one, became in watch.tried if became is outcome]
    (told,) = watch.carriers[Direction.CLOCKS].follow(turn, outcome)
    assert (told.direction, told.kind) == (Direction.SLACK, "notice")


# ── greetings ────────────────────────────────────────────────────────────────────────────────────


async def test_before_the_vendor_gives_up_there_is_time_until_a_greeting(watched: Watching) -> None:
    watch = await watched(GREETED)
    await watch.waits(5, wait=60.0)
    (outcome,) = await watch.carry("clock")
    assert isinstance(outcome, PutBack)
    assert outcome.wait == pytest.approx(25, abs=20)
    assert "Answer by" in words(watch.alert)

    await watch.acts(Signal.CLAIMED)  # the vendor goes on counting
    (outcome,) = await watch.carry("clock")
    assert isinstance(outcome, PutBack)


async def test_somebody_who_claims_does_not_greet(watched: Watching) -> None:
    watch = await watched(GREETED)
    await watch.waits(31, wait=60.0)
    await watch.acts(Signal.CLAIMED)
    assert await watch.carry("greeting") == [Done()]


async def test_at_half_time_the_deadline_is_gone(watched: Watching) -> None:
    watch = await watched(GREETED)
    await watch.waits(31, wait=60.0)
    turn = await watch.turn(Direction.ALERTS)
    await watch.carriers[Direction.ALERTS].carry(replace(turn, began=turn.began - 10))
    await watch.store.advance(turn, Done(), keep_going=False)
    assert "Answer by" in words(watch.alert)

    assert await watch.carry("greeting") == [Done()]
    assert "Answer by" not in words(watch.alert)
    await watch.acts(Signal.CLAIMED)
    await watch.acts(Signal.RELEASED)  # and not once more in the next round
    assert await watch.carry("greeting") == []


@pytest.mark.parametrize("happened", ["answered", "ended"])
async def test_whoever_was_answered_or_is_gone_is_not_greeted(watched: Watching, happened: str) -> None:
    watch = await watched(GREETED)
    await watch.waits(31, wait=60.0)
    if happened == "answered":
        await watch.happens(Change(answered=True))
    else:
        await watch.tell(ConversationEnded)
    assert await watch.carry("greeting") == []


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


async def test_a_store_that_is_away_stops_no_clock(
    watched: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it has slept: its age is no reason to give it up."""
    watch = await watched(REMINDED)
    await watch.waits(125)

    async def away(_handoff: int) -> Handoff:
        raise Unavailable("gone")

    turn = await watch.turn(Direction.CLOCKS)
    with monkeypatch.context() as patched:
        patched.setattr(watch.store, "handoff", away)
        outcome = await watch.carriers[Direction.CLOCKS].carry(turn)
    assert isinstance(outcome, PutBack)


async def test_several_workers_fire_once(watched: Watching, database_url: str) -> None:
    """The real lanes, with a worker more where the database may be shared."""
    route = Route(
        channel=SUPPORT,
        alert_channel=ALERTS,
        remind_after=(2.0,),
        escalate_after=2.2,
        escalate_channel=LEADS,
    )
    watch = await watched(route)
    recorder: dict[Direction, Any] = dict.fromkeys(Direction, _Done())
    shared = not database_url.startswith("sqlite")
    stores = [connect(database_url), connect(database_url)] if shared else [watch.store]
    for number in range(5):
        await watch.tell(HandoffStarted, id=f"c{number}")
    await watch.carry()  # the alerts stand
    workers = [Lanes(store, recorder | watch.carriers, Engine(poll=0.5)) for store in stores]
    for lanes in workers:
        await lanes.start()
    try:
        async with asyncio.timeout(30):
            while len(watch.shown(LEADS)) < 5 or await watch.store.next_due() is not None:
                await asyncio.sleep(0.05)
    finally:
        for lanes in workers:
            await lanes.stop(5.0)
        for store in stores * shared:
            await store.close()
    alerts = [one for one in watch.shown() if not one.is_reply]
    assert [len(alert.replies) for alert in alerts] == [1] * 5
    assert len(watch.shown(LEADS)) == 5


class _Done:
    """Takes what is not under test for done."""

    async def carry(self, turn: Any) -> Done:
        return Done()

    def follow(self, turn: Any, outcome: Any) -> tuple[()]:
        return ()


def _is_reply(call: dict[str, Any]) -> bool:
    return "thread_ts" in call


def _is_in(channel: str) -> Any:
    return lambda call: call.get("channel") == channel
