"""`bridge forget`: everything of one customer, deleted from the store, and with `--slack` from Slack.

It shows what it found and never what was written, and asks. It works beside a bridge that runs, on either
database.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bridge.config import Config
from bridge.forget.slack import Desks, Erased
from bridge.store import Store, forget, trace
from bridge.store.database import Database
from bridge.store.forget import Saying, Theirs
from bridge.store.retention import Stride

DONE, NOTHING, STANDS = 0, 1, 3


def options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "customer",
        metavar="CUSTOMER",
        help="the id, e-mail or phone that the vendor knows them by: all their conversations; or one, "
        "by its id at the vendor, or source/id",
    )
    command.add_argument("--source", metavar="NAME", help="at this source only")
    command.add_argument("--yes", action="store_true", help="do not ask")
    command.add_argument("--even-open", action="store_true", help="also what is under way, which ends it")
    command.add_argument(
        "--slack", action="store_true", help="also what the bridge posted of them; the rest is listed"
    )
    command.add_argument(
        "--json", action="store_true", help="for a program to read; without --yes only what was found"
    )


async def run(config: Config, database: Database, asked: argparse.Namespace) -> int:
    """0 where all is gone, 1 where nothing was done, 3 where people have to delete something in Slack."""
    if asked.source is not None:
        config.source(asked.source)
    theirs = await _find(database, asked.customer, asked.source)
    desks = Desks({})
    if asked.slack and theirs:
        desks = await Desks.open(config.workspaces.values(), Store(database, dsn=None))
    told: dict[str, Any] = {"found": [_told(one, desks) for one in theirs]}
    if not asked.json:
        _show(told["found"])
        if not asked.slack and (threads := _threads(theirs)):
            print(f"without --slack, this stays in Slack ({threads}), and the bridge cannot delete it later")
    if not theirs:
        print("bridge: no conversation of such a customer is kept", file=sys.stderr)
    elif (is_open := [one for one in theirs if one.is_open]) and not asked.even_open:
        names = ", ".join(f"{one.source}/{one.external_id}" for one in is_open)
        print(f"bridge: something is under way in {names}; --even-open ends it", file=sys.stderr)
    elif asked.yes or (not asked.json and _agreed(len(theirs))):
        return await _forget(config, database, asked, theirs, desks, told)
    if asked.json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    return NOTHING


async def _find(database: Database, wanted: str, source: str | None) -> list[Theirs]:
    named, _, rest = wanted.partition("/")
    ids = [id for id, _ in await database.run(trace.by_key, source, wanted)]
    if not ids and rest and source in (None, named):
        ids = [id for id, _ in await database.run(trace.by_key, named, rest)]
    stride, after = Stride(), 0 if not ids else None
    while after is not None:
        found, after = await stride(database, forget.known_as, wanted, source, after)
        ids += found
    return await _about(database, ids)


async def _about(database: Database, ids: Sequence[int]) -> list[Theirs]:
    found = [await database.run(forget.about, id) for id in ids]
    return [one for one in found if one is not None and not one.source.startswith("@")]  # those are ours


def _agreed(count: int) -> bool:
    if not sys.stdin.isatty():
        print("bridge: nobody is here to ask; --yes means it", file=sys.stderr)
        return False
    return input(f"Delete {_several(count, 'conversation')} for good? [y/N] ").strip().lower() in ("y", "yes")


async def _forget(
    config: Config,
    database: Database,
    asked: argparse.Namespace,
    theirs: Sequence[Theirs],
    desks: Desks,
    told: dict[str, Any],
) -> int:
    def tell(line: str) -> None:
        if not asked.json:
            print(line)

    held = False
    for one in theirs:
        stopped, was_held = await database.run(forget.stop, one.id, asked.even_open)
        if not stopped:
            print("bridge: something is under way by now; nothing was deleted", file=sys.stderr)
            return NOTHING
        held = held or was_held
    if held and asked.slack:  # whoever was just posting has done so, or never will
        await asyncio.sleep(max(one.slack.timeout for one in config.workspaces.values()))
    theirs = await _about(database, [one.id for one in theirs])  # as they stand by now
    told["deleted"] = await _delete(database, theirs)
    told["wiped"] = await forget.wipe(database)
    gone = [_several(told["deleted"][f"{one}s"], one) for one in ("conversation", "webhook")]
    tell(f"deleted: {', '.join([*gone, _several(told['deleted']['deliveries'], 'delivery')])}")
    if not told["wiped"]:
        print(
            "bridge: no query finds it any more, but the database was too busy, or is too large, to take it "
            "off the disk at once; docs/privacy.md says how",
            file=sys.stderr,
        )
    erased = Erased()
    if asked.slack:
        threads = dict.fromkeys(where for one in theirs for where in one.threads)
        erased = await desks.erase(threads, tell)
        told["slack"] = {
            "messages": erased.messages,
            "files": erased.files,
            "left": [{"where": where, "why": why} for where, why in erased.left],
        }
    told["elsewhere"] = {name: _elsewhere(config, name) for name in sorted({one.source for one in theirs})}
    if asked.json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        _rest(told, erased, asked.slack, theirs)
    return STANDS if erased.left else DONE


async def _delete(database: Database, theirs: Sequence[Theirs]) -> dict[str, int]:
    saying, stride = Saying(theirs), Stride()
    deleted = {"conversations": len(theirs), "deliveries": 0, "webhooks": 0}
    after, more = 0, True
    while more:
        count, after, more = await stride(database, forget.webhooks, saying, after)
        deleted["webhooks"] += count
    for one in theirs:
        more = True
        while more:
            count, more = await stride(database, forget.deliveries, one)
            deleted["deliveries"] += count
        deleted["deliveries"] += await database.run(forget.end, one, saying, after)
    return deleted


# ── what is shown ────────────────────────────────────────────────────────────────────────────────


def _told(one: Theirs, desks: Desks) -> dict[str, Any]:
    return {
        "conversation": f"{one.source}/{one.external_id}",
        "control": one.control,
        "channel": one.channel,
        "began": _at(one.began),
        "last": _at(one.ended),
        "deliveries": one.deliveries,
        "under_way": one.under_way,
        "handoffs": one.handoffs,
        "threads": [desks.link(where) or f"{where.channel} {where.ts}" for where in one.threads],
    }


def _show(found: Sequence[dict[str, Any]]) -> None:
    for one in found:
        print(
            f"{one['conversation']}: {one['began']} to {one['last']}, {one['channel'] or 'channel unknown'}, "
            f"control is {one['control']}, {_several(one['deliveries'], 'delivery')} "
            f"({one['under_way']} under way), {_several(one['handoffs'], 'handoff')}"
        )
        for where in one["threads"]:
            print(f"  in Slack: {where}")


def _rest(told: dict[str, Any], erased: Erased, in_slack: bool, theirs: Sequence[Theirs]) -> None:
    if not in_slack and (threads := _threads(theirs)):
        print(
            f"Slack still shows {threads}, named above. The bridge cannot delete any of it now: do it there"
        )
    for where, why in erased.left:
        print(f"still in Slack: {where} ({why})")
    for source, how in told["elsewhere"].items():
        print(f"{source} has its own data of them: {how}")


def _elsewhere(config: Config, source: str) -> str:
    if source not in config.sources:
        return "it is no longer configured"
    adapter = config.sources[source].adapter
    told: str = getattr(adapter, "erasure", f"ask {adapter.vendor} how it is deleted there")
    return told


def _threads(theirs: Sequence[Theirs]) -> str | None:
    """How many threads there are in Slack; None for none."""
    count = sum(len(one.threads) for one in theirs)
    return _several(count, "thread") if count else None


def _several(count: int, what: str) -> str:
    plural = f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"
    return f"{count} {what if count == 1 else plural}"


def _at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
