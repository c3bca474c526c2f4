"""`/slack/events`: the signature over the raw bytes first, then the Bolt app of the workspace it is about."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs

from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_sdk.signature import SignatureVerifier
from starlette.requests import Request
from starlette.responses import Response

from bridge import metrics
from bridge.errors import Malformed, NotAuthentic, Unavailable
from bridge.slack.doors import Door, door_for
from bridge.slack.gaps import Gaps
from bridge.slack.payloads import check

#: the last retry of an event without Delayed Events: https://docs.slack.dev/apis/events-api/#retries
LAST_RETRY = 3


def endpoint(
    doors: Sequence[Door], gaps: Gaps, given_up: Callable[[], None]
) -> Callable[[Request], Awaitable[Response]]:
    """The handler of events and interactivity. What one workspace's secret has signed is never about another
    that has its own. `gaps` keeps the order of what could not be kept at once; `given_up` is told of each
    event that could not, and is not told again. Raises `Refused` and `Unavailable`."""
    verifiers = [
        (door, [SignatureVerifier(secret.get_secret_value()) for secret in door.secrets]) for door in doors
    ]
    bolts = {id(door): AsyncSlackRequestHandler(door.app) for door in doors}

    async def slack_events(request: Request) -> Response:
        raw = await request.body()
        timestamp = request.headers.get("x-slack-request-timestamp", "")
        signature = request.headers.get("x-slack-signature", "")
        opened = [door for door, own in verifiers if _signed(own, raw, timestamp, signature)]
        if not opened:
            raise NotAuthentic(
                "the request is not signed by Slack with our signing secret, or is older than five minutes",
                where="/slack/events",
                remedy="Check SLACK_SIGNING_SECRET and this machine's clock",
            )
        told = _told(raw)
        try:
            check(told)
            await gaps.close_before(told)
            return await _handled(door_for(opened, told), request)
        except Malformed:
            metrics.slack_events.labels("malformed").inc()
            raise
        except Unavailable:
            gaps.open_at(told)
            if _number(request.headers.get("x-slack-retry-num", "")) >= LAST_RETRY:
                given_up()
            raise

    async def _handled(door: Door, request: Request) -> Response:
        try:
            response = await bolts[id(door)].handle(request)
        except Exception:  # what a listener raises is an answer already: Bolt could not read the request
            raise Malformed("this is no request of Slack's", where="/slack/events") from None
        if response.status_code == Malformed.status:
            raise Malformed("this is no request of Slack's", where="/slack/events")
        if response.status_code >= 500:
            raise Unavailable("the event could not be kept", where="/slack/events")
        return response

    return slack_events


def _told(raw: bytes) -> Mapping[str, Any]:
    """What is told, as Bolt reads it: an event as JSON, an interaction as a form with JSON in it. Nothing
    where it cannot be read, which is Bolt's to refuse."""
    try:
        text = raw.decode()
        told = json.loads(text if text.lstrip().startswith("{") else parse_qs(text)["payload"][0])
    except (ValueError, KeyError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _number(header: str) -> int:
    return int(header) if header.isascii() and header.isdecimal() and len(header) < 16 else 0


def _signed(verifiers: list[SignatureVerifier], raw: bytes, timestamp: str, signature: str) -> bool:
    """Whether one of these secrets signed it. Bolt fails with a 500 on a timestamp that is no number."""
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 16 and signature.isascii()):
        return False
    try:
        return any(one.is_valid(raw, timestamp, signature) for one in verifiers)
    except UnicodeDecodeError:
        return False
