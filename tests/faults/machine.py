"""The machine beneath a bridge process, as a test wants it: its clock, its disk, its resolver, its patience.

The process is `python -m bridge serve`, as an operator starts it. Its PYTHONPATH names the folder `beneath`,
so that Python lets `install` be the first thing in it. What is different is told in a few numbers in shared
memory: a test changes one, and from then on the process lives with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import resource
import socket
import sqlite3
import struct
import time
from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

VARIABLE = "FAULTS_MACHINE"
STUCK = "FAULTS_STUCK"  # seconds, instead of a minute, after which people are told that something waits
FIELDS = ("clock", "store", "pages", "growth", "patience", "slack", "vendors")
_LAYOUT = struct.Struct("=d")
#: the hosts that only this machine knows (RFC 6761 keeps `.test` free), by the field that says where they are
HOSTS = {"slack.test": "slack", "vendors.test": "vendors"}
UNKNOWN = 1.0  # the name does not resolve
NOBODY = 2.0  # it leads to ::1, where nobody listens: the sandbox is at 127.0.0.1 only


class Machine:
    """The test's side. What is 0 is as always.

    `clock`: seconds that the process' clock is ahead; `store`: SQLite's, by which all waits. `pages`: the
    most that its SQLite files may hold. `growth`: bytes; its files may not become longer. `patience`: how
    long it waits for an answer. `slack`, `vendors`: `UNKNOWN` or `NOBODY`, as to their name.
    """

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(_LAYOUT.size * len(FIELDS)))
        self._file = path.open("r+b")
        self._told = mmap.mmap(self._file.fileno(), 0)
        self.environ = {
            VARIABLE: str(path),
            "PYTHONPATH": os.pathsep.join(
                [str(Path(__file__).parent / "beneath"), str(Path(__file__).parent.parent.parent)]
            ),
        }

    def set(self, **fields: float) -> None:
        for name, value in fields.items():
            _LAYOUT.pack_into(self._told, _LAYOUT.size * FIELDS.index(name), value)

    def mend(self) -> None:
        self.set(**dict.fromkeys(FIELDS, 0.0))

    def close(self) -> None:
        self._told.close()
        self._file.close()


def install() -> None:
    """Let this process live on the machine that its environment names."""
    with Path(os.environ[VARIABLE]).open("rb") as file:
        told = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def read(field: str) -> float:
        return float(_LAYOUT.unpack_from(told, _LAYOUT.size * FIELDS.index(field))[0])

    _clock(read)
    _store(read)
    _disk(read)
    _resolver(read)
    _patience(read)
    if STUCK in os.environ:
        from bridge.engine import follow

        follow.STUCK = float(os.environ[STUCK])


Read = Callable[[str], float]


def _clock(read: Read) -> None:
    """Both ways in which the bridge asks: `time.time`, and `datetime.now` where webhooks come in."""
    true = time.time
    time.time = lambda: true() + read("clock")

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.fromtimestamp(time.time(), tz)

    from bridge import web

    web.datetime = Shifted  # type: ignore[attr-defined]


def _store(read: Read) -> None:
    """SQLite asks the system itself."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def connected(raw: Any, _record: Any) -> None:
        if isinstance(raw, sqlite3.Connection):
            days = lambda _now: (
                (time.clock_gettime(time.CLOCK_REALTIME) + read("store")) / 86_400.0 + 2440587.5
            )
            raw.create_function("julianday", 1, days)

    event.listen(Engine, "connect", connected)


def _disk(read: Read) -> None:
    """SQLite's own limit, which is SQLITE_FULL; and the system's, which is EFBIG at the write itself, since
    Python ignores SIGXFSZ. https://www.sqlite.org/pragma.html#pragma_max_page_count"""
    from sqlalchemy import Connection, event
    from sqlalchemy.engine import Engine

    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(connection: Connection) -> None:
        if connection.dialect.name == "sqlite":
            pages = int(read("pages")) or 0xFFFFFFFE
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
            resource.setrlimit(resource.RLIMIT_FSIZE, (int(read("growth")) or hard, hard))

    event.listen(Engine, "begin", limit)


def _resolver(read: Read) -> None:
    """Both HTTP clients ask the loop. aiohttp keeps what it is told for ten seconds; here it does not."""
    import aiohttp

    loops: list[Any] = [asyncio.BaseEventLoop]
    with contextlib.suppress(ImportError):
        import uvloop

        loops.append(uvloop.Loop)
    for loop in loops:
        loop.getaddrinfo = _asking(loop.getaddrinfo, read)
    defaults: Any = aiohttp.TCPConnector.__init__.__kwdefaults__
    defaults["ttl_dns_cache"] = 0


def _asking(ask: Callable[..., Any], read: Read) -> Callable[..., Any]:
    async def getaddrinfo(self: Any, host: Any, port: Any, **hints: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name not in HOSTS:
            return await ask(self, host, port, **hints)
        leads = read(HOSTS[name])
        if leads == UNKNOWN:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        if leads == NOBODY:
            place = ("::1", int(port), 0, 0)
            return [(socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place)]
        return await ask(self, "127.0.0.1", port, **hints)

    return getaddrinfo


def _patience(read: Read) -> None:
    """Of both HTTP clients: one speaks to Slack, the other to vendors."""
    import aiohttp
    import httpx

    to_slack: Any = aiohttp.ClientSession
    to_vendors: Any = httpx.AsyncClient
    to_slack._request = _impatient(to_slack._request, read, lambda total: aiohttp.ClientTimeout(total=total))
    to_vendors.build_request = _impatient(to_vendors.build_request, read, httpx.Timeout)


def _impatient(ask: Callable[..., Any], read: Read, limit: Callable[[float], Any]) -> Callable[..., Any]:
    def impatient(*args: Any, **kwargs: Any) -> Any:
        if seconds := read("patience"):
            kwargs["timeout"] = limit(seconds)
        return ask(*args, **kwargs)

    return impatient
