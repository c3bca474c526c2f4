"""What goes on while a process is killed: each begins, acts, and finds all of it there once in the end."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import AnyVendor
from tests.bridge.scene import SENT, UNCERTAIN, Scene, opened, thread_of, waiting
from tests.crash.books import cards
from tests.crash.bridges import Bridges
from tests.crash.table import On, Then
from tests.faults.books import Books, Talk
from tests.handoffs.ways import alerted

NOBODY_KNOWS = "Nobody knows whether this reply arrived"

_numbers = itertools.count(1)


class Round:
    """`act` may be called again where the step was not come by; `settle` once the bridges are up. What `then`
    has become of a reply is not known where it is None."""

    def __init__(self, bridges: Bridges, vendor: AnyVendor) -> None:
        self.bridges, self.stage, self.vendor = bridges, bridges.stage, vendor
        self.name = f"Lena {next(_numbers)}"

    async def prepare(self) -> None: ...

    def act(self) -> None:
        raise NotImplementedError

    async def settle(self, books: Books, then: Then | None) -> None:
        raise NotImplementedError


class Opens(Round):
    def __init__(self, bridges: Bridges, vendor: AnyVendor) -> None:
        super().__init__(bridges, vendor)
        self.opened: list[str] = []

    def act(self) -> None:
        self.opened.append(self.vendor.open(self.name).id)

    async def settle(self, books: Books, then: Then | None) -> None:
        for id in self.opened:
            scene = await thread_of(self.stage, id, self.vendor)
            await scene.tells("How can I help you")
            await waits(scene)
            await Talk(scene, self.name).goes_on(books)
            once(scene, books)


class Asks(Round):
    async def prepare(self) -> None:
        self.scene = await opened(self.stage, self.vendor, self.name)

    def act(self) -> None:
        self.scene.says("I want a human, please")

    async def settle(self, books: Books, then: Then | None) -> None:
        await waits(self.scene)
        await Talk(self.scene, self.name).goes_on(books)
        once(self.scene, books)


class Types(Round):
    """A human agent types at the vendor, in a conversation that the AI agent has.

    The AI agent's own typing is over when its lane is taken: its message is there.
    """

    async def prepare(self) -> None:
        self.scene = await opened(self.stage, self.vendor, self.name)
        self.said = 0

    def act(self) -> None:
        self.said += 1
        self.vendor.send_sample("message:compose", self.scene.talk)
        self.scene.says(f"Do you sell {self.said} lamps?")

    async def settle(self, books: Books, then: Then | None) -> None:
        await self.vendor.settled()
        told = [one.text for one in self.vendor.conversations[self.scene.talk].messages if one.role == "bot"]
        await self.scene.until(lambda: len(self.scene.thread) >= len(told), f"{told}")
        books.counts["deliveries"] += self.said
        assert len(self.scene.thread) == len(told)


class Writes(Round):
    """An agent answers a customer who waits, who goes on talking where `both`."""

    both = False

    async def prepare(self) -> None:
        self.talk = Talk(await waiting(self.stage, self.vendor, self.name), self.name)
        self.replies: list[Message] = []

    def act(self) -> None:
        if self.both:
            self.talk.says(2)
        self.replies.append(self.talk.writes())

    async def settle(self, books: Books, then: Then | None) -> None:
        scene, asked = self.talk.scene, list[int]()
        last = self.replies[-1]
        if then is None:
            await scene.until(lambda: {scene.taken, UNCERTAIN} & {*last.reactions}, "a mark")
            then = Then.ASKED if UNCERTAIN in last.reactions else then
        if then is Then.ASKED:
            assert self.vendor.name != "ada"
            asked = self.talk.written[-1:]
            await scene.marked(last, UNCERTAIN)
            await scene.tells(NOBODY_KNOWS, "Look in the vendor's console")
            books.counts["uncertain"] += 1
        for reply in self.replies[: len(self.replies) - len(asked)]:
            await scene.marked(reply, SENT)
        books.close([one for one in self.talk.written if one not in asked], self.talk.sent, maybe=asked)
        await self.talk.arrived(books)
        await self.talk.goes_on(books)
        await alerted(scene, "is talking with Mina Park")
        once(scene, books)


class Talks(Writes):
    both = True


class Ends(Round):
    async def prepare(self) -> None:
        self.scene = await waiting(self.stage, self.vendor, self.name)

    def act(self) -> None:
        self.scene.writes("!bot")

    async def settle(self, books: Books, then: Then | None) -> None:
        await self.scene.tells("Mina Park handed the conversation back to the AI agent.")
        await self.scene.stands("the AI agent has")
        await alerted(self.scene, "handed back to the AI agent")
        assert self.vendor.conversations[self.scene.talk].state == "bot"
        books.counts["deliveries"] += 1
        once(self.scene, books)


ROUNDS = {
    On.OPENS: Opens,
    On.ASKS: Asks,
    On.TYPES: Types,
    On.TALKS: Talks,
    On.WRITES: Writes,
    On.ENDS: Ends,
}


async def waits(scene: Scene) -> None:
    """Wait for the handoff. Ada's call is not tried again: where nobody took it, the customer asks again."""
    conversation = scene.vendor.conversations[scene.talk]
    while conversation.state != "handoff":
        await scene.vendor.settled()
        if conversation.state == "bot":
            scene.says(f"I want a human {next(_numbers)}")
        await asyncio.sleep(0.5)
    await alerted(scene, "waits for a human")


def once(scene: Scene, books: Books) -> None:
    """Nothing of ours stands there more often than it was said; there is one card."""
    said = Counter(message.text for message in scene.vendor.conversations[scene.talk].messages)
    shown = Counter(one.text for one in scene.thread if one.bot_id)
    twice = {text: more for text, count in shown.items() if (more := count - max(said[text], 1)) > 0}
    books.counts["duplicated"] += sum(twice.values())
    assert not twice
    stands_once(scene, books)


def stands_once(scene: Scene, books: Books) -> None:
    marker = (scene.card.metadata or {}).get("event_payload")
    same = [one for one in cards(scene.stage) if (one.metadata or {}).get("event_payload") == marker]
    books.counts["duplicated"] += len(same) - 1
    assert len(same) == 1
