"""Forgetting in the store: who is meant, what a worker may still do, and what comes in at the same time."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection, select

from bridge.engine.work import Change, Done, Incoming, PutBack, Turn
from bridge.errors import OutcomeUnknown
from bridge.model import Control, ConversationKey, Direction, HandoffStarted, ThreadKey
from bridge.store import Store, forget, lanes, retention, trace
from bridge.store.database import Database
from bridge.store.forget import Saying, Theirs
from bridge.store.tables import conversation, delivery, handoff, inbox, lane, said, thread
from tests.privacy.dump import dump
from tests.privacy.test_keys import beside
from tests.stores import opened, receive
from tests.stores import said as message


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE", 0.0)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


@pytest.fixture
async def database(store: Store, database_url: str) -> AsyncIterator[Database]:
    async with beside(database_url) as database:
        yield database


async def enlisted(store: Store) -> int:
    """A worker that nobody has to wake."""
    return await store._database.run(lanes.enlist, "test")


async def known(store: Store, conversation: str, **customer: str) -> int:
    """A conversation of a customer who is known so; nothing of it is under way."""
    await receive(store, message(conversation, 1))
    worker = await enlisted(store)
    (turn,) = await store.claim(worker, 30, 50)
    await store.advance(turn, Done("1.1", Change(facts={"customer": customer})), keep_going=False)
    await carried(store, worker)
    return turn.conversation.id


async def carried(store: Store, worker: int) -> None:
    while turns := await store.claim(worker, 30, 50):
        for turn in turns:
            await store.advance(turn, Done(), keep_going=False)


async def of(database: Database, id: int) -> Theirs:
    found = await database.run(forget.about, id)
    assert found is not None
    return found


async def gone(database: Database, *theirs: Theirs) -> None:
    """As the command does it."""
    saying = Saying(theirs)
    after, more = 0, True
    while more:
        _, after, more = await database.run(forget.webhooks, saying, after, 3)
    for one in theirs:
        while (await database.run(forget.deliveries, one, 3))[1]:
            pass
        await database.run(forget.end, one, saying, after)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("ada@example.com", {"mail", "both"}),
        ("ADA@Example.com", {"mail", "both"}),
        ("+44 20 7946-0000", {"phone", "both"}),
        ("customer-1", {"id"}),
        ("customer", set()),
        ("Ada", set()),  # a name is nobody's own
        ("ada@example", set()),
        ("", set()),
    ],
)
async def test_who_is_meant(store: Store, database: Database, asked: str, found: set[str]) -> None:
    rows = {
        await known(store, "mail", name="Ada", email="ada@example.com"): "mail",
        await known(store, "phone", name="Ada", phone="+442079460000"): "phone",
        await known(store, "both", email="Ada@Example.com", phone="+44 20 7946 0000"): "both",
        await known(store, "id", id="customer-1"): "id",
        await known(store, "none"): "none",
    }
    meant: set[str] = set()
    after: int | None = 0
    while after is not None:
        ids, after = await database.run(forget.known_as, asked, None, after, 2)
        meant |= {rows[id] for id in ids}
    assert meant == found
    assert await database.run(forget.known_as, asked, "acme-moveo", 0, 9) == ([], None)


def test_a_body_is_theirs_by_what_it_says() -> None:
    place = ThreadKey(team="T", channel="C", ts="1795192826.540767")
    one = Theirs(
        7, "acme-ada", "conv-1234", Control.BOT, None, 0, 0, 0, 0, 0, (place,), frozenset(("42", 'N"L@x.org'))
    )
    saying = Saying([one])
    told: tuple[object, ...] = (
        {"conversation_id": "conv-1234"},
        {"link": "https://example.com/conv-1234/x"},
        {"end_user": {"id": "42"}},
        {"email": 'N"L@x.org'},
    )
    for body in told:
        assert saying.says("acme-ada", json.dumps(body).encode()), body
    for body in ({"conversation_id": "conv-123"}, {"order": 42}, {"total": "420"}, {"text": "for 42 Euro"}):
        assert not saying.says("acme-ada", json.dumps(body).encode()), body
    pressed = {"value": json.dumps({"conversation": 7})}
    for body in ({"thread_ts": place.ts}, {"url": "/archives/C/p1795192826540767"}, pressed):
        assert saying.says("@slack", json.dumps(body).encode()), body
    for body in ({"ts": "1795192826.540768"}, {"value": json.dumps({"conversation": 77})}):
        assert not saying.says("@slack", json.dumps(body).encode()), body


# ── under way ────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_under_way_is_left_unless_it_is_meant(store: Store, database: Database) -> None:
    number = await known(store, "c")
    assert await database.run(forget.stop, number, False) == (True, False)
    await receive(store, message("c", 2))
    assert await database.run(forget.stop, number, False) == (False, False)
    worker = await enlisted(store)
    assert len(await store.claim(worker, 30, 50)) == 1
    assert await database.run(forget.stop, number, False) == (False, False)
    assert await database.run(forget.stop, number, True) == (True, True)
    assert (await of(database, number)).under_way == 0


async def test_a_handoff_that_is_open_is_under_way(store: Store, database: Database) -> None:
    number = await known(store, "c")
    about = ConversationKey(source="acme-ada", id="c")
    start = HandoffStarted(id="h", conversation=about, at=message("c", 1).at)
    await store.keep_events(Incoming("acme-ada", "h", "", b"{}"), (start,))
    await carried_but_clocks(store)
    assert (await of(database, number)).control is Control.WAITING
    assert await database.run(forget.stop, number, False) == (False, False)


async def carried_but_clocks(store: Store) -> None:
    worker = await enlisted(store)
    for turn in await store.claim(worker, 30, 50):
        await store.advance(
            turn, PutBack(60.0) if turn.direction is Direction.CLOCKS else Done(), keep_going=False
        )


@pytest.mark.parametrize("after_all", [False, True], ids=["stopped", "deleted"])
async def test_who_has_something_of_it_just_now_records_nothing(
    store: Store, database: Database, after_all: bool
) -> None:
    number = await known(store, "c")
    await receive(store, message("c", 2))
    worker = await enlisted(store)
    (turn,) = await store.claim(worker, 30, 50)
    theirs = await of(database, number)
    await database.run(forget.stop, number, True)
    if after_all:
        await gone(database, theirs)
    with pytest.raises(OutcomeUnknown):
        await store.progress(turn, {"0": "2.2"})
    facts = Change(facts={"customer": {"name": "somebody"}})
    assert await store.advance(turn, Done("2.2", facts), keep_going=True) == (False, None)
    if after_all:
        assert await store.claim(worker, 30, 50) == []
        assert not traces_of_rows(await store._database.run(ids_of_customers))
        with pytest.raises(Exception, match=r"(?i)foreign key"):
            await store.open_thread(number, ThreadKey(team="T", channel="C", ts="3.3"), "card")
    else:
        assert (await store.conversation(number)).facts == {"customer": {}}


def ids_of_customers(connection: Connection) -> dict[str, list[int]]:
    real = select(conversation.c.id).where(conversation.c.source.not_like("@%"))
    ids = list(connection.execute(real).scalars())
    lanes = select(lane.c.id).where(lane.c.conversation_id.in_(ids))
    told: dict[str, list[int]] = {"conversation": ids}
    for table in (lane, handoff, thread, said):
        column = table.c.conversation_id
        told[table.name] = list(connection.execute(select(column).where(column.in_(ids))).scalars())
    of_lanes = select(delivery.c.id).where(delivery.c.lane_id.in_(lanes))
    told["delivery"] = list(connection.execute(of_lanes).scalars())
    return told


def traces_of_rows(found: dict[str, list[int]]) -> dict[str, list[int]]:
    return {name: ids for name, ids in found.items() if ids}


async def test_no_number_is_given_again(store: Store, database: Database) -> None:
    """Somebody may still have the old one: a worker its lane, a message in Slack its button."""
    number = await known(store, "c")
    await receive(store, message("c", 2))
    worker = await enlisted(store)
    (before,) = await store.claim(worker, 30, 50)
    await gone(database, await of(database, number))
    await receive(store, message("d", 1))
    (turn,) = await store.claim(worker, 30, 50)
    assert turn.conversation.id > before.conversation.id
    assert turn.lane > before.lane
    assert turn.delivery > before.delivery
    assert await store.advance(before, Done(), keep_going=True) == (False, None)
    assert (await store.advance(turn, Done(), keep_going=True))[0]


async def test_retention_takes_what_is_left_of_it(store: Store, database: Database) -> None:
    await gone(database, await of(database, await known(store, "c")))
    about = ConversationKey(source="acme-ada", id="d")  # and the newest of a kind stays
    start = HandoffStarted(id="h", conversation=about, at=message("d", 1).at)
    await store.keep_events(Incoming("acme-ada", "h", "", b"{}"), (start,))
    await store.sweep(-60.0)
    rows = await store._database.run(lambda c: list(c.execute(select(conversation.c.source)).scalars()))
    assert rows == ["acme-ada"]


# ── at the same time ─────────────────────────────────────────────────────────────────────────────


async def test_what_came_in_is_known_but_says_nothing(
    store: Store, database: Database, database_url: str
) -> None:
    number = await known(store, "conv-1234")
    again = Incoming("acme-ada", "webhook", "ada", b'{"conversation_id": "conv-1234", "text": "marmalade"}')
    both = Incoming("acme-ada", "batch", "ada", b'[{"id": "conv-1234"}, {"id": "conv-5678", "x": "quince"}]')
    named = Incoming("acme-ada", "conv-1234:7", "ada", b"marmalade")
    other = Incoming("acme-ada", "other", "ada", b'{"conversation_id": "conv-5678"}')
    for incoming in (again, both, named, other):
        await store.keep_events(incoming, ())
    await gone(database, await of(database, number))
    bodies = select(inbox.c.key, inbox.c.body).order_by(inbox.c.id)
    rows = dict(await store._database.run(lambda c: c.execute(bodies).all()))
    assert rows == {"webhook": b"", "batch": b"", "other": other.body}
    assert await forget.wipe(database)
    assert "marmalade" not in await dump(database_url)
    assert not await store.keep_events(again, (message("conv-1234", 9),))  # sent once more
    assert await database.run(trace.by_key, None, "conv-1234") == []
    assert [row.key for row in await database.run(trace.heard, 0, 99, ["acme-ada"], [])] == ["other"]


async def test_a_page_that_was_split_has_nothing_of_what_moved_on(
    store: Store, database: Database, database_url: str
) -> None:
    """Whatever is deleted where it is now, SQLite leaves what stood there before."""
    chance = random.Random(2)  # noqa: S311 - the same each time
    for number in range(300):
        about = ("conv-1234", "conv-5678")[number % 2]
        body = json.dumps({"conversation_id": about, "text": about * chance.randrange(60)}).encode()
        event = message(about, number, text=about * chance.randrange(60))
        await store.keep_events(Incoming("acme-ada", str(chance.random()), "ada", body), (event,))
    (mine,) = await database.run(trace.by_key, None, "conv-1234")
    await gone(database, await of(database, mine[0]))
    assert await forget.wipe(database)
    found = await dump(database_url)
    assert "conv-1234" not in found
    assert "conv-5678" in found


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_file_that_is_too_large_is_not_rebuilt_beside_a_bridge_and_that_is_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await forget.wipe(database)
    monkeypatch.setattr(forget, "REBUILT", 1)
    assert not await forget.wipe(database)


async def test_who_writes_meanwhile_is_forgotten_or_new_and_nothing_is_lost_of_others(
    store: Store, database: Database
) -> None:
    for number in range(30):
        await receive(store, message("mine", number), message("other", number))
    worker = await enlisted(store)
    stopped = asyncio.Event()
    carried: list[Turn] = []

    async def carry() -> None:
        while not stopped.is_set():
            for turn in await store.claim(worker, 30, 20):
                following: Turn | None = turn
                while following is not None:
                    ours, more = await store.advance(following, Done(), keep_going=True)
                    if ours:
                        carried.append(following)
                    following = more
            await asyncio.sleep(0)

    async def write() -> int:
        number = 30
        while not stopped.is_set():
            assert await receive(store, message("mine", number), message("other", number))
            number += 1
        return number

    carrying, writing = asyncio.create_task(carry()), asyncio.create_task(write())
    (mine,) = await database.run(trace.by_key, None, "mine")
    theirs = await of(database, mine[0])
    await database.run(forget.stop, theirs.id, True)
    await gone(database, theirs)
    stopped.set()
    last = await writing
    await carrying
    while turns := await store.claim(worker, 30, 20):
        for turn in turns:
            carried.append(turn)
            await store.advance(turn, Done(), keep_going=False)
    others = [json.loads(turn.body)["id"] for turn in carried if turn.conversation.key.id == "other"]
    assert others == [f"other:{number}" for number in range(last)]
    found: list[Any] = await database.run(trace.by_key, None, "mine")
    assert [id for id, _ in found if id == theirs.id] == []
