"""Where is looked, and where what was found is put: in the store, on both databases."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from bridge.delivery.kinds import EventPosted, History
from bridge.engine.work import Done, Found, Incoming, NewDelivery, PutBack, Turn
from bridge.errors import OutcomeUnknown
from bridge.model import (
    Author,
    ConversationEnded,
    ConversationKey,
    Direction,
    HandoffStarted,
    Message,
    Role,
    Text,
    ThreadKey,
)
from bridge.store import Store, catchup
from tests.acts import CLAIM
from tests.stores import opened, receive, said

DAY = 86_400.0
EARLIER = "UPDATE {table} SET {column} = {column} - :seconds"


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


async def earlier(store: Store, table: str, column: str, seconds: float) -> None:
    """Let all that stands there have happened so much earlier."""
    change = text(EARLIER.format(table=table, column=column))
    await store._database.run(lambda connection: connection.execute(change, {"seconds": seconds}))


async def tell(store: Store, kind: type[Any], id: str, source: str = "acme-ada", **more: Any) -> None:
    """What a vendor reports of a conversation now."""
    about, at = ConversationKey(source=source, id=id), datetime.now(UTC)
    event = kind(id=f"{id}:{kind.__name__}", conversation=about, at=at, **more)
    await store.keep_events(Incoming(source, event.id, "", b"{}"), (event,))


async def with_thread(store: Store, conversation: int, ts: str = "") -> ThreadKey:
    where = ThreadKey(team="T", channel="C", ts=ts or f"{conversation}.0")
    await store.open_thread(conversation, where, "")
    return where


async def turns(store: Store, kind: str, worker: int | None = None) -> list[Turn]:
    """What of one kind is due, each lane's first; taken, and not let go."""
    worker = await store.join() if worker is None else worker
    return [turn for turn in await store.claim(worker, 30, 500) if turn.kind == kind]


async def places(store: Store) -> list[str]:
    """The threads that are looked into, in their order."""
    found = sorted(
        await turns(store, "look"), key=lambda turn: (json.loads(turn.body)["after"], turn.delivery)
    )
    return [json.loads(turn.body)["ts"] for turn in found]


# ── when anything was heard ──────────────────────────────────────────────────────────────────────


async def test_who_never_heard_anything_misses_nothing(store: Store) -> None:
    assert await store.heard() is None
    await store.keep_clock(ConversationKey(source="@bridge", id="d"), _reply("1"))
    assert await store.heard() is None


async def test_the_newest_of_both_sides_counts(store: Store) -> None:
    await receive(store, said("c", 1))
    await earlier(store, "inbox", "received_at", 500.0)
    vendor = await store.heard()
    await with_thread(store, 1)
    await store.keep_reply(Incoming("@slack", "Ev1", "", b""), 1, _reply("2.0"))
    slack = await store.heard()

    assert vendor is not None and slack is not None
    assert slack - vendor > 400.0


# ── which threads ────────────────────────────────────────────────────────────────────────────────


async def test_open_handoffs_come_first_then_what_was_active_the_newest_first(store: Store) -> None:
    for id in ("quiet", "waits", "old", "talks", "waits too", "over"):
        await tell(store, HandoffStarted, id) if "waits" in id else await receive(store, said(id, 1))
    for number in range(1, 7):
        await with_thread(store, number)
    await tell(store, HandoffStarted, "over")
    await tell(store, ConversationEnded, "over")
    await earlier(store, "delivery", "created_at", catchup.ACTIVE + DAY)
    await receive(store, said("quiet", 2))
    await receive(store, said("talks", 2))

    assert await store.look_back(time.time()) == 4
    assert await places(store) == ["5.0", "2.0", "4.0", "1.0"]


async def test_active_is_measured_from_the_gap_on(store: Store) -> None:
    await receive(store, said("c", 1))
    await with_thread(store, 1)
    await earlier(store, "delivery", "created_at", 30 * DAY)

    assert await store.look_back(time.time() - 40 * DAY) == 1
    assert await store.look_back(time.time() - 25 * DAY) == 0  # there is a look already
    (turn,) = await turns(store, "look")
    await store.advance(turn, Done(), keep_going=False)
    await earlier(store, "delivery", "started_at", DAY)
    assert await store.look_back(time.time() - 26 * DAY) == 0  # nothing since, and a look does not count


