"""The store's rows: what is not kept is not taken, what is on its way is recorded later, all of it once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from bridge.sandbox.vendors.delivery import Delivery
from tests.bridge.scene import SENT
from tests.faults.books import Books
from tests.faults.ground import ROLE, Ground
from tests.faults.matrix import STORE
from tests.faults.row import Others, Row

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="package")]

LONG = " " + "and so on " * 200  # so that it needs room on the disk
MARGIN = 100_000  # bytes that the log has left; what SQLite writes ahead is soon longer


def lasting(ground: Ground, row: Row) -> contextlib.AbstractAsyncContextManager[None]:
    """While it lasts, the store is as the row says."""
    return {
        "it crashes, and is back after a while": lambda: stopped(ground, "immediate"),
        "it is shut down, and is back after a while": lambda: stopped(ground, "fast"),
        "no connection is free": lambda: exhausted(ground),
        "it takes no writes for a while, as in a failover": lambda: read_only(ground),
        "our connections are ended, ten times a second": lambda: ended(ground),
        "the disk is full": lambda: limited(ground, pages=1),
        "the disk takes no writes": lambda: limited(ground, growth=len(ground.log) + MARGIN),
    }[row.fault]()


@contextlib.asynccontextmanager
async def stopped(ground: Ground, mode: str) -> AsyncIterator[None]:
    assert ground.server is not None
    ground.server._stop_server(mode)  # type: ignore[arg-type]
    yield
    await asyncio.to_thread(ground.server._start)


@contextlib.asynccontextmanager
async def exhausted(ground: Ground) -> AsyncIterator[None]:
    """As where a plan's connections are all taken: the same SQLSTATE, 53300."""
    assert ground.server is not None
    ground.server.sql(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")
    end_connections(ground)
    yield
    ground.server.sql(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")


@contextlib.asynccontextmanager
async def read_only(ground: Ground) -> AsyncIterator[None]:
    """A session keeps this from when it was opened."""
    assert ground.server is not None
    ground.server.sql(f"ALTER ROLE {ROLE} SET default_transaction_read_only = on")
    end_connections(ground)
    yield
    ground.server.sql(f"ALTER ROLE {ROLE} RESET default_transaction_read_only")


@contextlib.asynccontextmanager
async def ended(ground: Ground) -> AsyncIterator[None]:
    over = asyncio.Event()

    async def again_and_again() -> None:
        while not over.is_set():
            await asyncio.to_thread(end_connections, ground)
            await asyncio.sleep(0.1)

    task = asyncio.create_task(again_and_again())
    yield
    over.set()  # a thread that ends them just now goes on though nobody waits for it
    await task


def end_connections(ground: Ground) -> None:
    assert ground.server is not None
    ground.server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'")


@contextlib.asynccontextmanager
async def limited(ground: Ground, **limits: float) -> AsyncIterator[None]:
    ground.machine.set(**limits)
    yield
    ground.machine.mend()


def rows(database: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", [row for row in STORE if database in row.sides], ids=str)


@rows("Postgres")
@pytest.mark.parametrize("one_ground", ["Postgres"], indirect=True)
async def test_postgres(ground: Ground, row: Row, books: Books) -> None:
    await gone_through(ground, row, books)


@rows("SQLite")
@pytest.mark.parametrize("one_ground", ["SQLite"], indirect=True)
async def test_sqlite(ground: Ground, row: Row, books: Books) -> None:
    await gone_through(ground, row, books)


def away(database: str) -> pytest.MarkDecorator:
    gone = [row for row in STORE if database in row.sides and row.others is Others.NOTHING]
    return pytest.mark.parametrize("row", gone, ids=str)


@away("Postgres")
@pytest.mark.parametrize("one_ground", ["Postgres"], indirect=True)
async def test_postgres_for_longer_than_slack_tries(ground: Ground, row: Row) -> None:
    await for_longer(ground, row)


@away("SQLite")
@pytest.mark.parametrize("one_ground", ["SQLite"], indirect=True)
async def test_sqlite_for_longer_than_slack_tries(ground: Ground, row: Row) -> None:
    await for_longer(ground, row)


async def for_longer(ground: Ground, row: Row) -> None:
    """What Slack gave up telling is looked for when the store is back; the bridge runs all the time."""
    scene, events = (await ground.talk()).scene, ground.stage.slack.events
    given_up, delays = len(events.failed), events.retry_delays
    events.retry_delays = (0.1, 0.1, 0.1)
    async with lasting(ground, row):
        reply = scene.writes("written meanwhile" + LONG)
        await scene.until(lambda: len(events.failed) > given_up, "Slack gives up")
    events.retry_delays = delays
    await ground.is_ready()
    await scene.marked(reply, SENT)
    assert scene.sent == [reply.text.strip()]


def statuses(deliveries: list[Delivery]) -> set[int | None]:
    """How webhooks were answered, at every attempt."""
    return {attempt.status for delivery in deliveries for attempt in delivery.attempts}


async def gone_through(ground: Ground, row: Row, books: Books) -> None:
    """A reply's answer is outstanding when it begins; both customers and the other agent go on meanwhile."""
    ada = ground.stage.ada
    talk, other = await ground.talk(), await ground.talk()
    await other.goes_on(books)
    since, before = await ground.look(row), len(ada.deliveries)
    ada.faults.next(f"*/{talk.scene.id}/messages/", method="POST", delay=1.0)
    on_its_way = talk.writes()
    await talk.scene.until(lambda: talk.sent, "the reply at the vendor, its answer outstanding")

    async with lasting(ground, row):
        for _ in range(20):
            talk.says(2, more=LONG)
            other.says(2, more=LONG)
            await asyncio.sleep(0.1)
            if 503 in statuses(ada.deliveries[before:]) and len(talk.said) >= 10:
                break
        late = other.writes()
        if row.others is Others.NOTHING:
            refused = lambda: 503 in statuses(ada.deliveries[before:])
            await talk.scene.until(refused, "a webhook that is not taken")
        for told in row.told:
            await ground.told(told, since, talk)

    await ground.is_ready()
    talk.says()
    await talk.arrived(books)
    await other.arrived(books)
    for one, reply in ((talk, on_its_way), (other, late)):
        await one.scene.marked(reply, SENT)
        books.close(one.written, one.sent)
    assert "Traceback" not in ground.log[since.log :]
    assert "File " not in ground.log[since.log :]
    books.gone_through()
