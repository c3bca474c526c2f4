"""The stage: a Slack and three vendors on one loopback port, and real bridge processes in front of them.

`bridge demo`, its tour and the tests that kill processes stand on it. The bridge is started as an
operator starts it: a config file, an environment, `python -m bridge serve`.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import secrets
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from email.utils import formatdate
from pathlib import Path

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge.sandbox.slack import SlackSandbox
from bridge.sandbox.vendors import AdaSandbox, GPTBotsSandbox, MoveoSandbox

AnyVendor = AdaSandbox | GPTBotsSandbox | MoveoSandbox

HOST = "127.0.0.1"
BOT_ID = "65a4cc7c7ce58e728d589700"

CONFIG = """\
[server]
host = "{host}"
public_url = "{bridge}"
drain = "5s"

[store]
path = "{store}"

[slack]
api_url = "{base}/slack/api/"
channel_rate = {rate}
channel_burst = {burst}

[media]
allow_hosts = ["{authority}"]

[engine.to_slack]
delays = ["200ms", "500ms", "1s", "2s"]

[engine.to_vendor]
delays = ["200ms", "500ms", "1s", "2s"]

[sources.acme-ada]
vendor = "ada"
base_url = "{base}/ada"
handoff_label = "slack-bridge"
keep_limits = {paced}

[sources.acme-gptbots]
vendor = "gptbots"
base_url = "{base}/gptbots"
bot_ids = ["{bot_id}"]

[sources.acme-moveo]
vendor = "moveo"
base_url = "{base}/moveo"
integration_id = "intg-001"
{extra}
[[routes]]
match = {{ source = "acme-moveo" }}
channel = "C0VIP"
{route}

