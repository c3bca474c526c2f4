"""The lanes' promises, on both databases."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select, text

from bridge.config import Engine
from bridge.control import Signal
from bridge.engine.lanes import Lanes
from bridge.engine.work import (
    Again,
    Change,
    Done,
    Failed,
    Incoming,
    NewDelivery,
    Outcome,
    PutBack,
    Turn,
    Uncertain,
)
from bridge.errors import OutcomeUnknown, Unavailable
from bridge.model import Control, Direction, HandoffStarted, ThreadKey
from bridge.store import Store, lanes
from bridge.store.tables import delivery
from tests.stores import opened, receive, said


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


async def one(store: Store, worker: int, lease: float = 30.0) -> Turn:
    (turn,) = await store.claim(worker, lease, 10)
    return turn


async def test_a_webhook_is_kept_once(store: Store) -> None:
    assert await receive(store, said("c", 1), key="w1") is True
    assert await receive(store, said("c", 1), key="w1") is False
    assert (
        await receive(store, said("c", 1), key="w2") is True
    )  # told under another key: one delivery all the same
    worker = await store.join()
    turn = await one(store, worker)
    assert await store.advance(turn, Done(), keep_going=True) == (True, None)
    assert await store.claim(worker, 30, 10) == []


async def test_a_lane_is_carried_in_order_by_one_worker_at_a_time(store: Store) -> None:
    first, second = await store.join(), 4242
    for number in range(5):
        await receive(store, said("c", number))
    turn: Turn | None = await one(store, first)
    seen = []
    while turn is not None:
        assert await store.claim(second, 30, 10) == []
        seen.append(json.loads(turn.body)["id"])
        ours, turn = await store.advance(turn, Done(), keep_going=True)
        assert ours
    assert seen == [f"c:{number}" for number in range(5)]


async def test_lanes_of_different_conversations_and_directions_are_parallel(store: Store) -> None:
    worker = await store.join()
    for name in ("a", "b", "c"):
        await receive(store, said(name, 1), said(name, 2))
    turns = await store.claim(worker, 30, 10)
    assert sorted(json.loads(turn.body)["id"] for turn in turns) == ["a:1", "b:1", "c:1"]
    follow = (
        NewDelivery(Direction.MARKS, "mark", "m", "{}"),
        NewDelivery(Direction.VENDOR, "reply", "r", "{}"),
    )
    await store.advance(turns[0], Done(follow=follow), keep_going=False)
    again = await store.claim(worker, 30, 10)
    assert sorted(turn.direction for turn in again) == [Direction.MARKS, Direction.SLACK, Direction.VENDOR]


async def test_what_is_queued_while_a_lane_is_let_go_is_not_overlooked(store: Store) -> None:
    """Many webhooks against one worker that lets go as often as it can."""
    worker = await store.join()
    total = 60
    seen: list[int] = []

    async def ingest() -> None:
        for number in range(total):
            await receive(store, said("c", number))

    async def carry() -> None:
        while len(seen) < total:
            for turn in await store.claim(worker, 30, 10):
                following: Turn | None = turn
                while following is not None:
                    seen.append(int(json.loads(following.body)["id"].split(":")[1]))
                    _, following = await store.advance(following, Done(), keep_going=True)
            await asyncio.sleep(0)

    await asyncio.gather(ingest(), carry())
    assert seen == list(range(total))
    assert await store.next_due() is None


async def test_a_failing_head_waits_and_keeps_its_place(store: Store) -> None:
    worker = await store.join()
    await receive(store, said("c", 1))
    await receive(store, said("c", 2))
    turn = await one(store, worker)
    await store.advance(turn, Again(600.0, "busy"), keep_going=True)
    assert await store.claim(worker, 30, 10) == []
    await receive(store, said("c", 3))  # does not pull it forward
    assert await store.claim(worker, 30, 10) == []
    due = await store.next_due()
    assert due is not None and 0 < due <= 600
    for earlier in ("lane SET due = due - 600", "delivery SET first_at = first_at - 600"):
        await store._database.run(lambda on, earlier=earlier: on.execute(text(f"UPDATE {earlier}")))
    again = await one(store, worker)
    assert (json.loads(again.body)["id"], again.attempt, again.doubt) == ("c:1", 2, False)
    assert again.age >= 600


@pytest.mark.parametrize("outcome", [Failed("no"), Uncertain("perhaps")])
async def test_a_delivery_that_ends_otherwise_lets_the_lane_go_on(
    store: Store, outcome: Failed | Uncertain
) -> None:
    worker = await store.join()
    await receive(store, said("c", 1))
    await receive(store, said("c", 2))
    turn = await one(store, worker)
    _, following = await store.advance(turn, outcome, keep_going=True)
    assert following is not None
    assert json.loads(following.body)["id"] == "c:2"


async def test_put_back_counts_no_attempt_and_keeps_its_slot(store: Store) -> None:
    worker = await store.join()
    await receive(store, said("c", 1))
    turn = await one(store, worker)
    assert turn.late is None
    await store.advance(turn, PutBack(0.1), keep_going=True)
    await asyncio.sleep(0.15)
    again = await one(store, worker)
    assert again.attempt == 1
    assert again.late is not None
    assert again.late >= 0.04


async def test_a_worker_that_lost_its_lane_writes_nothing(store: Store) -> None:
    worker, other = await store.join(), 4242
    await receive(store, said("c", 1))
    lost = await one(store, worker, lease=0.0)
    await asyncio.sleep(0.02)
    taken = await one(store, other)
    assert taken.doubt is True  # the first may have sent it
    assert taken.attempt == 2
    assert await store.advance(lost, Done(), keep_going=True) == (False, None)
    with pytest.raises(OutcomeUnknown, match="taken over"):
        await store.progress(lost, {"0": "1.1"})
    ours, _ = await store.advance(taken, Done(), keep_going=True)
    assert ours


async def test_renewing_keeps_a_lane(store: Store) -> None:
    worker = await store.join()
    await receive(store, said("c", 1))
    turn = await one(store, worker, lease=0.05)
    await store.renew(worker, [turn.lane], 30)
    await asyncio.sleep(0.1)
    assert await store.claim(4242, 30, 10) == []


async def test_doubt_stays_until_it_is_resolved(store: Store) -> None:
    worker = await store.join()
    await receive(store, said("c", 1))
    turn = await one(store, worker)
    await store.progress(turn, {"0": "1.1"})
    await store.advance(turn, Again(0.0, "no answer", doubt=True), keep_going=True)
    await asyncio.sleep(0.01)
    again = await one(store, worker)
    assert again.doubt is True
    assert again.refs == {"0": "1.1"}


async def test_a_change_is_written_with_its_outcome(store: Store) -> None:
    worker = await store.join()
    await receive(store, said("c", 1))
    await receive(store, said("c", 2))
    turn = await one(store, worker)
    assert turn.conversation.control is Control.BOT
    change = Change(happened=Signal.AGENT_SPOKE, facts={"customer": {"name": "Ada"}}, card="abc")
    _, following = await store.advance(turn, Done("1.1", change=change), keep_going=True)
    assert following is not None
    assert following.conversation.control is Control.HUMAN
    assert following.conversation.facts == {"customer": {"name": "Ada"}}
    assert following.conversation.card == "abc"


async def test_a_thread_finds_its_conversation_also_after_another_was_opened(store: Store) -> None:
    worker = await store.join()
    await receive(store, said("c", 1))
    turn = await one(store, worker)
    old, new = ThreadKey(team="T", channel="C", ts="1.1"), ThreadKey(team="T", channel="C", ts="2.2")
    await store.open_thread(turn.conversation.id, old, "card")
    conversation = await store.open_thread(turn.conversation.id, new, "card")
    assert conversation.thread == new
    for where in (old, new):
        assert await reply(store, where, f"Ev{where.ts}", f"m{where.ts}") == "queued"
    assert await reply(store, new, "Ev2.2", "m2.2") == "duplicate"  # the same event again
    assert await reply(store, new, "Ev3", "m2.2") == "duplicate"  # the same message as another event
    elsewhere = ThreadKey(team="T2", channel="C", ts="1.1")
    assert await reply(store, elsewhere, "Ev4", "m4") == "not_our_thread"


async def reply(store: Store, where: ThreadKey, event: str, key: str) -> str:
    from bridge.engine.work import Incoming

    new = NewDelivery(Direction.VENDOR, "reply", key, '{"user": "U0MINA"}')
    return await store.keep_reply(Incoming("@slack", event, "events", b"{}"), where, new)


async def test_pace_lets_a_burst_go_and_then_one_each_interval(store: Store) -> None:
    waits = [await store.reserve("post:C", 100.0, 3) for _ in range(6)]
    assert waits[:3] == [0, 0, 0]
    assert [round(wait, -1) for wait in waits[3:]] == [100, 200, 300]
    assert await store.reserve("post:D", 10.0, 3) == 0
    await store.hold("post:D", 60, 10.0, 3)
    assert 55 < await store.reserve("post:D", 10.0, 3) <= 70


async def test_what_was_said_is_known_again(store: Store) -> None:
    worker = await store.join()
    await receive(store, said("c", 1))
    turn = await one(store, worker)
    await store.advance(
        turn, Done(follow=(NewDelivery(Direction.VENDOR, "reply", "r", "{}"),)), keep_going=False
    )
    (sending,) = [one for one in await store.claim(worker, 30, 10) if one.kind == "reply"]
    assert await store.matching_replies("d1g357", 60) == []
    for _ in range(2):  # said twice
        assert await store.begin_reply(sending, "0", ["d1g357", "other"], None) is None
    for _ in range(2):  # and heard twice
        first, *_rest = await store.matching_replies("d1g357", 60)
        assert first.conversation == sending.conversation.id
        await receive(store, said("c", 90 + _))
        echo = await one(store, worker)
        await store.advance(echo, Done(change=Change(heard=first.id)), keep_going=True)
    assert await store.matching_replies("d1g357", 60) == []
    assert len(await store.matching_replies("other", 60)) == 2
    assert await store.matching_replies("other", 0) == []


async def test_keys_of_any_length_are_kept_apart(store: Store) -> None:
    worker = await store.join()
    long = "x" * 5000
    first, second = said("c", 1).model_copy(update={"id": f"{long}1"}), said("c", 2)
    second = second.model_copy(update={"id": f"{long}2"})
    assert await receive(store, first, key=f"{long}1")
    assert await receive(store, second, key=f"{long}2")
    assert not await receive(store, first, key=f"{long}1")
    turn = await one(store, worker)
    _, following = await store.advance(turn, Done(), keep_going=True)
    assert following is not None
    assert json.loads(following.body)["id"] == f"{long}2"


async def test_two_lanes_of_a_conversation_recorded_together_both_change_it(store: Store) -> None:
    worker = await store.join()
    await receive(store, said("c", 1))
    await receive(store, said("c", 2))
    turn = await one(store, worker)
    _, held = await store.advance(
        turn, Done(follow=(NewDelivery(Direction.CARD, "card", "k", "{}"),)), keep_going=True
    )
    assert held is not None
    marks = await one(store, worker)
    facts, card = Change(facts={"start_page": "/"}), Change(happened=Signal.AGENT_SPOKE, card="abc")
    recorded = [(held, Done(change=facts), True), (marks, Done(change=card), True)]
    (_, rest), (_, update) = await store._database.run(lanes.advance, recorded)
    assert rest is None
    assert update is not None
    assert update.kind == "card"  # control has changed
    about = await store.conversation(turn.conversation.id)
    assert (about.facts, about.card, about.control) == ({"start_page": "/"}, "abc", Control.HUMAN)


async def test_a_lost_lane_changes_nothing_beside_one_that_is_held(store: Store) -> None:
    worker, other = await store.join(), 4242
    await receive(store, said("c", 1))
    lost = await one(store, other, lease=0.0)
    await asyncio.sleep(0.02)
    follow = (NewDelivery(Direction.CARD, "card", "k", "{}"),)
    await store.advance(await one(store, worker), Done(follow=follow), keep_going=True)
    marks = await one(store, worker)
    recorded = [
        (lost, Done(change=Change(card="lost")), True),
        (marks, Done(change=Change(facts={"a": 1})), True),
    ]
    assert await store._database.run(lanes.advance, recorded) == [(False, None), (True, None)]
    about = await store.conversation(lost.conversation.id)
    assert (about.facts, about.card) == ({"a": 1}, None)


class Slow:
    """Carries each delivery only once it is let, and tells what it was given."""

    def __init__(self) -> None:
        self.carried: list[str] = []
        self.let = asyncio.Event()

    async def carry(self, turn: Turn) -> Outcome:
        self.carried.append(json.loads(turn.body)["id"])
        await self.let.wait()
        return Done()

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        return ()


@pytest.mark.parametrize("tried_again", [False, True])
async def test_lanes_whose_claim_was_never_answered_wait_for_no_lease(
    store: Store, monkeypatch: pytest.MonkeyPatch, tried_again: bool
) -> None:
    """It was committed, and the connection lost: the store tries again by itself, or says that it is away.
    What is being carried meanwhile stays where it is."""
    slow = Slow()
    engine = Lanes(store, dict.fromkeys(Direction, slow), Engine(lease=600))
    await engine.start()
    await receive(store, said("a", 1))
    async with asyncio.timeout(30):
        while slow.carried != ["a:1"]:
            await asyncio.sleep(0.01)
    run = store._database.run
    lost: list[Turn] = []

    async def cut(transaction: Any, *args: Any) -> Any:
        result = await run(transaction, *args)
        if not isinstance(result, list) or not any(isinstance(turn, Turn) for turn in result) or lost:
            return result
        lost.extend(result)
        if tried_again:
            return await run(transaction, *args)
        raise Unavailable("the connection was lost", where="test")

    monkeypatch.setattr(store._database, "run", cut)
    await receive(store, said("b", 1))
    async with asyncio.timeout(30):
        while len(slow.carried) < 2:
            await asyncio.sleep(0.01)
    assert [json.loads(turn.body)["id"] for turn in lost] == ["b:1"]
    slow.let.set()
    await engine.stop(30)
    assert slow.carried == ["a:1", "b:1"]
    assert await store.claim(4242, 30, 10) == []


async def test_what_is_claimed_as_a_worker_stops_is_carried(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its attempt is written down as begun: dropped now, nobody else could know that it was not sent."""
    slow = Slow()
    slow.let.set()
    engine = Lanes(store, dict.fromkeys(Direction, slow), Engine())
    claimed, answer = asyncio.Event(), asyncio.Event()
    claim = store.claim

    async def late(*args: Any, **how: Any) -> list[Turn]:
        turns = await claim(*args, **how)
        if turns:
            claimed.set()
            await answer.wait()
        return turns

    monkeypatch.setattr(store, "claim", late)
    await engine.start()
    await receive(store, said("a", 1))
    async with asyncio.timeout(30):
        await claimed.wait()

    stopping = asyncio.create_task(engine.stop(30))
    await asyncio.sleep(0.2)
    answer.set()
    await stopping

    assert slow.carried == ["a:1"]
    assert await store._database.run(lambda on: on.execute(select(delivery.c.state)).scalars().all()) == [
        "sent"
    ]


async def test_whoever_takes_lanes_is_woken_where_one_is_due_and_not_by_what_waits_behind(
    store: Store,
) -> None:
    start = HandoffStarted(id="start", conversation=said("c", 0).conversation, at=said("c", 0).at)
    for event, wakes in [(said("c", 1), True), (said("c", 2), False), (start, True), (said("d", 3), True)]:
        store.woken.clear()
        assert await store.keep_events(Incoming("acme-ada", event.id, "ada", b"{}"), (event,))
        assert store.woken.is_set() is wakes
        await store.claim(4242, 30, 10)
