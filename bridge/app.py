"""The whole bridge put together from its configuration: what `serve` and `work` run."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping
from itertools import chain, repeat

import aiohttp
import httpx
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette

from bridge import web
from bridge.adapter import TellsHistory
from bridge.config import Config
from bridge.engine.lanes import Lanes, where
from bridge.engine.measure import Measure
from bridge.engine.vendor import VendorCarrier
from bridge.errors import ConfigError, DeliveryError, Unavailable
from bridge.media import Fetcher
from bridge.model import Direction
from bridge.slack import http
from bridge.slack.acts import ActsCarrier
from bridge.slack.alerts import AlertsCarrier
from bridge.slack.api import SlackApi
from bridge.slack.catchup import Looks
from bridge.slack.clocks import ClocksCarrier
from bridge.slack.digest import Digests
from bridge.slack.downloads import Downloads
from bridge.slack.files import Files
from bridge.slack.home import Homes
from bridge.slack.links import Links
from bridge.slack.listeners import Listeners
from bridge.slack.marks import MarksCarrier
from bridge.slack.missed import since
from bridge.slack.modals import Modals
from bridge.slack.people import People
from bridge.slack.permalinks import Permalinks
from bridge.slack.permit import Permit
from bridge.slack.replies import Replies
from bridge.slack.routes import Routes
from bridge.slack.serving import ServedFiles
from bridge.slack.socket import Socket
from bridge.slack.thread import ThreadCarrier
from bridge.slack.typing import TypingCarrier
from bridge.store import Store, open_store
from bridge.store.database import Database
from bridge.store.reading import open_reader

logger = logging.getLogger(__name__)

SWEEP = 900.0  # seconds between two looks for what may be deleted
AUTH_RETRY = (0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)  # seconds between tries of auth.test


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


async def reader_of(config: Config) -> Database:
    """The configured store, to be read beside a bridge that runs. Raises `ConfigError`."""
    url = config.database_url.get_secret_value() if config.database_url else None
    return await open_reader(config.store.path, url, os.environ)


class Bridge:
    """Everything one process runs, made in its running loop. Between `start` and `stop` the lanes work."""

    def __init__(self, config: Config, store: Store) -> None:
        self.config = config
        self.store = store
        self._vendors = httpx.AsyncClient(
            timeout=httpx.Timeout(15.0, connect=5.0),
            follow_redirects=False,  # a redirect would carry the credential elsewhere
            # Node and uvicorn close an idle connection after 5 s: a call begun just then is lost.
            # https://nodejs.org/api/http.html#serverkeepalivetimeout
            limits=httpx.Limits(max_connections=config.engine.concurrency, keepalive_expiry=4.0),
        )
        self.adapters = {
            source.name: source.adapter(source.name, source.settings, source.secrets, self._vendors)
            for source in config.sources.values()
        }
        token = config.slack_bot_token.get_secret_value()
        # A proxy from the environment is the SDK's doing; trust_env would read .netrc at every call.
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=config.slack.timeout))
        client = AsyncWebClient(
            token=token,
            base_url=config.slack.api_url.rstrip("/") + "/",
            session=self._http,
            retry_handlers=[],
        )
        self.api = SlackApi(client, config.slack, store)
        routes = Routes(config.routes, config.sources)
        links = Links(config.server.public_url, config.slack_signing_secrets, config.media.link_lifetime)
        self._downloads = Downloads(
            self.api,
            config.media,
            links,
            token=config.slack_bot_token,
            api_url=config.slack.api_url,
        )
        people, permalinks = People(self.api), Permalinks(self.api)
        permit = Permit(people, routes)
        self._homes = Homes(self.api, store, people, routes, permalinks)
        modals = Modals(self.api, store, routes, self.adapters)
        self._listeners = Listeners(self.api, client, store, token, modals, self._homes)
        replies = Replies(self.api, people, permit, routes, config.aliases, self._downloads)
        self._fetcher = Fetcher(config.media)
        files = Files(self.api, self._http, store, self._fetcher, self.adapters)
        self._typing = TypingCarrier(self.api, store)
        self._digests = Digests(self.api, store, routes, config.routes)
        marks = MarksCarrier(self.api, store, routes, people)
        self._lanes = Lanes(
            store,
            {
                Direction.SLACK: ThreadCarrier(self.api, store, routes, files),
                Direction.VENDOR: VendorCarrier(self.adapters, replies, store, Looks(self.api, store)),
                Direction.MARKS: marks,
                Direction.CARD: marks,
                Direction.STATUS: self._typing,
                Direction.ACTS: ActsCarrier(store, permit, routes, self._homes),
                Direction.ALERTS: AlertsCarrier(self.api, store, routes, permalinks),
                Direction.CLOCKS: ClocksCarrier(self.api, store, routes, permalinks, self._digests),
            },
            config.engine,
        )
        app_token = config.slack_app_token
        self._socket = (
            Socket(self._listeners.app, app_token.get_secret_value(), self._look_back) if app_token else None
        )
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, *, listen: bool) -> None:
        """Begin to work; with `listen` also take events, and first see to those that nobody took."""
        await self._digests.arrange(time.time())
        heard = await self.store.heard() if listen else None
        if heard is not None:
            telling = [name for name, one in self.adapters.items() if isinstance(one, TellsHistory)]
            await self.store.ask_back(since(heard), telling)
            if self._socket is None:
                await self._look_back(heard)
            else:
                self._socket.heard = heard
        await self._lanes.start()
        self._tasks.append(asyncio.create_task(self._meet_slack(listen=listen), name="meet-slack"))
        self._tasks.append(asyncio.create_task(self._sweep(self.config.store.keep), name="sweep"))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._lanes.stop(self.config.server.drain)
        await self._homes.close()
        await self._typing.close()
        await self._http.close()
        await self._downloads.close()
        await self._fetcher.close()
        await self._vendors.aclose()
        await self.store.close()

    async def readiness(self) -> Mapping[str, str]:
        missing: dict[str, str] = {}
        try:
            await self.store.ping()
        except Unavailable as error:
            missing["store"] = str(error)
        if self.api.problem is not None:
            missing["slack"] = self.api.problem
        elif self._socket is not None and self._socket.problem is not None:
            missing["slack"] = self._socket.problem
        if not self._lanes.working:
            missing["lanes"] = "no lanes are being taken"
        return missing

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
            http.endpoint(self._listeners.app, self.api, self.config.slack_signing_secrets),
            self.readiness,
            max_body=self.config.server.max_body,
            measure=Measure(self.store),
            files=ServedFiles(self._downloads),
            lifespan=lifespan,
        )

    async def _meet_slack(self, *, listen: bool) -> None:
        await self._authenticate()
        self._tasks.append(asyncio.create_task(self._stay_known(), name="stay-known"))
        if listen and self._socket is not None:
            await self._socket.listen()

    async def _stay_known(self) -> None:
        """Whenever our token is refused, ask Slack whether it is, until it is not."""
        while True:
            await self.api.doubted.wait()
            await self._authenticate()

    async def _look_back(self, heard: float) -> None:
        """Look for what was written in threads since anything was `heard`."""
        await self.store.look_back(since(heard))

    async def _authenticate(self) -> None:
        """Until Slack says who we are. Ingest goes on meanwhile; the lanes to Slack wait."""
        for wait in chain(AUTH_RETRY, repeat(AUTH_RETRY[-1])):
            try:
                us = await self.api.authenticate()
            except DeliveryError as error:
                yet = "yet" if self.api.identity is None else "any more"
                logger.warning("Slack does not know us %s: %s", yet, error)
                await asyncio.sleep(wait)
                continue
            logger.info("Slack knows us as %s in workspace %s", us.user, us.team)
            self.store.woken.set()
            return

    async def _sweep(self, keep: float) -> None:
        """Delete what was kept for long enough, now and then, as long as we run."""
        while keep:
            await asyncio.sleep(SWEEP)
            try:
                swept = await self.store.sweep(keep)
            except Unavailable as error:
                logger.warning("cannot delete what was kept for long enough: %s", error)
            except Exception as error:
                logger.error(
                    "cannot delete what was kept for long enough: %s\n%s", type(error).__name__, where(error)
                )
            else:
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