[[routes]]
channel = "C0SUPPORT"
{route}
"""


class Process:
    """One bridge process and what it printed."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self.log = log

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        return self._process.pid

    def tail(self, lines: int = 20) -> str:
        """The end of what it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    async def wait(self) -> int:
        """Until it has ended; its exit code."""
        return await self._process.wait()

    async def kill(self) -> None:
        """SIGKILL: it gets to do nothing more."""
        await self._end(self._process.kill)

    async def terminate(self, grace: float = 15.0) -> int:
        """SIGTERM, and SIGKILL after `grace` seconds; its exit code."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(grace):
                return await self._process.wait()
        except TimeoutError:
            await self.kill()
            return -9

    async def _end(self, how: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            how()  # type: ignore[operator]
        await self._process.wait()


class Stage:
    """`routes` are served beside the fakes; `channel_rate=0` lifts Slack's pace on both sides; `route` is
    what config.toml says of every route beside its channel.
    """

    def __init__(
        self,
        folder: Path,
        *,
        port: int = 0,
        database_url: str | None = None,
        channel_rate: float = 1.0,
        extra_config: str = "",
        route: str = 'reply_mode = "live"',
        socket_mode: bool = False,
        routes: Sequence[BaseRoute] = (),
    ) -> None:
        self.folder = folder
        self._listening = listen(port)
        self.base = f"http://{HOST}:{self._listening.getsockname()[1]}"
        self._held = held_port()  # also while no bridge runs
        self.bridge_port: int = self._held.getsockname()[1]
        self.bridge_url = f"http://{HOST}:{self.bridge_port}"
        self._processes: list[Process] = []

        key, path_token, handoff = (secrets.token_hex(16) for _ in range(3))
        whsec = "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()
        bot, app = f"xoxb-sandbox-{secrets.token_hex(12)}", f"xapp-1-sandbox-{secrets.token_hex(12)}"
        hooks = f"{self.bridge_url}/webhooks"
        self.slack = SlackSandbox(
            bot_token=bot,
            signing_secret=key,
            app_token=app if socket_mode else None,
            events_url=None if socket_mode else f"{self.bridge_url}/slack/events",
            channel_rate=channel_rate,
        )
        self.ada = AdaSandbox(
            api_key=key,
            webhook_secret=whsec,
            handoff_token=handoff,
            webhook_url=f"{hooks}/acme-ada",
            handoff_url=f"{hooks}/acme-ada/handoff",
        )
        self.gptbots = GPTBotsSandbox(
            api_key=key,
            webhook_token=handoff,
            webhook_url=f"{hooks}/acme-gptbots/messages",
            human_url=f"{hooks}/acme-gptbots/{path_token}/human/service",
            bot_id=BOT_ID,
        )
        self.moveo = MoveoSandbox(
            api_key=key, webhook_secret=handoff, integration_id="intg-001", webhook_url=f"{hooks}/acme-moveo"
        )
        self.vendors: tuple[AnyVendor, ...] = (self.ada, self.gptbots, self.moveo)

        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "config.toml"
        self.config.write_text(
            CONFIG.format(
                host=HOST,
                bridge=self.bridge_url,
                store=folder / "bridge.sqlite3",
                base=self.base,
                authority=self.base.removeprefix("http://"),
                rate=channel_rate,
                paced=str(channel_rate > 0).lower(),
                burst=3,
                bot_id=BOT_ID,
                extra=extra_config,
                route=route,
            )
        )
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SLACK_", "ACME_"))},
            "SLACK_BOT_TOKEN": bot,
            "SLACK_SIGNING_SECRET": key,
            "ACME_ADA_API_KEY": key,
            "ACME_ADA_WEBHOOK_SECRET": whsec,
            "ACME_ADA_HANDOFF_TOKEN": handoff,
            "ACME_GPTBOTS_API_KEY": key,
            "ACME_GPTBOTS_PATH_TOKEN": path_token,
            "ACME_GPTBOTS_WEBHOOK_TOKEN": handoff,
            "ACME_MOVEO_API_KEY": key,
            "ACME_MOVEO_WEBHOOK_SECRET": handoff,
            "PORT": str(self.bridge_port),
        }
        for name, value in (
            ("DATABASE_URL", database_url),
            ("SLACK_APP_TOKEN", app if socket_mode else None),
        ):
            self.environ.pop(name, None)
            if value is not None:
                self.environ[name] = value
        mounts = [Mount("/slack", self.slack.app)]
        mounts += [Mount(f"/{vendor.name}", vendor.app) for vendor in self.vendors]
        self.app = Starlette(routes=[*mounts, *routes])
        #: seconds that Slack and the vendors are ahead of this machine, by what they tell
        self.ahead = 0.0
        self._server = _Server(
            uvicorn.Config(
                _dated(self.app, lambda: time.time() + self.ahead),
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=1,
                timeout_keep_alive=60,  # for longer than clients keep one: no call meets it as it is closed
                date_header=False,  # `_dated` tells it
            )
        )

    async def __aenter__(self) -> Stage:
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._listening]))
        await self.slack.start()
        for vendor in self.vendors:
            await vendor.start()
        while not self._server.started:
            if self._serving.done():
                self._serving.result()
            await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_error: object) -> None:
        with self._held:
            await asyncio.gather(*(one.terminate() for one in self._processes if one.running))
            for vendor in self.vendors:
                await vendor.stop()
            await self.slack.stop()
            self._server.should_exit = True
            await self._serving

    async def spawn(self, command: str, environ: Mapping[str, str] | None = None, *arguments: str) -> Process:
        """Start `bridge COMMAND` as a process of its own."""
        log = self.folder / f"{command}-{len(self._processes)}.log"
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "bridge",
                command,
                "--config",
                str(self.config),
                *arguments,
                env={**self.environ, **(environ or {})},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for us; we end it
            )
        started = Process(process, log)
        self._processes.append(started)
        return started

    async def run(self, command: str) -> None:
        """Run a command that ends by itself. Raises `RuntimeError` with what it printed if it fails."""
        process = await self.spawn(command)
        code = await process.wait()
        if code:
            raise RuntimeError(f"bridge {command} ended with {code}:\n{process.log.read_text()}")

    async def serve(self, *, ready: bool = True) -> Process:
        """Start `bridge serve`, and wait until it is ready."""
        process = await self.spawn("serve")
        if ready:
            await self.until_ready(process)
        return process

    async def until_ready(self, process: Process, seconds: float = 30.0) -> None:
        async with asyncio.timeout(seconds), httpx.AsyncClient(trust_env=False) as http:
            while True:
                if not process.running:
                    raise RuntimeError(f"the bridge ended:\n{process.log.read_text()}")
                with contextlib.suppress(httpx.HTTPError):
                    if (await http.get(f"{self.bridge_url}/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.05)


def _dated(app: ASGIApp, clock: Callable[[], float]) -> ASGIApp:
    """`app`, every answer of which tells the time."""

    async def dated(scope: Scope, receive: Receive, send: Send) -> None:
        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(clock(), usegmt=True).encode()
                message["headers"] = [*message.get("headers", ()), (b"date", date)]
            await send(message)

        await app(scope, receive, tell)

    return dated


class _Server(uvicorn.Server):
    """Leaves signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(port: int) -> socket.socket:
    """A listening socket. Named as TCP, or asyncio leaves Nagle on: 40 ms a request on loopback."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((HOST, port))
        listening.listen(512)
    except OSError:
        listening.close()
        raise
    return listening


def free_port() -> int:
    """One that nobody has, nor holds."""
    with held_port() as held:
        port: int = held.getsockname()[1]
        return port


def held_port() -> socket.socket:
    """A port that nobody has, and that none of our connections is given while whoever listens there starts
    anew: systems take those from 32768 or 49152 on. https://www.rfc-editor.org/rfc/rfc6335#section-6

    Whoever has the socket has it from UDP, so that its number is nobody else's here, and TCP's is free.
    """
    while True:
        port = secrets.randbelow(12_000) + 20_000
        held = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            held.bind((HOST, port))
            listen(port).close()
        except OSError:
            held.close()
        else:
            return held
