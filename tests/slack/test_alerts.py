"""Alerts: one in the thread, one in the alert channel, both as the handoff stands."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from bridge.config import Match, Route
from bridge.control import Signal
from bridge.engine.work import Again, Change, Done, Failed, NewDelivery, recorded
from bridge.model import (
    ConversationEnded,
    ConversationStarted,
    Customer,
    Direction,
    HandoffEnded,
    Quote,
    Role,
)
from tests.sandbox.slack_running import SUPPORT
from tests.slack.watch import ALERTS, LEADS, MINA, Watch, buttons, watching, words

ROUTE = Route(channel=SUPPORT, alert_channel=ALERTS)
LENA = Customer(name="Lena", language="de")


class Watching(Protocol):
    async def __call__(self, *routes: Route) -> Watch: ...


@pytest.fixture
async def watched(database_url: str) -> AsyncIterator[Watching]:
    async with AsyncExitStack() as stack:

        async def open_(*routes: Route) -> Watch:
            return await stack.enter_async_context(watching(database_url, *routes))

        yield open_


async def test_the_alert_channel_gets_one_alert_at_once(watched: Watching) -> None:
    watch = await watched(ROUTE)
    await watch.says("I want a human", "now")
    handoff = await watch.waits(customer=LENA, reason="refund", department="Billing")
    await watch.carry()

    said = words(watch.alert)
    for one in ("Lena", "waits for a human", "refund", "Billing", "de", "Last words", "now"):
        assert one in said
    assert "I want a human" not in said
    assert watch.alert.metadata == {
        "event_type": "slack_handoff_bridge",
        "event_payload": {"alert": handoff.id},
    }
    assert buttons(watch.alert) == ["act-claim"]
    assert watch.shown(SUPPORT) == []


async def test_both_are_brought_up_to_date_once_the_thread_is_there(watched: Watching) -> None:
    watch = await watched(ROUTE)
    await watch.says("I want a human")
    await watch.waits()
    await watch.carry()
    card = await watch.opens()
    await watch.carry()

    assert buttons(watch.alert)[0] == "act-claim"
    assert buttons(watch.alert)[1].endswith(f"/p{card.ts.replace('.', '')}")
    assert "I want a human" in words(card.replies[0])
    updates = watch.calls("chat.update")
    assert updates == 2

    await watch.store.keep_clock(  # another look changes nothing
        (await watch.store.conversation(1)).key,
        NewDelivery(Direction.ALERTS, "alert", "again", '{"handoff": 1}'),
    )
    assert await watch.carry() == [Done()]
    assert watch.calls("chat.update") == updates


async def test_they_follow_the_handoff_to_its_end(watched: Watching) -> None:
    watch = await watched(ROUTE)
    await watch.waits(80, customer=LENA)
    card = await watch.opens()
    await watch.acts(Signal.CLAIMED)
    await watch.carry()
    for shown in (watch.alert, card.replies[0]):
        assert "Lena (customer) is talking with Mina Park" in words(shown)
        assert "by Mina Park after 1 min 2" in words(shown)  # 80 s, and what this machine takes
        assert "act-claim" not in buttons(shown)

    await watch.acts(Signal.RELEASED)
    await watch.carry()
    for shown in (watch.alert, card.replies[0]):
        assert "waits again" in words(shown)
        assert "act-claim" in buttons(shown)

    await watch.tell(ConversationEnded)
    await watch.carry()
    for shown in (watch.alert, card.replies[0]):
        assert "the conversation ended" in words(shown)
        assert "act-claim" not in buttons(shown)
    assert len(watch.shown()) == 1


async def test_an_old_handoffs_alert_does_not_show_the_next_one(watched: Watching) -> None:
    watch = await watched(ROUTE)
    await watch.waits(30)
    await watch.tell(HandoffEnded, 20)
    await watch.waits(10)
    await watch.carry()

    first, second = watch.shown()
    assert "handed back to the AI agent" in words(first)
    assert "waits for a human" in words(second)


async def test_nobody_waited_so_nobody_is_alarmed(watched: Watching) -> None:
    watch = await watched(ROUTE)
    await watch.says("Hello")
    await watch.acts(Signal.TAKEN_OVER)
    await watch.carry()
    assert watch.shown() == []


async def test_what_the_start_tells_of_the_customer_chooses_the_route(watched: Watching) -> None:
    german = Route(match=Match(language="de"), channel=SUPPORT, alert_channel=LEADS)
    watch = await watched(german, ROUTE)
    await watch.waits(customer=LENA)
    turn = await watch.turn(Direction.ALERTS)
    assert turn.conversation.facts == {}  # the thread's lane has not come to it
    assert await watch.carriers[Direction.ALERTS].carry(turn) == Done()

    assert watch.shown() == []
    assert "Lena" in words(watch.shown(LEADS)[0])


async def test_later_news_of_the_customer_counts_more_than_the_start(watched: Watching) -> None:
    watch = await watched(ROUTE)
    await watch.waits(5, customer=LENA)
    await watch.tell(ConversationStarted, customer=Customer(name="Lena Meyer"))
    await watch.carry()
    await watch.acts(Signal.CLAIMED)
    await watch.carry()
    assert "Lena Meyer" in words(watch.alert)
    assert "Language" in words(watch.alert)


async def test_the_last_words_of_a_session_of_its_own_are_in_its_context(watched: Watching) -> None:
    watch = await watched(ROUTE)
    quotes = (("I was charged twice", Role.CUSTOMER), ("I call a human", Role.BOT))
    await watch.waits(context=tuple(Quote(role=role, text=text) for text, role in quotes))
    await watch.carry()
    assert "I was charged twice" in words(watch.alert)
    assert "I call a human" not in words(watch.alert)


async def test_a_deadline_is_shown_until_the_vendor_hears_of_us(watched: Watching) -> None:
    watch = await watched(ROUTE)
    await watch.waits(wait=60.0)
    await watch.carry()
    assert "Answer by" in words(watch.alert)

    await watch.acts(Signal.AGENT_SPOKE)
    await watch.happens(Change(answered=True))
    await watch.acts(Signal.RELEASED)
    await watch.carry()
    assert "waits again" in words(watch.alert)
    assert "Answer by" not in words(watch.alert)


async def test_outside_of_business_hours_it_says_when_they_begin(watched: Watching) -> None:
    opens = datetime.now(UTC) + timedelta(days=2)
    closed = Route(channel=SUPPORT, alert_channel=ALERTS, hours=(f"{opens:%a} 10:00-11:00",))
    watch = await watched(closed)
    await watch.waits()
    await watch.carry()
    assert "Business hours begin" in words(watch.alert)


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


async def test_one_that_may_have_been_posted_is_looked_for(watched: Watching) -> None:
    watch = await watched(ROUTE)
    await watch.waits()
    watch.slack.faults.next("chat.postMessage", reset=True)  # booked, but nobody heard of it
    (outcome,) = await watch.carry()
    assert isinstance(outcome, Again) and outcome.doubt
    assert await watch.carry() == [Done()]

    assert len(watch.shown()) == 1
    await watch.acts(Signal.CLAIMED)
    await watch.carry()
    assert "is talking with" in words(watch.alert)


async def test_one_that_is_found_looks_as_the_handoff_stands_by_then(watched: Watching) -> None:
    watch = await watched(ROUTE)
    await watch.waits()
    watch.slack.faults.next("chat.postMessage", reset=True)
    await watch.carry()
    assert "waits for a human" in words(watch.alert)
    await watch.acts(Signal.CLAIMED)
    await watch.carry()
    assert "is talking with" in words(watch.alert)


async def test_what_an_alert_may_show_unknown_to_us_is_made_good(watched: Watching) -> None:
    """Its update arrived and the answer did not; by the next try all is as it was before."""
    watch = await watched(ROUTE)
    await watch.waits(customer=LENA)
    card = await watch.opens()
    await watch.carry()

    async def called(name: str) -> list[Any]:
        await watch.happens(Change(facts={"customer": {"name": name}}))
        stands = await watch.store.conversation(1)
        again = NewDelivery(Direction.ALERTS, "alert", f"alert:{name}", '{"handoff": 1}')
        await watch.store.keep_clock(stands.key, again)
        return await watch.carry()

    for channel, shown in ((ALERTS, watch.alert), (SUPPORT, card.replies[0])):
        watch.slack.faults.next("chat.update", reset=True, when=_in(channel))
        (outcome,) = await called(f"Tom in {channel}")
        assert isinstance(outcome, Again) and outcome.doubt
        assert f"Tom in {channel}" in words(shown)
        assert set(map(type, await called("Lena"))) == {Done}
        assert "Lena (customer)" in words(watch.alert) and "Lena (customer)" in words(card.replies[0])
        updates = watch.calls("chat.update")
        await called("Lena ")
        assert watch.calls("chat.update") == updates  # both are known again


async def test_one_that_was_deleted_is_posted_again_while_somebody_waits(watched: Watching) -> None:
    watch = await watched(ROUTE)
    await watch.waits()
    card = await watch.opens()
    await watch.carry()
    for shown in (watch.alert, card.replies[0]):
        watch.slack.state.delete(shown)
    await watch.acts(Signal.CLAIMED)
    await watch.carry()
    assert (watch.shown(), card.replies) == ([], [])

    await watch.acts(Signal.RELEASED)
    await watch.carry()
    assert "waits again" in words(watch.alert)
    (below,) = card.replies
    assert below.broadcast and "waits again" in words(below)

    for shown in (watch.alert, below):
        watch.slack.state.delete(shown)
    await watch.tell(HandoffEnded)
    await watch.carry()
    assert (watch.shown(), card.replies) == ([], [])


async def test_the_threads_alert_does_not_wait_for_a_channel_that_is_away(watched: Watching) -> None:
    watch = await watched(ROUTE)
    watch.slack.state.channels[ALERTS].is_archived = True
    await watch.waits()
    card = await watch.opens()
    (outcome,) = await watch.carry()

    assert isinstance(outcome, Again)
    assert "waits for a human" in words(card.replies[0])
    watch.slack.state.channels[ALERTS].is_archived = False
    assert await watch.carry() == [Done(), Done()]
    assert "waits for a human" in words(watch.alert)


async def test_the_alert_channel_does_not_wait_for_a_thread_that_is_away(watched: Watching) -> None:
    watch = await watched(ROUTE)
    await watch.waits()
    card = await watch.opens()
    await watch.carry()
    watch.slack.faults.next("chat.update", ok_error="channel_not_found", when=_in(SUPPORT))
    await watch.acts(Signal.CLAIMED)
    (outcome,) = await watch.carry()

    assert isinstance(outcome, Again)
    assert "is talking with" in words(watch.alert)
    assert await watch.carry() == [Done()]
    assert "is talking with" in words(card.replies[0])


async def test_a_thread_that_moved_has_an_alert_again(watched: Watching) -> None:
    watch = await watched(ROUTE)
    await watch.waits()
    await watch.opens()
    await watch.carry()
    watch.slack.faults.next("chat.update", ok_error="channel_not_found", when=_in(SUPPORT), times=9)
    stands = await watch.store.conversation(1)
    moved = (await watch.api.call("chat.postMessage", {"channel": LEADS, "text": "card"}))["ts"]
    assert stands.thread is not None
    await watch.store.open_thread(1, stands.thread.model_copy(update={"channel": LEADS, "ts": moved}), "")
    await watch.says("Hello?")
    await watch.acts(Signal.CLAIMED)
    await watch.acts(Signal.RELEASED)
    await watch.carry()

    (below,) = watch.at(LEADS, moved).replies
    assert "waits again" in words(below)


async def test_ops_hear_of_an_alert_that_could_not_be_posted(watched: Watching) -> None:
    watch = await watched(ROUTE)
    await watch.waits()
    watch.slack.faults.next("chat.postMessage", ok_error="restricted_action_thread_locked")
    (outcome,) = await watch.carry()
    assert isinstance(outcome, Failed)
    (turn, _), *_ = [one for one in watch.tried if one[1] is outcome]
    (told,) = watch.carriers[Direction.ALERTS].follow(turn, outcome)
    assert (told.direction, told.kind) == (Direction.SLACK, "notice")
    assert "the thread is locked" in told.body
    assert "restricted_action_thread_locked" in (recorded(outcome) or "")


# ── the AI agent beside a human ──────────────────────────────────────────────────────────────────


async def alarms(watch: Watch) -> None:
    stands = await watch.store.conversation(1)
    for number in range(2):
        new = NewDelivery(Direction.ALERTS, "alarm", f"alarm:{number}", '{"handoff": 1}')
        await watch.store.keep_clock(stands.key, new)


async def test_an_ai_agent_that_talks_on_raises_one_alarm_below_the_alert(watched: Watching) -> None:
    watch = await watched(ROUTE)
    await watch.waits(customer=LENA)
    await watch.acts(Signal.CLAIMED)
    await watch.carry()
    await alarms(watch)
    watch.slack.faults.next("chat.postMessage", reset=True)
    await watch.carry()
    await watch.carry()

    (below,) = watch.alert.replies
    assert below.broadcast and "Lena (customer): the AI agent goes on answering" in words(below)
    assert (await watch.store.handoff(1)).alarmed_at is not None


@pytest.mark.parametrize("happened", [Signal.RELEASED, Signal.HANDED_BACK])
async def test_it_is_none_where_no_human_has_it_any_more(watched: Watching, happened: Signal) -> None:
    watch = await watched(ROUTE)
    await watch.waits()
    await watch.acts(Signal.CLAIMED)
    await watch.acts(happened)
    await alarms(watch)
    await watch.carry()
    assert watch.alert.replies == []


async def test_it_is_posted_where_nobody_had_to_wait_or_the_alert_is_gone(watched: Watching) -> None:
    watch = await watched(ROUTE)
    await watch.says("Hello")
    await watch.acts(Signal.TAKEN_OVER, MINA)
    await alarms(watch)
    await watch.carry()
    assert "the AI agent goes on answering" in words(watch.alert)


async def test_it_holds_up_no_alert_and_needs_no_alert_channel(watched: Watching) -> None:
    watch = await watched(ROUTE)
    await watch.waits()
    await watch.acts(Signal.CLAIMED)
    await watch.carry()
    watch.slack.state.channels[ALERTS].is_archived = True
    await alarms(watch)
    assert [type(one) for one in await watch.carry("alarm")] == [Failed, Failed]


async def test_without_an_alert_channel_only_the_thread_shows_it(watched: Watching) -> None:
    watch = await watched(Route(channel=SUPPORT))
    await watch.waits()
    card = await watch.opens()
    await watch.acts(Signal.CLAIMED)
    await alarms(watch)
    assert await watch.carry("alarm") == [Done(), Done()]
    assert watch.calls("chat.postMessage") == 2  # the card, and the alert in the thread
    assert "is talking with" in words(card.replies[0])


def _in(channel: str) -> Callable[[dict[str, Any]], bool]:
    return lambda call: bool(call.get("channel") == channel)
