"""Customers and agents who talk in both directions at once, while processes come and go."""

from __future__ import annotations

import asyncio
import random

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.scene import UNCERTAIN
from tests.crash.rounds import NOBODY_KNOWS, stands_once
from tests.faults.books import Books, Talk, talk
from tests.handoffs.ways import named

AT_ONCE = 10  # customers who ask for a human at the same time
VENDORS = ("ada", "ada", "ada", "gptbots", "moveo")


class Traffic:
    """Customers and agents. An agent writes on when the last reply has its mark; customers do not wait."""

    def __init__(self, stage: Stage, rng: random.Random) -> None:
        self.stage, self.rng = stage, rng
        self.talks: list[Talk] = []
        self.replies: dict[str, list[Message]] = {}
        self.told_by = {"ada"}  # which tries again what was not taken; GPTBots does not
        self.over = False

    async def begin(self, customers: int) -> None:
        room = asyncio.Semaphore(AT_ONCE)

        async def one(vendor: str) -> Talk:
            async with room:
                return await talk(self.stage, named(self.stage, vendor))

        self.talks = await asyncio.gather(*(one(VENDORS[at % len(VENDORS)]) for at in range(customers)))

    async def goes_on(self) -> None:
        await asyncio.gather(*map(self._talks, self.talks))

    async def _talks(self, talk: Talk) -> None:
        replies = self.replies.setdefault(talk.name, [])
        while not self.over:
            if talk.scene.vendor.name in self.told_by:
                talk.says(self.rng.randint(1, 3))
            replies.append(talk.writes())
            decided = lambda: {talk.scene.taken, UNCERTAIN} & {*replies[-1].reactions}
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
