"""Slack's Web API out: one HTTP session, our pace, and every answer as the class that decides what follows.

The SDK's own retries are off: it would post again after a dropped connection, and sleep inside the call.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bridge import metrics, telemetry
from bridge.config import Slack
from bridge.engine.ports import Ledger, Limit
from bridge.errors import DeliveryError, OutcomeUnknown, Rejected, RetryAfter, RetryLater
from bridge.model import ThreadKey
from bridge.render import SlackMessage
from bridge.slack import codes
from bridge.slack.answers import UNREADABLE, messages_of, next_cursor, text_at

# chat.update is Tier 3, 50 and more a minute: https://docs.slack.dev/apis/web-api/rate-limits
UPDATES = 50
UPDATE_BURST = 10
WORKSPACE_BURST = 20
# conversations.replies is Tier 3 as well
READS = 50
READ_BURST = 20
EASE = 1.03  # so that a message that is on its way a little less long than the last provokes no refusal

#: event_type of the metadata on every message of ours
MARKER = "slack_handoff_bridge"


#: the problem of whom Slack has not been asked about
UNASKED = "auth.test has not been answered yet"


class SlackRejected(Rejected):
    """Slack answered `ok: false` for a reason that will not pass; `code` is its own word."""

    def __init__(self, code: str, method: str, detail: str = "") -> None:
        technical = f"Slack refused it: {code}{f' ({detail})' if detail else ''}"
        can_retry = code not in codes.REFUSED_FORM | codes.ABSENT
        super().__init__(codes.in_words(code), where=method, detail=technical, can_retry=can_retry)
        self.code = code


class ThreadGone(SlackRejected):
    """The thread's first message is not there any more."""


class ChannelAway(RetryLater):
    """The channel cannot be posted to; an operator can mend that, or the route has a fallback."""


class TokenRefused(RetryLater):
    """Slack does not take our token; an operator can mend that."""


class ScopeMissing(RetryLater):
    """The app may not call this method; an operator can mend that, or there is another way."""


@dataclass(frozen=True)
class Posted:
    """Where a message stands, and on which rung: 0 is its richest form."""

    ts: str
    rung: int


@dataclass(frozen=True)
class Identity:
    """Who we are in the workspace, by auth.test. `address` is the workspace's; Slack may leave it out: ""."""

    team: str
    user: str
    bot: str
    address: str = ""


