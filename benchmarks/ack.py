"""The durable ack: how fast a webhook is verified, deduplicated, committed and answered.

Against the same endpoint without a store, and against a Bolt script that passes on what it is told. Slack
answers at once, and the bridge posts there at the pace that it has by default.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

from benchmarks import webhooks, wrk
from benchmarks.ground import AS_SLACK_WANTS, NOT_AT_ALL, Ground, Process
from benchmarks.report import DATABASES, Result, ms, per_second
from benchmarks.wrk import Load

RATE = {"sqlite": 0.4, "postgres": 0.3}  # of the bare endpoint's
SLOWEST = 4.0  # times the bare endpoint's p99
MOST = 6000  # requests a second: so many are signed beforehand
THREADS = 200

Runs = Mapping[str, list[Load]]
Sign = Callable[[str, int], Path]


async def results(quick: bool) -> list[Result]:
    rounds, seconds = (1, 1) if quick else (3, 4)
    async with Ground() as ground:
        told = await _webhooks(ground, rounds, seconds)
    async with Ground() as ground:
        written = await _replies(ground, rounds, seconds)
    return [
        *(line for kind in DATABASES for line in _against_bare(kind, told)),
        *(_against_plain("Ada's webhook", kind, told) for kind in DATABASES),
        *(_against_plain("Slack's event", kind, written) for kind in DATABASES),
    ]


async def _webhooks(ground: Ground, rounds: int, seconds: int) -> Runs:
    slack = await ground.server("slack")
    servers = await _bridges(ground, slack, AS_SLACK_WANTS)
    servers["bare"] = await ground.server("bare")

    def sign(_name: str, count: int) -> Path:
        told = webhooks.of_ada(ground.webhook_secret, count)
        return webhooks.write(ground.file("ada"), "/webhooks/acme-ada", told)

    return await _in_turn(servers, "/webhooks/acme-ada", sign, rounds, seconds)


async def _replies(ground: Ground, rounds: int, seconds: int) -> Runs:
    """The same for what agents write, in threads that have to be there before."""
    slack = await ground.server("slack")
    servers = await _bridges(ground, slack, NOT_AT_ALL)
    threads = {name: await ground.open_threads(slack, server, THREADS) for name, server in servers.items()}

    def sign(name: str, count: int) -> Path:
        told = webhooks.of_slack(ground.signing_secret, count, threads[name])
        return webhooks.write(ground.file("slack"), "/slack/events", told)

    return await _in_turn(servers, "/slack/events", sign, rounds, seconds)


async def _bridges(ground: Ground, slack: Process, paced: str) -> dict[str, Process]:
    servers = {
        kind: await ground.bridge("serve", await ground.database(kind), slack.url, paced=paced)
        for kind in DATABASES
    }
    return {**servers, "plain": await ground.server("plain", slack.url)}


async def _in_turn(servers: Mapping[str, Process], path: str, sign: Sign, rounds: int, seconds: int) -> Runs:
    """Each server's runs; in each round one after the other, so that what else the machine does hits all."""
    runs: dict[str, list[Load]] = {name: [] for name in servers}
    for number in range(rounds + 1):
        for name, server in servers.items():
            lasts = seconds if number else 1  # the first is to warm up
            file = await asyncio.to_thread(sign, name, MOST * lasts)
            distinct = None if name == "bare" else MOST * lasts
            load = await wrk.press(server.url + path, file, lasts, distinct=distinct)
            file.unlink()
            if number:
                runs[name].append(load)
    return runs


def _against_bare(kind: str, runs: Runs) -> list[Result]:
    ours, bare = runs[kind], runs["bare"]
    return [
        Result(
            f"durable ack of a webhook, {DATABASES[kind]}: rate, against the bare endpoint",
            f"ours {_rate(ours)}, bare {_rate(bare)}",
            median(one.rate / other.rate for one, other in zip(ours, bare, strict=True)),
            RATE[kind],
        ),
        Result(
            f"durable ack of a webhook, {DATABASES[kind]}: p99, against the bare endpoint",
            f"ours {_p99(ours)}, bare {_p99(bare)}",
            median(one.p99 / other.p99 for one, other in zip(ours, bare, strict=True)),
            SLOWEST,
            "at most",
        ),
    ]


def _against_plain(what: str, kind: str, runs: Runs) -> Result:
    ours, plain = runs[kind], runs["plain"]
    return Result(
        f"{what}, {DATABASES[kind]}: rate of the ack, against a plain Bolt script",
        f"ours {_rate(ours)} (p99 {_p99(ours)}), plain {_rate(plain)} (p99 {_p99(plain)})",
        median(one.rate / other.rate for one, other in zip(ours, plain, strict=True)),
    )


def _rate(runs: list[Load]) -> str:
    return per_second(median(one.rate for one in runs))


def _p99(runs: list[Load]) -> str:
    return ms(median(one.p99 for one in runs))
