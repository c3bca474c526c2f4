"""Idle: how long after a webhook is sent its call to Slack begins, and what an idle process costs.

One message now and then, in conversations that have their threads; Slack's pace is kept, at the highest rate
that can be configured, so that nothing waits for it. Across processes: the webhook comes in at a process that
carries nothing, and `bridge work` is another one, woken through Postgres.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from statistics import quantiles

import httpx
import uvicorn
from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import Response

from adapters.ada import Ada, AdaSecrets, AdaSettings
from benchmarks import webhooks
from benchmarks.ground import FASTEST, Ground
from benchmarks.report import DATABASES, Result
from benchmarks.slack import Answers
from bridge import web
from bridge.sandbox.stage import HOST, free_port
from tests.stores import connect

P50, P99 = 0.008, 0.025  # seconds
CPU = 2.0  # percent of a core
THREADS = 5
PAUSE = 0.03  # seconds, up to twice that


async def results(quick: bool) -> list[Result]:
    samples, seconds = (5, 1.0) if quick else (400, 10.0)
    lines: list[Result] = []
    for kind, name in DATABASES.items():
        async with _slack() as (answers, slack), Ground() as ground:
            serving = await ground.bridge("serve", await ground.database(kind), slack, paced=FASTEST)
            lines += _within(name, await _samples(ground, answers, serving.url, samples))
            before = serving.cpu
            await asyncio.sleep(seconds)
            used = (serving.cpu - before) / seconds * 100
            lines.append(
                Result(f"idle CPU of `serve`, {name}", f"over {seconds:.0f} s", used, CPU, "at most", " %")
            )
    async with _slack() as (answers, slack), Ground() as ground:
        database = await ground.database("postgres")
        await ground.bridge("work", database, slack, paced=FASTEST)
        async with _ingest(ground, database) as url:
            lines += _within("across processes, Postgres", await _samples(ground, answers, url, samples))
    return lines


@contextlib.asynccontextmanager
async def _slack() -> AsyncIterator[tuple[Answers, str]]:
    """In this process, where the time of each call can be seen."""
    answers, port = Answers(), free_port()
    async with await answers.listen(port):
        yield answers, f"http://{HOST}:{port}"


@contextlib.asynccontextmanager
async def _ingest(ground: Ground, database: str) -> AsyncIterator[str]:
    """The web app in this process, on the store of the others, without anything that carries."""

    async def unused(_request: Request) -> Response:
        raise NotImplementedError

    async def ready() -> tuple[bool, dict[str, str]]:
        return True, {}

    store, port = connect(database), free_port()
    await store.join()
    settings = AdaSettings(base_url="https://ada.invalid", handoff_label=None, keep_limits=False)
    key, secret = SecretStr("key"), SecretStr(ground.webhook_secret)
    async with httpx.AsyncClient() as http:
        ada = Ada(
            "acme-ada",
            settings,
            AdaSecrets(api_key=key, webhook_secret=(secret,), handoff_token=(key,)),
            http,
        )
        app = web.build({"acme-ada": ada}, store, unused, ready, max_body=1024**2)
        server = uvicorn.Server(
            uvicorn.Config(app, host=HOST, port=port, log_config=None, access_log=False, lifespan="off")
        )
        serving = asyncio.create_task(server.serve())
        try:
            while not server.started:
                await asyncio.sleep(0.01)
            yield f"http://{HOST}:{port}"
        finally:
            server.should_exit = True
            await serving
            await store.close()


async def _samples(ground: Ground, answers: Answers, url: str, count: int) -> list[float]:
    """Seconds from sending a webhook to Slack's getting the message."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:

        async def send(number: int) -> float:
            body, headers = webhooks.ada(ground.webhook_secret, f"c{number % THREADS}", webhooks.fresh())
            before, began = len(answers.calls), time.monotonic()
            (await http.post("/webhooks/acme-ada", content=body, headers=headers)).raise_for_status()
            async with asyncio.timeout(30):
                while len(answers.calls) == before:
                    await asyncio.sleep(0.001)
            return answers.calls[before] - began

        for number in range(THREADS):  # the first of a conversation has its card before it
            await send(number)
            await asyncio.sleep(0.2)
        found = []
        for number in range(count):
            found.append(await send(number))
            await asyncio.sleep(PAUSE * (1 + random.random()))
        return found


def _within(where: str, found: list[float]) -> list[Result]:
    parts = quantiles(found, n=100)
    return [
        Result(
            f"idle, webhook → Slack's call, {where}: {name}",
            f"{len(found)} webhooks",
            parts[at] * 1000,
            budget * 1000,
            "at most",
            " ms",
        )
        for name, at, budget in (("p50", 49, P50), ("p99", 98, P99))
    ]