async def test_all_threads_of_a_conversation_but_not_those_of_its_alerts(store: Store) -> None:
    await tell(store, HandoffStarted, "c")
    for ts in ("1.0", "2.0"):
        await with_thread(store, 1, ts)
    await store.own_thread(1, ThreadKey(team="T", channel="C2", ts="3.0"))

    assert await store.look_back(time.time()) == 2
    worker = await store.join()
    (first,) = await turns(store, "look", worker)
    _, second = await store.advance(first, Done(), keep_going=True)
    assert second is not None
    assert [json.loads(turn.body)["ts"] for turn in (first, second)] == ["1.0", "2.0"]


async def test_they_are_bounded_and_paced(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catchup, "MOST", 5)
    monkeypatch.setattr(catchup, "BURST", 2)
    for number in range(1, 8):
        await receive(store, said(f"c{number}", 1))
        await with_thread(store, number)

    assert await store.look_back(time.time()) == 5
    found = {
        json.loads(turn.body)["ts"]: json.loads(turn.body)["after"] for turn in await turns(store, "look")
    }
    step = catchup.INTERVAL
    assert found == pytest.approx({"7.0": 0, "6.0": 0, "5.0": 0, "4.0": step, "3.0": 2 * step})


async def test_many_open_handoffs_leave_room_for_what_was_active(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catchup, "MOST", 2)
    for id in ("c1", "c2", "c3"):
        await tell(store, HandoffStarted, id)
    await receive(store, said("talks", 1))
    for number in range(1, 5):
        await with_thread(store, number)

    await store.look_back(time.time())
    assert "4.0" in await places(store)


async def test_what_is_queued_or_has_just_begun_is_not_queued_again(store: Store) -> None:
    await receive(store, said("c", 1))
    await with_thread(store, 1)
    since = time.time()

    assert [await store.look_back(since) for _ in range(2)] == [1, 0]
    (turn,) = await turns(store, "look")
    await earlier(store, "delivery", "started_at", -60.0)  # just now, however long this takes
    assert await store.look_back(since) == 0
    await store.advance(turn, Done(), keep_going=False)
    assert await store.look_back(since) == 0
    await earlier(store, "delivery", "started_at", 60.0)
    await receive(store, said("elsewhere", 1))  # so somebody listened after it, and may be gone again
    assert await store.look_back(since) == 1


async def test_after_a_while_it_is_looked_again_although_nothing_was_heard(store: Store) -> None:
    await receive(store, said("c", 1))
    await with_thread(store, 1)
    await store.look_back(time.time())
    (turn,) = await turns(store, "look")
    await store.advance(turn, Done(), keep_going=False)
    await earlier(store, "inbox", "received_at", catchup.JUST_NOW)
    await earlier(store, "delivery", "started_at", catchup.JUST_NOW)

    assert await store.look_back(time.time()) == 1


async def test_vendors_are_asked_about_the_handoffs_under_way_at_these_sources(store: Store) -> None:
    await tell(store, HandoffStarted, "waits")
    await tell(store, HandoffStarted, "elsewhere", "acme-moveo")
    await receive(store, said("talks", 1))
    await tell(store, HandoffStarted, "over")
    await tell(store, ConversationEnded, "over")

    assert [await store.ask_back(1_000.0, ["acme-ada"]) for _ in range(2)] == [1, 0]
    (turn,) = await turns(store, "history")
    assert (turn.conversation.key.id, turn.payload) == ("waits", History(since=1_000.0))
    assert await store.ask_back(1_000.0, []) == 0


# ── what was found ───────────────────────────────────────────────────────────────────────────────


def _reply(ts: str, words: str = "", *, late: bool = False) -> NewDelivery:
    place = {"team": "T", "channel": "C", "thread_ts": "1.0", "ts": ts}
    payload = {**place, "text": words or ts, "user": "U1", "late": late}
    return NewDelivery(Direction.VENDOR, "reply", f"cm-{ts}", json.dumps(payload), message=ts)


def _found(ts: str, delivery: NewDelivery | None = None, *, locked: bool = False) -> Found:
    place = ThreadKey(team="T", channel="C", ts=ts)
    names = (f"cm-{ts}", f"C:{ts}", f"act:cm-{ts}", f"act:C:{ts}")
    incoming = Incoming("@slack", f"found:{ts}", "replies", b"{}")
    return Found(place, incoming, delivery or _reply(ts, late=True), names, locked)


