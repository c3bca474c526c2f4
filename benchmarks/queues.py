"""The same race for procrastinate, the fastest job library found that keeps order.

`lock`: one job for each message, with `lock=conversation`, as its documentation says
(https://procrastinate.readthedocs.io/en/stable/howto/advanced/locks.html). `waker`: it only wakes; a mailbox
table holds the messages, and one job for each conversation empties it, so half of an engine is one's own.
Neither records an attempt before it is made.

`python -m benchmarks.queues fill DATABASE WAY CONVERSATIONS EACH`, then `… work DATABASE WAY COUNT GO OUT`.
The only file that needs what requirements-bench.txt has.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from procrastinate import App, PsycopgConnector
from psycopg_pool import AsyncConnectionPool

from benchmarks import race
from benchmarks.loop import run
from benchmarks.race import Carried

CONCURRENCY = 50  # as ours
POOL = 10  # connections; ours has 4 and one that listens
POLL = 0.1  # seconds; 5 by default. A lock that is let go wakes nobody, so its next job waits for a poll.
BATCH = 1000

_MAILBOX = """
CREATE TABLE mailbox (
    id bigserial PRIMARY KEY, conversation text NOT NULL, number int NOT NULL, done_at timestamptz
);
CREATE INDEX mailbox_waiting ON mailbox (conversation, id) WHERE done_at IS NULL;
"""
_PUT = "INSERT INTO mailbox (conversation, number) VALUES (%s, %s)"
_DONE = "WITH done AS (UPDATE mailbox SET done_at = now() WHERE id = %(id)s) "
_NEXT = (
    "SELECT id, number FROM mailbox WHERE conversation = %(conversation)s AND id > %(id)s "
    "AND done_at IS NULL ORDER BY id LIMIT 1"
)


def jobs(url: str, mailbox: AsyncConnectionPool, carried: Carried) -> App:
    app = App(connector=PsycopgConnector(conninfo=url, min_size=POOL, max_size=POOL))

    async def carry(conversation: str, number: int) -> None:
        carried.add(conversation, number)

    async def drain(conversation: str) -> None:
        told = {"conversation": conversation, "id": 0}
        async with mailbox.connection() as connection:
            row = await (await connection.execute(_NEXT, told)).fetchone()
            while row is not None:
                carried.add(conversation, row[1])
                row = await (await connection.execute(_DONE + _NEXT, told | {"id": row[0]})).fetchone()

    app.task(name="lock")(carry)
    app.task(name="waker")(drain)
    return app


def _pool(url: str) -> AsyncConnectionPool:
    return AsyncConnectionPool(url, min_size=POOL, max_size=POOL, open=False, kwargs={"autocommit": True})


async def fill(url: str, way: str, conversations: int, each: int) -> None:
    names = [f"c{number}" for number in range(conversations)]
    async with _pool(url) as pool:
        app = jobs(url, pool, Carried())
        async with app.open_async(), pool.connection() as connection:
            await app.schema_manager.apply_schema_async()
            await connection.execute(_MAILBOX)
            for number in range(each):
                if way == "lock":
                    for name in names:
                        await app.configure_task("lock", lock=name).defer_async(
                            conversation=name, number=number
                        )
                else:
                    async with connection.cursor() as cursor:
                        await cursor.executemany(_PUT, [(name, number) for name in names])
            if way == "waker":
                for name in names:
                    task = app.configure_task("waker", lock=name, queueing_lock=name)
                    await task.defer_async(conversation=name)


async def work(url: str, way: str, count: int, go: Path, out: Path) -> None:
    carried = Carried()
    async with _pool(url) as pool:
        app = jobs(url, pool, carried)
        async with app.open_async():
            await race.run(go, out, carried, _until(app, carried, count))


def _until(app: App, carried: Carried, count: int) -> Callable[[], Awaitable[None]]:
    async def until_done() -> None:
        worker = asyncio.create_task(
            app.run_worker_async(
                concurrency=CONCURRENCY,
                fetch_job_polling_interval=POLL,
                delete_jobs="successful",
                install_signal_handlers=False,
            )
        )
        while len(carried.log) < count and not worker.done():
            await asyncio.sleep(0.02)
        worker.cancel()  # it ends the jobs that are under way
        await asyncio.gather(worker, return_exceptions=True)

    return until_done


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    command, url, way, *rest = sys.argv[1:]
    if command == "fill":
        run(fill(url, way, int(rest[0]), int(rest[1])))
    else:
        run(work(url, way, int(rest[0]), Path(rest[1]), Path(rest[2])))
