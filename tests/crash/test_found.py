"""The steps that are found by looking: those of the table are among them, and some of the others are cut too.

`BRIDGE_CRASH_STEPS` says how many of the others, `all` of them takes a quarter of an hour.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator

import pytest

from tests.crash.bridges import Bridges
from tests.crash.knife import AFTER, BEFORE, Step
from tests.crash.rounds import ROUNDS
from tests.crash.table import ROWS, SEED, STEPS, On
from tests.faults.books import Books

pytestmark = [pytest.mark.crash, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(3600)]

#: GPTBots does not send again what nobody took: it is in the table only
WATCHED = tuple(dict.fromkeys((row.on, row.vendor) for row in ROWS if row.vendor != "GPTBots"))
ROUNDS_AT_MOST = 5


@contextlib.asynccontextmanager
async def kept_up(both: Bridges) -> AsyncIterator[None]:
    """Whoever dies is started again, as by a platform."""
    over = asyncio.Event()

    async def keep() -> None:
        while not over.is_set():
            with contextlib.suppress(RuntimeError):  # it ended while it was being started
                await both.up()
            await asyncio.sleep(0.1)

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        over.set()  # and whoever is just being started is known to `both` then
        await keeping


async def watched(both: Bridges, on: On, vendor: str, books: Books) -> dict[Step, int]:
    """The steps of a round in which nobody is killed, and how often each was taken. There are more rounds
    until all that are listed were: whether a lane is claimed or goes on is not the same each time."""
    listed = {row.step for row in ROWS if (row.on, row.vendor) == (on, vendor)}
    found: dict[Step, int] = {}
    for _ in range(ROUNDS_AT_MOST):
        going_on = ROUNDS[on](both, both.vendor(vendor))
        await going_on.prepare()
        both.knife.passed()
        going_on.act()
        await going_on.settle(books, None)
        for step, count in both.knife.passed().items():
            found[step] = max(count, found.get(step, 0))
        if listed <= found.keys():
            break
    return found


async def test_steps_that_are_found(both: Bridges, books: Books) -> None:
    rest: list[tuple[On, str, Step, str, int]] = []
    listed = {(row.on, row.vendor, row.step) for row in ROWS}
    for on, vendor in WATCHED:
        found = await watched(both, on, vendor, books)
        missing = {step for place, name, step in listed if (place, name) == (on, vendor)} - found.keys()
        assert not missing, f"no step any more, when {on}: {missing}"
        for step, count in found.items():
            first = 2 if (on, vendor, step) in listed else 1
            rest += [
                (on, vendor, step, when, nth) for nth in range(first, count + 1) for when in (BEFORE, AFTER)
            ]
    chosen = rest if STEPS == "all" else random.Random(SEED).sample(rest, int(STEPS))  # noqa: S311
    for on, vendor, step, when, nth in chosen:
        going_on = ROUNDS[on](both, both.vendor(vendor))
        await going_on.prepare()
        both.knife.arm(step, when, nth)
        async with kept_up(both):
            going_on.act()
            await going_on.settle(books, None)
        if both.knife.died is not None:  # else the steps came in another order this time
            books.gone_through()
        both.knife.sheathe()
        await both.up()
