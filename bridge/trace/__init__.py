"""`bridge trace`: the whole life of one message or conversation, and why something did not arrive.

It only reads, also beside a bridge that runs, on either database.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from typing import Any

from pydantic import TypeAdapter, ValidationError
from slack_sdk.web.async_client import AsyncWebClient

from bridge.config import Config, Workspace
from bridge.config.values import Duration
from bridge.errors import DeliveryError
from bridge.received import SLACK
from bridge.slack.api import SlackApi
from bridge.store import Store, trace
from bridge.store.database import Database
from bridge.trace.finding import Found, find, heard
from bridge.trace.lines import lines
from bridge.trace.telling import KEEPING, Telling, Told

MOST = 1000  # deliveries of one conversation
PATIENCE = 3.0  # seconds for Slack to say where messages are shown


def options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "wanted",
        metavar="WHAT",
        help="a conversation's id at its vendor, or source/id; a link to a Slack message, or its ts; "
        "a vendor's message id; a delivery's number",
    )
    command.add_argument("--source", metavar="NAME", help="where several sources have the id")
    command.add_argument(
        "--since",
        type=duration,
        default=86400.0,
        metavar="AGO",
        help="how far back webhooks are looked through for what is in no conversation; default: 1d",
    )
    command.add_argument("--json", action="store_true", help="for a program to read")
    command.add_argument("--text", action="store_true", help="also what was written")


def duration(text: str) -> float:
    """As config.toml has them: "90s", "6h", "2d"."""
    try:
        return TypeAdapter(Duration).validate_python(text)
    except ValidationError:
        raise argparse.ArgumentTypeError(f'{text!r} is not a duration; write it like "30m" or "2d"') from None


async def run(config: Config, database: Database, asked: argparse.Namespace) -> int:
    """0 where something was found."""
    if asked.source is not None:
        config.source(asked.source)
    found = await find(database, asked.wanted, asked.source, time.time() - asked.since)
    telling = Telling(
        config, await _addresses(config, Store(database, dsn=None)) if found.meant else {}, text=asked.text
    )
    told = [await _told(database, telling, about, only) for about, only in found.meant]
    nowhere = [telling.webhook(row) for row in found.webhooks]
    for one in nowhere:
        one.pop("keys")
    if asked.json:
        answer = {"lives": told, "webhooks": nowhere, "looked_for": found.looked, "why": found.why}
        print(json.dumps(answer, indent=2, ensure_ascii=False))
    else:
        _print(told, nowhere)
    if not told:
        print(_nothing(asked.wanted, found), file=sys.stderr)
    return 0 if told or nowhere else 1


async def _told(database: Database, telling: Telling, about: int, only: int | None) -> dict[str, Any]:
    life = await database.run(trace.life, about, MOST, only)
    stands, webhooks = life.conversation, []
    of_source = ([stands.key.source], [stands.key.id])
    if only is None:
        since, until = stands.created_at - KEEPING, None
        words = [([SLACK], [one.ts, one.channel]) for one in life.threads]
        for sources, named in [of_source, *words]:
            webhooks += await heard(database, since, until, sources, named)
    else:
        (row,) = (one for one in life.deliveries if one.id == only)
        words = [([SLACK], [row.message])] if row.message else [of_source]
        for sources, named in words:
            webhooks += await heard(
                database, row.created_at - KEEPING, row.created_at + KEEPING, sources, named
            )
    ids = {row.id: row for row in webhooks}
    happened = telling.life(life, [ids[id] for id in sorted(ids)])
    if only is not None:
        happened = [one for one in happened if one["what"] == "delivery" or one.get("deliveries")]
    return {**telling.conversation(life), "older_left_out": life.older, "life": happened}


async def _addresses(config: Config, store: Store) -> dict[str, str]:
    """Where Slack shows messages, by team; without those that Slack does not tell."""
    told = await asyncio.gather(*(_address(one, store) for one in config.workspaces.values()))
    return dict(one for one in told if one is not None)


async def _address(one: Workspace, store: Store) -> tuple[str, str] | None:
    """https://docs.slack.dev/reference/methods/auth.test"""
    client = AsyncWebClient(
        token=one.bot_token.get_secret_value(),
        base_url=one.slack.api_url.rstrip("/") + "/",
        timeout=int(PATIENCE),
        retry_handlers=[],
    )
    try:
        us = await SlackApi(client, one.slack, store, one.bot_variable).authenticate()
    except DeliveryError:
        return None
    return (us.team, us.address) if us.address else None


def _print(told: list[dict[str, Any]], nowhere: list[Told]) -> None:
    for one in told:
        route, owner = one["route"], f" ({one['owner']})" if one["owner"] else ""
        since = f" since {one['since']}" if one["since"] else ""
        print(f"{one['conversation']}, {one['vendor']}: control is {one['control']}{owner}{since}")
        print(
            f"route {route['number']}: channel {route['channel']}, mirror {route['mirror']}, "
            f"reply_mode {route['reply_mode']}, alert_channel {route['alert_channel'] or 'none'}"
        )
        if one["older_left_out"]:
            print(f"{one['older_left_out']} older deliveries are left out")
        for happened in one["life"]:
            print("\n".join(lines(happened)))
    for one in nowhere:
        print("\n".join(lines(one)))


def _nothing(wanted: str, found: Found) -> str:
    told = [f"bridge: no conversation or delivery is known as {wanted}"]
    told += [f"  looked for {one}" for one in found.looked]
    told += [f"  {one}" for one in found.why]
    return "\n".join(told)
