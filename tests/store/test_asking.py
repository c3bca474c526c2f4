"""What is asked of the store: which conversation it is, what is undecided in it, and an author once more."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from bridge.delivery.kinds import SlackReply
from bridge.engine.follow import question
from bridge.engine.work import (
    AlertPlace,
    Done,
    Incoming,
    Kept,
    NewDelivery,
    Outcome,
    PutBack,
    Turn,
    Uncertain,
)
from bridge.model import Direction, HandoffStarted, HeldChoice, HeldFor, ThreadKey
from bridge.store import Store
from tests.stores import opened, receive, said

THREAD = ThreadKey(team="T", channel="C", ts="1.1")


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        await receive(store, said("c", 1), said("d", 1))
        await store.open_thread(1, THREAD, "card")
        yield store


async def take(store: Store, worker: int, direction: Direction) -> Turn:
    """The next turn of the first conversation in one direction; the others are put back."""
    found = []
    for turn in await store.claim(worker, 30, 20):
        if (turn.direction, turn.conversation.id) == (direction, 1):
            found.append(turn)
        else:
            await store.advance(turn, PutBack(0.0), keep_going=False)
    (turn,) = found
    return turn


async def replied(store: Store, worker: int, number: int, became: Outcome | None) -> int:
    """A reply of Mina's; its number. Without an outcome it stays queued."""
    message = {"channel": "C", "ts": f"2.{number}", "thread_ts": "1.1", "user": "U0MINA", "text": "before"}
    new = NewDelivery(Direction.VENDOR, "reply", f"r{number}", json.dumps(message), message=message["ts"])
    assert await store.keep_reply(Incoming("@slack", f"Ev{number}", "", b"{}"), THREAD, new) == "queued"
    if became is None:
        return 0
    turn = await take(store, worker, Direction.VENDOR)
    if isinstance(became, Kept) and became.why == "held":
        became = Kept("held", "held: bot", (question(turn, HeldFor.BOT, (HeldChoice.ONCE,)),))
    await store.advance(turn, became, keep_going=False)
    return turn.delivery


async def test_a_thread_an_alert_and_a_row_are_about_a_conversation(store: Store) -> None:
    handoff = HandoffStarted(id="h", conversation=said("c", 1).conversation, at=datetime.now(UTC))
    await store.keep_events(Incoming("acme-ada", "h", "", b"{}"), (handoff,))
    opened = await store.last_handoff(1)
    assert opened is not None
    await store.place_alert(opened.id, "channel", AlertPlace("CALERTS", "3.1"))
    await store.own_thread(1, ThreadKey(team=THREAD.team, channel="CALERTS", ts="3.1"))
    for where in (THREAD, ThreadKey(team=THREAD.team, channel="CALERTS", ts="3.1"), 1):
        found = await store.at(where)
        assert found is not None and found.id == 1
    assert await store.at(3) is None
    assert await store.at(ThreadKey(team="another", channel=THREAD.channel, ts=THREAD.ts)) is None


async def test_what_is_undecided_is_counted(store: Store) -> None:
    worker = await store.join()
    assert await store.undecided(1) == {"held": 0, "queued": 0, "uncertain": 0}
    outcomes = (Done(), Kept("note"), Kept("held"), Uncertain("no answer"), Kept("held"), None)
    for number, became in enumerate(outcomes):
        await replied(store, worker, number, became)
    assert await store.undecided(1) == {"held": 2, "queued": 1, "uncertain": 1}
    assert await store.undecided(2) == {"held": 0, "queued": 0, "uncertain": 0}


async def test_an_author_is_asked_again(store: Store) -> None:
    worker = await store.join()
    await replied(store, worker, 1, Kept("held"))
    held = await replied(store, worker, 2, Kept("held"))
    await replied(store, worker, 3, Kept("note"))

    async def ask(key: str, ts: str = "2.2", user: str = "U0MINA", where: ThreadKey = THREAD) -> str:
        return await store.ask_again(Incoming("@slack", key, "", b"{}"), where, ts, user)

    assert await ask("a", user="U0JO") == "not_yours"
    assert await ask("b", ts="2.3") == "decided"
    assert await ask("c", ts="9.9") == "decided"
    assert await ask("d", where=THREAD.model_copy(update={"ts": "9.9"})) == "not_our_thread"
    changed = SlackReply(channel="C", ts="2.2", user="U0MINA", text="after")
    edit = Incoming("@slack", "edit", "", b"{}")
    assert await store.amend_reply(edit, THREAD, "r2", changed, ()) == "amended"
    assert await ask("e") == "queued"
    assert await ask("e") == "duplicate"

    turn: Turn | None = await take(store, worker, Direction.MARKS)
    asked = []
    while turn is not None:
        asked += [json.loads(turn.body)] if turn.kind == "question" else []
        _, turn = await store.advance(turn, Done(), keep_going=True)
    assert [one["text"] for one in asked] == ["before", "before", "after"]
    assert asked[-1] == {**asked[-2], "text": "after"}
    assert asked[-1]["delivery"] == held
    choice = await store.send_on(Incoming("@slack", "f", "", b"{}"), THREAD, held, "U0MINA", HeldChoice.ONCE)
    assert choice == "queued"
    assert await ask("g") == "decided"
