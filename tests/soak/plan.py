"""What everybody does in a soak, and what goes wrong meanwhile: all drawn beforehand, from one seed. Pure."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass

#: how likely a customer is at which source
SOURCES = {"acme-ada": 6, "acme-gptbots": 5, "acme-moveo": 5, "quiet-ada": 4, "quiet-moveo": 3}
#: who is in the channel of which source
AGENTS = {source: ["U0MINA", "U0JO"] for source in SOURCES}
for _source in ("acme-moveo", "quiet-ada", "quiet-moveo"):
    AGENTS[_source].append("U0LEE")

ARRIVALS = 12.0  # seconds between two customers in an ordinary minute
RUSH = (0.35, 0.55)  # the part of the time in which three times as many come
INCIDENTS = 150.0  # seconds between two ends of processes
FAULTS = 6.0  # between two faults
REPEATS = 5.0  # between two things that are told again
ROUNDS = 3  # times that one customer asks for a human, at most


@dataclass(frozen=True)
class Deed:
    """Somebody does something, `at` so many seconds of traffic after the start.

    `customer` is whose conversation it is about; those of nobody are troubles. `numbers` are in what is
    said or written: nobody else has them. `how` and `chance` say more.
    """

    at: float
    what: str
    customer: int | None = None
    who: str = ""
    numbers: tuple[int, ...] = ()
    how: str = ""
    chance: float = 0.0


@dataclass(frozen=True)
class Plan:
    """`scale`: how many times faster than life it is lived."""

    seed: int
    minutes: float
    scale: float
    customers: tuple[str, ...]  # the source of each
    deeds: tuple[Deed, ...]

    def of(self, customer: int | None) -> list[Deed]:
        """What is done about one customer, or what goes wrong, in order."""
        return [deed for deed in self.deeds if deed.customer == customer]


def plan(seed: int, minutes: float, scale: float) -> Plan:
    draw = random.Random(seed)  # noqa: S311 - what is drawn has to be the same again
    end = minutes * 60
    deeds = [*_troubles(draw, end)]
    customers: list[str] = []
    numbers = itertools.count(1)
    for begins in _arrivals(draw, end):
        source = draw.choices(list(SOURCES), list(SOURCES.values()))[0]
        story = _Story(draw, len(customers), source, begins, numbers)
        customers.append(source)
        deeds += itertools.takewhile(lambda deed: deed.at < end, story.told())
    return Plan(seed, minutes, scale, tuple(customers), tuple(sorted(deeds, key=lambda deed: deed.at)))


def _arrivals(draw: random.Random, end: float) -> Iterator[float]:
    at = 0.0
    while True:
        rush = RUSH[0] * end < at < RUSH[1] * end
        at += draw.expovariate(1 / ARRIVALS) / (3 if rush else 1)
        if at > 0.95 * end:
            return
        yield at


# ── a customer and those who answer ──────────────────────────────────────────────────────────────


class _Story:
    def __init__(
        self, draw: random.Random, customer: int, source: str, begins: float, numbers: Iterator[int]
    ) -> None:
        self._draw = draw
        self._customer = customer
        self._at = begins
        self._numbers = numbers
        self._agents = AGENTS[source]

    def told(self) -> Iterator[Deed]:
        yield self._deed("opens", numbers=1)
        yield from self._talks(most=3)
        for _ in range(ROUNDS):
            if self._draw.random() < 0.3:
                break
            if self._draw.random() < 0.2:  # too soon: the AI agent has the conversation
                yield self._writes("answer")
                yield self._decides()
            yield self._deed("asks", numbers=1, pause=(5, 30))
            yield from self._is_helped()
            yield from self._ends()
            if self._draw.random() < 0.5:
                break
            yield from self._talks(most=2)  # they come back
        if self._draw.random() < 0.8:  # so few stay open that a look into all threads stays one into all
            yield self._deed("leaves", pause=(10, 60))

    def _talks(self, most: int) -> Iterator[Deed]:
        """In rhythm, or all at once."""
        for _ in range(self._draw.randint(0, most)):
            burst = self._draw.randint(2, 6) if self._draw.random() < 0.25 else 1
            how = "question" if self._draw.random() < 0.8 else "products"
            yield self._deed("says", numbers=burst, how=how, pause=(4, 35))

    def _is_helped(self) -> Iterator[Deed]:
        draw = self._draw
        if draw.random() < 0.1:
            return  # nobody comes
        owner = draw.choice(self._agents)
        if draw.random() < 0.8:
            yield self._deed("claims", who=owner, how=draw.choice(("word", "card", "alert")), pause=(5, 60))
            if draw.random() < 0.2:  # and so does another
                yield self._deed("claims", who=draw.choice(self._agents), how="word", pause=(0, 1))
        for _ in range(draw.randint(1, 6)):
            who = owner if draw.random() < 0.9 else draw.choice(self._agents)
            what = draw.random()
            if what < 0.35:
                burst = draw.randint(2, 6) if draw.random() < 0.3 else 1
                yield self._deed("says", numbers=burst, how="answer", pause=(4, 40))
            elif what < 0.9:
                ways = ("answer", "note", "note word", "edited", "deleted", "locked")
                how = draw.choices(ways, (12, 2, 2, 2, 2, 2))[0]
                yield self._writes(how, who, burst=draw.randint(1, 3) if how == "answer" else 1)
            elif what < 0.95:
                yield self._deed("releases", who=who, pause=(5, 30))
            else:
                yield self._deed("transfers", who=who, how=draw.choice(self._agents), pause=(5, 30))
            if who != owner:
                yield self._decides()

    def _ends(self) -> Iterator[Deed]:
        draw = self._draw
        ways = ("hands back", "resolves", "the vendor ends it", "leaves", "it goes on")
        way = draw.choices(ways, (3, 4, 2, 2, 2))[0]
        if way != "it goes on":
            what = {"hands back": "hands_back", "the vendor ends it": "ends_at_the_vendor"}.get(way, way)
            yield self._deed(what, who=draw.choice(self._agents), pause=(5, 40))
            if draw.random() < 0.25:  # a word too late
                yield self._writes("answer")
                yield self._decides()
            if draw.random() < 0.2:
                yield self._deed("reopens", who=draw.choice(self._agents), pause=(20, 60))
                yield self._writes("answer")

    def _writes(self, how: str, who: str = "", burst: int = 1) -> Deed:
        who = who or self._draw.choice(self._agents)
        return self._deed("writes", who=who, numbers=burst, how=how, pause=(3, 30))

    def _decides(self) -> Deed:
        """Whoever was asked about a reply of theirs says what becomes of it; or does not."""
        how = self._draw.choice(("note", "once", "take_over", "reopen", "nothing"))
        return self._deed("decides", how=how, pause=(5, 20))

    def _deed(
        self,
        what: str,
        *,
        who: str = "",
        numbers: int = 0,
        how: str = "",
        pause: tuple[float, float] = (0, 0),
    ) -> Deed:
        self._at += self._draw.uniform(*pause)
        taken = tuple(itertools.islice(self._numbers, numbers))
        return Deed(self._at, what, self._customer, who, taken, how)


# ── troubles ─────────────────────────────────────────────────────────────────────────────────────


def _troubles(draw: random.Random, end: float) -> Iterator[Deed]:
    at, ways = 0.0, 0
    while (at := at + draw.uniform(0.6, 1.4) * INCIDENTS) < 0.9 * end:
        # By turns, so that a short time has both; on SQLite there is one process only.
        yield Deed(at, ("killed", "restarted")[ways % 2], chance=draw.random())
        ways += 1
    at = 0.0
    while (at := at + draw.expovariate(1 / FAULTS)) < end:
        yield Deed(at, "fault", how=draw.choice(("slack", "vendor")), chance=draw.random())
    at = 0.0
    while (at := at + draw.expovariate(1 / REPEATS)) < end:
        yield Deed(at, "repeated", how=draw.choice(("slack", "vendor")), chance=draw.random())
