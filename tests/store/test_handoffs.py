"""Handoffs in the store: one owner, one that is open, what is queued for them, and what waits for a word."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.control import Signal
from bridge.engine.echo import digest
from bridge.engine.gate import Stopped, Wish
from bridge.engine.work import (
    Change,
    Done,
    Failed,
    Incoming,
    Kept,
    NewDelivery,
    Owner,
    PutBack,
    Turn,
    Uncertain,
)
from bridge.model import (
    AnyEvent,
    Author,
    Control,
    ConversationEnded,
    ConversationKey,
    Direction,
    HandoffEnded,
    HandoffStarted,
    HeldChoice,
    HeldFor,
    MemberJoined,
    MemberLeft,
    Message,
    Role,
    Text,
    ThreadKey,
)
from bridge.store import Store
from tests.acts import CLAIM
from tests.stores import opened

KEY = ConversationKey(source="acme-ada", id="c")
MINA, JO = Owner("Mina", "U0MINA"), Owner("Jo", "U0JO")
THREAD = ThreadKey(team="T", channel="C", ts="1.1")


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


class Story:
    """Tells of one conversation, in order, and takes its deliveries."""

    def __init__(self, store: Store, worker: int) -> None:
        self.store, self.worker, self.number = store, worker, 0

    async def tell(self, kind: type[Any], ago: float = 0.0, **more: Any) -> Control:
        self.number += 1
        at = datetime.now(UTC) - timedelta(seconds=ago)
        event: AnyEvent = kind(id=f"e{self.number}", conversation=KEY, at=at, **more)
        await self.store.keep_events(Incoming("acme-ada", event.id, "", b"{}"), (event,))
        return (await self.store.conversation(1)).control

    async def take(self, direction: Direction) -> list[Turn]:
        """Everything that is due in one direction, done."""
        found: list[Turn] = []
        turn: Turn | None = await self.look(direction)
        while turn is not None:
            found.append(turn)
            _, turn = await self.store.advance(turn, Done(), keep_going=True)
        return found

    async def look(self, direction: Direction) -> Turn | None:
        """The next turn in one direction, if one is due; the others are put back."""
        found = None
        for turn in await self.store.claim(self.worker, 30, 20):
            if turn.direction is direction:
                found = turn
            else:
                await self.store.advance(turn, PutBack(0.0), keep_going=False)
        return found

    async def turn(self, direction: Direction) -> Turn:
        turn = await self.look(direction)
        assert turn is not None
        return turn

    async def agent(self, happened: Signal, by: Owner) -> bool:
        """An act, by its lane."""
        self.number += 1
        act = NewDelivery.of(CLAIM, f"a{self.number}")
        assert (
            await self.store.keep_reply(Incoming("@slack", f"a{self.number}", "", b"{}"), 1, act) == "queued"
        )
        turn = await self.turn(Direction.ACTS)
        done, _ = await self.store.act(turn, happened, by)
        await self.store.advance(turn, Done(), keep_going=False)
        return done

    async def reply(self, text: str, user: str = "U0MINA", ts: str = "2.1") -> Turn:
        """A reply that its worker has just taken."""
        message = {"team": "T", "channel": "C", "ts": ts, "thread_ts": "1.1", "user": user, "text": text}
        new = NewDelivery(Direction.VENDOR, "reply", ts, json.dumps(message), message=ts)
        assert await self.store.keep_reply(Incoming("@slack", f"Ev{ts}", "", b"{}"), THREAD, new) == "queued"
        return await self.turn(Direction.VENDOR)


@pytest.fixture
async def story(store: Store) -> Story:
    return Story(store, await store.join())


async def opened_thread(story: Story) -> None:
    await story.store.open_thread(1, THREAD, "card")


async def test_a_handoff_is_claimed_released_and_ended(store: Store, story: Story) -> None:
    assert await story.tell(HandoffStarted, reason="refund", wait=60.0) is Control.WAITING
    first = await store.last_handoff(1)
    assert first is not None
    assert (first.start and first.start.reason, first.round, first.claimed_at) == ("refund", 1, None)
    assert await story.agent(Signal.CLAIMED, MINA)
    about = await store.conversation(1)
    assert (about.control, about.owner) == (Control.HUMAN, MINA)
    assert (await store.handoff(first.id)).claimed_at is not None
    assert await story.agent(Signal.RELEASED, MINA)
    again = await store.handoff(first.id)
    assert (again.round, again.released_by, again.claimed_at) == (2, "Mina", None)
    assert (await store.conversation(1)).owner is None
    assert await story.tell(HandoffEnded) is Control.BOT
    ended = await store.handoff(first.id)
    assert (ended.ending, ended.ended_at is None) == ("handed_back", False)
    assert await story.tell(HandoffStarted) is Control.WAITING
    second = await store.last_handoff(1)
    assert second is not None
    assert second.id != first.id


async def test_of_many_who_claim_at_once_one_wins(store: Store, story: Story) -> None:
    await story.tell(HandoffStarted)
    await story.take(Direction.SLACK)
    people = [Owner(f"P{number}", f"U{number}") for number in range(8)]
    for one in people:
        act = NewDelivery.of(CLAIM, one.id or "")
        await store.keep_reply(Incoming("@slack", one.id or "", "", b"{}"), 1, act)
    # Not the lane decides, but the row: the same turn asked by all of them at once.
    turn = await story.turn(Direction.ACTS)
    fresh = [replace(turn, refs={}) for _ in people]
    won = await asyncio.gather(
        *(store.act(one, Signal.CLAIMED, by) for one, by in zip(fresh, people, strict=True))
    )
    winners = [by for by, (done, _) in zip(people, won, strict=True) if done]
    assert len(winners) == 1
    assert {stands.owner for _, stands in won} == {winners[0]}


async def test_an_act_that_was_done_is_not_done_again_after_a_crash(store: Store, story: Story) -> None:
    await story.tell(HandoffStarted)
    await story.take(Direction.SLACK)
    act = NewDelivery.of(CLAIM, "a")
    await store.keep_reply(Incoming("@slack", "a", "", b"{}"), 1, act)
    turn = await story.turn(Direction.ACTS)
    assert (await store.act(turn, Signal.CLAIMED, MINA))[0]
    await store.leave(story.worker)
    story.worker = await store.join()
    again = await story.turn(Direction.ACTS)
    done, stands = await store.act(again, Signal.CLAIMED, MINA)
    assert (done, stands.owner) == (True, MINA)  # its winner is told so, and not that it is too late


async def test_clocks_run_while_somebody_waits(store: Store, story: Story) -> None:
    await story.tell(HandoffStarted)
    (clock,) = await story.take(Direction.CLOCKS)
    assert json.loads(clock.body)["round"] == 1
    await story.tell(HandoffEnded)
    await story.tell(HandoffStarted)
    await story.agent(Signal.CLAIMED, MINA)
    assert await story.take(Direction.CLOCKS) == []  # cancelled before it began
    await story.agent(Signal.RELEASED, MINA)
    (clock,) = await story.take(Direction.CLOCKS)
    assert json.loads(clock.body)["round"] == 2


async def test_a_vendor_that_counts_goes_on_counting_after_a_claim(store: Store, story: Story) -> None:
    await story.tell(HandoffStarted, wait=60.0)
    await story.agent(Signal.CLAIMED, MINA)
    assert [one.kind for one in await story.take(Direction.CLOCKS)] == ["clock"]


async def test_who_has_it_at_the_vendor(store: Store, story: Story) -> None:
    vera = Author(role=Role.AGENT, name="Vera")
    await story.tell(HandoffStarted)
    assert await story.tell(MemberJoined, author=vera) is Control.HUMAN
    assert (await store.conversation(1)).owner == Owner("Vera")
    assert await story.tell(MemberLeft, author=vera) is Control.WAITING
    await story.agent(Signal.CLAIMED, MINA)
    assert await story.tell(MemberLeft, author=vera) is Control.HUMAN  # she has not had it
    assert await story.tell(ConversationEnded, reason="resolved") is Control.CLOSED


@pytest.mark.parametrize(("reason", "ending"), [("TIMEOUT", "expired"), ("USER_CLOSED", "closed")])
async def test_how_a_wait_ended(store: Store, story: Story, reason: str, ending: str) -> None:
    by = None if reason == "TIMEOUT" else Author(role=Role.CUSTOMER)
    await story.tell(HandoffStarted, wait=60.0)
    await story.tell(ConversationEnded, reason=reason, by=by)
    handoff = await store.last_handoff(1)
    assert handoff is not None
    assert handoff.ending == ending


async def test_an_echo_says_nothing_of_who_has_it(store: Store, story: Story) -> None:
    await story.tell(Message, author=Author(role=Role.CUSTOMER), parts=(Text(text="hi"),))
    await opened_thread(story)
    turn = await story.reply("hello")
    echo = Message(
        id="x",
        conversation=KEY,
        at=datetime.now(UTC),
        author=Author(role=Role.AGENT, name="Mina"),
        parts=(Text(text="hello"),),
    )
    told = digest(echo, tells_humans_apart=True)
    assert told is not None
    once = Wish(MINA, confirms=True, choice=HeldChoice.ONCE)
    assert await store.begin_reply(turn, "0", [told], once) is None
    assert await story.tell(Message, author=echo.author, parts=echo.parts) is Control.BOT
    other = (Text(text="and I am Vera"),)
    assert await story.tell(Message, author=echo.author, parts=other) is Control.HUMAN


# ── replies that wait for a word ─────────────────────────────────────────────────────────────────


async def held(story: Story) -> Turn:
    await story.tell(Message, author=Author(role=Role.CUSTOMER), parts=(Text(text="hi"),))
    await opened_thread(story)
    turn = await story.reply("hello")
    wish = Wish(MINA, confirms=True)
    assert await story.store.begin_reply(turn, "0", ["d"], wish) == Stopped(HeldFor.BOT)
    assert not await story.store.matching_replies("d", 60)  # it was never begun
    await story.store.advance(turn, Kept("held", "held: bot"), keep_going=False)
    return turn


async def test_a_held_reply_goes_on_as_its_author_says_once(store: Store, story: Story) -> None:
    turn = await held(story)
    told = [Incoming("@slack", f"p{number}", "", b"{}") for number in range(4)]
    assert await store.send_on(told[0], THREAD, turn.delivery, "U0JO", HeldChoice.ONCE) == "not_yours"
    assert await store.send_on(told[1], THREAD, turn.delivery, "U0MINA", HeldChoice.ONCE) == "queued"
    assert await store.send_on(told[1], THREAD, turn.delivery, "U0MINA", HeldChoice.ONCE) == "duplicate"
    assert await store.send_on(told[2], THREAD, turn.delivery, "U0MINA", HeldChoice.NOTE) == "decided"
    assert await store.send_on(told[3], THREAD, 4711, "U0MINA", HeldChoice.NOTE) == "decided"
    again = await story.turn(Direction.VENDOR)
    assert (again.delivery, again.attempt, again.was) == (turn.delivery, 1, ["held"])
    assert json.loads(again.body)["choice"] == "once"


async def test_a_held_reply_that_is_deleted_cannot_be_sent_on(store: Store, story: Story) -> None:
    turn = await held(story)
    gone = Incoming("@slack", "gone", "", b"{}")
    assert await store.amend_reply(gone, THREAD, "2.1", None, ()) == "amended"
    told = Incoming("@slack", "p", "", b"{}")
    assert await store.send_on(told, THREAD, turn.delivery, "U0MINA", HeldChoice.ONCE) == "decided"


@pytest.mark.parametrize("said_no", [True, False])
@pytest.mark.parametrize("outcome", [Failed("no"), Uncertain("perhaps")])
async def test_what_failed_can_be_sent_again(
    store: Store, story: Story, outcome: Failed | Uncertain, said_no: bool
) -> None:
    await story.tell(HandoffStarted)
    await opened_thread(story)
    turn = await story.reply("hello")
    assert await store.begin_reply(turn, "0", ["d"], Wish(MINA, confirms=True)) is None
    if said_no:
        del turn.refs["sending"]
    await store.advance(turn, outcome, keep_going=False)
    told = Incoming("@slack", "p", "", b"{}")
    assert await store.send_on(told, THREAD, turn.delivery, "U0JO", None) == "queued"  # anybody may
    again = await story.turn(Direction.VENDOR)
    assert again.doubt is (isinstance(outcome, Uncertain) or not said_no)
    assert "sending" not in again.refs  # its author has looked: it is no longer in doubt where none can ask
    other = Incoming("@slack", "q", "", b"{}")
    assert await store.send_on(other, THREAD, turn.delivery, "U0JO", None) == "decided"


async def test_a_lock_keeps_it_in_whenever_it_comes(store: Store, story: Story) -> None:
    await story.tell(HandoffStarted)
    await opened_thread(story)
    late = (NewDelivery(Direction.SLACK, "notice", "late", '{"text": "too late"}'),)

    async def lock(ts: str) -> str:
        where = ThreadKey(team="T", channel="C", ts=ts)
        return await store.lock_message(Incoming("@slack", f"lock{ts}", "", b"{}"), where, late)

    assert await lock("2.1") == "locked"  # Slack told of the lock before it told of the message
    turn = await story.reply("hello", ts="2.1")
    assert await store.begin_reply(turn, "0", ["d"], Wish(MINA, confirms=True)) == Stopped(None)
    assert (await store.conversation(1)).control is Control.WAITING
    await store.advance(turn, Kept("note"), keep_going=False)

    turn = await story.reply("and more", ts="2.2")
    assert await store.begin_reply(turn, "0", ["e"], Wish(MINA, confirms=True)) is None
    assert await lock("2.2") == "too_late"
    await store.advance(turn, Done(change=Change(answered=True)), keep_going=False)
    assert [one.kind for one in await story.take(Direction.SLACK)][-1] == "notice"
    elsewhere = ThreadKey(team="T", channel="C2", ts="2.3")
    kept = Incoming("@slack", "x", "", b"{}")
    assert await store.lock_message(kept, elsewhere, late) == "not_our_thread"


async def test_a_claim_by_reply_is_decided_on_the_row(store: Store, story: Story) -> None:
    """Mina's turn began while the customer waited; Jo has claimed since."""
    await story.tell(HandoffStarted)
    await opened_thread(story)
    turn = await story.reply("hello")
    assert turn.conversation.control is Control.WAITING
    assert await story.agent(Signal.CLAIMED, JO)
    assert await store.begin_reply(turn, "0", ["d"], Wish(MINA, confirms=True)) == Stopped(HeldFor.OWNED)
    assert (await store.conversation(1)).owner == JO


