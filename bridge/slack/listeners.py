"""Bolt's listeners: what Slack tells is kept in one transaction, then acknowledged; lanes do the rest."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncRespond
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bridge import metrics, telemetry
from bridge.delivery.kinds import Notice, SlackReply
from bridge.engine.ports import Ledger
from bridge.engine.work import Incoming, NewDelivery
from bridge.errors import BridgeError, DeliveryError, Malformed, Refused, Unavailable
from bridge.logs import fault
from bridge.slack.api import SlackApi
from bridge.slack.arrival import Arrival, arrived, below_alert, kept_of
from bridge.slack.asking import written
from bridge.slack.corrections import too_late
from bridge.slack.home import Homes
from bridge.slack.hosts import is_slacks
from bridge.slack.inbound import (
    INBOX,
    Changed,
    Gone,
    HomeOpened,
    Ignored,
    Locked,
    Written,
    may_become_ours,
    read,
)
from bridge.slack.modals import Modals
from bridge.slack.pressed import (
    AskedAgain,
    Decided,
    Found,
    Incomplete,
    Opened,
    Pressed,
    Refreshed,
    pressed,
    thread_of,
)

logger = logging.getLogger(__name__)

_ANY = re.compile(".*", re.DOTALL)
PATIENCE = 2.0  # seconds to tell somebody what became of what they pressed: Slack waits for three

_LOCKED_LATE = "A lock was put on a reply after it had gone out: the customer has it."
_TOLD = {
    "decided": "There is nothing to decide here any more.",
    "not_yours": "Only who wrote it can decide about it.",
    "not_our_thread": "This belongs to no conversation that the bridge knows.",
}


class Listeners:
    """Makes the Bolt app. Signatures are checked before it: by us over HTTP, by Slack's socket otherwise."""

    def __init__(
        self,
        api: SlackApi,
        client: AsyncWebClient,
        ledger: Ledger,
        token: str,
        modals: Modals,
        homes: Homes,
    ) -> None:
        self._api = api
        self._ledger = ledger
        self._modals = modals
        self._homes = homes
        self._api_url = client.base_url

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

    async def _event(self, body: dict[str, Any], request: AsyncBoltRequest) -> None:
        us = self._api.known()
        with _reading():
            found = read(body, us)
        if isinstance(found, Ignored):
            metrics.slack_events.labels(found.reason).inc()
            logger.debug("Slack told of something: ignored, %s", found.reason)
            return
        if isinstance(found, HomeOpened):
            self._homes.publish(found.user)
            result = "home"
        else:
            event_id = str(body.get("event_id") or body.get("event_time"))
            with _span(found, event_id) as span:
                incoming = Incoming(INBOX, event_id, "events", _raw(kept_of(body, found)))
                with _keeping():
                    result = await self._keep(found, incoming, body["event"], Arrival.of(request))
                span.tell(outcome=result)
            _note(found, event_id, result)
        metrics.slack_events.labels(result).inc()

    async def _keep(
        self,
        found: Written | Changed | Gone | Locked,
        incoming: Incoming,
        event: dict[str, Any],
        arrival: Arrival,
    ) -> str:
        match found:
            case Gone():
                return await self._ledger.forget_thread(incoming, found.thread)
            case Locked():
                late = NewDelivery.of(Notice(text=_LOCKED_LATE), f"locked:{incoming.key}")
                return await self._ledger.lock_message(incoming, found.place, (late,))
            case Changed():
                late = too_late(found, incoming.key)
                # Slack may have repeated it after a later change.
                stale = {"reread": True} if arrival.is_stale(event.get("event_ts")) else {}
                changed = SlackReply.model_validate({**found.message, **stale}) if found.message else None
                return await self._ledger.amend_reply(
                    incoming, found.thread, found.key, changed, (late,), found.place
                )
        delivery = arrived(found, arrival)
        result = await self._ledger.keep_reply(incoming, found.thread, delivery)
        if result == "team_talk" and (command := below_alert(found, arrival)) is not None:
            result = await self._ledger.keep_reply(incoming, found.thread, command)
        if result == "not_our_thread" and may_become_ours(event, self._api.known(), time.time()):
            raise Unavailable("the thread it is in is not known yet", where="/slack/events")
        return result

    async def _interaction(self, ack: AsyncAck, respond: AsyncRespond, body: dict[str, Any]) -> None:
        us = self._api.known()
        with _reading():
            found = pressed(body, us)
        if isinstance(found, Incomplete):
            metrics.slack_events.labels("incomplete").inc()
            await ack(response_action="errors", errors=dict(found.errors))
            return
        with _keeping():
            result = "other_interaction" if found is None else await self._do(found, respond, body)
        metrics.slack_events.labels(result).inc()
        await ack()

    async def _do(self, found: Found, respond: AsyncRespond, body: dict[str, Any]) -> str:
        """Do what an interaction asks for, and tell whoever asked what is not to be done."""
        told = None
        match found:
            case Refreshed():
                self._homes.publish(found.user)
                return "home"
            case Opened():
                try:
                    result = await self._modals.open(found)
                except DeliveryError as error:
                    result, told = "not_opened", f"Slack did not let this be asked: {error.told}"
            case _:
                # People's ids are unique within a workspace.
                key = f"{self._api.known().team}:{found.key}"
                with _span(found, found.key) as span:
                    result = await self._queue(found, Incoming(INBOX, key, "interactions", _raw(body)))
                    span.tell(outcome=result)
                _note(found, found.key, result)
        if isinstance(found, Decided) and found.choice is not None and result != "not_yours":
            await self._respond(respond, delete_original=True)  # the question
        if text := told or _TOLD.get(result):
            thread_ts = thread_of(body)
            await self._respond(
                respond, text=text, response_type="ephemeral", replace_original=False, thread_ts=thread_ts
            )
        return result

    async def _respond(self, respond: AsyncRespond, **told: Any) -> None:
        """Tell by the interaction's own address, if it is Slack's. What becomes of it is worth no retry."""
        address: object = respond.response_url  # as it came
        if not isinstance(address, str) or not is_slacks(address, self._api_url):
            return
        try:
            async with asyncio.timeout(PATIENCE):
                await respond(**told)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            metrics.slack_calls.labels("response_url", type(error).__name__).inc()

    async def _queue(self, found: Pressed | Decided | AskedAgain, incoming: Incoming) -> str:
        match found:
            case Pressed():
                return await self._ledger.keep_reply(incoming, found.where, found.delivery)
            case Decided():
                return await self._ledger.send_on(
                    incoming, found.where, found.delivery, found.user, found.choice
                )
            case AskedAgain():
                return await self._ledger.ask_again(incoming, found.where, found.ts, found.user)


