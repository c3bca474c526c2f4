"""Who has the conversation, as a table; and what late, repeated and impossible events do to it: nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge import control
from bridge.control import Signal
from bridge.engine.work import Change, Done, Incoming, Owner, Turn
from bridge.model import (
    AnyEvent,
    Author,
    Control,
    ConversationEnded,
    ConversationKey,
    ConversationReopened,
    Direction,
    HandoffEnded,
    HandoffStarted,
    MemberJoined,
    Message,
    Presence,
    Role,
    Text,
)
from bridge.store import Store
from tests.stores import opened

KEY = ConversationKey(source="acme-ada", id="c")
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)  # long ago: late events are late


def event(kind: type[Any], id: str = "e", at: datetime = NOW, **more: Any) -> AnyEvent:
    return kind(id=id, conversation=KEY, at=at, **more)  # type: ignore[no-any-return]


def message(role: Role) -> AnyEvent:
    return event(Message, author=Author(role=role), parts=(Text(text="x"),))


def labelled(id: str, at: datetime = NOW) -> AnyEvent:
    """A customer's message that the vendor says belongs to a handoff."""
    author = Author(role=Role.CUSTOMER)
    return event(Message, id, at, author=author, parts=(Text(text="x"),), handoff="slack-bridge")


@pytest.mark.parametrize(
    ("told", "means"),
    [
        (event(HandoffStarted), Signal.HANDOFF_STARTED),
        (event(HandoffEnded), Signal.HANDOFF_ENDED),
        (event(ConversationEnded), Signal.ENDED),
        (event(ConversationReopened), Signal.REOPENED),
        (event(MemberJoined, author=Author(role=Role.AGENT)), Signal.AGENT_JOINED),
        (event(MemberJoined, author=Author(role=Role.BOT)), None),
        (message(Role.AGENT), Signal.AGENT_SPOKE),
        (message(Role.CUSTOMER), Signal.CUSTOMER_SPOKE),
        (message(Role.BOT), None),
        (labelled("1"), Signal.SPOKE_IN_HANDOFF),
        (event(Presence, author=Author(role=Role.AGENT), text="joined"), None),
    ],
)
def test_what_an_event_means(told: AnyEvent, means: Signal | None) -> None:
    assert control.signal(told) is means


def test_every_state_can_be_left_and_reached() -> None:
    assert {state for state, _ in control.TABLE} == set(Control)
    assert set(control.TABLE.values()) == set(Control)
    # only giving it to another colleague leaves it where it is
    same = {happened for (before, happened), after in control.TABLE.items() if before is after}
    assert same == {Signal.TRANSFERRED}


@pytest.mark.parametrize("state", Control)
@pytest.mark.parametrize("happened", Signal)
def test_the_same_again_changes_nothing(state: Control, happened: Signal) -> None:
    once = control.after(state, happened)
    assert once is None or control.after(once, happened) in (None, once)


async def states(store: Store, *told: AnyEvent) -> list[Control]:
    """The control after each of `told`, as the store keeps it."""
    seen = []
    for one in told:
        await store.keep_events(Incoming("acme-ada", one.id, "ada", b"{}"), (one,))
        seen.append((await store.conversation(1)).control)
    return seen


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


async def test_a_conversation_hands_off_several_times(store: Store) -> None:
    at = [NOW - timedelta(hours=1) + timedelta(minutes=number) for number in range(9)]
    told = (
        event(HandoffStarted, "1", at[0]),
        event(HandoffEnded, "2", at[1]),
        event(HandoffStarted, "3", at[2]),
        event(ConversationEnded, "4", at[3]),
        event(ConversationReopened, "5", at[4]),
        event(HandoffStarted, "6", at[5]),
    )
    expected = [Control.WAITING, Control.BOT, Control.WAITING, Control.CLOSED, Control.BOT, Control.WAITING]
    assert await states(store, *told) == expected


async def test_a_late_event_moves_nothing_back(store: Store) -> None:
    hour = timedelta(hours=1)
    told = (
        event(HandoffStarted, "1", NOW - 3 * hour),
        event(ConversationEnded, "2", NOW - hour),
        event(HandoffStarted, "3", NOW - 2 * hour),  # a retry that comes hours late
    )
    assert await states(store, *told) == [Control.WAITING, Control.CLOSED, Control.CLOSED]


async def waiting(store: Store) -> list[str]:
    """What stands in the conversation's line to Slack, by kind of event, taken and let go."""
    worker = await store.join()
    (turn,) = [one for one in await store.claim(worker, 30, 9) if one.direction is Direction.SLACK]
    kinds = []
    following: Turn | None = turn
    while following is not None:
        kinds.append(following.read()["kind"])
        _, following = await store.advance(following, Done(), keep_going=True)
    return kinds


