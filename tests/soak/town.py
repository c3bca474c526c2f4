"""Where a soak happens: the sandbox with two sources more, whose channel is quiet, and real bridge processes.

Time runs faster here, and so does what is paced by Slack's limits: posts into a channel, looks into threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine
from starlette.routing import Mount

from bridge.sandbox.slack.events import Answer, HttpLine
from bridge.sandbox.slack.state import Json
from bridge.sandbox.stage import AnyVendor, Process, Stage
from bridge.sandbox.vendors import AdaSandbox, MoveoSandbox
from tests.stores import connect

T = TypeVar("T")

SCALE = "SOAK_SCALE"  # how many times faster than life a bridge process lives
ALERTS = "C0HANDOFFS"
UP = 5.0  # seconds that a process has before another is ended, however late the plan is
ROUTE = f'reply_mode = "confirm"\nalert_channel = "{ALERTS}"\nsend_delay = "400ms"'
QUIET = f"""\
[[routes]]
match = {{ source = "quiet-*" }}
channel = "C0ALERTS"
mirror = "handoff"
{ROUTE}

"""
SOURCES = """\
[sources.quiet-ada]
vendor = "ada"
base_url = "{base}/quiet-ada"
handoff_label = "slack-bridge"
keep_limits = false

[sources.quiet-moveo]
vendor = "moveo"
base_url = "{base}/quiet-moveo"
integration_id = "intg-001"

"""
#: Slack tries an event again after about 0, 60 and 300 s, divided by the scale
SLACK_RETRIES = (0.0, 60.0, 300.0)


def hurry() -> None:
    """In a bridge process: let what is paced by the minute, and is no setting, be as fast as all else."""
    from bridge.slack import api, pacing
    from bridge.store import catchup

    scale = float(os.environ[SCALE])
    api.UPDATES = int(api.UPDATES * scale)
    pacing.PATIENCE /= scale
    catchup.INTERVAL /= scale


class Retelling:
    """Slack's line to the app, which keeps what it told so that it can tell it again."""

    def __init__(self, line: HttpLine) -> None:
        self._line = line
        self.told: list[Json] = []

    def start(self) -> None:
        self._line.start()

    async def stop(self) -> None:
        await self._line.stop()

    async def event(self, envelope: Json, attempt: int, reason: str | None) -> Answer:
        answer = await self._line.event(envelope, attempt, reason)
        if answer.ok:
            self.told.append(envelope)
        return answer

    async def interaction(self, payload: Json) -> Answer:
        return await self._line.interaction(payload)

    async def again(self, chance: float) -> None:
        """As Slack does where it has not seen an answer that was given."""
        if self.told:
            await self._line.event(self.told[int(chance * len(self.told))], 1, "http_timeout")


@dataclass
class Town:
    stage: Stage
    vendors: dict[str, AnyVendor]  # by source
    line: Retelling
    database_url: str | None
    processes: dict[str, Process] = field(default_factory=dict)
    memory: list[list[int]] = field(
        default_factory=list
    )  # of each `serve`: MB when it was ready, and at last

    async def start(self) -> None:
        if self.database_url is not None:
            await self.stage.run("migrate")
            for name in ("work 1", "work 2"):
                self.processes[name] = await self.stage.spawn("work")
        await self._start("serve")

    async def _start(self, name: str) -> None:
        self.processes[name] = process = await self.stage.spawn(name.partition(" ")[0])
        if name == "serve":
            await self.stage.until_ready(process, 90)
            self.memory.append([])
            self.weigh()

    async def end(self, how: str, chance: float) -> None:
        """End one of the processes, and start it anew."""
        name = list(self.processes)[int(chance * len(self.processes))]
        if name == "serve":
            self.weigh()
        if how == "killed":
            await self.processes[name].kill()
        else:
            code = await self.processes[name].terminate(60)
            # uvicorn lets the signal end the process, once all is done
            assert code in (0, -signal.SIGTERM), f"{name} ended with {code}:\n{self.processes[name].tail()}"
        await self._start(name)
        await asyncio.sleep(UP)

    def weigh(self) -> None:
        """Note what memory `serve` has; where there is no /proc, nothing is known."""
        with contextlib.suppress(FileNotFoundError):
            pages = int(Path(f"/proc/{self.processes['serve'].pid}/statm").read_text().split()[1])
            self.memory[-1].append(pages * os.sysconf("SC_PAGESIZE") // 2**20)

    async def ask(self, query: Callable[[Connection], T]) -> T:
        """What the store says, while the bridge runs."""
        if self.database_url is None:
            path = self.stage.folder / "bridge.sqlite3"
            engine = create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")
            try:
                with engine.connect() as connection:
                    return query(connection)
            finally:
                engine.dispose()
        store = connect(self.database_url)
        try:
            return await store._database.run(query)
        finally:
            await store.close()


@contextlib.asynccontextmanager
async def town(folder: Path, database_url: str | None, scale: float) -> AsyncIterator[Town]:
    stage = Stage(folder, database_url=database_url, channel_rate=scale, route=ROUTE)
    stage.slack.events.retry_delays = [0.05 + delay / scale for delay in SLACK_RETRIES]
    text = stage.config.read_text()
    for old, new in (
        ("[slack]", f"[slack]\nworkspace_rate = {300 * scale}"),
        ("keep_limits = true", "keep_limits = false"),  # of a whole instance, in real minutes
        ("[[routes]]", SOURCES.format(base=stage.base) + QUIET + "[[routes]]"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    stage.config.write_text(text)
    stage.environ |= {
        SCALE: str(scale),
        "PYTHONPATH": os.pathsep.join(
            [str(Path(__file__).parent / "beneath"), str(Path(__file__).parent.parent.parent)]
        ),
        **{f"QUIET{name[4:]}": value for name, value in stage.environ.items() if name.startswith("ACME_")},
    }
    line: Any = Retelling(stage.slack._http)
    stage.slack._http = line
    quiet = _quiet(stage)
    stage.app.router.routes.extend(Mount(f"/{source}", vendor.app) for source, vendor in quiet.items())
    vendors: dict[str, AnyVendor] = {f"acme-{one.name}": one for one in stage.vendors}
    async with stage:
        for vendor in quiet.values():
            await vendor.start()
        try:
            yield Town(stage, vendors | quiet, line, database_url)
        finally:
            await asyncio.gather(*(vendor.stop() for vendor in quiet.values()))


def _quiet(stage: Stage) -> dict[str, AnyVendor]:
    secrets, hooks = stage.environ, f"{stage.bridge_url}/webhooks"
    return {
        "quiet-ada": AdaSandbox(
            api_key=secrets["QUIET_ADA_API_KEY"],
            webhook_secret=secrets["QUIET_ADA_WEBHOOK_SECRET"],
            handoff_token=secrets["QUIET_ADA_HANDOFF_TOKEN"],
            webhook_url=f"{hooks}/quiet-ada",
            handoff_url=f"{hooks}/quiet-ada/handoff",
        ),
        "quiet-moveo": MoveoSandbox(
            api_key=secrets["QUIET_MOVEO_API_KEY"],
            webhook_secret=secrets["QUIET_MOVEO_WEBHOOK_SECRET"],
            integration_id="intg-001",
            webhook_url=f"{hooks}/quiet-moveo",
        ),
    }