class Desk:
    """A conversation with a thread, and a look that has been taken."""

    def __init__(self, store: Store, worker: int) -> None:
        self.store, self.worker = store, worker

    async def hears(self, *new: NewDelivery) -> None:
        for one in new:
            incoming = Incoming("@slack", f"Ev:{one.key}", "events", b"{}")
            assert await self.store.keep_reply(incoming, 1, one) == "queued"

    async def look(self) -> Turn:
        await self.store.look_back(time.time())
        (turn,) = await turns(self.store, "look", self.worker)
        return turn

    async def carried(self, turn: Turn) -> list[tuple[str, bool]]:
        """The replies behind `turn`, in order, and whether each is late."""
        found: list[tuple[str, bool]] = []
        _, following = await self.store.advance(turn, Done(), keep_going=True)
        while following is not None:
            told = json.loads(following.body)
            found.append((told.get("text", following.kind), told.get("late", False)))
            _, following = await self.store.advance(following, Done(), keep_going=True)
        return found


@pytest.fixture
async def desk(store: Store) -> Desk:
    await receive(store, said("c", 1))
    await with_thread(store, 1)
    return Desk(store, await store.join())


async def test_what_is_found_goes_before_what_was_written_since(desk: Desk) -> None:
    turn = await desk.look()
    await desk.hears(_reply("5.0"), _reply("6.0"))

    assert await desk.store.keep_found(turn, [_found("2.0"), _found("3.0")]) == 2
    order = [("2.0", True), ("3.0", True), ("5.0", False), ("6.0", False)]
    assert await desk.carried(turn) == order


async def test_what_came_by_itself_keeps_what_it_says_and_takes_its_place(desk: Desk) -> None:
    turn = await desk.look()
    words = {"user": "U0MINA", "act": "resolve", "label": "x"}
    act = NewDelivery(Direction.VENDOR, "act", "act:cm-4.0", json.dumps({**words, "text": "act"}))
    other = NewDelivery(Direction.VENDOR, "choice", "pressed", json.dumps({**words, "text": "choice"}))
    by_place = _reply("5.0", "by its place")
    by_place = NewDelivery(Direction.VENDOR, "reply", "another id", by_place.body, message="5.0")
    await desk.hears(other, _reply("3.0", "as it came"), act, by_place)

    found: Sequence[Found] = [_found(ts) for ts in ("2.0", "3.0", "4.0", "4.5", "5.0")]
    assert await desk.store.keep_found(turn, found) == 2
    order = ["2.0", "as it came", "act", "4.5", "by its place", "choice"]
    assert [words for words, _ in await desk.carried(turn)] == order


async def test_what_is_known_stays_as_it_is(desk: Desk) -> None:
    await desk.hears(_reply("2.0"), NewDelivery.of(CLAIM, "act:cm-2.5"))
    for turn in await desk.store.claim(desk.worker, 30, 20):
        await desk.store.advance(turn, Done(), keep_going=False)
    turn = await desk.look()
    found = [_found("2.0"), _found("2.5"), _found("3.0")]

    assert [await desk.store.keep_found(turn, found) for _ in range(2)] == [1, 0]
    assert await desk.carried(turn) == [("3.0", True)]


async def test_what_was_put_back_or_sent_on_is_not_moved(desk: Desk) -> None:
    """It has been begun: what refers to it goes by its number."""
    turn = await desk.look()
    await desk.hears(_reply("5.0"), _reply("6.0"))
    began = text("UPDATE delivery SET refs = '{\"was\": \"held\"}' WHERE message = '5.0'")
    await desk.store._database.run(lambda connection: connection.execute(began))

    assert await desk.store.keep_found(turn, [_found("2.0")]) == 1
    assert [words for words, _ in await desk.carried(turn)] == ["5.0", "2.0", "6.0"]


async def test_a_lock_that_is_found_counts(desk: Desk) -> None:
    turn = await desk.look()
    await desk.store.keep_found(turn, [_found("2.0", locked=True), _found("3.0")])
    locked = []
    _, following = await desk.store.advance(turn, Done(), keep_going=True)
    while following is not None:
        locked.append(await desk.store.is_locked(following))
        _, following = await desk.store.advance(following, Done(), keep_going=True)

    assert locked == [True, False]


async def test_who_has_lost_the_lane_keeps_nothing(desk: Desk) -> None:
    turn = await desk.look()
    await desk.store.advance(turn, PutBack(0.0), keep_going=False)
    with pytest.raises(OutcomeUnknown):
        await desk.store.keep_found(turn, [_found("2.0")])
    (again,) = await turns(desk.store, "look", desk.worker)
    assert await desk.carried(again) == []


# ── what a vendor tells ──────────────────────────────────────────────────────────────────────────


