"""`/slack/events`: the signature over the raw bytes first, then Bolt."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from pydantic import SecretStr
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier
from starlette.requests import Request
from starlette.responses import Response

from bridge.errors import Malformed, NotAuthentic, Unavailable
from bridge.slack.api import SlackApi

logger = logging.getLogger(__name__)


def endpoint(
    app: AsyncApp, api: SlackApi, secrets: tuple[SecretStr, ...]
) -> Callable[[Request], Awaitable[Response]]:
    """The handler of events and interactivity. Raises `Refused` and `Unavailable`."""
    verifiers = [SignatureVerifier(secret.get_secret_value()) for secret in secrets]
    bolt = AsyncSlackRequestHandler(app)

    async def slack_events(request: Request) -> Response:
        raw = await request.body()
        timestamp = request.headers.get("x-slack-request-timestamp", "")
        signature = request.headers.get("x-slack-signature", "")
        if not _signed(verifiers, raw, timestamp, signature):
            raise NotAuthentic(
                "the request is not signed by Slack with our signing secret, or is older than five minutes",
                where="/slack/events",
                remedy="Check SLACK_SIGNING_SECRET and this machine's clock",
            )
        if api.identity is None:  # Slack asks again
            raise Unavailable(api.problem or "auth.test has not been answered", where="/slack/events")
        try:
            response = await bolt.handle(request)
        except Exception:  # what a listener raises is an answer already: Bolt could not read the request
            raise Malformed("this is no request of Slack's", where="/slack/events") from None
        if response.status_code >= 500:
            raise Unavailable("the event could not be kept", where="/slack/events")
        return response

    return slack_events


def _signed(verifiers: list[SignatureVerifier], raw: bytes, timestamp: str, signature: str) -> bool:
    """Whether one of our secrets signed it. Bolt fails with a 500 on a timestamp that is no number."""
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 16 and signature.isascii()):
        return False
    try:
        return any(one.is_valid(raw, timestamp, signature) for one in verifiers)
    except UnicodeDecodeError:
        return False
