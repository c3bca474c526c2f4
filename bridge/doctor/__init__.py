"""`bridge doctor`: what is wrong with a configuration and with all it names, and what to do about each.

Each subject is a file with a `check`; they ask at the same time, and are told in this order. Nothing is
changed anywhere, and no secret is told.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterable

from bridge.adapter import Finding, Standing, unknown, wrong
from bridge.config import Config
from bridge.doctor import address, channels, clocks, configuration, database, routes, slack, sources
from bridge.doctor.case import Case, client
from bridge.doctor.report import Report, as_json, as_text
from bridge.errors import ConfigError

PATIENCE = 45.0  # seconds for a subject; each call has less

SUBJECTS: dict[str, Callable[[Case], Awaitable[Iterable[Finding]]]] = {
    "configuration": configuration.check,
    "routes": routes.check,
    "slack": slack.check,
    "channels": channels.check,
    "address": address.check,
    "sources": sources.check,
    "database": database.check,
}


def options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="for a program to read")
    command.add_argument(
        "--before-start",
        action="store_true",
        help="leave out what asks a running bridge: for a release phase",
    )


async def run(load: Callable[[], Config], asked: argparse.Namespace) -> int:
    """Print what was found. 0: all will work; 1: something will not; 2: the configuration cannot be read."""
    try:
        config = load()
    except ConfigError as error:
        found: Report = {"configuration": configuration.faults(error)}
        routing, code = [], 2
    else:
        found = await examine(config, running=not asked.before_start)
        broken = any(one.standing is Standing.WRONG for some in found.values() for one in some)
        routing, code = routes.table(config), 1 if broken else 0
    print(as_json(found, routing) if asked.json else as_text(found))
    return code


async def examine(config: Config, *, running: bool) -> Report:
    skews: dict[str, float] = {}
    async with client(skews) as http:
        case = Case(config, http, running=running, skews=skews)
        found = await asyncio.gather(*(_in_time(check(case)) for check in SUBJECTS.values()))
        clock = clocks.check(case)
    return {**dict(zip(SUBJECTS, found, strict=True)), "clock": clock}


async def _in_time(check: Awaitable[Iterable[Finding]]) -> tuple[Finding, ...]:
    try:
        async with asyncio.timeout(PATIENCE):
            return tuple(await check)
    except TimeoutError:
        return (unknown(f"no answer within {PATIENCE:.0f} s", remedy="Ask again"),)
    except Exception as error:  # the other checks are worth more than its traceback, which may hold a secret
        remedy = "Look at the settings that it is about; if they are right, this is a fault in the bridge"
        return (wrong(f"the check itself failed ({type(error).__name__})", remedy=remedy),)
