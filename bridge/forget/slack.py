"""What the bridge posted of somebody in Slack, deleted; and what it may not delete, listed for a person to.

A bot deletes its own messages and files only: https://docs.slack.dev/reference/methods/chat.delete,
https://docs.slack.dev/reference/methods/files.delete.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bridge.config import Workspace
from bridge.errors import ConfigError
from bridge.model import ThreadKey
from bridge.slack.api import MARKER

# Both are Tier 3, 50 and more a minute: https://docs.slack.dev/apis/web-api/rate-limits
PACE = 60 / 50
GONE = {"message_not_found", "thread_not_found", "file_not_found", "file_deleted"}


@dataclass(slots=True)
class Erased:
    """`left` are links to what still stands, each with why."""

    messages: int = 0
    files: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)


class Desk:
    """One workspace as our bot sees it."""

    def __init__(self, workspace: Workspace) -> None:
        self._pace = PACE if workspace.slack.channel_rate else 0.0
        self._client = AsyncWebClient(
            token=workspace.bot_token.get_secret_value(),
            base_url=workspace.slack.api_url.rstrip("/") + "/",
            timeout=int(workspace.slack.timeout) or 1,
            retry_handlers=[AsyncRateLimitErrorRetryHandler(max_retry_count=5)],
        )
        self._user = self._bot = self._address = ""
        self.key = workspace.key

    async def open(self) -> str:
        """The workspace's team. Raises `ConfigError` where Slack does not let us in."""
        try:
            us = await self._client.auth_test()
        except SlackApiError as error:
            raise ConfigError(f"Slack answers {error.response['error']}", where=self.key) from None
        except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ConfigError(f"Slack does not answer ({type(error).__name__})", where=self.key) from None
        self._user, self._bot = str(us["user_id"]), str(us.get("bot_id"))
        self._address = str(us["url"]).rstrip("/")
        return str(us["team_id"])

    def link(self, channel: str, ts: str, thread_ts: str | None = None) -> str:
        """As https://docs.slack.dev/reference/methods/chat.getPermalink has them."""
        below = f"?thread_ts={thread_ts}&cid={channel}" if thread_ts not in (None, ts) else ""
        return f"{self._address}/archives/{channel}/p{ts.replace('.', '')}{below}"

    async def erase(self, where: ThreadKey, erased: Erased) -> None:
        """Our messages in a thread, and our files; its first message last, or the rest is not found again."""
        try:
            found: list[dict[str, Any]] = [message async for message in self._replies(where)]
        except SlackApiError as error:
            if (code := str(error.response["error"])) not in GONE:
                erased.left.append((self.link(where.channel, where.ts), f"Slack answers {code}"))
            return
        for message in sorted(found, key=lambda one: one["ts"] == where.ts):
            link = self.link(where.channel, message["ts"], where.ts)
            if not self._is_ours(message):
                if message.get("subtype") != "tombstone":
                    erased.left.append((link, "somebody else wrote it"))
                continue
            for file in message.get("files") or ():
                if file.get("user") == self._user:
                    erased.files += await self._delete("files.delete", {"file": file["id"]}, link, erased)
            told = {"channel": where.channel, "ts": message["ts"]}
            erased.messages += await self._delete("chat.delete", told, link, erased)

    async def _delete(self, method: str, told: dict[str, str], link: str, erased: Erased) -> bool:
        await asyncio.sleep(self._pace)
        try:
            await self._client.api_call(method, json=told)
        except SlackApiError as error:
            if (code := str(error.response["error"])) in GONE:
                return method == "chat.delete"  # with its file
            erased.left.append((link, f"Slack answers {code}"))
            return False
        return True

    async def _replies(self, where: ThreadKey) -> AsyncIterator[dict[str, Any]]:
        params = {"channel": where.channel, "ts": where.ts, "include_all_metadata": "true", "limit": "200"}
        while True:
            told = await self._client.api_call("conversations.replies", http_verb="GET", params=params)
            messages: list[dict[str, Any]] = told.get("messages", [])
            for message in messages:
                yield message
            cursor = (told.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return
            params = {**params, "cursor": cursor}
            await asyncio.sleep(self._pace)

    def _is_ours(self, message: dict[str, Any]) -> bool:
        metadata = message.get("metadata") or {}
        marked = metadata.get("event_type") == MARKER
        return marked or message.get("bot_id") == self._bot or message.get("user") == self._user


class Desks:
    """Every workspace that is configured, by its team."""

    def __init__(self, desks: dict[str, Desk]) -> None:
        self._desks = desks

    @classmethod
    async def open(cls, workspaces: Iterable[Workspace]) -> Desks:
        desks = [Desk(one) for one in workspaces]
        return cls({await one.open(): one for one in desks})

    def link(self, where: ThreadKey) -> str | None:
        desk = self._desks.get(where.team)
        return None if desk is None else desk.link(where.channel, where.ts)

    async def erase(self, threads: Iterable[ThreadKey], tell: Callable[[str], None]) -> Erased:
        erased = Erased()
        for where in threads:
            desk = self._desks.get(where.team)
            if desk is None:
                place = f"{where.channel} {where.ts} of workspace {where.team}"
                erased.left.append((place, "the workspace is not configured"))
                continue
            try:
                await desk.erase(where, erased)
            except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError) as error:
                why = f"Slack does not answer ({type(error).__name__})"
                erased.left.append((desk.link(where.channel, where.ts), why))
            tell(f"Slack: {erased.messages} messages and {erased.files} files are deleted so far")
        return erased
