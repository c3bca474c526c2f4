"""Opens what is asked, and warned of, before an act; at once, since a trigger lives for three seconds.

https://docs.slack.dev/surfaces/modals. Nothing is lost with a modal that does not open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from bridge import control
from bridge.actions import OWN
from bridge.adapter import Adapter, title_of
from bridge.engine import acts
from bridge.engine.ports import Ledger
from bridge.engine.work import Conversation
from bridge.errors import Rejected, RetryLater
from bridge.model import Act
from bridge.render import modals
from bridge.slack.api import SlackApi
from bridge.slack.pressed import Opened
from bridge.slack.routes import Routes

PATIENCE = 2.5  # seconds: then the trigger is as good as expired


class Modals:
    def __init__(
        self, api: SlackApi, ledger: Ledger, routes: Routes, adapters: Mapping[str, Adapter]
    ) -> None:
        self._api = api
        self._ledger = ledger
        self._routes = routes
        self._adapters = adapters

    async def open(self, asked: Opened) -> str:
        """Open what asks, or what says why there is nothing to ask: "opened", or "not_our_thread". Raises a
        `DeliveryError`."""
        stands = await self._ledger.at(asked.where)
        if stands is None:
            return "not_our_thread"
        view = await self._view(asked, stands)
        try:
            async with asyncio.timeout(PATIENCE):
                await self._api.call("views.open", {"trigger_id": asked.trigger, "view": view})
        except TimeoutError:
            raise RetryLater("Slack gives no answer", where="views.open") from None
        return "opened"

    async def _view(self, asked: Opened, stands: Conversation) -> modals.View:
        adapter = self._adapters.get(stands.key.source)
        if adapter is None:
            return modals.refused("The source of this conversation is no longer configured.")
        try:
            if asked.act not in OWN:
                acts.call_of(asked.act, adapter)
        except Rejected as error:
            return modals.refused(error.told)
        if control.after(stands.control, acts.signal_of(asked.act, adapter)) is None:
            return modals.refused(acts.stands(stands.control, stands.owner))
        about = {"act": asked.act, "conversation": stands.id, **asked.place}
        if asked.act is Act.TRANSFER:
            return modals.transfer(about)
        warnings = modals.warnings(
            title_of(adapter),
            **await self._ledger.undecided(stands.id),
            own_conversation=adapter.capabilities.handoff_is_own_conversation,
        )
        view, again = self._routes.view(stands, stands.facts), adapter.capabilities.writes_again
        return modals.confirm(asked.act, about, view, warnings, again)
