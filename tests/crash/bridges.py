"""Bridge processes under the knife: one on SQLite, two workers on Postgres."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

from bridge.sandbox.stage import AnyVendor, Process, Stage
from tests.crash.books import until
from tests.crash.knife import Knife
from tests.postgres import Postgres

ROUTE = 'reply_mode = "live"\nalert_channel = "C0HANDOFFS"'
#: of Slack's, with *Delayed Events* (docs/slack.md), and of Moveo's: a bridge may take long to be back here
RETRIES = (0.05, 0.5, 1.0, 1.0, 1.0, 2.0, 2.0, 5.0, 5.0, 10.0)
PATIENCE = 60.0

# Begun by somebody, who never said how it went; then by another.
_INTERRUPTED = """
SELECT max(one.started_at) - {at} FROM attempt AS one WHERE one.started_at > {at} AND one.number > 1
AND NOT EXISTS (SELECT FROM attempt WHERE delivery_id = one.delivery_id AND number = one.number - 1)
"""

_OWNED = """
SELECT count(*) FROM lane JOIN worker ON worker.id = lane.owner WHERE worker.name LIKE '%:{pid}'
"""


@dataclass
class Bridges:
    stage: Stage
    knife: Knife
    server: Postgres | None = None
    database: str = ""
    serve: Process | None = None
    work: Process | None = None

    def vendor(self, name: str) -> AnyVendor:
        return next(one for one in self.stage.vendors if one.name == name.lower())

    @property
    def running(self) -> list[Process]:
        return [one for one in (self.serve, self.work) if one is not None and one.running]

    async def up(self) -> None:
        """Start what does not run, as a platform does."""
        if self.serve is None or not self.serve.running:
            self.serve = await self.stage.serve()
        if self.server is not None and (self.work is None or not self.work.running):
            work = self.work = await self.stage.spawn("work")
            await until(lambda: "working" in work.tail(), PATIENCE, "a second worker")

    async def died(self, within: float = PATIENCE) -> float | None:
        """When the knife struck, by `time.time`; None where it did not within some seconds."""
        try:
            async with asyncio.timeout(within):
                while (told := self.knife.died) is None:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            return None
        await until(lambda: told[0] not in {one.pid for one in self.running}, PATIENCE, "its end")
        return told[1]

    async def taken_over(self, at: float) -> float:
        """Wait until the other worker, which nobody started anew, has carried what was begun by the one that
        died `at`; the seconds until it began."""
        assert self.server is not None
        assert len(self.running) == 1, self._ended()
        async with asyncio.timeout(PATIENCE):
            while not (told := await self.sql(_INTERRUPTED.format(at=at))):
                await asyncio.sleep(0.05)
        assert len(self.running) == 1, self._ended()
        return float(told)

    def _ended(self) -> str:
        return "\n".join(one.tail() for one in (self.serve, self.work) if one is not None and not one.running)

    async def left_behind(self, process: Process) -> bool:
        """Whether it had lanes when it died."""
        return await self.sql(_OWNED.format(pid=process.pid)) != "0"

    async def sql(self, statement: str) -> str:
        assert self.server is not None
        return (await asyncio.to_thread(self.server.sql, statement, self.database)).strip()


@contextlib.asynccontextmanager
async def bridges(folder: Path, server: Postgres | None = None) -> AsyncIterator[Bridges]:
    """All of them up."""
    url = server.create_database() if server else None
    async with Stage(folder, channel_rate=0, database_url=url, route=ROUTE) as stage:
        stage.slack.events.retry_delays = RETRIES
        stage.moveo._manner = replace(stage.moveo._manner, retry_delays=RETRIES)
        if url:
            await stage.run("migrate")
        knife = Knife(folder)
        stage.environ |= knife.environ
        both = Bridges(stage, knife, server, (url or "").rpartition("/")[2])
        await both.up()
        yield both
    if server and url:
        server.drop_database(url)
