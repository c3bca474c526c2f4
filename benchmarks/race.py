"""Workers that carry what is queued and do nothing with it: how long they take, and whether the order held.

Each is a process of its own. It gets ready, begins when the file `go` is there, and writes down when it
carried what, by the clock that all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path

from benchmarks.ground import Ground

READY = "ready"
LONGEST = 120.0  # seconds


class Carried:
    """What this worker carried, and when: the handler's side."""

    def __init__(self) -> None:
        self.log: list[tuple[str, int, float]] = []

    def add(self, conversation: str, number: int) -> None:
        self.log.append((conversation, number, time.monotonic()))


async def run(go: Path, out: Path, carried: Carried, work: Callable[[], Awaitable[object]]) -> None:
    """A worker's life: `work` ends when nothing is left."""
    print(READY, flush=True)
    while not go.exists():
        await asyncio.sleep(0.002)
    began = time.monotonic()
    async with asyncio.timeout(LONGEST):
        await work()
    told = {"began": began, "ended": time.monotonic(), "carried": carried.log}
    out.write_text(json.dumps(told))


async def rate(
    ground: Ground, command: tuple[str, ...], workers: int, conversations: int, each: int
) -> float:
    """Deliveries a second by so many `command GO OUT`. Raises `RuntimeError` where one is missing, came twice
    or out of order."""
    go, outs = ground.file("go"), [ground.file("out.json") for _ in range(workers)]
    running = [await ground.spawn(*command, str(go), str(out)) for out in outs]
    for one in running:
        await one.until_said(READY)
    go.touch()
    for one in running:
        await one.ended(LONGEST + 10)
    told = [json.loads(out.read_text()) for out in outs]
    check([tuple(one) for part in told for one in part["carried"]], conversations, each)
    seconds: float = max(one["ended"] for one in told) - min(one["began"] for one in told)
    return conversations * each / seconds


def check(carried: list[tuple[str, int, float]], conversations: int, each: int) -> None:
    found: dict[str, list[int]] = defaultdict(list)
    for conversation, number, _at in sorted(carried, key=lambda one: one[2]):
        found[conversation].append(number)
    wrong = [name for name, numbers in found.items() if numbers != list(range(each))]
    if wrong or len(found) != conversations:
        raise RuntimeError(
            f"{conversations - len(found)} conversations are missing, {len(wrong)} not in order or not whole"
        )
