"""What Slack sends to the app over HTTP, and how it tries again.

https://docs.slack.dev/apis/events-api: signed, to be answered with 2xx within 3 s, else up to three more
times. Events go out side by side; those of one thread wait briefly for one another's first answer, so
that their order is the natural one while nothing fails. After a failure it is not, as in Slack.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Coroutine, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

import aiohttp

from bridge.sandbox.slack.state import Json
from bridge.sandbox.slack.workspace import Workspace

ANSWER_SECONDS = 3.0


@dataclass(frozen=True)
class Answer:
    """What the app answered; `status` is None where no answer came, and `reason` says what was wrong."""

    status: int | None
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300 and self.reason is None

    def json(self) -> Any:
        return json.loads(self.text) if self.text else None


class Line(Protocol):
    """The way to the app: HTTP, or an open socket."""

    async def event(self, envelope: Json, attempt: int, reason: str | None) -> Answer: ...

    async def interaction(self, payload: Json) -> Answer: ...


class HttpLine:
    def __init__(self, secret: str, url: Callable[[], str | None], clock: Callable[[], float]) -> None:
        self._secret = secret
        self._url = url
        self._clock = clock
        self._client: aiohttp.ClientSession | None = None

    def start(self) -> None:
        # aiohttp, not httpx, whose pool slows down with its square. Waiting for a place in the pool is ours,
        # not the app's: it must not count against its 3 s.
        self._client = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=ANSWER_SECONDS, sock_read=ANSWER_SECONDS)
        )

    async def stop(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def event(self, envelope: Json, attempt: int, reason: str | None) -> Answer:
        headers = {"content-type": "application/json"}
        if attempt:
            headers |= {"x-slack-retry-num": str(attempt), "x-slack-retry-reason": reason or "unknown_error"}
        return await self._post(json.dumps(envelope).encode(), headers)

    async def interaction(self, payload: Json) -> Answer:
        body = urlencode({"payload": json.dumps(payload)}).encode()
        return await self._post(body, {"content-type": "application/x-www-form-urlencoded"})

    async def _post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        url = self._url()
        if self._client is None or url is None:
            return Answer(None, reason="connection_failed")
        signed = {**headers, **sign(self._secret, body, int(self._clock()))}
        try:
            async with self._client.post(url, data=body, headers=signed, allow_redirects=False) as response:
                text = await response.text()
        except TimeoutError:
            return Answer(None, reason="http_timeout")
        except (aiohttp.ClientError, ValueError):
            return Answer(None, reason="connection_failed")
        reason = None if 200 <= response.status < 300 else "http_error"
        return Answer(response.status, text, response.headers, reason)


def sign(secret: str, body: bytes, at: int) -> dict[str, str]:
    """https://docs.slack.dev/authentication/verifying-requests-from-slack"""
    digest = hmac.new(secret.encode(), b"v0:%d:%s" % (at, body), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": f"v0={digest}"}


@dataclass
class Failed:
    """An event Slack gave up on."""

    envelope: Json
    reasons: list[str]


class Events:
    """`retry_delays`: Slack waits about 0 s, 1 min and 5 min; a sandbox has not that much time. They may be
    changed: without any, it gives up at the first failure."""

    def __init__(
        self,
        workspace: Callable[[], Workspace],
        line: Callable[[], Line],
        retry_delays: Sequence[float],
    ) -> None:
        self.failed: list[Failed] = []
        self.delivered = 0
        self._workspace = workspace
        self._line = line
        self.retry_delays = retry_delays
        self._tasks: set[asyncio.Task[None]] = set()
        self._answered: dict[Hashable, asyncio.Event] = {}  # by thread: its latest event's first answer

    def send(self, event: Json, thread: Hashable) -> None:
        before = self._answered.get(thread)
        answered = self._answered[thread] = asyncio.Event()
        self._start(self._deliver(self._envelope(event), thread, before, answered))

    def _envelope(self, event: Json) -> Json:
        workspace = self._workspace()
        channel = workspace.channels.get(event.get("channel") or event.get("item", {}).get("channel"))
        return {
            "token": "sandbox-verification-token",
            "team_id": workspace.team_id,
            "context_team_id": workspace.team_id,
            "api_app_id": workspace.app.id,
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{secrets.token_hex(8).upper()}",
            "event_time": int(workspace.clock()),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": workspace.team_id,
                    "user_id": workspace.app.user,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": channel is not None and channel.is_ext_shared,
            "event_context": secrets.token_urlsafe(16),
        }

    async def _deliver(
        self, envelope: Json, thread: Hashable, before: asyncio.Event | None, answered: asyncio.Event
    ) -> None:
        if before is not None:
            await before.wait()
        reasons: list[str] = []
        for attempt, delay in enumerate((0.0, *self.retry_delays)):
            if delay:
                await asyncio.sleep(delay)
            try:
                answer = await self._line().event(envelope, attempt, reasons[-1] if reasons else None)
            finally:
                answered.set()
                if self._answered.get(thread) is answered:
                    del self._answered[thread]
            if answer.ok:
                self.delivered += 1
                return
            reasons.append(answer.reason or "unknown_error")
            if answer.headers.get("x-slack-no-retry") == "1":
                break
        self.failed.append(Failed(envelope, reasons))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Every event so far was taken or given up."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._answered.clear()