class SlackApi:
    """One workspace's. `variable` is where its token comes from, for who has to mend it."""

    def __init__(
        self, client: AsyncWebClient, settings: Slack, ledger: Ledger, variable: str = "SLACK_BOT_TOKEN"
    ) -> None:
        self._client = client
        self._settings = settings
        self._variable = variable
        self.ledger = ledger
        self._quiet: dict[str, float] = {}  # method and channel -> monotonic time of the next call
        self.identity: Identity | None = None
        self.problem: str | None = UNASKED
        self.doubted = asyncio.Event()  # some call was told that our token is not taken

    async def authenticate(self) -> Identity:
        """Ask Slack who we are. Raises a `DeliveryError`, and remembers it as `problem` if we are nobody to
        Slack. It alone says so: an answer to another call may be about that call."""
        try:
            told = await self.call("auth.test", {})
            self.identity = _identity(told, self._variable)
        except DeliveryError as error:
            if self.identity is None or isinstance(error, TokenRefused):
                self.problem = str(error)
            raise
        self.problem = None
        self.doubted.clear()
        return self.identity

    def known(self) -> Identity:
        """Our identity. Raises `RetryLater` while Slack has not told it."""
        if self.identity is None:
            raise RetryLater(self.problem or "Slack has not told who we are", where="auth.test")
        return self.identity

    def to_post(self, channel: str) -> tuple[Limit, ...]:
        """What a message in `channel` counts for: the channel, and the workspace. Nothing without a pace."""
        if not self._settings.channel_rate:
            return ()
        team, interval = self.known().team, EASE / self._settings.channel_rate
        return (
            (f"post:{team}:{channel}", interval, self._settings.channel_burst),
            (f"post:{team}", 60 / self._settings.workspace_rate, WORKSPACE_BURST),
        )

    def to_update(self) -> tuple[Limit, ...]:
        """The same for a change of a message, in the whole workspace."""
        if not self._settings.channel_rate:
            return ()
        return ((f"update:{self.known().team}", 60 / UPDATES, UPDATE_BURST),)

    def to_read(self) -> tuple[Limit, ...]:
        """The same for a message that is read again."""
        if not self._settings.channel_rate:
            return ()
        return ((f"read:{self.known().team}", 60 / READS, READ_BURST),)

    async def post(
        self, channel: str, message: SlackMessage, payload: Mapping[str, Any], thread_ts: str | None = None
    ) -> Posted:
        """Post `message` with `payload` as its metadata; a form that Slack refuses as its next rung."""
        for number, rung in enumerate(message.rungs()):
            params = body(rung) | {
                "channel": channel,
                "metadata": {"event_type": MARKER, "event_payload": dict(payload)},
                "unfurl_links": False,
                "unfurl_media": False,
            }
            if thread_ts is not None:
                params["thread_ts"] = thread_ts
                if rung.broadcast:
                    params["reply_broadcast"] = True
            try:
                told = await self.call("chat.postMessage", params)
            except SlackRejected as error:
                if error.code not in codes.REFUSED_FORM or rung.plainer is None:
                    raise
                continue
            except RetryAfter as error:
                for key, interval, burst in self.to_post(channel)[:1]:
                    await self.ledger.hold(key, error.seconds, interval, burst)
                raise
            if number:
                metrics.slack_rungs.labels(str(number)).inc()
            return Posted(text_at(told, "chat.postMessage", "ts", acted=True), number)
        raise AssertionError("a message has a first rung, and the last one raises")

    async def update(self, message: SlackMessage, channel: str, ts: str) -> bool:
        """Let our message at `ts` be `message`; False where it is gone, or can be changed no more.

        https://docs.slack.dev/reference/methods/chat.update
        """
        for rung in message.rungs():
            # It takes no name or picture, and keeps what it is not told to replace.
            shown = {"text": rung.text, "blocks": list(rung.blocks), "attachments": list(rung.attachments)}
            try:
                await self.call("chat.update", {"channel": channel, "ts": ts, **shown})
            except SlackRejected as error:
                if error.code in codes.FIXED:
                    return False
                if error.code not in codes.REFUSED_FORM or rung.plainer is None:
                    raise
                continue
            return True
        raise AssertionError("a message has a first rung, and the last one raises")

    async def whisper(
        self, channel: str, user: str, message: SlackMessage, thread_ts: str | None = None
    ) -> None:
        """Show `message` to one person only, as long as they are there. Slack keeps no record of it.

        https://docs.slack.dev/reference/methods/chat.postEphemeral
        """
        params = {"channel": channel, "user": user, **({"thread_ts": thread_ts} if thread_ts else {})}
        for rung in message.rungs():
            try:
                await self.call("chat.postEphemeral", body(rung) | params)
            except SlackRejected as error:
                if error.code not in codes.REFUSED_FORM or rung.plainer is None:
                    raise
                continue
            return

    async def posted(self, thread: ThreadKey, delivery: int) -> dict[str, str]:
        """The steps of `delivery` that stand in the thread already: step -> ts; and all files: id -> ts."""
        found: dict[str, str] = {}
        params = {"channel": thread.channel, "ts": thread.ts, "include_all_metadata": "true", "limit": "200"}
        async for message in self._pages("conversations.replies", params):
            payload = _marker(message)
            if payload.get("delivery") == delivery:
                found[str(payload.get("step"))] = str(message["ts"])
            for file in message.get("files") or ():  # a file's message takes no metadata
                if isinstance(file, dict):
                    found[str(file.get("id"))] = str(message["ts"])
        return found

    def replies(self, thread: ThreadKey, oldest: float) -> AsyncIterator[dict[str, Any]]:
        """What was written in a thread since then; and its first message, whenever that was."""
        params = {"channel": thread.channel, "ts": thread.ts, "oldest": f"{oldest:.6f}", "limit": "200"}
        return self._pages("conversations.replies", params)

    async def page(
        self, channel: str, *, oldest: float, cursor: str = ""
    ) -> tuple[list[dict[str, Any]], str]:
        """Up to 200 of what stands in a channel itself since then; and where the next page begins, or ""."""
        params = {"channel": channel, "oldest": f"{oldest:.6f}", "limit": "200"}
        told = await self.call(
            "conversations.history", params | ({"cursor": cursor} if cursor else {}), read=True
        )
        return messages_of(told, "conversations.history"), next_cursor(told)

    async def message(self, channel: str, thread_ts: str, ts: str) -> dict[str, Any] | None:
        """One message of a thread as it stands now."""
        params = {"channel": channel, "ts": thread_ts, "oldest": ts, "latest": ts, "inclusive": "true"}
        async for message in self._pages("conversations.replies", params):
            if message["ts"] == ts:
                return dict(message)
        return None

    async def standing(
        self, channel: str, marker: Mapping[str, Any], *, oldest: float, below: str | None = None
    ) -> str | None:
        """The ts of our message with `marker`, if it stands in `channel`, or `below` one, since then."""
        method = "conversations.history" if below is None else "conversations.replies"
        params = {
            "channel": channel,
            "oldest": f"{oldest:.6f}",
            "include_all_metadata": "true",
            "limit": "200",
            **({} if below is None else {"ts": below}),
        }
        async for message in self._pages(method, params):
            if marker.items() <= _marker(message).items():
                return str(message["ts"])
        return None

    async def _pages(self, method: str, params: dict[str, str]) -> AsyncIterator[dict[str, Any]]:
        while True:
            told = await self.call(method, params, read=True)
            for message in messages_of(told, method):
                yield message
            if not (cursor := next_cursor(told)):
                return
            params = {**params, "cursor": cursor}

    async def call(self, method: str, params: Mapping[str, Any], *, read: bool = False) -> dict[str, Any]:
        """Call `method` once. Raises a `DeliveryError`. Reads go as a query: Slack takes no JSON there."""
        key = f"{method}:{params.get('channel', '')}"
        if (wait := self._quiet.get(key, 0.0) - time.monotonic()) > 0:
            raise RetryAfter("Slack asked for peace", seconds=wait, where=method)
        with _counted(method) as ended:
            try:
                if read:
                    response = await self._client.api_call(method, http_verb="GET", params=dict(params))
                else:
                    response = await self._client.api_call(method, json=dict(params))
            except SlackApiError as error:
                failure = self._failure(method, key, error, ended)
                if isinstance(failure, TokenRefused):
                    self.doubted.set()
                raise failure from None
            except aiohttp.ClientConnectorError as error:
                ended("no_connection")
                detail = f"could not connect to Slack ({type(error).__name__})"
                raise RetryLater("could not connect to Slack", where=method, detail=detail) from None
            except UNREADABLE as error:
                ended("no_answer")
                detail = f"no answer from Slack ({type(error).__name__})"
                raise OutcomeUnknown("no answer from Slack", where=method, detail=detail) from None
            ended("ok")
        if self.identity is not None:
            self.problem = None
        data = response.data
        return data if isinstance(data, dict) else {}  # without what is needed of it: see `answers`

    def _failure(
        self, method: str, key: str, error: SlackApiError, ended: Callable[[str], None]
    ) -> RetryAfter | RetryLater | OutcomeUnknown | SlackRejected:
        response: Any = error.response
        status = getattr(response, "status_code", None) or getattr(
            response, "status", None
        )  # not read at all
        data = getattr(response, "data", response)
        code = str(data.get("error", "")) if isinstance(data, dict) else ""
        ended(codes.counted(code, status))
        if status == 429 or code in codes.RATE_LIMITED:
            seconds = _seconds(getattr(response, "headers", None) or {})
            self._quiet[key] = time.monotonic() + seconds
            return RetryAfter("rate limited by Slack", seconds=seconds, where=method)
        words, answers = codes.in_words(code), f"Slack answers {code or status}"
        if code in codes.AWAY:
            return ChannelAway(words, where=method, remedy=codes.MENDABLE[code], detail=answers)
        if code in codes.THREAD_GONE:
            return ThreadGone(code, method)
        if code == "missing_scope":
            remedy = f"Add the scope {data.get('needed', '')} to the app and install it again"
            return ScopeMissing(words, where=method, remedy=remedy, detail=answers)
        if code in codes.TOKEN:
            remedy = codes.TOKEN[code].format(variable=self._variable)
            return TokenRefused(words, where=method, remedy=remedy, detail=answers)
        if code in codes.MENDABLE:
            return RetryLater(words, where=method, remedy=codes.MENDABLE[code], detail=answers)
        if status == 503:
            return RetryLater("Slack answers 503", where=method)
        if not code or code in codes.UNKNOWN or (status or 0) >= 500:
            problem = words if code in codes.UNKNOWN else f"Slack answers {status}"
            return OutcomeUnknown(problem, where=method, detail=answers)
        detail = (
            ((data.get("response_metadata") or {}).get("messages") or []) if isinstance(data, dict) else []
        )
        return SlackRejected(code, method, "; ".join(str(one)[:120] for one in detail[:3]))


