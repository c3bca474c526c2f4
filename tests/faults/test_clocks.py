"""Clocks that differ: nothing is sent early, late or twice for it; what looks too old is refused for now."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bridge.sandbox.stage import Process
from tests.bridge.scene import SENT
from tests.crash.books import carried_by, until
from tests.faults.books import Books
from tests.faults.ground import Ground
from tests.faults.machine import Machine
from tests.faults.matrix import CLOCKS
from tests.faults.row import Mark, Row, Tried
from tests.faults.test_vendors import marks
from tests.handoffs.ways import alerted

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="package")]

HANDOFFS = [row for row in CLOCKS if "handoffs" in row.cause]
WITHIN = [
    row for row in CLOCKS if "clock" in row.cause and row.tried is Tried.NO_NEED and row not in HANDOFFS
]
SET = [row for row in CLOCKS if "store" in row.cause]
BEYOND = [row for row in CLOCKS if row.cause and row.tried is Tried.BY_SENDER]
SKEWED = [row for row in CLOCKS if "ada" in row.cause]
WORKERS = [row for row in CLOCKS if not row.cause]
on_postgres = pytest.mark.parametrize("one_ground", ["Postgres"], indirect=True)


@pytest.mark.parametrize("row", WITHIN, ids=str)
async def test_what_is_allowed_changes_nothing(ground: Ground, row: Row, books: Books) -> None:
    """A conversation's whole way, with a fault on each side, so that delays count."""
    before = len(ground.stage.ada.deliveries)
    ground.machine.set(clock=row.cause["clock"])
    talk = await ground.talk()
    await faulty(ground, talk.scene.id, talk.scene.card.ts)
    talk.says(3)
    replies = [talk.writes(), talk.writes()]
    await talk.arrived(books)
    for reply in replies:
        await talk.scene.marked(reply, SENT)
    books.close(talk.written, talk.sent)
    told = ground.stage.ada.deliveries[before:]
    assert {one.status for delivery in told for one in delivery.attempts} == {200}
    books.gone_through()


@pytest.mark.parametrize("one_ground", ["SQLite"], indirect=True)
@pytest.mark.parametrize("row", SET, ids=str)
async def test_the_store_s_clock_is_set_under_traffic(ground: Ground, row: Row, books: Books) -> None:
    """What failed under one clock waits for its next attempt under the other."""
    talk, other = await ground.talk(), await ground.talk()
    since = await ground.look(row)
    for store, told in zip((row.cause["store"], 0.0), row.told, strict=True):
        await faulty(ground, talk.scene.id, talk.scene.card.ts)
        talk.says(3)
        reply = talk.writes()
        ground.machine.set(store=store)
        await ground.told(told, since, talk)
        await talk.scene.marked(reply, SENT)
        await other.goes_on(books)
    await talk.arrived(books)
    books.close(talk.written, talk.sent)
    books.gone_through()


async def faulty(ground: Ground, id: str, ts: str) -> None:
    ground.stage.ada.faults.next(f"*/{id}/messages/", method="POST", status=503)
    ground.stage.slack.faults.next(
        "chat.postMessage", status=503, when=lambda call: call.get("thread_ts") == ts
    )


@pytest.mark.parametrize("row", SKEWED, ids=str)
async def test_what_the_vendor_has_is_known_by_its_own_clock(ground: Ground, row: Row, books: Books) -> None:
    stage, ahead = ground.stage, row.cause["ada"]
    talk = await ground.talk()
    await talk.scene.carried()
    since = await ground.look(row)
    stage.ahead = stage.ada.ahead = ahead
    try:
        for has_it in (True, False):
            fault = f"*/{talk.scene.id}/messages/"
            stage.ada.faults.next(fault, method="POST", reset=has_it, drop=not has_it)
            reply = talk.writes()
            await talk.scene.marked(reply, SENT)
            assert Mark(marks(talk, reply)) in row.told
        await ground.told(row.told[-1], since, talk)
    finally:
        stage.ahead = stage.ada.ahead = 0.0
    books.close(talk.written, talk.sent)
    books.gone_through()


@pytest.mark.parametrize("row", HANDOFFS, ids=str)
async def test_an_end_counts_and_the_next_request_alerts(ground: Ground, row: Row, books: Books) -> None:
    ada = ground.stage.ada
    ground.machine.set(clock=row.cause.get("clock", 0.0))
    ada.ahead = row.cause.get("theirs", 0.0)
    try:
        scene = (await ground.talk()).scene
        ada.ahead += row.cause.get("once", 0.0)
        ada.end_handoff(scene.id)
        ada.ahead -= row.cause.get("once", 0.0)
        await alerted(scene, "handed back to the AI agent")
        scene.says("I want a human")
        await alerted(scene, "waits for a human", number=2)
        ada.end_handoff(scene.id)
        await alerted(scene, "handed back to the AI agent", number=2)
        await scene.stands("the AI agent has the conversation")
    finally:
        ada.ahead = 0.0
    books.gone_through()


@pytest.mark.parametrize("row", BEYOND, ids=str)
async def test_what_is_beyond_is_refused_until_it_is_right(ground: Ground, row: Row, books: Books) -> None:
    talk = await ground.talk()
    await talk.scene.carried()
    since = await ground.look(row)
    ground.machine.set(clock=row.cause["clock"])
    talk.says(2)
    reply = talk.writes()
    for told in row.told:
        await ground.told(told, since, talk)
    assert (talk.shown, talk.sent) == ([], [])
    ground.mend()
    talk.says()
    await talk.arrived(books)
    await talk.scene.marked(reply, SENT)
    books.close(talk.written, talk.sent)
    books.gone_through()


@on_postgres
@pytest.mark.parametrize("row", WORKERS, ids=str)
async def test_workers_whose_clocks_differ(ground: Ground, row: Row, books: Books, tmp_path: Path) -> None:
    machines = [Machine(tmp_path / name) for name in ("ahead", "behind")]
    workers: list[Process] = []
    for machine, clock in zip(machines, (3600.0, -3600.0), strict=True):
        machine.set(clock=clock)
        workers.append(await ground.stage.spawn("work", machine.environ))
    await until(lambda: all("working" in one.log.read_text() for one in workers), 30, "two workers")
    talks = await asyncio.gather(*(ground.talk() for _ in range(6)))
    url = ground.stage.environ["DATABASE_URL"]
    while len(await carried_by(url)) < 3:  # until all three have done their part; who does what is by chance
        await asyncio.gather(*(faulty(ground, talk.scene.id, talk.scene.card.ts) for talk in talks))
        replies = [(talk.says(2), talk.writes())[1] for talk in talks]
        for talk, reply in zip(talks, replies, strict=True):
            await talk.scene.marked(reply, SENT)
    for talk in talks:
        await talk.arrived(books)
        books.close(talk.written, talk.sent)
    books.gone_through()
    for worker in workers:
        await worker.terminate()
    for machine in machines:
        machine.close()
