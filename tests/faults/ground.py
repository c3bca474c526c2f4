"""What all rows stand on: one bridge for each database, on a machine of its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.sandbox.stage import HOST, AnyVendor, Process, Stage
from tests.bridge.scene import PATIENCE, later
from tests.crash.books import until
from tests.faults.books import Talk, talk
from tests.faults.machine import NOBODY, UNKNOWN, Machine
from tests.faults.row import Alert, Log, Metric, Ready, Row, Thread, Told
from tests.postgres import Postgres, find

#: Slack gives up an event after three tries, but with *Delayed Events* it goes on: docs/slack.md
SLACK_RETRIES = (0.05, 0.5, 1.0, 1.0, 1.0, 2.0, 2.0, 5.0, 5.0)
ALERTS = "C0HANDOFFS"
ROUTE = f'reply_mode = "live"\nalert_channel = "{ALERTS}"'
ROLE = "app"  # not a superuser: for those there is always a connection


@dataclass
class Look:
    """What the bridge had told so far."""

    log: int
    counts: dict[str, float]


@dataclass
class Ground:
    stage: Stage
    machine: Machine
    bridge: Process
    http: httpx.AsyncClient
    server: Postgres | None = None
    elsewhere: list[str] = field(default_factory=list)  # who came where a redirect leads
    _asides: dict[str, Talk] = field(default_factory=dict)

    def vendor(self, side: str) -> AnyVendor:
        return next(one for one in self.stage.vendors if one.name == side.lower())

    async def talk(self, side: str = "Ada") -> Talk:
        return await talk(self.stage, self.vendor(side))

    async def aside(self, side: str) -> Talk:
        """Somebody else at that vendor, the same for all rows."""
        if side not in self._asides:
            self._asides[side] = await self.talk(side)
        return self._asides[side]

    @property
    def log(self) -> str:
        return self.bridge.log.read_text()

    async def look(self, row: Row) -> Look:
        counters = [told.name for told in row.told if isinstance(told, Metric)]
        return Look(len(self.log), {name: await self.counted(name) for name in counters})

    async def counted(self, metric: str) -> float:
        """The value of a counter, with its labels as `/metrics` writes them; 0 where it is not there yet."""
        shown = (await self.http.get(f"{self.stage.bridge_url}/metrics")).text
        return sum(
            float(line.rpartition(" ")[2]) for line in shown.splitlines() if line.startswith(f"{metric} ")
        )

    async def missing(self) -> dict[str, str]:
        """What /readyz says is not ready."""
        answer = await self.http.get(f"{self.stage.bridge_url}/readyz")
        missing: dict[str, str] = answer.json()["missing"]
        assert answer.status_code == (503 if missing else 200)
        return missing

    async def told(self, told: Told, since: Look, about: Talk, **words: str) -> None:
        """Wait until it is."""
        match told:
            case Log(said):
                await about.scene.until(lambda: said in self.log[since.log :], f"{said!r} in the log")
            case Metric():

                async def grown() -> bool:
                    return await self.counted(told.name) > since.counts[told.name]

                await later(grown, f"a count more of {told.name}")
            case Thread(parts):
                wanted = [part.format(**words) for part in parts]
                said_so = lambda: any(all(one in line.text for one in wanted) for line in about.lines)
                await about.scene.until(
                    said_so, f"{wanted} in the thread; {[one.text for one in about.lines]}"
                )
            case Alert(parts):
                await self.alerted(about.name, *parts)
            case Ready(missing):

                async def misses() -> bool:
                    return missing in await self.missing()

                await later(misses, f"/readyz without {missing}")

    async def alerted(self, name: str, *words: str) -> None:
        """Wait until the alert channel is told so of a customer."""
        channel = self.stage.slack.state.channels[ALERTS]
        said_so = lambda: any(
            all(one in line.text for one in (name, *words)) for line in channel.messages.values()
        )
        await until(said_so, PATIENCE, f"{words} about {name} in the alert channel")

    def tried_again(self, what: str, about: Talk, since: Look) -> bool:
        """Whether something of this conversation was tried a second time, and not only its card or a mark."""
        told = [line for line in self.log[since.log :].splitlines() if f"({what}, " in line]
        return any(about.scene.id in line and "(attempt 2, " in line for line in told)

    async def is_ready(self) -> None:
        async def told() -> bool:
            return not await self.missing()

        await later(told, "a bridge that is ready again")

    async def resolves(self, side: str, how: str) -> None:
        """From now on the name of `side` leads nowhere; connections that stand end, as they do when idle."""
        self.machine.set(**{side: {"unknown": UNKNOWN, "nobody": NOBODY}[how]})
        for connection in list(self.stage._server.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(0.05)  # or one of them is used before its end is seen, and that is another row

    def mend(self) -> None:
        self.machine.mend()
        self.stage.slack.faults.clear()
        channels, app = self.stage.slack.state.channels, self.stage.slack.state.app
        for channel in channels.values():
            channel.is_archived = False
        for name in ("C0SUPPORT", "C0VIP"):
            channels[name].members[:] = [*dict.fromkeys([*channels[name].members, app.user])]
        for vendor in self.stage.vendors:
            vendor.faults.clear()


@contextlib.asynccontextmanager
async def ground(
    folder: Path,
    server: Postgres | None = None,
    instead: tuple[tuple[str, str], ...] = (),
    environ: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Ground]:
    """A bridge that is up. `instead` changes its configuration."""
    elsewhere: list[str] = []

    async def came(request: Request) -> Response:
        elsewhere.append(request.headers.get("authorization", ""))
        return Response()

    machine = Machine(folder / "machine")
    url = owned(server) if server else None
    places = [Route("/elsewhere", came, methods=["GET", "POST"])]
    async with Stage(folder, channel_rate=0, database_url=url, routes=places, route=ROUTE) as stage:
        stage.slack.events.retry_delays = SLACK_RETRIES
        _configure(stage, instead)
        stage.environ |= {**machine.environ, **environ}
        if url:
            await stage.run("migrate")
        bridge = await stage.serve()
        async with httpx.AsyncClient(trust_env=False, timeout=15.0) as http:
            yield Ground(stage, machine, bridge, http, server, elsewhere)
        machine.mend()
    machine.close()


def _configure(stage: Stage, instead: tuple[tuple[str, str], ...]) -> None:
    port = stage.base.rpartition(":")[2]
    text = stage.config.read_text()
    for old, new in (
        (f"{stage.base}/slack", f"http://slack.test:{port}/slack"),
        *(
            (f'"{stage.base}/{one.name}"', f'"http://vendors.test:{port}/{one.name}"')
            for one in stage.vendors
        ),
        # A claim whose answer is lost with its connection: the lanes are nobody's until the lease ends.
        ("[engine.to_slack]", '[engine]\nlease = "4s"\n\n[engine.to_slack]'),
        ('{ source = "acme-moveo" }', '{ source = "acme-gptbots" }'),
        ('channel = "C0VIP"', 'channel = "C0VIP"\nfallback_channel = "C0ALERTS"'),
        *instead,
    ):
        assert old in text, old
        text = text.replace(old, new)
    stage.config.write_text(text)
    for name in [one for one in stage.environ if one.lower().endswith("_proxy")]:
        del stage.environ[name]  # it would resolve our names itself


def owned(server: Postgres) -> str:
    """The address of a new, empty database, for a role that is no superuser."""
    database = server.create_database().rpartition("/")[2]
    server.sql(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{server.password}'")
    server.sql(f"ALTER DATABASE {database} OWNER TO {ROLE}")
    return f"postgresql://{ROLE}:{server.password}@{HOST}:{server.port}/{database}"


def new_server() -> Postgres:
    return Postgres(find())
