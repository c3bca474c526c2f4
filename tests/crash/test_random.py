"""Killed ten times at random, while customers and agents talk in both directions at once.

`BRIDGE_CRASH_CONVERSATIONS` says how many talk, `BRIDGE_CRASH_SEED` when who is killed.
"""

from __future__ import annotations

import asyncio
import os
import random
import time

import pytest

from bridge.sandbox.slack import Message
from tests.bridge.scene import SENT, UNCERTAIN
from tests.crash.bridges import Bridges
from tests.crash.rounds import NOBODY_KNOWS, stands_once
from tests.crash.table import SEED
from tests.faults.books import Books, Talk, talk

pytestmark = [pytest.mark.crash, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(1800)]

CUSTOMERS = int(os.environ.get("BRIDGE_CRASH_CONVERSATIONS", "20"))
KILLS = 10
AT_ONCE = 10  # customers who ask for a human at the same time
VENDORS = ("Ada", "Ada", "Ada", "GPTBots", "Moveo")


class Traffic:
    """Customers and agents. An agent writes on when the last reply has its mark; customers do not wait."""

    def __init__(self, bridges: Bridges, rng: random.Random) -> None:
        self.bridges, self.rng = bridges, rng
        self.talks: list[Talk] = []
        self.replies: dict[str, list[Message]] = {}
        self.over = False

    async def begin(self) -> None:
        room = asyncio.Semaphore(AT_ONCE)

        async def one(vendor: str) -> Talk:
            async with room:
                return await talk(self.bridges.stage, self.bridges.vendor(vendor))

        self.talks = await asyncio.gather(*(one(VENDORS[at % len(VENDORS)]) for at in range(CUSTOMERS)))

    async def goes_on(self) -> None:
        await asyncio.gather(*map(self._talks, self.talks))

    async def _talks(self, talk: Talk) -> None:
        replies = self.replies.setdefault(talk.name, [])
        while not self.over:
            if talk.scene.vendor.name == "ada":  # which tries again; GPTBots' words would be lost
                talk.says(self.rng.randint(1, 3))
            replies.append(talk.writes())
            decided = lambda: {SENT, UNCERTAIN} & {*replies[-1].reactions}
            await talk.scene.until(decided, "a mark", 120)
            await asyncio.sleep(self.rng.uniform(0.2, 1.0))

    async def closed(self, talk: Talk, books: Books) -> None:
        """All of it arrived, or the agent is asked."""
        scene, replies = talk.scene, self.replies[talk.name]
        pairs = list(zip(talk.written, replies, strict=True))
        asked = [number for number, reply in pairs if UNCERTAIN in reply.reactions]
        assert not asked or scene.vendor.name != "ada"
        asks = lambda: len([text for text in scene.texts if NOBODY_KNOWS in text]) == len(asked)
        await scene.until(asks, f"{len(asked)} questions")
        books.counts["uncertain"] += len(asked)
        books.close([one for one in talk.written if one not in asked], talk.sent, maybe=asked)
        await talk.arrived(books)
        stands_once(scene, books)


async def test_at_random(both: Bridges, books: Books) -> None:
    rng = random.Random(SEED)  # noqa: S311
    traffic = Traffic(both, rng)
    await traffic.begin()
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
