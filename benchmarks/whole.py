"""The whole path: signed webhooks go in as fast as they are taken, each becomes a message in Slack.

Slack answers at once and nothing is paced. Against a bare loop that makes the same calls to Slack: the same
client and session, as many at once, the same body; it reads, keeps and orders nothing. And the way from the
store on alone: what was queued while nobody carried.
As that loop: `python -m benchmarks.whole SLACK COUNT BODY OUT`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from statistics import median

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from benchmarks import webhooks, wrk
from benchmarks.ground import NOT_AT_ALL, Ground, Process
from benchmarks.loop import run
from benchmarks.report import DATABASES, Result, per_second
from bridge.config import Engine
from tests.stores import opened, receive, said

BUDGET = 0.6
THREADS = 200
MOST = 3000  # webhooks a second: so many are signed beforehand
POST = "/api/chat.postMessage"


async def results(quick: bool) -> list[Result]:
    rounds, seconds, each = (1, 1, 2) if quick else (3, 3, 25)
    whole: dict[str, list[tuple[float, float]]] = {kind: [] for kind in DATABASES}
    carried: dict[str, list[tuple[float, float]]] = {kind: [] for kind in DATABASES}
    for _ in range(rounds):
        for kind in DATABASES:
            async with Ground() as ground:
                slack = await ground.server("slack")
                rate = await _whole(ground, slack, kind, seconds)
                whole[kind].append((rate, await _bare(ground, slack)))
            async with Ground() as ground:
                slack = await ground.server("slack")
                rate = await _carried(ground, slack, kind, each)
                carried[kind].append((rate, await _bare(ground, slack)))
    return [
        *(_line(f"whole path, webhook to Slack, {DATABASES[kind]}", runs) for kind, runs in whole.items()),
        *(_line(f"from the store to Slack, {DATABASES[kind]}", runs) for kind, runs in carried.items()),
    ]


async def _whole(ground: Ground, slack: Process, kind: str, seconds: int) -> float:
    """Calls to Slack a second, from the first webhook to the last call."""
    serving = await ground.bridge("serve", await ground.database(kind), slack.url, paced=NOT_AT_ALL)
    await ground.open_threads(slack, serving, THREADS)
    before = (await slack.seen())["counts"][POST]
    told = webhooks.of_ada(ground.webhook_secret, MOST * seconds, THREADS)
    file = webhooks.write(ground.file("ada"), "/webhooks/acme-ada", told)
    began = time.monotonic()
    load = await wrk.press(f"{serving.url}/webhooks/acme-ada", file, seconds, distinct=len(told))
    # what was under way when wrk stopped counting is carried as well
    seen = await slack.until(lambda seen: seen["counts"][POST] >= before + load.requests)
    await serving.stop()
    return float((seen["counts"][POST] - before) / (seen["last"] - began))


async def _carried(ground: Ground, slack: Process, kind: str, each: int) -> float:
    """Calls to Slack a second, for what stands in the store when the bridge starts."""
    database = await ground.database(kind)
    async with opened(database) as store:
        for number in range(each):
            await asyncio.gather(*(receive(store, said(f"c{name}", number)) for name in range(THREADS)))
    serving = await ground.bridge("serve", database, slack.url, paced=NOT_AT_ALL)
    seen = await slack.until(
        lambda seen: seen["counts"].get(POST, 0) >= THREADS * (each + 1)
    )  # and each one's card
    await serving.stop()
    return float(seen["counts"][POST] / (seen["last"] - seen["first"]))


async def _bare(ground: Ground, slack: Process) -> float:
    """As many calls a second, by the loop."""
    seen = await slack.seen()
    body, out = ground.file("body.json"), ground.file("out.json")
    body.write_text(seen["body"])
    loop = await ground.spawn("benchmarks.whole", slack.url, str(seen["counts"][POST]), str(body), str(out))
    await loop.ended()
    return float(json.loads(out.read_text()))


async def bare(slack: str, count: int, body: dict[str, object]) -> float:
    left = iter(range(count))
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient("xoxb-bench", base_url=f"{slack}/api/", session=session, retry_handlers=[])

        async def one() -> None:
            for _ in left:
                await client.api_call("chat.postMessage", json=body)

        began = time.monotonic()
        await asyncio.gather(*(one() for _ in range(Engine().concurrency)))
        return count / (time.monotonic() - began)


def _line(what: str, runs: list[tuple[float, float]]) -> Result:
    ours, theirs = (median(one) for one in zip(*runs, strict=True))
    return Result(
        f"{what}, against a bare loop of the same calls",
        f"ours {per_second(ours)}, the loop {per_second(theirs)}",
        median(one / other for one, other in runs),
        BUDGET,
    )


if __name__ == "__main__":
    found = run(bare(sys.argv[1], int(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text())))
    Path(sys.argv[4]).write_text(json.dumps(found))