def spoke(id: str, words: str, at: float) -> Message:
    key = ConversationKey(source="acme-ada", id="c")
    when = datetime.fromtimestamp(at, UTC)
    parts = (Text(text=words),)
    return Message(id=id, conversation=key, at=when, author=Author(role=Role.CUSTOMER), parts=parts)


async def test_history_is_kept_once_and_as_late(store: Store) -> None:
    now = time.time()
    await tell(store, HandoffStarted, "c")
    await receive(store, spoke("w1", "where is it?", now - 9), spoke("m2", "hello?", now - 8))
    await store.ask_back(now - 600, ["acme-ada"])
    (turn,) = await turns(store, "history")
    told = [spoke("m1", "where is it?", now - 10), spoke("m2", "hello?", now - 8), spoke("m3", "lost", now)]

    assert [await store.keep_history(turn, History(since=now - 600), told) for _ in range(2)] == [1, 0]
    found = await store.newest_events(1, 9)
    assert [(one.id, one.late) for one in found if isinstance(one, Message)] == [
        ("m3", True),
        ("m2", False),
        ("w1", False),
    ]


async def test_a_webhook_that_comes_after_all_is_known(store: Store) -> None:
    now = time.time()
    await tell(store, HandoffStarted, "c")
    await store.ask_back(now - 600, ["acme-ada"])
    worker = await store.join()
    claimed = await store.claim(worker, 30, 20)
    (turn,) = [one for one in claimed if one.kind == "history"]
    (event,) = [one for one in claimed if one.direction is Direction.SLACK]
    await store.keep_history(turn, History(since=now - 600), [spoke("m3", "lost", now)])
    again = spoke("w3", "lost", now + timedelta(milliseconds=400).total_seconds())
    await receive(store, again, spoke("w4", "new", now))

    known = []
    _, following = await store.advance(event, Done(), keep_going=True)
    while following is not None:
        told = spoke("", json.loads(following.body)["parts"][0]["text"], now).model_copy(update={"id": "w"})
        known.append((json.loads(following.body)["id"], await store.was_told(following, told)))
        _, following = await store.advance(following, Done(), keep_going=True)
    assert known == [("m3", False), ("w3", True), ("w4", False)]


@pytest.mark.parametrize("same_ids", [False, True])
async def test_the_same_words_said_once_more_are_no_repetition(store: Store, same_ids: bool) -> None:
    """Of the customer's two the history had the first, whether or not its webhook has the same id."""
    now = time.time()
    await tell(store, HandoffStarted, "c")
    await store.ask_back(now - 600, ["acme-ada"])
    worker = await store.join()
    claimed = await store.claim(worker, 30, 20)
    (turn,) = [one for one in claimed if one.kind == "history"]
    (event,) = [one for one in claimed if one.direction is Direction.SLACK]
    await store.keep_history(turn, History(since=now - 600), [spoke("m1", "hello?", now - 2)])
    await receive(store, spoke("m1" if same_ids else "w1", "hello?", now - 2), key="first")
    await receive(store, spoke("w2", "hello?", now), key="second")

    known = []
    _, following = await store.advance(event, Done(), keep_going=True)
    while following is not None:
        told = following.carries(EventPosted).event if following.kind == "event" else None
        if told is not None and not told.late:
            known.append((told.id, [await store.was_told(following, told) for _ in range(2)]))
        _, following = await store.advance(following, Done(), keep_going=True)
    assert known == [*([] if same_ids else [("w1", [True, True])]), ("w2", [False, False])]


# ── one thread ───────────────────────────────────────────────────────────────────────────────────


async def test_one_thread_is_looked_into_alone_whatever_else_there_is(store: Store) -> None:
    for id in ("a", "b"):
        await tell(store, HandoffStarted, id)
    for number in (1, 2):
        await with_thread(store, number)
    await store.own_thread(1, ThreadKey(team="T", channel="C2", ts="3.0"))

    assert await store.look_into(ThreadKey(team="T", channel="C", ts="2.0"), 5_000.0)
    for nobodys in (("T", "C", "9.0"), ("T2", "C", "2.0"), ("T", "C2", "3.0")):
        where = ThreadKey(**dict(zip(("team", "channel", "ts"), nobodys, strict=True)))
        assert not await store.look_into(where, 5_000.0)
    (turn,) = await turns(store, "look")
    told = json.loads(turn.body)
    assert (told["ts"], told["after"]) == ("2.0", 0.0)
    assert told["since"] == 5_000.0 and abs(told["until"] - (turn.began - catchup.SOON)) < 30
