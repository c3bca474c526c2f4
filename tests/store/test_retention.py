"""Retention, on both databases: what is over goes, in small batches beside the traffic; nothing else does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, delete, event, func, insert, select, update

from bridge.control import Signal
from bridge.engine.work import Again, Done, Failed, Incoming, Kept, NewDelivery, Outcome, Turn, Uncertain
from bridge.model import (
    ConversationEnded,
    ConversationKey,
    DeliveryState,
    Direction,
    HandoffStarted,
    HeldChoice,
)
from bridge.store import Store, deadletters, retention, watch
from bridge.store.tables import METADATA, conversation, delivery, handoff, inbox, lane, now, said
from tests.postgres import Postgres
from tests.store.test_handoffs import MINA, THREAD, Story, opened_thread
from tests.stores import opened, receive
from tests.stores import said as message

DAY = 86_400.0
KEEP = 90 * DAY
SAY = insert(said).values(digest="today", at=now())
NO_PAST = {"pace", "sealing", "worker"}
SWEPT = dict.fromkeys((part.name for part in retention.PARTS), 0)


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE", 0.0)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


@pytest.fixture
async def story(store: Store) -> Story:
    return Story(store, await store.join())


async def days_pass(store: Store, days: float) -> None:
    """All that is stored becomes so much older."""

    def age(connection: Connection) -> None:
        for table in METADATA.tables.values():
            names = {column.name for column in table.c if f"_{column.name}".endswith("_at")}
            times = {name: table.c[name] - days * DAY for name in names}
            if times:
                connection.execute(update(table).values(**times))

    await store._database.run(age)


async def rows(store: Store) -> dict[str, int]:
    """How many there are in each table, but for those that keep no past."""

    def count(connection: Connection) -> dict[str, int]:
        tables = [table for table in METADATA.sorted_tables if table.name not in NO_PAST]
        found = [connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables]
        return {table.name: number for table, number in zip(tables, found, strict=True) if number}

    return await store._database.run(count)


async def sweep(store: Store) -> Mapping[str, int]:
    """On a day on which somebody else waits for a human: the newest of a kind always stays."""
    key = ConversationKey(source="acme-ada", id="today")
    start = HandoffStarted(id="today", conversation=key, at=datetime.now(UTC))
    await store.keep_events(Incoming("acme-ada", "today", "", b"{}"), (start,))
    await store._database.run(lambda connection: connection.execute(SAY))
    swept = await store.sweep(KEEP)

    def forget(connection: Connection) -> None:
        ours = select(conversation.c.id).where(conversation.c.external_id == "today").scalar_subquery()
        lanes = select(lane.c.id).where(lane.c.conversation_id == ours)
        for found in (
            delete(delivery).where(delivery.c.lane_id.in_(lanes)),
            delete(lane).where(lane.c.conversation_id == ours),
            delete(handoff).where(handoff.c.conversation_id == ours),
            delete(conversation).where(conversation.c.id == ours),
            delete(inbox).where(inbox.c.key == "today"),
            delete(said).where(said.c.digest == "today"),
        ):
            assert connection.execute(found).rowcount > 0

    await store._database.run(forget)
    return swept


async def all_done(story: Story) -> None:
    """Everything is carried."""
    while turns := await story.store.claim(story.worker, 30, 20):
        for turn in turns:
            await story.store.advance(turn, Done(), keep_going=False)


async def handed_over(story: Story) -> None:
    """A customer waits, and has an answer."""
    await story.tell(HandoffStarted)
    await opened_thread(story)
    turn = await story.reply("hello")
    await story.store.begin_reply(turn, "0", ["digest"], None)
    await story.store.advance(turn, Done(), keep_going=False)


async def test_what_is_over_goes_with_all_that_belongs_to_it(store: Store, story: Story) -> None:
    await handed_over(story)
    await story.agent(Signal.CLAIMED, MINA)
    lock = Incoming("@slack", "lock", "", b"{}")
    await store.lock_message(lock, THREAD.model_copy(update={"ts": "9.9"}), ())
    gone = THREAD.model_copy(update={"ts": "9.8"})  # a message that is not here
    deleted = Incoming("@slack", "deleted", "", b"{}")
    assert await store.amend_reply(deleted, None, "", None, (), gone) == "remembered"
    await story.tell(ConversationEnded)
    await all_done(story)
    assert set(await rows(store)) == set(METADATA.tables) - NO_PAST

    await days_pass(store, 89)
    before = await rows(store)
    assert await sweep(store) == {**SWEPT, "said": 1, "early_changes": 1}
    del before["said"], before["early_change"]
    assert await rows(store) == before

    await days_pass(store, 2)
    swept = await sweep(store)
    assert await rows(store) == {}
    assert swept["conversations"] == swept["handoffs"] == swept["locks"] == 1
    assert (swept["webhooks"], swept["deliveries"]) == (before["inbox"], before["delivery"])
    await receive(store, message("c", 1))  # a customer who comes back is a new one
    assert (await rows(store))["conversation"] == 1


# ── what stays ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("outcome", [None, Again(0.0, "busy"), Uncertain("perhaps")])
async def test_what_is_not_decided_stays_and_can_be_carried(
    store: Store, story: Story, outcome: Outcome | None
) -> None:
    await story.tell(HandoffStarted)
    await opened_thread(story)
    await story.tell(ConversationEnded)
    await all_done(story)
    turn = await story.reply("hello")
    if outcome is not None:
        await store.advance(turn, outcome, keep_going=False)
    await days_pass(store, 365)
    await sweep(store)

    found = await rows(store)
    assert (found["delivery"], found["conversation"], found["thread"]) == (1, 1, 1)
    assert "inbox" not in found
    if outcome is None:
        assert (await store.advance(turn, Done(), keep_going=False))[0]
        return
    if isinstance(outcome, Uncertain):
        assert found["attempt"] == 1
        assert await store.retry(turn.delivery) is DeliveryState.UNCERTAIN
    assert (await story.turn(Direction.VENDOR)).payload == turn.payload


async def test_whoever_wrote_a_held_reply_can_still_be_asked(store: Store, story: Story) -> None:
    await receive(store, message("c", 1))
    await opened_thread(story)
    turn = await story.reply("hello")
    told = json.dumps({**json.loads(turn.body), "why": "bot", "choices": ["once"], "delivery": turn.delivery})
    question = NewDelivery(Direction.MARKS, "question", "q", told)
    await store.advance(turn, Kept("held", "held: bot", follow=(question,)), keep_going=False)
    await all_done(story)
    await days_pass(store, 365)
    await sweep(store)
    assert (await rows(store))["delivery"] == 2

    press = Incoming("@slack", "p1", "", b"{}")
    assert await store.ask_again(press, THREAD, "2.1", "U0MINA") == "queued"
    (again,) = await story.take(Direction.MARKS)
    assert json.loads(again.body)["choices"] == ["once"]
    press = Incoming("@slack", "p2", "", b"{}")
    assert await store.send_on(press, THREAD, turn.delivery, "U0MINA", HeldChoice.NOTE) == "queued"
    await all_done(story)
    await days_pass(store, 91)
    await sweep(store)
    assert await rows(store) == {}


async def test_a_handoff_that_is_open_stays_with_its_conversation(store: Store, story: Story) -> None:
    await handed_over(story)
    await all_done(story)
    await days_pass(store, 365)
    swept = await sweep(store)
    assert swept["deliveries"] > 0
    assert (await rows(store)).keys() == {"conversation", "handoff", "thread", "lane"}
    about = await store.at(THREAD)
    assert about is not None
    found = await store.last_handoff(about.id)
    assert found is not None
    assert found.ended_at is None


async def test_one_that_ended_stays_while_something_is_to_be_told_of_it(store: Store, story: Story) -> None:
    """A vendor may report an end that it dates long ago."""
    await story.tell(HandoffStarted, 400 * DAY)
    await story.tell(ConversationEnded, 399 * DAY)
    await sweep(store)
    alerts = await story.take(Direction.ALERTS)
    assert alerts
    for turn in alerts:
        assert (await store.handoff(json.loads(turn.body)["handoff"])).ended_at is not None
    await all_done(story)
    await days_pass(store, 91)
    await sweep(store)
    assert await rows(store) == {}


async def test_of_a_conversation_that_goes_on_only_the_past_goes(store: Store, story: Story) -> None:
    await receive(store, *(message("c", number) for number in range(5)))
    await opened_thread(story)
    await all_done(story)
    await days_pass(store, 100)
    await receive(store, message("c", 5), key="new")
    await all_done(story)
    await days_pass(store, 80)
    swept = await sweep(store)
    assert (swept["webhooks"], swept["deliveries"], swept["conversations"]) == (1, 5, 0)
    assert await store.at(THREAD) is not None
    assert await receive(store, message("c", 5), key="new") is False  # a vendor sends it once more
    left = ("conversation", "thread", "lane", "inbox", "delivery", "attempt")
    assert await rows(store) == dict.fromkeys(left, 1)


async def test_a_failed_one_stays_as_long_as_all(store: Store, story: Story) -> None:
    await receive(store, message("c", 1))
    turn = await story.turn(Direction.SLACK)
    await store.advance(turn, Failed("no"), keep_going=False)
    await days_pass(store, 89)
    await sweep(store)
    assert len(await store.dead_letters(None, 10)) == 1
    await days_pass(store, 2)
    await sweep(store)
    assert await rows(store) == {}


# ── how it goes ──────────────────────────────────────────────────────────────────────────────────


async def many(store: Store, story: Story, conversations: int, each: int) -> None:
    for number in range(conversations):
        await receive(store, *(message(f"old{number}", one) for one in range(each)))
    await all_done(story)
    await days_pass(store, 100)


@pytest.mark.parametrize("batch", [3, 6, 500])
async def test_no_id_is_given_twice(
    store: Store, story: Story, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """Slack's messages and buttons name deliveries and conversations by their ids, for ever."""
    monkeypatch.setattr(retention, "BATCH", batch)
    await many(store, story, 3, 2)
    await store.sweep(KEEP)
    await receive(store, message("c", 1))
    turn = await story.turn(Direction.SLACK)
    assert turn.delivery > 6
    assert turn.conversation.id > 3


