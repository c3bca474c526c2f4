"""`bridge record`: webhooks that came in, scrubbed, as fixtures for `bridge render` and `bridge replay`.

It only reads the store, also beside a bridge that runs.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bridge.adapter import Webhook
from bridge.config import Config
from bridge.errors import ConfigError
from bridge.received import again
from bridge.scrub import Scrub
from bridge.store import trace
from bridge.store.database import Database
from bridge.store.tables import inbox
from bridge.trace import duration


def options(command: argparse.ArgumentParser) -> None:
    command.add_argument("folder", type=Path, metavar="FOLDER", help="each vendor gets a folder in it")
    command.add_argument("--source", metavar="NAME", help="of this source only")
    command.add_argument(
        "--kind", metavar="KIND", help="with an event of this kind only, as /metrics has them"
    )
    command.add_argument("--since", type=duration, default=3600.0, metavar="AGO", help="default: 1h")
    command.add_argument("--limit", type=int, default=100, metavar="N", help="the newest; default: 100")


async def run(config: Config, database: Database, asked: argparse.Namespace) -> int:
    """0 where something was recorded."""
    if asked.source is not None:
        config.source(asked.source)
    found: list[tuple[Any, str]] = []
    async for row, kind in _kept(config, database, asked):
        found.append((row, kind))
        if len(found) == asked.limit:
            break
    scrub, counted = Scrub(), Counter[str]()
    for row, kind in reversed(found):  # what came first has the first number
        vendor = config.sources[row.source].adapter.vendor
        counted[f"{vendor}/{kind}"] += 1
        path = asked.folder / vendor / f"{kind}-{counted[f'{vendor}/{kind}']}.json"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:  # what is there may be somebody's work
                file.write(json.dumps(scrub(_read(row)), indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            raise ConfigError(f"cannot be written: {error.strerror}", where=str(path)) from None
        print(path)
    if not found:
        print("bridge: no such webhook was kept", file=sys.stderr)
    return 0 if found else 1


def _read(row: Any) -> dict[str, Any]:
    return Webhook("", {}, row.body, datetime.fromtimestamp(row.received_at, UTC)).json_object()


async def _kept(
    config: Config, database: Database, asked: argparse.Namespace
) -> AsyncIterator[tuple[Any, str]]:
    """The webhooks that are wanted, the newest first, each with what its file is called after."""
    sources = [asked.source] if asked.source else sorted(config.sources)
    first, last = await database.run(trace.span, inbox, time.time() - asked.since)
    for after, upto in trace.pages(first, last):
        for row in reversed(await database.run(trace.heard, after, upto, sources, ())):
            read = again(row, config.sources[row.source])
            kinds = [event.kind for event in read.events]
            if asked.kind is None or asked.kind in kinds:
                yield row, (asked.kind or (kinds[0] if kinds else "no-event")).replace("_", "-")
