"""A platform on this machine: it releases a slug, starts its Procfile's processes, routes to them, ends them.

A process gets what a dyno has (https://devcenter.heroku.com/articles/dynos#local-environment-variables): its
variables, a disk of its own that is thrown away, a checkout that is read-only, and nothing of the test's.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import httpx

from bridge.sandbox.stage import HOST, Process, Stage
from tests.crash.books import until
from tests.deploy.router import Router
from tests.deploy.slug import Slug, build

HONCHO = Path(__file__).with_name("honcho_with_grace.py")  # a program: it sets up logging as it is imported
PATIENCE = 60.0  # seconds; Heroku's own for a web process to listen, too
SAME: Mapping[str, str | None] = MappingProxyType({})
_PID = re.compile(r"system\s+\| (\S+) started \(pid=(\d+)\)")
_ENDED = re.compile(r"system\s+\| (\S+) stopped \(rc=(-?\d+)\)")
#: what the Python buildpack adds: https://github.com/heroku/heroku-buildpack-python, bin/compile and vendor/
BUILDPACK = {
    "PYTHONUNBUFFERED": "true",
    "PYTHONHASHSEED": "random",
    "LANG": "en_US.UTF-8",
    "WEB_CONCURRENCY": "2",
    "FORWARDED_ALLOW_IPS": "*",
}


@dataclass
class Dynos:
    """Processes that were started together, by one `honcho start`."""

    process: Process
    disk: Path
    ports: list[int]

    @property
    def log(self) -> str:
        return self.process.log.read_text(errors="replace")

    def of(self, name: str) -> str:
        """What one of them printed."""
        lines = (line.partition(" | ") for line in self.log.splitlines())
        return "\n".join(said for before, _, said in lines if before.split()[-1:] == [name])

    @property
    def pids(self) -> dict[str, int]:
        return {name: int(pid) for name, pid in _PID.findall(self.log)}

    @property
    def codes(self) -> dict[str, int]:
        """Their exit codes; minus the signal where one ended it."""
        return {name: int(code) for name, code in _ENDED.findall(self.log)}

    def signal(self, which: signal.Signals) -> None:
        """To every process there is in them."""
        for pid in self.pids.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, which)


@dataclass
class Platform:
    stage: Stage
    slug: Slug
    router: Router
    database_url: str = ""
    started: list[Dynos] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def environ(self, port: int, disk: Path, changes: Mapping[str, str | None] = SAME) -> dict[str, str]:
        """All the variables of a process; `changes` with None are not set."""
        ours = {
            name: value for name, value in self.stage.environ.items() if name.startswith(("ACME_", "SLACK_"))
        }
        given: dict[str, str | None] = {
            **BUILDPACK,
            **ours,
            "PATH": f"{self.slug.programs}{os.pathsep}{os.defpath}",
            "HOME": str(disk / "home"),
            "TMPDIR": str(disk / "tmp"),
            "DYNO": "web.1",
            "PORT": str(port),
            "DATABASE_URL": self.database_url,
            **changes,
        }
        return {name: value for name, value in given.items() if value is not None}

    async def honcho(self, *arguments: str, changes: Mapping[str, str | None] = SAME, webs: int = 1) -> Dynos:
        """Start honcho on the checkout, on a fresh disk."""
        number = next(self._numbers)
        disk = self.slug.folder / f"disk-{number}"
        for name in ("home", "tmp"):
            (disk / name).mkdir(parents=True)
        ports = adjacent(webs)
        log = self.slug.folder / f"honcho-{number}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, HONCHO, *arguments, cwd=self.slug.app,
                env=self.environ(ports[0], disk, changes), stdin=asyncio.subprocess.DEVNULL, stdout=output,
                stderr=output, start_new_session=True,
            )  # fmt: skip
        dynos = Dynos(Process(process, log), disk, ports)
        self.started.append(dynos)
        return dynos

    async def one_off(self, *command: str, changes: Mapping[str, str | None] = SAME) -> tuple[int, str]:
        """`heroku run`: its exit code and what it printed."""
        dynos = await self.honcho("run", *command, changes=changes)
        return await dynos.process.wait(), dynos.log

    async def only(self, name: str, changes: Mapping[str, str | None] = SAME) -> tuple[int, str]:
        """One process of the Procfile, which ends by itself: its exit code and what it printed."""
        dynos = await self.honcho("start", name, "--no-colour", changes=changes)
        await dynos.process.wait()
        return dynos.codes[f"{name}.1"], dynos.of(f"{name}.1")

    async def release(self) -> str:
        code, told = await self.only("release")
        assert code == 0, told
        return told

    async def boot(self, *, web: int, worker: int = 0) -> Dynos:
        """Start so many processes."""
        wanted = {name: count for name, count in (("web", web), ("worker", worker)) if count}
        formation = ",".join(f"{name}={count}" for name, count in wanted.items())
        return await self.honcho("start", *wanted, "--no-colour", "-c", formation, webs=web)

    async def up(self, dynos: Dynos, patience: float = PATIENCE) -> None:
        """Wait until they serve and work; from then on the router knows of them."""
        async with httpx.AsyncClient(trust_env=False) as http:
            for port in dynos.ports:
                await self._ready(http, port, dynos, patience)
        for name in dynos.pids:
            if name.startswith("worker"):
                await until(lambda name=name: "working" in dynos.of(name), patience, f"{name}:\n{dynos.log}")  # type: ignore[misc]
        self.router.webs += dynos.ports

    async def start(self, *, web: int, worker: int = 0) -> Dynos:
        dynos = await self.boot(web=web, worker=worker)
        await self.up(dynos)
        return dynos

    def retire(self, dynos: Dynos) -> None:
        """The router sends them nothing more."""
        self.router.webs = [port for port in self.router.webs if port not in dynos.ports]

    def terminate(self, dynos: Dynos) -> None:
        """SIGTERM to all processes in them, more than once, as Heroku may:
        https://devcenter.heroku.com/articles/dyno-shutdown-behavior"""
        os.kill(dynos.process.pid, signal.SIGTERM)
        dynos.signal(signal.SIGTERM)

    async def ended(self, dynos: Dynos) -> None:
        """Wait for their end, which is their own doing: nobody had to be killed."""
        async with asyncio.timeout(2 * PATIENCE):
            await dynos.process.wait()
        assert "SIGKILL" not in dynos.log, dynos.log
        assert dynos.codes.keys() == dynos.pids.keys()
        # uvicorn lets the signal end the process, once all is done
        assert {*dynos.codes.values()} <= {0, -signal.SIGTERM}, dynos.log
        self.retire(dynos)

    async def stop(self, dynos: Dynos) -> None:
        """Out of the router first, with what is still to be answered."""
        self.retire(dynos)
        await until(lambda: not any(self.router.open[port] for port in dynos.ports), PATIENCE, "answers")
        self.terminate(dynos)
        await self.ended(dynos)

    async def clear(self) -> None:
        """Kill what still runs."""
        for dynos in self.started:
            if dynos.process.running:
                await dynos.process.kill()
                dynos.signal(signal.SIGKILL)
        self.router.webs.clear()

    async def _ready(self, http: httpx.AsyncClient, port: int, dynos: Dynos, patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                while dynos.process.running:
                    with contextlib.suppress(httpx.HTTPError):
                        if (await http.get(f"http://{HOST}:{port}/readyz")).status_code == 200:
                            return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
        raise AssertionError(f"not ready at {port}:\n{dynos.log}")


@contextlib.asynccontextmanager
async def platform(stage: Stage, folder: Path) -> AsyncIterator[Platform]:
    """A platform with a slug of this repository, before the stage."""
    slug = await asyncio.to_thread(build, folder, stage.config.read_text())
    try:
        async with Router(stage.bridge_port) as router:
            one = Platform(stage, slug, router)
            try:
                yield one
            finally:
                await one.clear()
    finally:
        slug.lock(0o755)


def adjacent(count: int) -> list[int]:
    """Free ports in a row, as honcho gives them to processes of one kind; below those that stages hold, and
    that the system gives to connections: one might take them before the processes do."""
    while True:
        first = 10_000 + secrets.randbelow(1_900)
        ports = [first + number for number in range(count)]
        with contextlib.ExitStack() as held, contextlib.suppress(OSError):
            for port in ports:
                held.enter_context(socket.socket()).bind((HOST, port))
            return ports
