"""files.*: an upload in three steps, what became of it, and the bytes for those who have a token.

https://docs.slack.dev/messaging/working-with-files. A shared file is looked through first, so its message
comes a little after the answer that promised it, or never:
https://github.com/slackapi/python-slack-sdk/issues/1363, https://github.com/slackapi/bolt-js/issues/2115
"""

from __future__ import annotations

import asyncio
import email.message
import secrets
from collections.abc import Callable
from typing import Any

from bridge.sandbox.slack import chat
from bridge.sandbox.slack.arguments import ApiError, Arguments
from bridge.sandbox.slack.blocks import finish
from bridge.sandbox.slack.state import File, Json, Message
from bridge.sandbox.slack.workspace import Workspace

#: https://docs.slack.dev/reference/methods/files.getUploadURLExternal
ALT_TEXT = 1000
SNIPPET = 1024**2

#: what an address of a file answers without the right token: a page, and 200
#: https://github.com/slackapi/bolt-js/issues/2585
LOGIN = "<!DOCTYPE html><html><head><title>Sign in to Slack</title></head><body>Sign in</body></html>"


class Files:
    """`share_delay`: seconds until a completed file stands in its channel; None: it never does."""

    def __init__(self, workspace: Workspace, share_delay: float | None) -> None:
        self.share_delay = share_delay
        self._workspace = workspace
        self._tickets: dict[str, str] = {}  # of upload addresses -> file id
        self._shares: set[asyncio.TimerHandle] = set()

    def stop(self) -> None:
        """What is not shared yet never will be."""
        for handle in self._shares:
            handle.cancel()
        self._shares.clear()

    # ── the three steps ───────────────────────────────────────────────────────────────────────────

    async def get_upload_url(self, args: Arguments) -> Json:
        name = args.needed("filename")
        try:
            length = int(args.values.get("length") or 0)
        except (TypeError, ValueError):
            raise ApiError("invalid_arguments", ["must be an integer [json-pointer:/length]"]) from None
        if length < 1:
            raise ApiError("missing_argument")
        alt_text = args.text("alt_txt")
        if len(alt_text or "") > ALT_TEXT:
            raise ApiError("alt_txt_too_large")
        if args.text("snippet_type") and length > SNIPPET:
            raise ApiError("snippet_too_large")
        file = self._workspace.add_file(name, length, self._workspace.app.user)
        file.alt_txt = alt_text
        ticket = secrets.token_urlsafe(24)
        self._tickets[ticket] = file.id
        return {
            "ok": True,
            "upload_url": f"{self._workspace.base_url}/upload/v1/{ticket}",
            "file_id": file.id,
        }

    def receive(self, ticket: str, content_type: str, body: bytes) -> tuple[int, str]:
        """Bytes for an upload address, raw or as a form; no token. The answer's status and text.

        "HTTP 200 if the upload is successful" is all that is documented; what else it says is not.
        """
        file = self._workspace.files.get(self._tickets.get(ticket, ""))
        if file is None or file.complete:
            return 404, "no such upload"
        content = _content(content_type, body)
        if content is None or len(content) != file.size:
            return 400, "not the file that was announced"
        file.content = content
        return 200, f"OK - {file.size}"

    async def complete(self, args: Arguments) -> Json:
        """Unverified what a second time does. Here it shares the file again, the worst that can be."""
        given = args.list("files", "invalid_arguments")
        if not given:
            raise ApiError("invalid_arguments", ["missing required field: files"])
        files = [self._uploaded(one) for one in given]
        share = self._share(args, files) if "channel_id" in args else None
        for file, one in zip(files, given, strict=True):
            file.complete = True
            file.title = one.get("title") or file.title
        if share and self.share_delay is not None:
            self._later(self.share_delay, share)
        return {"ok": True, "files": [{"id": file.id, "title": file.title or file.name} for file in files]}

    def _uploaded(self, given: Any) -> File:
        if not isinstance(given, dict) or not isinstance(given.get("title", ""), str):
            raise ApiError("invalid_arguments", ["must be objects with an id [json-pointer:/files]"])
        file = self._workspace.files.get(given.get("id", ""))
        if file is None or file.content is None:
            raise ApiError("file_not_found")
        if file.user != self._workspace.app.user:
            raise ApiError("access_denied")
        return file

    def _share(self, args: Arguments, files: list[File]) -> Callable[[], object]:
        """What is wrong with the message is said at once; the message comes later."""
        channel = chat.writable(args, "channel_id")
        self._workspace.pace.take(channel.id)  # unverified, but it is a message like any other
        words, blocks = args.text("initial_comment") or "", args.list("blocks", "invalid_blocks") or []
        if blocks and not words:  # else they are ignored
            if any(isinstance(one, dict) and one.get("type") == "markdown" for one in blocks):
                # https://github.com/slackapi/python-slack-sdk/issues/1756
                raise ApiError("internal_error")
            chat.check(self._workspace, blocks, "/blocks", "invalid_blocks")
        kept = {"text": words, "blocks": [] if words else finish(blocks)}
        message = chat.ours(args, channel, **kept)
        message.subtype = "file_share"

        def share() -> None:
            there = [file for file in files if file.id in self._workspace.files]
            message.ts = self._workspace.next_ts()
            if there and (message.thread_ts is None or message.thread_ts in channel.messages):
                self._workspace.share(there, message)

        return share

    def _later(self, delay: float, act: Callable[[], object]) -> None:
        def run() -> None:
            self._shares.discard(handle)
            act()

        handle = asyncio.get_running_loop().call_later(delay, run)
        self._shares.add(handle)

    # ── afterwards ────────────────────────────────────────────────────────────────────────────────

    async def info(self, args: Arguments) -> Json:
        file = self._known(args)
        return {"ok": True, "file": file.as_json(self._workspace.channels), "comments": []}

    async def delete(self, args: Arguments) -> Json:
        file = self._known(args)
        if file.user != self._workspace.app.user:
            raise ApiError("cant_delete_file")
        self._workspace.delete_file(file)
        return {"ok": True}

    def _known(self, args: Arguments) -> File:
        """Unverified whether one that is not completed is known; a sender may not depend on it."""
        file = self._workspace.files.get(args.needed("file"))
        if file is None or not file.complete:
            raise ApiError("file_not_found")
        return file

    def download(self, name: str) -> File | None:
        """The file of an address below /files-pri/."""
        return self._workspace.files.get(name.rpartition("-")[2])

    # ── what the people do ────────────────────────────────────────────────────────────────────────

    def post(self, message: Message, user: str, files: list[tuple[str, bytes]]) -> Message:
        kept = []
        for name, content in files:
            file = self._workspace.add_file(name, len(content), user)
            file.content = content
            kept.append(file)
        return self._workspace.share(kept, message)


def _content(content_type: str, body: bytes) -> bytes | None:
    """The bytes of an upload: the body, or the first file of a form."""
    header = email.message.Message()
    header["content-type"] = content_type
    if header.get_content_type() != "multipart/form-data":
        return body
    boundary = (header.get_boundary() or "").encode()
    for part in (b"\r\n" + body).split(b"\r\n--" + boundary)[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        if b"filename=" in head:
            return content
    return None
