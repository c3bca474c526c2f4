"""Files that people post in threads: fetched from Slack with the bot's token, which goes to nobody else.

https://docs.slack.dev/messaging/working-with-files: `url_private_download` wants the token. Without the scope
Slack answers with its login page, as a redirect or with 200 (https://github.com/slackapi/bolt-js/issues/2585).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any
from urllib.parse import urljoin

import aiohttp
from pydantic import SecretStr

from bridge.adapter import Upload
from bridge.config import Media
from bridge.errors import FileUnavailable, Rejected, RetryAfter, RetryLater
from bridge.media import naming
from bridge.slack.api import ScopeMissing, SlackApi, SlackRejected
from bridge.slack.hosts import is_slacks, origin
from bridge.slack.links import Links

REDIRECTS = 3
HEAD = 512  # bytes in which a login page shows that it is one
CHUNK = 64 * 1024
IN_MEMORY = 512 * 1024  # what is larger waits in a temporary file

_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+")
_LOGIN = "Slack shows its login page instead of the file: the app lacks files:read"
_NO_SCOPE = "Add the scope files:read to the app and install it again"
_ATTACH_ANEW = "Attach it to a new reply in this thread"
#: Slack's own documents, by the words for them in `mode`, `filetype` and `mimetype`
_DOCUMENTS = {
    "canvas": {"canvas", "docs", "quip", "application/vnd.slack-docs"},
    "list": {"list", "application/vnd.slack-list"},
    "post": {"post", "space"},
}
#: the modes of files with bytes of their own: https://docs.slack.dev/reference/objects/file-object
_FILES = {"", "hosted", "snippet"}
_NOT_HERE = {
    "email": "is an e-mail that Slack keeps; copy its text into a reply",
    "external": "is not kept in Slack, but elsewhere; send its link as text",
    "tombstone": "was deleted in Slack",
    "hidden_by_limit": "is hidden by Slack: the workspace is past the limit of its plan",
}


@dataclass(frozen=True)
class PostedFile:
    """A file as Slack describes it."""

    id: str
    name: str
    mime_type: str
    size: int
    url: str = field(repr=False)
    downloads: Downloads = field(repr=False)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Upload]:
        """All its bytes. Raises a `DeliveryError`."""
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as content:
            size = await self.downloads.read(self, content)
            content.seek(0)
            yield Upload(self.name, self.mime_type, size, content)

    async def link(self, since: datetime) -> str:
        """Looks whether there is something behind it. Raises a `DeliveryError`."""
        link = self.downloads.links.to(self.id, since)
        async with self.downloads.stream(self):
            return link


class Downloads:
    def __init__(
        self, api: SlackApi, settings: Media, links: Links, *, token: SecretStr, api_url: str
    ) -> None:
        self.links = links
        self._api = api
        self._settings = settings
        # A session of its own: whoever reads slowly takes no connection from the Web API. No `total` time.
        timeout = aiohttp.ClientTimeout(connect=settings.timeout, sock_read=settings.timeout)
        self._http = aiohttp.ClientSession(timeout=timeout)
        self._headers = {"Authorization": f"Bearer {token.get_secret_value()}", "Accept-Encoding": "identity"}
        self._api_url = api_url

    async def close(self) -> None:
        await self._http.close()

    async def posted(self, told: Mapping[str, Any]) -> PostedFile:
        """The file that a message tells of. Raises a `DeliveryError` where nobody can fetch it."""
        if told.get("file_access") == "check_file_info":
            told = await self._info(str(told.get("id")))
        if (document := _document(told)) is not None:
            title = _title(told, document)
            remedy = f"Copy its text into a reply, or attach the {document} as a PDF file"
            problem = f"“{title}” is a {document} of Slack's, which cannot be sent"
            raise Rejected(problem, remedy=remedy, can_retry=False)
        mime_type = _type(told)
        given = str(told.get("name") or told.get("title") or "")
        name = naming.file_name(given, "", "", mime_type, "file")
        mode = _mode(told)
        url = told.get("url_private_download") or told.get("url_private")
        if mode in _NOT_HERE:
            gone = FileUnavailable if mode == "tombstone" else Rejected
            raise gone(f"“{_title(told, 'file')}” {_NOT_HERE[mode]}", can_retry=False)
        if told.get("file_access") not in (None, "visible") or not url or not told.get("id"):
            raise FileUnavailable(f"“{name}” is not shown to the app by Slack", remedy=_ATTACH_ANEW)
        size = told.get("size")
        size = size if isinstance(size, int) else 0
        if size > self._settings.max_size:
            raise self._too_large(name)
        if mime_type in naming.UNSAID:
            mime_type = naming.type_of(name) or "application/octet-stream"
        return PostedFile(str(told.get("id")), name, mime_type, size, str(url), self)

    async def known(self, id: str) -> PostedFile:
        """The file with this id. Raises a `DeliveryError`."""
        return await self.posted(await self._info(id))

    async def read(self, file: PostedFile, content: IO[bytes]) -> int:
        """Write all bytes into `content`; how many there were. Raises a `DeliveryError`."""
        size = 0
        try:
            async with asyncio.timeout(self._settings.timeout), self.stream(file) as chunks:
                async for chunk in chunks:
                    size += content.write(chunk)
        except TimeoutError:
            problem = f"“{file.name}” did not arrive from Slack within {self._settings.timeout:g} s"
            raise RetryLater(problem) from None
        return size

    @contextlib.asynccontextmanager
    async def stream(self, file: PostedFile) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes as they come. Raises a `DeliveryError`, also between them."""
        async with contextlib.AsyncExitStack() as stack:
            with _in_our_words(file):
                response = await self._get(stack, file)
                head = await _head(response.content)
            if _is_login(response, head, file):
                raise FileUnavailable(_LOGIN, remedy=_NO_SCOPE)
            yield self._chunks(file, head, response.content)

    async def _chunks(
        self, file: PostedFile, head: bytes, rest: aiohttp.StreamReader
    ) -> AsyncIterator[bytes]:
        size = len(head)
        yield head
        with _in_our_words(file):
            async for chunk in rest.iter_chunked(CHUNK):
                size += len(chunk)
                if size > self._settings.max_size:
                    raise self._too_large(file.name)
                yield chunk

    async def _get(self, stack: contextlib.AsyncExitStack, file: PostedFile) -> aiohttp.ClientResponse:
        """Follow Slack within one host; the token goes to no other."""
        url = file.url
        if not is_slacks(url, self._api_url):
            raise Rejected(f"“{file.name}” is not at an address of Slack's", can_retry=False)
        for _ in range(REDIRECTS + 1):
            response = await stack.enter_async_context(
                self._http.get(url, headers=self._headers, allow_redirects=False)
            )
            if response.status not in (301, 302, 303, 307, 308):
                _check(response, file)
                return response
            url = urljoin(url, response.headers.get("location", ""))
            if origin(url) != origin(file.url):
                break
        raise FileUnavailable(_LOGIN, remedy=_NO_SCOPE)

    async def _info(self, id: str) -> Mapping[str, Any]:
        try:
            told = await self._api.call("files.info", {"file": id}, read=True)
        except ScopeMissing:
            raise Rejected("the app lacks files:read", remedy=_NO_SCOPE) from None
        except SlackRejected as error:
            # https://docs.slack.dev/reference/methods/files.info
            gone = error.code in ("file_not_found", "file_deleted")
            problem = "was deleted in Slack" if gone else "is not shown to the app by Slack"
            raise FileUnavailable(f"a file {problem}", where=error.where, remedy=_ATTACH_ANEW) from None
        found = told.get("file")
        return found if isinstance(found, Mapping) else {}

    def _too_large(self, name: str) -> Rejected:
        most = f"{self._settings.max_size / 1024**2:.3g} MB"
        remedy = "Send it smaller, or as a link; the limit is max_size in [media]"
        return Rejected(f"“{name}” is larger than {most}", remedy=remedy, can_retry=False)


