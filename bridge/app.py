"""The whole bridge put together from its configuration: what `serve` and `work` run."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping

import httpx
from starlette.applications import Starlette

from bridge import metrics, telemetry, web
from bridge.adapter import TellsHistory
from bridge.calls import Calls
from bridge.config import Config
from bridge.descriptors import Descriptors
from bridge.engine.lanes import Lanes
from bridge.engine.measure import Measure
from bridge.errors import ConfigError, Unavailable
from bridge.logs import fault
from bridge.model import Direction
from bridge.slack import http
from bridge.slack.missed import since
from bridge.slack.serving import ServedFiles
from bridge.slack.workspaces import Workspaces
from bridge.store import Store, open_store

logger = logging.getLogger(__name__)

LOOK = 2.0  # seconds between tries to look for what Slack gave up telling
SWEEP = 900.0  # seconds between two looks for what may be deleted


def store_of(config: Config) -> Store:
    """The configured store. Raises `ConfigError`."""
    url = config.database_url.get_secret_value() if config.database_url else None
    try:
        return open_store(config.store.path, url, pool=config.store.pool, environ=os.environ)
    except OSError as error:
        raise ConfigError(
            f"the store cannot be opened: {error.strerror}",
            where=str(config.store.path),
            remedy="Let [store] path be in a folder that this process can write to",
        ) from None


class Bridge:
    """Everything one process runs, made in its running loop. Between `start` and `stop` the lanes work."""

    def __init__(self, config: Config, store: Store) -> None:
        self.config = config
        self.store = store
        trusted = httpx.create_ssl_context()  # once: each takes a while, and some memory
        self._vendors = {name: Calls(name, trusted, config.engine.concurrency) for name in config.sources}
        self.adapters = {
            source.name: source.adapter(
                source.name, source.settings, source.secrets, self._vendors[source.name]
            )
            for source in config.sources.values()
        }
        self.workspaces = Workspaces(config, store, self.adapters, self._look_back)
        carriers = {direction: self.workspaces.carrier(direction) for direction in Direction}
        self._lanes = Lanes(store, carriers, config.engine)
        self._descriptors = Descriptors()
        self._given_up = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, *, listen: bool) -> None:
        """Begin to work; with `listen` also take events, and first see to those that nobody took."""
        heard = await self.store.heard() if listen else None
        look_now = await self.workspaces.arrange(heard)
        if heard is not None:
            telling = [name for name, one in self.adapters.items() if isinstance(one, TellsHistory)]
            await self.store.ask_back(since(heard), telling)
            if look_now:
                await self._look_back(heard)
        await self._lanes.start()
        self.workspaces.start(listen=listen)
        self._tasks.append(asyncio.create_task(self._sweep(self.config.store.keep), name="sweep"))
        self._tasks.append(asyncio.create_task(self._look_again(), name="look-again"))
        self._tasks.append(asyncio.create_task(self._descriptors.watch(), name="descriptors"))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.workspaces.stop()
        await self._lanes.stop(self.config.server.drain)
        await self.workspaces.close()
        for calls in self._vendors.values():
            await calls.aclose()
        await self.store.close()
        telemetry.stop()  # uvicorn ends the process by the signal that it was sent: nothing runs after this

    async def readiness(self) -> tuple[bool, Mapping[str, str]]:
        """Whether anything gets on, and what does not: one workspace does not stop another."""
        missing: dict[str, str] = {}
        try:
            await self.store.ping()
        except Unavailable as error:
            missing["store"] = str(error)
        if not self._lanes.working:
            missing["lanes"] = "no lanes are being taken"
        if (problem := self._descriptors.problem()) is not None:
            missing["descriptors"] = problem
        ready = not missing and not self.workspaces.stand_still()
        return ready, {**missing, **self.workspaces.problems()}

    def asgi(self) -> Starlette:
        """The web app; its lifespan starts and stops this bridge."""

        @contextlib.asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            await self.start(listen=True)
            try:
                yield
            finally:
                await self.stop()

        return web.build(
            self.adapters,
            self.store,
            http.endpoint(self.workspaces.doors, self.workspaces.gaps, self._given_up.set),
            self.readiness,
            max_body=self.config.server.max_body,
            measure=Measure(self.store),
            metrics_tokens=self.config.metrics_tokens,
            files=ServedFiles(self.workspaces.downloads),
            lifespan=lifespan,
        )

    async def _look_back(self, heard: float) -> None:
        """Look for what was written in threads since anything was `heard`."""
        await self.workspaces.look_back(since(heard))

    async def _look_again(self) -> None:
        """What Slack gave up telling, since it could not be kept, is looked for once it can be."""
        while True:
            await self._given_up.wait()
            self._given_up.clear()
            heard = time.time()
            while True:
                try:
                    await self._look_back(heard)
                    break
                except Unavailable as error:
                    logger.warning("what Slack told meanwhile is not looked for yet: %s", error)
                    await asyncio.sleep(LOOK)

    async def _sweep(self, keep: float) -> None:
        """Delete what was kept for long enough, now and then, as long as we run."""
        while keep:
            await asyncio.sleep(SWEEP)
            try:
                swept = await self.store.sweep(keep)
            except Unavailable as error:
                logger.warning("cannot delete what was kept for long enough: %s", error)
            except Exception as error:
                fault(logger, "cannot delete what was kept for long enough", error)
            else:
                for what, count in swept.items():
                    metrics.swept.labels(what).inc(count)
                if any(swept.values()):
                    logger.info("deleted after %.0f days: %s", keep / 86400, dict(swept))


def check_can_work(store: Store) -> None:
    """Raises `ConfigError` where only one process may use the store."""
    if not store.shared:
        raise ConfigError(
            "`work` beside another process needs a Postgres",
            where="DATABASE_URL",
            remedy="Set DATABASE_URL, or let `serve` do all the work: with SQLite it does",
        )