def _note(found: Written | Changed | Gone | Locked | Found, told_as: str, became: str) -> None:
    if not logger.isEnabledFor(logging.DEBUG):
        return
    told = {"slack": told_as, "outcome": became, **_about(found)}
    what = type(found).__name__.lower()
    logger.debug("Slack told that something was %s: %s", what, became, extra={"fields": told})


def _span(found: Written | Changed | Gone | Locked | Found, told_as: str) -> telemetry.Span:
    about = _about(found)
    ids = (str(about.pop("id")),) if "id" in about else ()
    what = type(found).__name__.lower()
    return telemetry.span("slack event", *ids, role="server", kind=what, slack=told_as, **about)


def _about(found: Written | Changed | Gone | Locked | Found) -> dict[str, str | int]:
    """The id that the delivery has which carries it."""
    match found:
        case Written():
            return {"id": written(found.message, found.key).key}
        case Pressed():
            return {"id": found.delivery.key}
        case Changed():
            return {"id": found.key}
        case Decided():
            return {"delivery": found.delivery}
    return {}


def _raw(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


@contextlib.contextmanager
def _reading() -> Iterator[None]:
    """A payload that cannot be read is the sender's fault: it reads the same however often it is sent."""
    try:
        yield
    except BridgeError:
        raise
    except Exception as error:
        raise _unreadable(error) from None


@contextlib.contextmanager
def _keeping() -> Iterator[None]:
    """A fault of ours, after which Slack sends the event again."""
    try:
        yield
    except BridgeError:
        raise
    except Exception as error:
        fault(logger, "an event could not be kept", error)
        raise Unavailable("the bridge failed", where="/slack/events") from None


def _unreadable(error: Exception) -> Malformed:
    return Malformed(f"the payload cannot be read ({type(error).__name__})", where="/slack/events")


async def _failed(error: Exception) -> BoltResponse:
    """Not kept: Slack asks again. Bolt's own handler would write what somebody wrote to the log."""
    if isinstance(error, BoltUnhandledRequestError):  # a 404 would get the subscription disabled
        metrics.slack_events.labels("other_request").inc()
        return BoltResponse(status=200)
    if not isinstance(error, BridgeError):  # Bolt's own, of a payload in another shape than it reads
        error = _unreadable(error)
    logger.warning("an event could not be kept: %s", error)
    return BoltResponse(status=error.status if isinstance(error, Refused) else 503)


def _quiet() -> logging.Logger:
    """Bolt's logger without what is below an error: it quotes requests."""
    bolt = logging.getLogger("bridge.slack.bolt")
    bolt.setLevel(logging.ERROR)
    return bolt
