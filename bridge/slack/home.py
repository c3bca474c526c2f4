"""The App Home: what waits for a human and what is with one, of the workspace's channels that somebody is in.

It is a view that can be opened again, so it is no delivery, and nothing fails because of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from bridge.engine.ports import Ledger
from bridge.engine.work import Row
from bridge.errors import BridgeError, DeliveryError
from bridge.logs import fault
from bridge.model import ThreadKey
from bridge.render import HomeRow, home, short_name
from bridge.render.literal import context
from bridge.slack.api import SlackApi
from bridge.slack.people import People
from bridge.slack.permalinks import Permalinks
from bridge.slack.routes import Routes

logger = logging.getLogger(__name__)

MOST = 100  # handoffs that are looked at
PAUSE = 1.0  # seconds between two views of one person


class Homes:
    def __init__(
        self, api: SlackApi, ledger: Ledger, people: People, routes: Routes, links: Permalinks
    ) -> None:
        self._api = api
        self._ledger = ledger
        self._people = people
        self._routes = routes
        self._links = links
        self._wanted: set[str] = set()
        self._publishing: dict[str, asyncio.Task[None]] = {}  # by person

    def publish(self, user: str) -> None:
        """Let somebody's Home show how things stand, soon. Several times in a second are one."""
        self._wanted.add(user)
        if user not in self._publishing:
            task = asyncio.create_task(self._keep_up(user), name="home")
            self._publishing[user] = task

    async def close(self) -> None:
        tasks = list(self._publishing.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_up(self, user: str) -> None:
        try:
            while user in self._wanted:
                self._wanted.remove(user)
                try:
                    await self._publish(user)
                except BridgeError as error:
                    logger.warning("a Home could not be shown: %s", error)
                except Exception as error:
                    fault(logger, "a Home", error)
                await asyncio.sleep(PAUSE)
        finally:
            del self._publishing[user]

    async def _publish(self, user: str) -> None:
        """https://docs.slack.dev/reference/methods/views.publish"""
        team = self._api.known().team
        found = await self._ledger.open_handoffs(MOST, team)
        more = 0
        if len(found) == MOST:
            more = max(sum((await self._ledger.counts(team)).values()) - MOST, 0)
        threads = {row.conversation.thread.channel for row in found if row.conversation.thread}
        mine, problem = await self._mine(user, sorted(threads))
        shown = [
            self._row(row, row.conversation.thread)
            for row in found
            if row.conversation.thread is not None and row.conversation.thread.channel in mine
        ]
        view = home(await asyncio.gather(*shown), more=more, now=datetime.now(UTC))
        if problem is not None:
            view["blocks"].insert(1, context(f"Some channels are not shown here: {problem}"))
        await self._api.call("views.publish", {"user_id": user, "view": view})

    async def _mine(self, user: str, channels: Sequence[str]) -> tuple[set[str], DeliveryError | None]:
        """Those of `channels` that somebody is in, and why others cannot be told."""
        mine, problem = set(), None
        for channel in channels:
            try:
                if await self._people.is_in(user, channel):
                    mine.add(channel)
            except DeliveryError as error:
                problem = error
        return mine, problem

    async def _row(self, row: Row, thread: ThreadKey) -> HomeRow:
        about, handoff = row.conversation, row.handoff
        known = self._routes.view(about, about.facts).known()
        return HomeRow(
            conversation=about.id,
            name=known.name or short_name(known.id),
            source=about.key.source,
            control=about.control,
            since=datetime.fromtimestamp(about.since or handoff.started_at, UTC),
            started_at=datetime.fromtimestamp(handoff.started_at, UTC),
            owner=about.owner.name if about.owner else None,
            thread=await self._links.of(thread.channel, thread.ts),
            channel=thread.channel,
            reason=handoff.start.reason if handoff.start else None,
            held=row.held,
            breached=handoff.breached_at is not None,
        )
