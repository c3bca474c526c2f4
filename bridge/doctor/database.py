"""The database: there, writable, at this program's schema, and on a disk that stays."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import create_engine
from sqlalchemy.exc import SQLAlchemyError

from bridge.adapter import Finding, ok, wrong
from bridge.doctor.case import Case
from bridge.errors import BridgeError
from bridge.store import keyring, open_store, pooler
from bridge.store.database import postgres_dsn
from bridge.store.migrate import newest, version
from bridge.store.reading import open_reader, read_only
from bridge.store.sealed import VARIABLE, Keys, keys_of


async def check(case: Case) -> Iterable[Finding]:
    config = case.config
    url = config.database_url.get_secret_value() if config.database_url else None
    try:
        if url is None and not os.environ.get("DYNO"):
            return await asyncio.to_thread(_file, config.store.path, keys_of(os.environ))
        if url is None:
            await open_store(config.store.path, url, pool=1, environ=os.environ).close()
        else:
            await pooler.check(postgres_dsn(url))
        reader = await open_reader(config.store.path, url, os.environ)
        try:
            told = await reader.run(keyring.told, reader.keys)
        finally:
            await reader.close()
    except BridgeError as error:
        return [wrong(error.problem, error.where, remedy=error.remedy)]
    return [ok(f"Postgres answers, and its schema is at {newest()}", "DATABASE_URL"), *_of_keys(told)]


def _of_keys(told: str) -> list[Finding]:
    return [ok(told, VARIABLE)] if told else []


def _file(path: Path, keys: Keys) -> list[Finding]:
    """SQLite, without taking it from a bridge that serves it. Raises `ConfigError` where a key is missing."""
    where, folder = str(path), path.parent
    while not folder.exists():
        folder = folder.parent
    writable = folder.is_dir() and os.access(folder, os.W_OK)
    if not writable or (path.exists() and not os.access(path, os.W_OK)):
        remedy = "Let [store] path be in a folder that this process can write to"
        return [wrong("cannot be written to", where, remedy=remedy)]
    if not path.exists():
        return [ok("SQLite: `serve` will make it", where)]
    used = "; a bridge has it open, as it should" if _in_use(path) else ""
    engine, told = create_engine(read_only(path)), ""
    try:
        with engine.connect() as connection:
            found = version(connection)
            if found == newest():
                keyring.check(connection, keys, seals=False)
                told = keyring.told(connection, keys)
    except SQLAlchemyError as error:
        remedy = "Restore it from a copy, or move it away: `serve` makes a new one"
        return [wrong(f"is no database that SQLite reads ({type(error).__name__})", where, remedy=remedy)]
    finally:
        engine.dispose()
    if found is not None and found > newest():
        remedy = "Run the newer version of the bridge that made it"
        return [
            wrong(f"its schema is at {found}, newer than this program's {newest()}", where, remedy=remedy)
        ]
    behind = "" if found == newest() else f": `serve` brings it from {found or 'nothing'} to {newest()}"
    return [ok(f"SQLite, its schema is at {found}{behind}{used}", where), *_of_keys(told)]


def _in_use(path: Path) -> bool:
    lock = Path(f"{path}.lock")
    if not lock.exists():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
