"""`bridge encrypt`: what is stored already, brought to the first of the keys, beside a bridge that runs."""

from __future__ import annotations

import argparse
import json
import sys

from bridge.errors import ConfigError
from bridge.store import keyring
from bridge.store.database import Database
from bridge.store.forget import wipe
from bridge.store.sealed import MAKE, VARIABLE


def options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="for a program to read")


async def run(database: Database, asked: argparse.Namespace) -> int:
    """Raises `ConfigError` where there is no key."""
    keys = database.keys
    if not keys.all:
        raise ConfigError(
            "there is no key",
            where=VARIABLE,
            remedy=f"Make one: {MAKE}. Start the bridge with it, and run this again",
        )
    changed = await keyring.rewrite(database)
    needless = await keyring.retire(database)
    wiped = await wipe(database)  # else what was in plain text is on the disk for some time yet
    if not wiped:
        print(
            "bridge: the database was too busy, or is too large, to take what was there before off the disk "
            "at once; docs/privacy.md says how",
            file=sys.stderr,
        )
    if asked.json:
        told = {"first": keys.first, "rewritten": changed, "needed_no_more": needless, "wiped": wiped}
        print(json.dumps(told, indent=2))
        return 0
    rows = ", ".join(f"{count} of {name}" for name, count in changed.items() if count)
    by = f"sealed with {keys.first}" if keys.first else "in plain text"
    print(f"all is {by} now; rewritten: {rows or 'nothing'}")
    for key in needless:
        print(f"the key {key} is needed no more: take it out of {VARIABLE}")
    return 0
