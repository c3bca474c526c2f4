"""What things cost as the store grows, the memory of a process on it, and retention beside traffic.

Each round asks the stores of all sizes in turn, so that a ratio compares what was measured at the same time.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Connection, text

from benchmarks import filling
from benchmarks.report import Result
from bridge.engine.work import Done, Incoming, Turn
from bridge.model import Author, ConversationKey, Message, Role, Text, ThreadKey
from bridge.sandbox.stage import Stage
from bridge.store import Store
from tests.crash.books import shown, until
from tests.crash.traffic import talk
from tests.postgres import Postgres, find
from tests.stores import connect, opened

SIZES, QUICK_SIZES = (1_000, 100_000, 1_000_000), (1_000, 10_000)
TIMES = 20  # of one thing in a round, in one store and in the next in turn
BUDGET = 1.3
MEMORY = 150.0  # MB
LEASE = 60.0

Ask = Callable[["Filled"], Awaitable[float]]  # one time of it, in seconds


@dataclass
class Filled:
    """A store of so many conversations, in a folder that a stage can stand in."""

    size: int
    url: str
    folder: Path
    store: Store
    worker: int = 0

    @property
    def at(self) -> str:
        return f"10^{round(math.log10(self.size))}"


async def results(quick: bool) -> list[Result]:
    found: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="growth-") as folder:
        found += await _on("SQLite", Path(folder), None, quick=quick)
        for file in Path(folder).rglob("*.sqlite3*"):
            file.unlink()
        with Postgres(find()) as server:
            found += await _on("Postgres", Path(folder), server, quick=quick)
    return found


async def _on(database: str, folder: Path, server: Postgres | None, *, quick: bool) -> list[Result]:
    filled = []
    for size in QUICK_SIZES if quick else SIZES:
        home = folder / f"{database}-{size}"
        home.mkdir()
        url = server.create_database() if server else f"sqlite:///{home}/bridge.sqlite3"
        async with opened(url):
            pass
        if server:
            await filling.fill_postgres(url, size)
        else:
            await asyncio.to_thread(filling.fill_sqlite, home / "bridge.sqlite3", size)
        filled.append((size, url, home))
    return await measure(database, filled, rounds=3 if quick else 25)


async def measure(database: str, stores: Sequence[tuple[int, str, Path]], *, rounds: int) -> list[Result]:
    """Everything, of stores that are filled: the size, address and folder of each, the smallest first."""
    found: list[Result] = []
    async with contextlib.AsyncExitStack() as stack:
        filled = [await stack.enter_async_context(_opened(*one)) for one in stores]
        found += await _costs(database, filled, rounds)
    found += [await _memory(database, *one) for one in stores]
    async with _opened(*stores[-1]) as largest:
        found += await _retention(database, largest)
    return found


@contextlib.asynccontextmanager
async def _opened(size: int, url: str, folder: Path) -> AsyncIterator[Filled]:
    store = connect(url)
    worker = await store.join()
    try:
        yield Filled(size, url, folder, store, worker)
    finally:
        await store.leave(worker)
        await store.close()


# ── what things cost ─────────────────────────────────────────────────────────────────────────────

_random = random.Random(5)


def _webhook(id: str) -> tuple[Incoming, tuple[Message, ...]]:
    event = Message(
        id=f"growth:{_random.getrandbits(64):x}",
        conversation=ConversationKey(source=filling.SOURCE, id=id),
        at=datetime.now(UTC),
        author=Author(role=Role.CUSTOMER, id=id, name="Lena Fischer"),
        parts=(Text(text="And when will it be here? I have been at home all day."),),
    )
    return Incoming(filling.SOURCE, event.id, "ada", event.model_dump_json().encode()), (event,)


def _any(of: Filled) -> int:
    return _random.randint(1, of.size)


def _recent(of: Filled) -> int:
    """One of the last day, which has neither a handoff nor talked for long."""
    return of.size - _random.randrange(filling.PER_DAY // 5 - 1) * 5 - 1


def _thread(number: int) -> ThreadKey:
    return ThreadKey(team=filling.TEAM, channel=filling.CHANNEL, ts=filling.thread_ts(number))


def _timed(call: Callable[[Filled], Awaitable[object]]) -> Ask:
    return lambda of: _seconds(call(of))


async def _seconds(call: Awaitable[object]) -> float:
    began = time.perf_counter()
    await call
    return time.perf_counter() - began


async def _carried(of: Filled, number: int) -> float:
    """What a delivery costs the lanes: the webhook of a conversation is kept, then taken and recorded."""
    await of.store.keep_events(*_webhook(filling.external(number)))
    return await _seconds(_drained(of))


async def _drained(of: Filled) -> None:
    for turn in await of.store.claim(of.worker, LEASE, 1000):
        held: Turn | None = turn
        while held is not None:
            _, held = await of.store.advance(held, Done("1700000000.000200"), keep_going=True)


async def _metrics(of: Filled) -> None:
    now = time.time()
    await of.store.counts()
    await of.store.courses(now - 86_400, now)
    await of.store.backlog(86_400)


_CARRIED = "a delivery taken and recorded"
_TOLD_BEFORE = _webhook("told-before")
ASKED: dict[str, Ask] = {
    "a webhook, of a new customer": _timed(
        lambda of: of.store.keep_events(*_webhook(f"new-{_random.getrandbits(64):x}"))
    ),
    "a webhook, of a customer of today": _timed(
        lambda of: of.store.keep_events(*_webhook(filling.external(_recent(of))))
    ),
    "a webhook, of a customer of any time": _timed(
        lambda of: of.store.keep_events(*_webhook(filling.external(_any(of) // 10 * 10 + 1)))
    ),
    "a webhook told again": _timed(lambda of: of.store.keep_events(*_TOLD_BEFORE)),
    "the conversation of a thread of today": _timed(lambda of: of.store.at(_thread(_recent(of)))),
    "the conversation of a thread of any time": _timed(lambda of: of.store.at(_thread(_any(of)))),
    _CARRIED: lambda of: _carried(of, _recent(of)),
    "the Home list": _timed(lambda of: of.store.open_handoffs(100)),
    "the numbers of /metrics": _timed(_metrics),
}


async def _costs(database: str, filled: Sequence[Filled], rounds: int) -> list[Result]:
    told: dict[tuple[str, int], list[float]] = {}  # the median of each round
    for number in range(rounds + 1):
        order = filled if number % 2 else filled[::-1]
        for what, ask in ASKED.items():
            for of in order:
                await _drained(of)
            seconds: dict[int, list[float]] = {of.size: [] for of in filled}
            for _ in range(TIMES):
                for of in order:
                    seconds[of.size].append(await ask(of))
                if what == _CARRIED:
                    seconds.setdefault(0, []).append(await _carried(filled[0], filled[0].size))
            if number:  # the first is to warm up
                for size, these in seconds.items():
                    told.setdefault((what, size), []).append(statistics.median(these))
    for of in filled:
        await _drained(of)
    found = []
    for what in ASKED:
        base = told[what, filled[0].size]
        figures = ", ".join(f"{of.at} {_ms(told[what, of.size])}" for of in filled)
        for of in filled[1:]:
            ratio = _ratio(told[what, of.size], base)
            found.append(Result(f"{database}: {what}, at {of.at}", figures, ratio, BUDGET, "at most"))
    long, base = told[_CARRIED, 0], told[_CARRIED, filled[0].size]
    what = f"{database}: {_CARRIED}, after {filling.LONG:,} of its conversation"
    figures = f"{_ms(long)}, else {_ms(base)}"
    return [*found, Result(what, figures, _ratio(long, base), BUDGET, "at most")]


def _ms(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.2f} ms"


def _ratio(these: Sequence[float], base: Sequence[float]) -> float:
    return statistics.median(one / other for one, other in zip(these, base, strict=True))


# ── memory ───────────────────────────────────────────────────────────────────────────────────────


async def _memory(database: str, size: int, url: str, folder: Path) -> Result:
    """Of a real process that has carried some traffic on it, and was asked for its metrics."""
    on = None if database == "SQLite" else url
    customers, each = 100, 10
    async with Stage(folder, channel_rate=0, database_url=on) as stage:
        bridge = await stage.serve()
        await talk(stage, customers, each)
        there = lambda: sum(map(len, shown(stage).values())) >= customers * each  # noqa: E731
        await until(there, 120, "everything in its thread")
        async with httpx.AsyncClient(trust_env=False) as http:
            (await http.get(f"{stage.bridge_url}/metrics")).raise_for_status()
        command = ["ps", "-o", "rss=", "-p", str(bridge.pid)]
        told = await asyncio.to_thread(subprocess.check_output, command, text=True)
    what = f"{database}: memory of `serve` at 10^{round(math.log10(size))}"
    figures = f"after {customers * each:,} messages"
    return Result(what, figures, int(told) / 1024, MEMORY, "at most", " MB")


# ── retention ────────────────────────────────────────────────────────────────────────────────────


async def _retention(database: str, of: Filled) -> list[Result]:
    """A sweep of some thousand conversations; webhooks one after the other before, beside and after it."""
    keep = (of.size - min(of.size // 5, 5_000)) * filling.APART
    free = await _free_space(of)
    before = await _acks(of, asyncio.sleep(4))
    began = time.perf_counter()
    sweep = asyncio.create_task(of.store.sweep(keep))
    beside = await _acks(of, sweep)
    seconds = time.perf_counter() - began
    after = await _acks(of, asyncio.sleep(4))
    without, rows = before + after, sum(sweep.result().values())
    figures = f"{rows:,} rows in {seconds:.0f} s"
    if free is not None:
        figures += f", {((await _free_space(of) or 0) - free) / 2**20:.0f} MB to be used again"
    found = [Result(f"{database}: retention at {of.at}, rows deleted", figures, rows / seconds, unit="/s")]
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        one, other = _at(beside, share), _at(without, share)
        figures = f"beside it {one * 1000:.2f} ms, without {other * 1000:.2f} ms"
        found.append(Result(f"{database}: {name} of a webhook beside retention", figures, one / other))
    return found


async def _acks(of: Filled, meanwhile: Awaitable[Any]) -> list[float]:
    """What webhooks take, a hundred a second or fewer, until `meanwhile` is done."""
    until_then = asyncio.ensure_future(meanwhile)
    seconds = []
    while not until_then.done():
        seconds.append(await _seconds(of.store.keep_events(*_webhook(filling.external(_recent(of))))))
        await asyncio.sleep(0.01)
    return seconds


def _at(seconds: list[float], share: float) -> float:
    return sorted(seconds)[int(len(seconds) * share)]


async def _free_space(of: Filled) -> float | None:
    """Bytes of a SQLite file that hold nothing."""

    def read(connection: Connection) -> float | None:
        if connection.dialect.name != "sqlite":
            return None
        pages = (
            connection.execute(text(f"PRAGMA {one}")).scalar_one() for one in ("freelist_count", "page_size")
        )
        return float(math.prod(pages))

    return await of.store._database.run(read)
