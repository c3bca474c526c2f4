"""Bolt's listeners: what Slack tells is kept in one transaction, then acknowledged; lanes do the rest."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bridge import metrics
from bridge.engine.lanes import where
from bridge.engine.ports import Ledger
from bridge.engine.work import Incoming, NewDelivery
from bridge.errors import BridgeError, Unavailable
from bridge.model import Direction
from bridge.slack.api import SlackApi
from bridge.slack.corrections import too_late
from bridge.slack.inbound import Changed, Gone, Ignored, may_become_ours, read
from bridge.slack.pressed import pressed

logger = logging.getLogger(__name__)

INBOX = "@slack"  # no source can have this name
_ANY = re.compile(".*", re.DOTALL)


class Listeners:
    """Makes the Bolt app. Signatures are checked before it: by us over HTTP, by Slack's socket otherwise."""

    def __init__(self, api: SlackApi, client: AsyncWebClient, ledger: Ledger, token: str) -> None:
        self._api = api
        self._ledger = ledger

        async def authorize() -> AuthorizeResult:
            us = api.known()
            return AuthorizeResult(
                enterprise_id=None, team_id=us.team, bot_user_id=us.user, bot_id=us.bot, bot_token=token
            )

        app = AsyncApp(
            client=client,
            # Else an event is acknowledged before it is kept, and lost with the process.
            process_before_response=True,
            request_verification_enabled=False,
            # Bolt's own authorize answers 200 and drops the event when auth.test fails.
            authorize=authorize,
            ignoring_self_events_enabled=False,  # ours are told apart in `inbound`, and counted
            raise_error_for_unhandled_request=True,
            logger=_quiet(),
        )
        app.event(_ANY)(self._event)
        for kind in (app.action, app.shortcut, app.view, app.options, app.command):
            kind(_ANY)(self._interaction)
        app.error(_failed)
        self.app = app

    async def _event(self, body: dict[str, Any]) -> None:
        found = read(body, self._api.known())
        if isinstance(found, Ignored):
            metrics.slack_events.labels(found.reason).inc()
            return
        event_id = str(body.get("event_id") or body.get("event_time"))
        incoming = Incoming(INBOX, event_id, "events", _raw(body))
        if isinstance(found, Gone):
            result = await self._ledger.forget_thread(incoming, found.thread)
        elif isinstance(found, Changed):
            changed = json.dumps(dict(found.message)) if found.message else None
            late = (too_late(found, event_id),)
            result = await self._ledger.amend_reply(incoming, found.thread, found.key, changed, late)
        else:
            new = NewDelivery(Direction.VENDOR, "reply", found.key, json.dumps(dict(found.message)))
            result = await self._ledger.keep_reply(incoming, found.thread, new)
            if result == "not_our_thread" and may_become_ours(body["event"], self._api.known(), time.time()):
                raise Unavailable("the thread it is in is not known yet", where="/slack/events")
        metrics.slack_events.labels(result).inc()

    async def _interaction(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        found = pressed(body, self._api.known())
        result = "other_interaction"
        if found is not None:
            incoming = Incoming(INBOX, found.key, "interactions", _raw(body))
            result = await self._ledger.keep_reply(incoming, found.thread, found.delivery)
        metrics.slack_events.labels(result).inc()
        await ack()


def _raw(body: dict[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


async def _failed(error: Exception) -> BoltResponse:
    """Not kept: Slack asks again. Bolt's own handler would write what somebody wrote to the log."""
    if isinstance(error, BoltUnhandledRequestError):  # a 404 would get the subscription disabled
        metrics.slack_events.labels("other_request").inc()
        return BoltResponse(status=200)
    if isinstance(error, BridgeError):
        logger.warning("an event could not be kept: %s", error)
    else:
        logger.error("an event could not be kept: %s\n%s", type(error).__name__, where(error))
    return BoltResponse(status=503)


def _quiet() -> logging.Logger:
    """Bolt's logger without what is below an error: it quotes requests."""
    bolt = logging.getLogger("bridge.slack.bolt")
    bolt.setLevel(logging.ERROR)
    return bolt
