"""`bridge deadletters`: what failed, or may have. Listed, shown with every attempt, queued again or dropped.

What people wrote is shown only where it is asked for. It works beside a bridge that runs, on either database:
what is dead is in no worker's hands, and what is queued again a worker finds as it looks for due lanes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from bridge.delivery.kind import readable_payload
from bridge.delivery.kinds import InSlack
from bridge.engine.lanes import redacted
from bridge.model import DeliveryState
from bridge.store import Attempt, Delivery, Store

#: who wrote a reply, or wanted something done, and where: names in its payload
_BY = ("user", "team", "channel", "thread_ts", "ts")


def options(command: argparse.ArgumentParser, configured: argparse.ArgumentParser) -> None:
    """Give `command` its actions; each sets `act`, and whether it `writes`."""
    actions = command.add_subparsers(required=True, metavar="ACTION")
    common = argparse.ArgumentParser(add_help=False, parents=[configured])
    common.add_argument("--json", action="store_true", help="for a program to read")

    wanted = actions.add_parser("list", parents=[common], help="what failed or is uncertain, the last first")
    wanted.add_argument("--source", metavar="NAME", help="of this source only")
    wanted.add_argument("--limit", type=_number, default=100, metavar="N", help="default: 100")
    wanted.set_defaults(act=_list, writes=False)
    one = actions.add_parser("show", parents=[common], help="any delivery, with every attempt")
    one.add_argument("id", type=_number, metavar="ID")
    one.add_argument("--text", action="store_true", help="also what was written")
    one.set_defaults(act=_show, writes=False)
    for name, act, does in (
        ("retry", _retry, "queue what failed or is uncertain again"),
        ("drop", _drop, "give it up for good"),
    ):
        several = actions.add_parser(name, parents=[common], help=does)
        several.add_argument("ids", type=_number, nargs="+", metavar="ID")
        several.set_defaults(act=act, writes=True)


def _number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)


async def _list(store: Store, asked: argparse.Namespace) -> int:
    found = await store.dead_letters(asked.source, asked.limit + 1)
    listed = [_told(one) for one in found[: asked.limit]]
    if asked.json:
        _print(listed)
    elif listed:
        columns = ("id", "ended", "conversation", "direction", "kind", "state", "attempts", "problem")
        rows = [columns, *(tuple(str(one[name]) for name in columns) for one in listed)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            print("  ".join(map(str.ljust, row, widths)).rstrip())
    else:
        of = f" of {asked.source}" if asked.source else ""
        print(f"bridge: nothing{of} has failed or is uncertain", file=sys.stderr)
    if len(found) > len(listed):
        print(f"bridge: there are more than {asked.limit}; --limit lists them", file=sys.stderr)
    return 0


async def _show(store: Store, asked: argparse.Namespace) -> int:
    found = await store.delivery(asked.id)
    if found is None:
        print(f"bridge: there is no delivery {asked.id}", file=sys.stderr)
        return 1
    delivery, attempts = found
    payload = readable_payload(delivery.direction, delivery.kind, delivery.payload)
    told = _told(delivery, text=asked.text)
    if isinstance(payload, InSlack):
        told |= {name: value for name in _BY if (value := getattr(payload, name)) is not None}
    told["tried"] = [_attempt(one, text=asked.text) for one in attempts]
    if asked.text:
        told["payload"] = json.loads(delivery.payload)
    if asked.json:
        _print(told)
        return 0
    tried, written = told.pop("tried"), told.pop("payload", None)
    for name, value in told.items():
        print(f"{name:<12}  {'' if value is None else value}".rstrip())
    for number, one in enumerate(tried, 1):
        problem = f": {one['problem']}" if one["problem"] else ""
        print(f"attempt {number:<4}  {one['began']}, {one['seconds']:.2f} s, {one['outcome']}{problem}")
    if written is not None:
        _print(written)
    return 0


async def _retry(store: Store, asked: argparse.Namespace) -> int:
    return await _decide(asked, store.retry, "queued again")


async def _drop(store: Store, asked: argparse.Namespace) -> int:
    return await _decide(asked, store.drop, "dropped")


async def _decide(
    asked: argparse.Namespace, do: Callable[[int], Awaitable[DeliveryState | None]], became: str
) -> int:
    """One after the other: what is done stays done. 1 where something could not be."""
    told = []
    for id in asked.ids:
        was = await do(id)
        done = was in (DeliveryState.FAILED, DeliveryState.UNCERTAIN)
        told.append({"id": id, "was": was, "became": became if done else was})
        if not asked.json and done:
            print(f"{id}: {became}, was {was}")
        elif not done:
            why = "there is no such delivery" if was is None else f"is {was}, neither failed nor uncertain"
            print(f"bridge: {id}: {why}", file=sys.stderr)
    if asked.json:
        _print(told)
    return 0 if all(one["became"] == became for one in told) else 1


def _told(one: Delivery, *, text: bool = False) -> dict[str, Any]:
    return {
        "id": one.id,
        "conversation": str(one.conversation),
        "direction": one.direction,
        "kind": one.kind,
        "state": one.state,
        "queued": _at(one.queued_at),
        "ended": None if one.ended_at is None else _at(one.ended_at),
        "attempts": one.attempts,
        "problem": _problem(one.problem, text=text),
    }


def _attempt(one: Attempt, *, text: bool) -> dict[str, Any]:
    return {
        "began": _at(one.started_at),
        "seconds": round(one.ended_at - one.started_at, 3),
        "outcome": one.outcome,
        "problem": _problem(one.problem, text=text),
    }


def _problem(problem: str | None, *, text: bool) -> str | None:
    return problem if problem is None or text else redacted(problem)


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _print(told: object) -> None:
    print(json.dumps(told, indent=2, ensure_ascii=False))
