"""Vendors' files into the thread: fetched, uploaded, and shown once; or a link in their place that says why.

Slack takes a file in three steps, and only the last one shows it. What is recorded: the file's id before
that step, so that it is looked for before it is shown again; and the reason for a link before the link.
https://docs.slack.dev/messaging/working-with-files
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp

from bridge.adapter import Adapter, ResolvesFiles
from bridge.engine.lanes import redacted
from bridge.engine.ports import Ledger
from bridge.engine.work import Again, PutBack, Turn
from bridge.errors import DeliveryError, OutcomeUnknown, Rejected, RetryAfter, RetryLater
from bridge.media import Fetched, Fetcher
from bridge.model import ThreadKey
from bridge.render import SlackFile, SlackMessage, without
from bridge.slack.answers import text_at
from bridge.slack.api import ScopeMissing, SlackApi, ThreadGone
from bridge.slack.pacing import Slots

logger = logging.getLogger(__name__)

#: seconds before the second and the third try to fetch and upload a file; then a link is posted
WAITS = (2.0, 8.0)
#: seconds between looks for the message that shows a file: Slack looks through the file first
LOOKS = (0.2, 0.3, 0.5, 1.0, 2.0, 3.0, 3.0)
UPLOAD = aiohttp.ClientTimeout(total=60.0)
CHUNK = 64 * 1024


class Files:
    def __init__(
        self,
        api: SlackApi,
        http: aiohttp.ClientSession,
        ledger: Ledger,
        fetcher: Fetcher,
        adapters: Mapping[str, Adapter],
    ) -> None:
        self._api = api
        self._http = http
        self._ledger = ledger
        self._fetcher = fetcher
        self._adapters = adapters

    async def show(
        self,
        turn: Turn,
        step: str,
        file: SlackFile,
        thread: ThreadKey,
        standing: Mapping[str, str],
        slots: Slots,
    ) -> str | SlackMessage | PutBack | Again:
        """Show `file` as this step: the ts of its message, or the message to be posted in its place.

        `standing` are the files that the thread was found to show, where there was a doubt.
        """
        try:
            if f"{step}.link" in turn.refs:
                return without(file, turn.refs[f"{step}.link"])
            id = turn.refs.get(f"{step}.file")
            if id is None:
                uploaded = await self._upload(turn, step, file)
                if isinstance(uploaded, Again):
                    return uploaded
                id = uploaded
                await self._ledger.progress(turn, {f"{step}.file": id})
            elif turn.doubt and (ts := standing.get(id) or await self._shown(turn, id, thread)):
                return ts
            if (wait := await slots.wait(thread.channel)) > 0:
                return PutBack(wait)
            await self._complete(id, file, thread)
            if ts := await self._shown(turn, id, thread):
                return ts
            with contextlib.suppress(DeliveryError):  # or it would stand there twice, should it come yet
                await self._api.call("files.delete", {"file": id})
            reason = "Slack took it, but does not show it"
        except ThreadGone:
            raise
        except (Rejected, ScopeMissing) as error:
            reason = error.problem
            logger.warning("a file is shown as a link: %s", redacted(str(error)))
        await self._ledger.progress(turn, {f"{step}.link": reason})
        return without(file, reason)

    # ── from the vendor to Slack ─────────────────────────────────────────────────────────────────

    async def _upload(self, turn: Turn, step: str, file: SlackFile) -> str | Again:
        """The id of the file in Slack, where nobody sees it yet."""
        try:
            fetched = await self._fetch(turn, file)
        except (RetryLater, RetryAfter, OutcomeUnknown) as error:
            return await self._again(turn, step, error)
        with fetched:
            asked = {"filename": fetched.name, "length": fetched.size}
            if file.kind == "image" and file.name:
                asked["alt_txt"] = file.name
            told = await self._api.call("files.getUploadURLExternal", asked, read=True)
            try:
                await self._send(text_at(told, "files.getUploadURLExternal", "upload_url"), fetched)
            except RetryLater as error:
                return await self._again(turn, step, error)
        return text_at(told, "files.getUploadURLExternal", "file_id")

    async def _again(self, turn: Turn, step: str, error: DeliveryError) -> Again:
        """Another try, a little later. Raises `Rejected` after the last."""
        tried = int(turn.refs.get(f"{step}.tried", "0"))
        if tried == len(WAITS):
            raise Rejected(error.problem, detail=error.detail) from error
        await self._ledger.progress(turn, {f"{step}.tried": str(tried + 1)})
        return Again(WAITS[tried], error.problem, doubt=turn.doubt, detail=error.detail)

    async def _fetch(self, turn: Turn, file: SlackFile) -> Fetched:
        url = file.url
        if url is None:
            adapter = self._adapters.get(turn.conversation.key.source)
            if not isinstance(adapter, ResolvesFiles) or file.id is None:
                raise Rejected("its vendor gives no address for it")
            url = await adapter.locate(turn.conversation.key, file.id)
        return await self._fetcher.fetch(
            url, file.kind, name=file.name, mime_type=file.mime_type, size=file.size
        )

    async def _send(self, url: str, fetched: Fetched) -> None:
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(fetched.size)}
        try:
            async with self._http.post(
                url, data=_chunks(fetched), headers=headers, timeout=UPLOAD, allow_redirects=False
            ) as answer:
                status = answer.status
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            detail = f"Slack did not take its bytes ({type(error).__name__})"
            raise RetryLater("Slack did not take its bytes", detail=detail) from None
        if status != 200:
            problem = f"Slack answered its bytes with {status}"
            raise RetryLater(problem) if status >= 500 or status == 429 else Rejected(problem)

    # ── into the thread ──────────────────────────────────────────────────────────────────────────

    async def _complete(self, id: str, file: SlackFile, thread: ThreadKey) -> None:
        params: dict[str, Any] = {
            "files": [{"id": id, "title": file.name} if file.name else {"id": id}],
            "channel_id": thread.channel,
            "thread_ts": thread.ts,
        }
        if file.caption:
            params["blocks"] = json.dumps(file.caption)
        for name in ("username", "icon_url", "icon_emoji"):
            if value := getattr(file, name):
                params[name] = value
        await self._api.call("files.completeUploadExternal", params)

    async def _shown(self, turn: Turn, id: str, thread: ThreadKey) -> str | None:
        """The ts of the message that shows the file, as soon as there is one."""
        for wait in LOOKS:
            await asyncio.sleep(wait)
            with contextlib.suppress(DeliveryError):  # there is another look, and the thread itself at last
                told = await self._api.call("files.info", {"file": id}, read=True)
                if ts := _share(told, thread):
                    return ts
        return (await self._api.posted(thread, turn.delivery)).get(id)


async def _chunks(fetched: Fetched) -> AsyncIterator[bytes]:
    while chunk := fetched.content.read(CHUNK):
        yield chunk


def _share(told: Mapping[str, Any], thread: ThreadKey) -> str | None:
    """https://docs.slack.dev/reference/objects/file-object: by how public, by channel."""
    shares = (told.get("file") or {}).get("shares") or {}
    for kind in shares.values():
        for share in kind.get(thread.channel, ()):
            if share.get("thread_ts") == thread.ts:
                return str(share["ts"]) if share.get("ts") else None
    return None
