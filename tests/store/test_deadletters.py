"""Dead letters in the store, on both databases: found, shown, queued again in their place, or given up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from bridge.engine.work import Again, Done, Failed, Incoming, NewDelivery, Outcome, Turn, Uncertain
from bridge.model import DeliveryState, Direction, HeldChoice, ThreadKey
from bridge.store import Store
from tests.postgres import Postgres
from tests.stores import connect, opened, receive, said

THREAD = ThreadKey(team="T", channel="C", ts="1.1")
REPLY = {"channel": "C", "thread_ts": "1.1", "ts": "2.1", "user": "U0MINA", "text": "hello"}


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


@pytest.fixture
async def worker(store: Store) -> int:
    return await store.join()


async def ended(store: Store, worker: int, outcome: Outcome) -> Turn:
    """The one delivery that is due ends so."""
    (turn,) = await store.claim(worker, 30, 10)
    await store.advance(turn, outcome, keep_going=False)
    return turn


async def replied(store: Store, worker: int, outcome: Outcome, **more: str) -> Turn:
    """A reply in the thread of conversation 1 that ends so."""
    await receive(store, said("c", 0))
    await ended(store, worker, Done())
    await store.open_thread(1, THREAD, "")
    new = NewDelivery(Direction.VENDOR, "reply", "r", json.dumps({**REPLY, **more}), message="2.1")
    assert await store.keep_reply(Incoming("@slack", "r", "", b"{}"), THREAD, new) == "queued"
    return await ended(store, worker, outcome)


async def test_what_ended_badly_is_found_the_last_first(store: Store, worker: int) -> None:
    outcomes: dict[str, Outcome] = {
        "a": Failed("no"),
        "b": Done(),
        "c": Uncertain("perhaps"),
        "d": Failed("never"),
    }
    for id, outcome in outcomes.items():
        source = "acme-moveo" if id == "d" else "acme-ada"
        await receive(store, said(id, 1, source=source))
        await ended(store, worker, outcome)

    found = await store.dead_letters(None, 10)
    assert [(one.conversation.id, one.state, one.problem) for one in found] == [
        ("d", DeliveryState.FAILED, "never"),
        ("c", DeliveryState.UNCERTAIN, "perhaps"),
        ("a", DeliveryState.FAILED, "no"),
    ]
    assert {(one.direction, one.kind, one.attempts) for one in found} == {(Direction.SLACK, "event", 1)}
    assert [one.conversation.id for one in await store.dead_letters("acme-ada", 10)] == ["c", "a"]
    assert await store.dead_letters(None, 1) == found[:1]


async def test_one_is_shown_with_every_attempt(store: Store, worker: int) -> None:
    await receive(store, said("c", 1))
    await ended(store, worker, Again(0.0, "busy"))
    turn = await ended(store, worker, Failed("no"))
    await store.retry(turn.delivery)
    await ended(store, worker, Done("1.2"))

    found = await store.delivery(turn.delivery)
    assert found is not None
    delivery, attempts = found
    assert (delivery.state, delivery.attempts, delivery.problem) == (DeliveryState.SENT, 1, None)
    assert [(one.number, one.outcome, one.problem) for one in attempts] == [
        (1, "retry", "busy"),
        (2, "failed", "no"),
        (1, "sent", None),
    ]
    assert all(one.started_at <= one.ended_at for one in attempts)
    assert await store.delivery(turn.delivery + 1) is None


async def test_queued_again_it_is_the_next_of_its_lane(store: Store, worker: int) -> None:
    await receive(store, said("c", 1))
    failed = await ended(store, worker, Failed("no"))
    await receive(store, said("c", 2))
    assert await store.retry(failed.delivery) is DeliveryState.FAILED
    (turn,) = await store.claim(worker, 30, 10)
    assert (turn.delivery, turn.attempt, turn.body) == (failed.delivery, 1, failed.body)
    assert turn.age < 10  # it has all its time again
    _, following = await store.advance(turn, Done(), keep_going=True)
    assert following is not None
    assert json.loads(following.body)["id"] == "c:2"
    assert await store.dead_letters(None, 10) == []


async def test_slack_is_always_asked_first(store: Store, worker: int) -> None:
    """A message that was given up may stand there: its last attempt may have had no answer."""
    await receive(store, said("c", 1))
    turn = await ended(store, worker, Failed("no"))
    await store.retry(turn.delivery)
    assert (await ended(store, worker, Done())).doubt


async def test_an_operator_answers_for_what_they_queue_again(store: Store, worker: int) -> None:
    """Not who pressed *Retry* before, and was not allowed to."""
    turn = await replied(store, worker, Failed("no"))
    press = Incoming("@slack", "p", "", b"{}")
    assert await store.send_on(press, THREAD, turn.delivery, "U0GUEST", None) == "queued"
    refused = await ended(store, worker, Failed("a guest"))
    assert json.loads(refused.body) == {**REPLY, "again_by": "U0GUEST"}
    assert await store.retry(turn.delivery) is DeliveryState.FAILED
    again = await ended(store, worker, Done())
    assert (json.loads(again.body), again.was, again.doubt) == (REPLY, ["failed"], False)


async def test_in_slack_only_what_is_of_its_conversation_is_tried_again(store: Store, worker: int) -> None:
    await receive(store, said("other", 1))
    other = await ended(store, worker, Failed("no"))
    await receive(store, said("c", 1))
    event = await ended(store, worker, Failed("no"))
    await store.open_thread(event.conversation.id, THREAD, "")

    async def press(key: str, delivery: int, choice: HeldChoice | None = None) -> str:
        return await store.send_on(Incoming("@slack", key, "", b"{}"), THREAD, delivery, "U0JO", choice)

    assert await press("1", other.delivery) == "decided"
    assert await press("2", event.delivery, HeldChoice.SEND) == "decided"
    assert await press("3", event.delivery) == "queued"
    again = await ended(store, worker, Done())
    assert (again.delivery, again.body) == (event.delivery, event.body)
    assert await press("4", event.delivery) == "decided"


async def test_what_is_dropped_is_given_up_for_good(store: Store, worker: int) -> None:
    turn = await replied(store, worker, Uncertain("perhaps"))
    assert await store.undecided(1) == {"held": 0, "queued": 0, "uncertain": 1}
    assert await store.drop(turn.delivery) is DeliveryState.UNCERTAIN
    assert await store.undecided(1) == {"held": 0, "queued": 0, "uncertain": 0}
    assert await store.dead_letters(None, 10) == []
    found = await store.delivery(turn.delivery)
    assert found is not None
    assert (found[0].state, found[0].problem) == (DeliveryState.CANCELLED, "dropped: perhaps")
    assert await store.retry(turn.delivery) is DeliveryState.CANCELLED
    press = Incoming("@slack", "p", "", b"{}")
    assert await store.send_on(press, THREAD, turn.delivery, "U0MINA", None) == "decided"
    assert await store.claim(worker, 30, 10) == []


@pytest.mark.parametrize("action", ["retry", "drop"])
async def test_what_is_no_dead_letter_is_left_alone(store: Store, worker: int, action: str) -> None:
    await receive(store, said("c", 1), said("c", 2))
    (turn,) = await store.claim(worker, 30, 10)
    do = getattr(store, action)
    assert await do(turn.delivery) is DeliveryState.SENDING
    assert await do(turn.delivery + 1) is DeliveryState.QUEUED
    assert await do(999) is None
    ours, _ = await store.advance(turn, Done(), keep_going=False)
    assert ours
    assert await do(turn.delivery) is DeliveryState.SENT


async def test_one_of_several_who_queue_it_again_does(store: Store, worker: int) -> None:
    await receive(store, said("c", 1))
    turn = await ended(store, worker, Failed("no"))
    was = await asyncio.gather(*(store.retry(turn.delivery) for _ in range(8)))
    assert sorted(map(str, was)) == ["failed", *["queued"] * 7]
    assert len(await store.claim(worker, 30, 10)) == 1


async def test_a_bridge_that_runs_elsewhere_takes_it_at_once(postgres: Postgres) -> None:
    url = postgres.create_database()
    async with opened(url) as bridge:
        worker = await bridge.join()
        await receive(bridge, said("c", 1))
        turn = await ended(bridge, worker, Failed("no"))
        await asyncio.sleep(0.1)
        bridge.woken.clear()
        command = connect(url)
        await command.retry(turn.delivery)
        await command.close()
        async with asyncio.timeout(10):
            await bridge.woken.wait()
        assert len(await bridge.claim(worker, 30, 10)) == 1
        await bridge.leave(worker)
    postgres.drop_database(url)