async def test_a_start_that_was_lost_shows_with_the_first_message_of_the_handoff(store: Store) -> None:
    told = (labelled("1"), labelled("2", NOW + timedelta(seconds=1)))
    assert await states(store, *told) == [Control.WAITING, Control.WAITING]
    assert await waiting(store) == ["message", "handoff_started", "message"]


async def test_a_message_that_the_handoffs_end_overtook_starts_no_other(store: Store) -> None:
    told = (
        event(HandoffStarted, "1", NOW - timedelta(seconds=9)),
        event(HandoffEnded, "2", NOW - timedelta(seconds=1)),
        labelled("3", NOW - timedelta(seconds=2)),
    )
    assert await states(store, *told) == [Control.WAITING, Control.BOT, Control.BOT]
    assert await waiting(store) == ["handoff_started", "handoff_ended", "message"]


async def test_an_end_that_is_older_than_the_start_is_not_its_own(store: Store) -> None:
    """It is the last one's, told late. Somebody would wait unseen if it were believed."""
    now = datetime.now(UTC)
    told = (
        event(HandoffStarted, "1", now),
        event(HandoffEnded, "2", now - timedelta(seconds=5)),
        event(HandoffEnded, "3", now - timedelta(seconds=0.9)),  # by a time that is cut to the second
    )
    assert await states(store, *told) == [Control.WAITING, Control.WAITING, Control.BOT]


async def test_a_start_that_its_end_overtook_starts_nothing(store: Store) -> None:
    now = datetime.now(UTC)
    told = (
        event(HandoffEnded, "1", now),
        event(HandoffStarted, "2", now - timedelta(seconds=5)),
    )
    assert await states(store, *told) == [Control.BOT, Control.BOT]


async def test_a_customer_who_wrote_while_it_was_resolved_is_not_overlooked(store: Store) -> None:
    now = datetime.now(UTC)
    assert await states(store, event(HandoffStarted, "1", now - timedelta(minutes=9))) == [Control.WAITING]
    await agent(store, Signal.RESOLVED)
    spoke = Author(role=Role.CUSTOMER)
    late = event(Message, "2", now - timedelta(seconds=2), author=spoke, parts=(Text(text="x"),))
    assert await states(store, late) == [Control.BOT]


async def test_what_is_older_than_an_agents_act_undoes_nothing_of_it(store: Store) -> None:
    now = datetime.now(UTC)
    assert await states(store, event(HandoffStarted, "1", now - timedelta(hours=2))) == [Control.WAITING]
    await agent(store, Signal.RESOLVED)
    told = (event(HandoffStarted, "2", now - timedelta(hours=1)), labelled("3", now - timedelta(seconds=2)))
    assert await states(store, *told) == [Control.CLOSED, Control.CLOSED]


async def agent(store: Store, happened: Signal) -> None:
    """Somebody acts, as the outcome of whatever is next in the conversation."""
    worker = await store.join()
    (turn, *_) = await store.claim(worker, 30, 9)
    done = Done(change=Change(happened=happened, by=Owner("Mina", "U0MINA")))
    assert (await store.advance(turn, done, keep_going=False))[0]
    await store.leave(worker)


@pytest.mark.parametrize(
    ("leads", "mark", "ahead"),
    [
        ([0.0, -0.1, -0.2, 0.0], 3600.0, True),  # one wrong date
        ([240.0, 239.9, 239.8], 240.1, False),  # a clock that is always ahead
        ([-30.0, -30.1, -30.2], 0.0, True),  # it was set back
        ([3600.0, 0.0, -0.1], 0.0, False),  # another date was wrong
        ([-5.0, -60.0, -400.0], 0.0, False),  # retries: nothing is known of the clock
        ([0.0], 60.0, False),
        ([], 301.0, True),
    ],
)
def test_a_date_that_is_ahead_is_known_by_the_vendors_other_webhooks(
    leads: list[float], mark: float, ahead: bool
) -> None:
    dated = control.Mark(1000.0 + mark, 1000.0)
    assert control.dated_ahead(dated, leads) is ahead


@pytest.mark.parametrize("asks", [True, False])
def test_with_too_few_webhooks_a_date_ahead_keeps_no_customer_waiting_unseen(asks: bool) -> None:
    assert control.dated_ahead(control.Mark(1250.0, 1000.0), [0.0], asks=asks) is asks
    assert not control.dated_ahead(control.Mark(1001.0, 1000.0), [0.0], asks=asks)  # delivered late
