"""The lanes alone: 10 deliveries in each of 1,000 conversations, queued already; the handler does nothing.

Claimed, begun, recorded and committed one by one, in order. Against procrastinate on the same Postgres.
As a worker: `python -m benchmarks.lanes DATABASE GO OUT`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import sys
from pathlib import Path
from statistics import median

from benchmarks import race
from benchmarks.ground import Ground
from benchmarks.loop import run
from benchmarks.race import Carried
from benchmarks.report import DATABASES, Result, per_second
from bridge.config import Engine
from bridge.engine.lanes import Lanes
from bridge.engine.work import Done, NewDelivery, Outcome, Turn
from bridge.model import Direction
from tests.stores import opened, receive, said

FASTEST = {"sqlite": 5000.0, "postgres": 2500.0}  # deliveries a second
AGAINST_LIBRARY = 2.5
TWO_AGAINST_ONE = 1.3
AT_ONCE = 64

WAYS = {
    "lock": "procrastinate, one job with lock= for each message",
    "waker": "procrastinate only waking: a mailbox, and a job with lock= that empties it",
}


async def results(quick: bool) -> list[Result]:
    conversations, each, rounds = (50, 4, 1) if quick else (1000, 10, 3)
    library = importlib.util.find_spec("procrastinate") is not None  # `python -m benchmarks` wants it
    ways = WAYS if library else {}
    names = ("sqlite", "postgres", "two", *ways)
    rates: dict[str, list[float]] = {name: [] for name in names}
    async with Ground() as ground:
        for _ in range(rounds):
            for name in names:
                rates[name].append(await _race(ground, name, conversations, each))

    def against(ours: str, theirs: str) -> tuple[str, float]:
        ratio = median(one / other for one, other in zip(rates[ours], rates[theirs], strict=True))
        return f"{told(ours)} against {told(theirs)}", ratio

    def told(name: str) -> str:
        return per_second(median(rates[name]))

    size = f"{conversations:,} conversations × {each}, in order"
    return [
        *(
            Result(
                f"lanes alone, {DATABASES[kind]}",
                size,
                median(rates[kind]),
                FASTEST[kind],
                unit="/s",
            )
            for kind in DATABASES
        ),
        Result(
            "lanes alone, two workers on Postgres against one",
            *against("two", "postgres"),
            TWO_AGAINST_ONE,
        ),
        *(
            # The second is no library that keeps order: half of an engine is one's own.
            Result(
                f"lanes alone, Postgres, against {way}",
                *against("postgres", name),
                AGAINST_LIBRARY if name == "lock" else None,
            )
            for name, way in ways.items()
        ),
    ]


async def _race(ground: Ground, name: str, conversations: int, each: int) -> float:
    """One run in a database of its own."""
    kind = "sqlite" if name == "sqlite" else "postgres"
    url = await ground.database(kind)
    try:
        if name in WAYS:
            filled = await ground.spawn("benchmarks.queues", "fill", url, name, str(conversations), str(each))
            await filled.ended()
            command: tuple[str, ...] = ("benchmarks.queues", "work", url, name, str(conversations * each))
        else:
            await _fill(url, conversations, each)
            command = ("benchmarks.lanes", url)
        return await race.rate(ground, command, 2 if name == "two" else 1, conversations, each)
    finally:
        ground.drop(url)


async def _fill(url: str, conversations: int, each: int) -> None:
    """As webhooks do."""
    async with opened(url) as store:
        limit = asyncio.Semaphore(AT_ONCE)

        async def one(conversation: str, number: int) -> None:
            async with limit:
                await receive(store, said(conversation, number))

        for number in range(each):
            await asyncio.gather(*(one(f"c{name}", number) for name in range(conversations)))


class Nothing:
    """Carries a delivery nowhere."""

    def __init__(self, carried: Carried) -> None:
        self._carried = carried

    async def carry(self, turn: Turn) -> Outcome:
        conversation, _, number = json.loads(turn.body)["id"].partition(":")
        self._carried.add(conversation, int(number))
        return Done()

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        return ()


async def work(url: str, go: Path, out: Path) -> None:
    carried = Carried()
    async with opened(url) as store:
        lanes = Lanes(store, {one: Nothing(carried) for one in Direction}, Engine())

        async def until_idle() -> None:
            await lanes.start()
            while await store.next_due() is not None:  # a lane that is held is due when its lease ends
                await asyncio.sleep(0.02)

        await race.run(go, out, carried, until_idle)
        await lanes.stop(5)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    run(work(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
