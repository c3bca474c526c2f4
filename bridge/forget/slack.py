"""What the bridge posted of somebody in Slack, deleted; and what it may not delete, listed for a person to.

A bot deletes its own messages and files only: https://docs.slack.dev/reference/methods/chat.delete,
https://docs.slack.dev/reference/methods/files.delete.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from bridge.config import Workspace
from bridge.errors import ConfigError, DeliveryError, RetryAfter
from bridge.model import ThreadKey
from bridge.slack.answers import messages_of, next_cursor
from bridge.slack.api import MARKER, Identity, SlackApi, SlackRejected
from bridge.store import Store

# Both are Tier 3, 50 and more a minute: https://docs.slack.dev/apis/web-api/rate-limits
PACE = 60 / 50
BUSY = 5  # times that Slack may ask for peace before one call is left
GONE = {"message_not_found", "thread_not_found", "file_not_found", "file_deleted"}

_Answer = TypeVar("_Answer")


@dataclass(slots=True)
class Erased:
    """`left` are links to what still stands, each with why."""

    messages: int = 0
    files: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)


class Desk:
    """One workspace as our bot sees it."""

    def __init__(self, workspace: Workspace, store: Store) -> None:
        self._pace = PACE if workspace.slack.channel_rate else 0.0
        client = AsyncWebClient(
            token=workspace.bot_token.get_secret_value(),
            base_url=workspace.slack.api_url.rstrip("/") + "/",
            timeout=int(workspace.slack.timeout) or 1,
            retry_handlers=[],
        )
        self._api = SlackApi(client, workspace.slack, store, workspace.bot_variable)
        self._us = Identity(team="", user="", bot="")
        self.key = workspace.key

    async def open(self) -> str:
        """The workspace's team. Raises `ConfigError` where Slack does not let us in."""
        try:
            await self._patiently(self._api.authenticate)
        except DeliveryError as error:
            raise ConfigError(
                error.problem, where=self.key, remedy=error.remedy, detail=error.detail
            ) from None
        self._us = self._api.known()
        return self._us.team

    def link(self, channel: str, ts: str, thread_ts: str | None = None) -> str:
        """As https://docs.slack.dev/reference/methods/chat.getPermalink has them."""
        below = f"?thread_ts={thread_ts}&cid={channel}" if thread_ts not in (None, ts) else ""
        return f"{self._us.address}/archives/{channel}/p{ts.replace('.', '')}{below}"

    async def erase(self, where: ThreadKey, erased: Erased) -> None:
        """Our messages in a thread, and our files; its first message last, or the rest is not found again."""
        try:
            found = [message async for message in self._replies(where)]
        except DeliveryError as error:
            if not _is_gone(error):
                erased.left.append((self.link(where.channel, where.ts), _why(error)))
            return
        for message in sorted(found, key=lambda one: one["ts"] == where.ts):
            link = self.link(where.channel, message["ts"], where.ts)
            if not self._is_ours(message):
                if message.get("subtype") != "tombstone":
                    erased.left.append((link, "somebody else wrote it"))
                continue
            for file in self._files_of(message):
                erased.files += await self._delete("files.delete", {"file": file}, link, erased)
            told = {"channel": where.channel, "ts": message["ts"]}
            erased.messages += await self._delete("chat.delete", told, link, erased)

    async def _delete(self, method: str, told: dict[str, str], link: str, erased: Erased) -> bool:
        await asyncio.sleep(self._pace)
        try:
            await self._patiently(partial(self._api.call, method, told))
        except DeliveryError as error:
            if _is_gone(error):
                return method == "chat.delete"  # with its file
            erased.left.append((link, _why(error)))
            return False
        return True

    async def _replies(self, where: ThreadKey) -> AsyncIterator[dict[str, Any]]:
        method, cursor = "conversations.replies", ""
        params = {"channel": where.channel, "ts": where.ts, "include_all_metadata": "true", "limit": "200"}
        while True:
            asked = {**params, "cursor": cursor} if cursor else params
            told = await self._patiently(partial(self._api.call, method, asked, read=True))
            for message in messages_of(told, method):
                yield message
            if not (cursor := next_cursor(told)):
                return
            await asyncio.sleep(self._pace)

    async def _patiently(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """What `ask` returns, once Slack has had the peace that it asks for."""
        for _ in range(BUSY):
            try:
                return await ask()
            except RetryAfter as error:
                await asyncio.sleep(error.seconds)
        return await ask()

    def _files_of(self, message: dict[str, Any]) -> list[str]:
        """The ids of our files in `message`."""
        files = message.get("files")
        files = [one for one in files if isinstance(one, dict)] if isinstance(files, list) else []
        return [str(one["id"]) for one in files if one.get("user") == self._us.user and one.get("id")]

    def _is_ours(self, message: dict[str, Any]) -> bool:
        metadata = message.get("metadata")
        marked = isinstance(metadata, dict) and metadata.get("event_type") == MARKER
        return marked or message.get("bot_id") == self._us.bot or message.get("user") == self._us.user


def _is_gone(error: DeliveryError) -> bool:
    return isinstance(error, SlackRejected) and error.code in GONE


def _why(error: DeliveryError) -> str:
    return (
        f"Slack answers {error.code}" if isinstance(error, SlackRejected) else error.detail or error.problem
    )


class Desks:
    """Every workspace that is configured, by its team."""

    def __init__(self, desks: dict[str, Desk]) -> None:
        self._desks = desks

    @classmethod
    async def open(cls, workspaces: Iterable[Workspace], store: Store) -> Desks:
        desks = [Desk(one, store) for one in workspaces]
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
            await desk.erase(where, erased)
            tell(f"Slack: {erased.messages} messages and {erased.files} files are deleted so far")
        return erased