@contextlib.contextmanager
def _counted(method: str) -> Iterator[Callable[[str], None]]:
    """What a call takes, and the outcome that it is told to have."""
    began = time.monotonic()
    with telemetry.span("slack call", role="client", method=method) as span:

        def ended(outcome: str) -> None:
            metrics.slack_calls.labels(method, outcome).inc()
            metrics.slack_call_seconds.labels(method).observe(time.monotonic() - began)
            span.tell(outcome=outcome)

        yield ended


def _identity(told: Mapping[str, Any], variable: str) -> Identity:
    """Who auth.test says we are. Raises `Rejected` for a person's or a whole organisation's token."""
    team, user, bot = (told.get(name) for name in ("team_id", "user_id", "bot_id"))
    # An organisation's has the organisation in place of the team, and no event is of that.
    of_workspace = isinstance(team, str) and not told.get("is_enterprise_install")
    if not (of_workspace and isinstance(team, str) and isinstance(user, str) and isinstance(bot, str)):
        raise Rejected(
            "the token is not that of a workspace's bot",
            where="auth.test",
            remedy=f"Set {variable} to the app's bot token (xoxb-…)",
        )
    url = told.get("url")
    return Identity(team=team, user=user, bot=bot, address=url.rstrip("/") if isinstance(url, str) else "")


def body(message: SlackMessage) -> dict[str, Any]:
    """`message` as chat.postMessage takes it."""
    # On the rung that is text alone nothing the customer wrote may format itself or ping.
    fields: dict[str, Any] = {"text": message.text, "mrkdwn": False, "link_names": False}
    if message.blocks:
        fields["blocks"] = list(message.blocks)
    if message.attachments:
        fields["attachments"] = list(message.attachments)
    for name in ("username", "icon_url", "icon_emoji"):
        if value := getattr(message, name):
            fields[name] = value
    return fields


def _marker(message: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = message.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    payload = metadata.get("event_payload")
    return payload if metadata.get("event_type") == MARKER and isinstance(payload, dict) else {}


def _seconds(headers: Mapping[str, Any]) -> float:
    for name, value in headers.items():
        if name.lower() == "retry-after":
            try:
                return min(max(0.1, float(value)), 3600.0)  # in this order NaN is 0.1
            except (TypeError, ValueError):
                break
    return 1.0