def _document(told: Mapping[str, Any]) -> str | None:
    """Which of Slack's own documents it is: their addresses lead to a page, never to a file. Slack names the
    same thing by several words (https://github.com/stablyai/agent-slack/pull/19)."""
    words = {str(told.get(name) or "").lower() for name in ("mode", "filetype", "mimetype")}
    found = next((kind for kind, names in _DOCUMENTS.items() if words & names), None)
    new = any(word.startswith("application/vnd.slack-") for word in words)
    if found is None and (new or _mode(told) not in _FILES | _NOT_HERE.keys()):
        return "document"
    return found


def _mode(told: Mapping[str, Any]) -> str:
    if told.get("is_external"):
        return "external"
    return "email" if told.get("filetype") == "email" else str(told.get("mode") or "").lower()


def _title(told: Mapping[str, Any], kind: str) -> str:
    return naming.file_name(str(told.get("title") or told.get("name") or ""), "", "", "", kind)


def _type(told: Mapping[str, Any]) -> str:
    """The type that Slack gives, or "". A voice clip may come as a video without a picture
    (https://github.com/openclaw/openclaw/pull/14941)."""
    given = str(told.get("mimetype") or "").lower()
    mime_type = given if _TYPE.fullmatch(given) else ""
    voice = told.get("subtype") == "slack_audio" or told.get("media_display_type") == "audio"
    return naming.sound(mime_type) if voice else mime_type


def _check(response: aiohttp.ClientResponse, file: PostedFile) -> None:
    """Raises where the answer is no file."""
    status = response.status
    if status == 200:
        return
    if status == 429:
        seconds = response.headers.get("retry-after", "")
        problem = "Slack is busy with files"
        raise RetryAfter(problem, seconds=min(float(seconds if seconds.isdecimal() else 5), 3600.0))
    if status >= 500:
        raise RetryLater(f"Slack answers {status} for “{file.name}”")
    if status in (401, 403):
        raise FileUnavailable(f"Slack answers {status} for “{file.name}”", remedy=_NO_SCOPE)
    problem = f"Slack answers {status} for “{file.name}”; it may have been deleted"
    raise FileUnavailable(problem, can_retry=status not in (404, 410))


async def _head(content: aiohttp.StreamReader) -> bytes:
    try:
        return await content.readexactly(HEAD)
    except asyncio.IncompleteReadError as error:
        return error.partial


def _is_login(response: aiohttp.ClientResponse, head: bytes, file: PostedFile) -> bool:
    """A page where none was posted, or another one than was."""
    begin = head.lstrip().lower()
    page = response.content_type == "text/html" or begin.startswith((b"<!doctype html", b"<html"))
    posted = file.mime_type == "text/html" and response.content_length in (None, file.size)
    return page and not posted


@contextlib.contextmanager
def _in_our_words(file: PostedFile) -> Iterator[None]:
    """What the network does is no doubt here: to read again changes nothing."""
    try:
        yield
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        problem = f"“{file.name}” could not be read from Slack"
        raise RetryLater(problem, detail=f"{problem} ({type(error).__name__})") from None