# ── a start without an id of its own ─────────────────────────────────────────────────────────────


async def calls(store: Store, ago: float = 0.0, *, unnamed: bool = True) -> tuple[bool, Control]:
    """The same call again: whether it was news, and who has the conversation then."""
    at = datetime.now(UTC) - timedelta(seconds=ago)
    start = HandoffStarted(id="handoff:1", conversation=KEY, at=at, unnamed=unnamed)
    new = await store.keep_events(Incoming("acme-ada", start.id, "handoff", b"{}"), (start,))
    return new, (await store.conversation(1)).control


async def test_the_same_call_is_told_once_while_what_it_began_lasts(store: Store, story: Story) -> None:
    assert await calls(store) == (True, Control.WAITING)
    assert await calls(store) == (False, Control.WAITING)
    await story.agent(Signal.CLAIMED, MINA)
    assert await calls(store) == (False, Control.HUMAN)
    assert [turn.kind for turn in await story.take(Direction.SLACK)] == ["event"]


@pytest.mark.parametrize("ended", [HandoffEnded, ConversationEnded, Signal.HANDED_BACK, Signal.RESOLVED])
async def test_after_its_end_the_same_call_is_another_handoff(
    store: Store, story: Story, ended: Signal | type[HandoffEnded | ConversationEnded]
) -> None:
    await calls(store)
    await (story.agent(ended, MINA) if isinstance(ended, Signal) else story.tell(ended))
    first = await store.last_handoff(1)
    await story.take(Direction.SLACK)
    assert await calls(store) == (True, Control.WAITING)
    assert await calls(store) == (False, Control.WAITING)
    (told,) = await story.take(Direction.SLACK)
    second = await store.last_handoff(1)
    assert first is not None and second is not None and second.start is not None
    assert (second.id > first.id, second.start.id) == (True, json.loads(told.body)["id"])


async def test_a_redelivery_of_a_start_with_an_id_begins_nothing(store: Store, story: Story) -> None:
    await calls(store, unnamed=False)
    await story.agent(Signal.HANDED_BACK, MINA)
    assert await calls(store, unnamed=False) == (False, Control.BOT)


async def test_an_end_that_is_told_after_the_next_call_is_overtaken(store: Store, story: Story) -> None:
    await calls(store, ago=8)
    await calls(store)
    assert await story.tell(HandoffEnded, ago=4) is Control.WAITING
