"""Where a benchmark runs: a folder, databases, and processes on loopback that it starts and stops."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import secrets
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from benchmarks import webhooks
from benchmarks.slack import SEEN
from bridge.sandbox.stage import HOST, free_port
from tests.postgres import Postgres, find
from tests.stores import opened

CONFIG = """\
[server]
host = "{host}"
drain = "2s"

[store]
path = "{store}"

[slack]
api_url = "{slack}/api/"
{paced}

[sources.acme-ada]
vendor = "ada"
base_url = "{slack}/ada"
keep_limits = false

[[routes]]
channel = "C0BENCH"
reply_mode = "live"
"""
#: how config.toml paces Slack: as it is by default, as fast as it may be configured, not at all
AS_SLACK_WANTS = ""
FASTEST = "channel_rate = 100.0\nchannel_burst = 100\nworkspace_rate = 10000.0"
NOT_AT_ALL = "channel_rate = 0"

STARTING = 30.0  # seconds


class Process:
    """One process; `url` is where it listens, if it does."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path, port: int) -> None:
        self._process = process
        self._log = log
        self.url = f"http://{HOST}:{port}"
        self._port = port

    @property
    def cpu(self) -> float:
        """Seconds of CPU so far (Linux)."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    async def until_open(self) -> None:
        def tried() -> bool:
            with contextlib.suppress(OSError), socket.create_connection((HOST, self._port), 1):
                return True
            return False

        await self._until(tried)

    async def until_ready(self) -> None:
        """As a platform asks a `bridge serve`."""
        await self.until_open()
        until = time.monotonic() + STARTING
        async with httpx.AsyncClient(trust_env=False) as http:
            while (answer := await http.get(f"{self.url}/readyz")).status_code != 200:
                if time.monotonic() > until:
                    raise RuntimeError(f"it does not get ready: {answer.text}")
                await asyncio.sleep(0.02)

    async def until_said(self, words: str) -> None:
        await self._until(lambda: words in self._log.read_text(errors="replace"))

    async def _until(self, so: Callable[[], bool]) -> None:
        until = time.monotonic() + STARTING
        while not so():
            if self._process.returncode is not None or time.monotonic() > until:
                raise RuntimeError(f"it does not start:\n{self._log.read_text()[-2000:]}")
            await asyncio.sleep(0.02)

    async def ended(self, within: float = 120.0) -> None:
        """Until it has ended by itself. Raises `RuntimeError` where it failed."""
        async with asyncio.timeout(within):
            if await self._process.wait():
                raise RuntimeError(f"it failed:\n{self._log.read_text()[-2000:]}")

    async def seen(self) -> dict[str, Any]:
        """What `benchmarks.slack` was asked so far."""
        async with httpx.AsyncClient(trust_env=False) as http:
            told: dict[str, Any] = (await http.get(self.url + SEEN.decode())).json()
            return told

    async def until(self, so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Until what `benchmarks.slack` was asked is `so`, and nothing more comes."""
        async with asyncio.timeout(120):
            last: dict[str, Any] = {}
            while not so(seen := await self.seen()) or seen != last:
                last = seen
                await asyncio.sleep(0.2)
            return seen

    async def stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(15):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


class Ground:
    """Use it with `async with`: what was started in it ends with it."""

    def __init__(self) -> None:
        self.webhook_secret = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        self.signing_secret = secrets.token_hex(16)
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "ACME_"))},
            "SLACK_BOT_TOKEN": f"xoxb-bench-{secrets.token_hex(12)}",
            "SLACK_SIGNING_SECRET": self.signing_secret,
            "ACME_ADA_API_KEY": secrets.token_hex(16),
            "ACME_ADA_WEBHOOK_SECRET": self.webhook_secret,
            "ACME_ADA_HANDOFF_TOKEN": secrets.token_hex(16),
        }
        self.environ.pop("DATABASE_URL", None)
        self._stack = contextlib.AsyncExitStack()
        self._postgres: Postgres | None = None
        self._number = 0

    async def __aenter__(self) -> Self:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bridge-bench-")))
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()

    def file(self, name: str) -> Path:
        """A path that nothing has had before."""
        self._number += 1
        return self.folder / f"{self._number}-{name}"

    @property
    def postgres(self) -> Postgres:
        """One server for all of it, as its package configures it: every commit is durable."""
        if self._postgres is None:
            self._postgres = self._stack.enter_context(Postgres(find()))
        return self._postgres

    async def database(self, kind: str) -> str:
        """The address of a new, empty database with our tables; `kind` is "sqlite" or "postgres"."""
        url = f"sqlite:///{self.file('bridge.sqlite3')}"
        if kind == "postgres":
            url = self.postgres.create_database()
        async with opened(url):
            return url

    def drop(self, database: str) -> None:
        """Remove a database of ours, whoever still has it open."""
        if database.startswith("sqlite"):
            for file in self.folder.glob(f"{database.rpartition('/')[2]}*"):
                file.unlink()
        else:
            self.postgres.drop_database(database)

    async def spawn(
        self, *command: str, environ: Mapping[str, str] | None = None, port: int | None = None
    ) -> Process:
        """Start `python -m COMMAND` with its output in a file."""
        log = self.file(f"{command[0]}.log")
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", *command, env={**self.environ, **(environ or {})},
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        running = Process(process, log, port or 0)
        self._stack.push_async_callback(running.stop)
        return running

    async def server(self, module: str, *arguments: str) -> Process:
        """Start one of this package's servers on a free port."""
        port = free_port()
        process = await self.spawn(f"benchmarks.{module}", str(port), *arguments, port=port)
        await process.until_open()
        return process

    async def bridge(self, command: str, database: str, slack: str, *, paced: str) -> Process:
        """Start `bridge serve` or `bridge work`, and wait until it works."""
        config, port = self.file("config.toml"), free_port()
        store = database.removeprefix("sqlite:///")
        config.write_text(CONFIG.format(host=HOST, store=store, slack=slack, paced=paced))
        environ = {"PORT": str(port)} | ({} if database.startswith("sqlite") else {"DATABASE_URL": database})
        options = ("--config", str(config), "--log-level", "info" if command == "work" else "warning")
        process = await self.spawn("bridge", command, *options, environ=environ, port=port)
        if command == "serve":
            await process.until_ready()
        else:
            await process.until_said("Slack knows us")
        return process

    async def open_threads(self, slack: Process, bridge: Process, count: int) -> list[str]:
        """The ts of as many threads in Slack, by one message of each conversation."""
        before = len((await slack.seen())["threads"])
        async with httpx.AsyncClient(base_url=bridge.url, trust_env=False) as http:
            for body, headers in webhooks.of_ada(self.webhook_secret, count, count):
                (await http.post("/webhooks/acme-ada", content=body, headers=headers)).raise_for_status()
        seen = await slack.until(lambda seen: len(seen["threads"]) >= before + count)
        return list(seen["threads"][before:])