async def test_a_batch_is_small(store: Store, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 7)
    await many(store, story, 10, 5)
    counts: list[int] = []

    def watched(connection: Connection, *told: Any) -> Any:
        before = sum(_all_rows(connection).values())
        found = batch(connection, *told)
        counts.append(before - sum(_all_rows(connection).values()))
        return found

    batch = retention.batch
    monkeypatch.setattr(retention, "batch", watched)
    swept = await sweep(store)
    assert (swept["webhooks"], swept["deliveries"], swept["conversations"]) == (10, 50, 10)
    assert await rows(store) == {}
    assert len(counts) > 12
    assert max(counts) <= 2 * 7  # deliveries with their attempts, conversations with their lanes


def _all_rows(connection: Connection) -> dict[str, int]:
    counts = (select(func.count()).select_from(table) for table in METADATA.sorted_tables)
    return {str(number): connection.execute(one).scalar_one() for number, one in enumerate(counts)}


async def test_traffic_goes_on_and_nothing_of_it_is_lost(
    store: Store, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of those customers who come back in the moment in which they are forgotten."""
    monkeypatch.setattr(retention, "BATCH", 20)
    await many(store, story, 60, 2)
    swept = asyncio.Event()
    carried: dict[str, list[int]] = {}

    async def carry() -> None:
        while True:
            for turn in await store.claim(story.worker, 30, 20):
                following: Turn | None = turn
                while following is not None:
                    id, number = json.loads(following.body)["id"].split(":")
                    carried.setdefault(id, []).append(int(number))
                    _, following = await store.advance(following, Done(), keep_going=True)
            await asyncio.sleep(0)

    async def write(id: str) -> None:
        number = 100
        while not swept.is_set() or number < 103:
            assert await receive(store, message(id, number))
            number += 1
            while number - 100 > len(carried.get(id, ())) + 5 and not carrying.done():
                await asyncio.sleep(0.01)  # no faster than it is carried, or there is no end to it
        written[id] = list(range(100, number))

    written: dict[str, list[int]] = {}
    carrying = asyncio.create_task(carry())
    writing = [asyncio.create_task(write(f"old{number}")) for number in range(0, 60, 3)]
    found = await sweep(store)
    swept.set()
    await asyncio.gather(*writing)
    async with asyncio.timeout(60):
        while sum(map(len, carried.values())) < sum(map(len, written.values())):
            assert not carrying.done(), carrying.exception()
            await asyncio.sleep(0.01)
    carrying.cancel()
    assert carried == written
    assert found["deliveries"] == 120
    assert found["conversations"] >= 40
    await sweep(store)
    assert (await rows(store))["delivery"] == sum(map(len, written.values()))


async def test_one_process_sweeps_at_a_time(postgres: Postgres) -> None:
    url = postgres.create_database()
    async with opened(url) as store, opened(url) as other:
        await receive(store, message("c", 1))
        await days_pass(store, 100)
        held, done = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            async with other._database.engine.begin() as connection:  # type: ignore[attr-defined]
                assert (await connection.execute(retention._LOCK)).scalar_one()
                held.set()
                await done.wait()

        holding = asyncio.create_task(hold())
        await held.wait()
        assert await store.sweep(KEEP) == {}
        assert (await rows(store))["inbox"] == 1
        done.set()
        await holding
        assert (await sweep(store))["webhooks"] == 1
    postgres.drop_database(url)


# ── at scale ─────────────────────────────────────────────────────────────────────────────────────

FILLED = (
    "INSERT INTO conversation (source, external_id, control, facts, created_at)"
    " SELECT 'acme-ada', n::text, 'bot', '{}', extract(epoch from clock_timestamp()) - (20000 - n) * 800.0"
    " FROM generate_series(1, 20000) n",
    "INSERT INTO lane (conversation_id, direction, token, due) SELECT id, direction, 0,"
    " CASE WHEN id % 100 = 0 THEN created_at + 1e9 END"
    " FROM conversation, unnest(array['slack', 'vendor']) direction ORDER BY id",
    "INSERT INTO delivery"
    " (lane_id, key, kind, payload, state, created_at, attempts, first_at, done_at, doubt, refs)"
    " SELECT lane.id, n::text, 'event', repeat('x', 200), CASE lane.id % 5000 WHEN 1 THEN 'failed'"
    " WHEN 2 THEN 'queued' ELSE 'sent' END, created_at, 1, created_at, created_at, false, '{}'"
    " FROM lane JOIN conversation ON conversation.id = conversation_id, generate_series(1, 2) n"
    " ORDER BY lane.id",
    "INSERT INTO attempt (delivery_id, number, started_at, ended_at, outcome)"
    " SELECT id, 1, created_at, created_at, 'sent' FROM delivery ORDER BY id",
    "INSERT INTO inbox (source, key, path, received_at, body)"
    " SELECT 'acme-ada', id::text, '', created_at, 'body' FROM delivery ORDER BY id",
    "INSERT INTO said (digest, at) SELECT key, created_at FROM delivery ORDER BY id",
    "INSERT INTO handoff (conversation_id, started_at, round, ended_at)"
    " SELECT id, created_at, 1, created_at FROM conversation WHERE id % 2 = 0",
    "INSERT INTO locked (team, channel, ts, at) SELECT 'T', 'C', id::text, created_at FROM conversation",
    "INSERT INTO early_change (team, channel, ts, change, at)"
    " SELECT 'T', 'C', id::text, 'edited', created_at FROM conversation",
    "INSERT INTO thread (team, channel, ts, conversation_id, opened_at)"
    " SELECT 'T', 'C', id::text, id, created_at FROM conversation",
    "ANALYZE",
)


async def test_every_query_goes_by_an_index(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs beside the traffic of a store that is large for a batch, as Postgres plans it."""
    monkeypatch.setattr(retention, "BATCH", 10)
    url = postgres.create_database()
    asked: list[tuple[str, Any]] = []

    def note(*told: Any) -> None:
        asked.append(told[2:4])

    def run(connection: Connection) -> None:
        for part in retention.PARTS:
            assert retention.batch(connection, part, 0, KEEP) is not None
        assert watch.backlog(connection, 100 * DAY).dead[DeliveryState.FAILED] > 0
        for source in (None, "acme-ada"):
            assert len(deadletters.newest(connection, source, 10)) == 10

    def explain(connection: Connection) -> list[str]:
        return [
            "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())
            for statement, parameters in asked
            if "advisory" not in statement
        ]

    async with opened(url) as store:
        for statement in FILLED:
            postgres.sql(statement, url.rpartition("/")[2])
        engine = store._database.engine.sync_engine  # type: ignore[attr-defined]
        event.listen(engine, "before_cursor_execute", note)
        await store._database.run(run)
        event.remove(engine, "before_cursor_execute", note)
        plans = await store._database.run(explain)
    postgres.drop_database(url)

    assert len(plans) > 15
    assert [plan for plan in plans if "Seq Scan" in plan] == []
    for index in ("pk_delivery", "pk_inbox", "ix_handoff_ended_at", "ix_locked_at", "ix_lane_due"):
        assert any(index in plan for plan in plans), index
    assert sum("ix_delivery_dead" in plan for plan in plans) == 3
