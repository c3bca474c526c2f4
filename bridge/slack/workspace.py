"""Everything that belongs to one workspace: what calls Slack there, what is heard, and what carries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from itertools import chain, repeat

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bridge import config, metrics
from bridge.adapter import Adapter
from bridge.engine.ports import Carrier, Ledger
from bridge.engine.vendor import VendorCarrier
from bridge.errors import DeliveryError
from bridge.media import Fetcher
from bridge.model import Direction
from bridge.slack.acts import ActsCarrier
from bridge.slack.alerts import AlertsCarrier
from bridge.slack.api import SlackApi
from bridge.slack.catchup import Looks
from bridge.slack.clocks import ClocksCarrier
from bridge.slack.digest import Digests
from bridge.slack.doors import Door
from bridge.slack.downloads import Downloads
from bridge.slack.files import Files
from bridge.slack.home import Homes
from bridge.slack.links import Links
from bridge.slack.listeners import Listeners
from bridge.slack.marks import MarksCarrier
from bridge.slack.modals import Modals
from bridge.slack.people import People
from bridge.slack.permalinks import Permalinks
from bridge.slack.permit import Permit
from bridge.slack.replies import Replies
from bridge.slack.routes import Routes
from bridge.slack.scans import Scans
from bridge.slack.thread import ThreadCarrier
from bridge.slack.typing import TypingCarrier

logger = logging.getLogger(__name__)

AUTH_RETRY = (0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)  # seconds between tries of auth.test


class Workspace:
    """`carriers` carry what is in this workspace, `door` is where its events come in, `downloads` fetches its
    files. Knows nothing of other workspaces."""

    def __init__(
        self,
        settings: config.Workspace,
        whole: config.Config,
        ledger: Ledger,
        adapters: Mapping[str, Adapter],
        fetcher: Fetcher,
    ) -> None:
        self.settings, slack, token = settings, settings.slack, settings.bot_token
        # A proxy from the environment is the SDK's doing; trust_env would read .netrc at every call.
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=slack.timeout))
        client = AsyncWebClient(
            token=token.get_secret_value(),
            base_url=slack.api_url.rstrip("/") + "/",
            session=self._http,
            retry_handlers=[],
        )
        self.api = api = SlackApi(client, slack, ledger, settings.bot_variable)
        routes = Routes(whole.routes, whole.sources, settings.name)
        links = Links(
            whole.server.public_url, settings.signing_secrets, whole.media.link_lifetime, settings.name
        )
        self.downloads = Downloads(api, whole.media, links, token=token, api_url=slack.api_url)
        people, permalinks = People(api), Permalinks(api)
        permit = Permit(people, routes)
        self._homes = Homes(api, ledger, people, routes, permalinks)
        modals = Modals(api, ledger, routes, adapters)
        listeners = Listeners(api, client, ledger, token.get_secret_value(), modals, self._homes)
        self.door = Door(listeners.app, api, settings.signing_secrets)
        replies = Replies(api, people, permit, routes, whole.aliases, self.downloads)
        files = Files(api, self._http, ledger, fetcher, adapters)
        self._typing = TypingCarrier(api, ledger)
        self.digests = Digests(api, ledger, routes, whole.routes, settings.name)
        self.scans = Scans(api, ledger, whole.routes, settings.name)
        marks = MarksCarrier(api, ledger, routes, people)
        self.carriers: dict[Direction, Carrier] = {
            Direction.SLACK: ThreadCarrier(api, ledger, routes, files),
            Direction.VENDOR: VendorCarrier(adapters, replies, ledger, Looks(api, ledger)),
            Direction.MARKS: marks,
            Direction.CARD: marks,
            Direction.STATUS: self._typing,
            Direction.ACTS: ActsCarrier(ledger, permit, routes, self._homes),
            Direction.ALERTS: AlertsCarrier(api, ledger, routes, permalinks),
            Direction.CLOCKS: ClocksCarrier(api, ledger, routes, permalinks, self.digests, self.scans),
        }

    async def authenticate(self) -> bool:
        """Until Slack says who we are: whether it did not at first. Ingest goes on meanwhile; the lanes to
        this workspace wait."""
        key, refused = self.settings.key, False
        for wait in chain(AUTH_RETRY, repeat(AUTH_RETRY[-1])):
            try:
                us = await self.api.authenticate()
            except DeliveryError as error:
                yet = "yet" if self.api.identity is None else "any more"
                metrics.slack_known.labels(key).set(0)
                logger.warning("Slack does not know us %s (%s): %s", yet, key, error)
                refused = True
                await asyncio.sleep(wait)
                continue
            metrics.slack_known.labels(key).set(1)
            logger.info("Slack knows us as %s in workspace %s (%s)", us.user, us.team, key)
            break
        return refused

    async def close(self) -> None:
        await self._homes.close()
        await self._typing.close()
        await self._http.close()
        await self.downloads.close()
