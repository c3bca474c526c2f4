"""Killed ten times at random, while customers and agents talk in both directions at once.

`BRIDGE_CRASH_CONVERSATIONS` says how many talk, `BRIDGE_CRASH_SEED` when who is killed.
"""

from __future__ import annotations

import asyncio
import os
import random
import time

import pytest

from tests.crash.bridges import Bridges
from tests.crash.table import SEED
from tests.crash.talking import Traffic
from tests.faults.books import Books

pytestmark = [pytest.mark.crash, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(1800)]

CUSTOMERS = int(os.environ.get("BRIDGE_CRASH_CONVERSATIONS", "20"))
KILLS = 10


async def test_at_random(both: Bridges, books: Books) -> None:
    rng = random.Random(SEED)  # noqa: S311
    traffic = Traffic(both.stage, rng)
    await traffic.begin(CUSTOMERS)
    talking = asyncio.create_task(traffic.goes_on())
    for _ in range(KILLS):
        await asyncio.sleep(rng.uniform(0.3, 2.0))
        chosen = rng.choice(both.running)
        at = time.time()
        await chosen.kill()
        books.gone_through()
        if both.server is not None and await both.left_behind(chosen):
            books.takeovers.append(await both.taken_over(at))
        await both.up()
    traffic.over = True
    await talking
    for one in traffic.talks:
        await traffic.closed(one, books)
