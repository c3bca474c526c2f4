"""Fetching one file: every address is checked after its name is resolved, and connected to as it was checked.

Looked at and not taken: `safehttpx` (asks a public DNS, reads without a cap), `httpx-secure` (opens a
connection to an address before it checks it, and holds on to httpx's private parts), `ssrfguard` (several
times this code, and young).
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from typing import IO

import httpx

from bridge import __version__
from bridge.config import Media
from bridge.errors import DeliveryError, Rejected, RetryLater
from bridge.media import naming
from bridge.media.addresses import Resolve, is_public, resolve

REDIRECTS = 3
ADDRESSES = 3  # of one name that are tried
CONNECT = 5.0  # seconds for each
IN_MEMORY = 512 * 1024  # what is larger waits in a temporary file

_MEDIA = ("image", "video", "audio")
_PAGES = ("text/html", "application/xhtml+xml")
_ARTICLE = {"image": "an image", "video": "a video", "audio": "an audio", "file": "a file"}


@dataclass
class Fetched:
    """A file's bytes, from the first one on. To be closed."""

    name: str
    mime_type: str  # as it was said; "" where it was not
    size: int
    content: IO[bytes] = field(repr=False)

    def __enter__(self) -> Fetched:
        return self

    def __exit__(self, *_error: object) -> None:
        self.content.close()


class Fetcher:
    def __init__(self, settings: Media, resolve: Resolve = resolve) -> None:
        self._settings = settings
        self._resolve = resolve
        # A transport and no client: it keeps no cookies, reads no .netrc and follows nothing by itself.
        # No connection is kept: the next one to the same address may be for another name.
        self._transport = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))

    async def close(self) -> None:
        await self._transport.aclose()

    async def fetch(
        self,
        url: str,
        kind: str = "file",
        *,
        name: str | None = None,
        mime_type: str | None = None,
        size: int | None = None,
    ) -> Fetched:
        """The file at `url`, promised as a `kind` (image, video, audio or file) of that name, type and size.

        Raises `RetryLater` for what may pass, else `Rejected`; `problem` says what is wrong with "it".
        """
        if size is not None and size > self._settings.max_size:
            raise self._too_large()
        try:
            async with asyncio.timeout(self._settings.timeout):
                return await self._follow(url, _Promise(kind, name, mime_type))
        except TimeoutError:
            raise Rejected(f"it did not arrive within {self._settings.timeout:g} s") from None

    async def _follow(self, address: str, promise: _Promise) -> Fetched:
        try:
            url = httpx.URL(address)
            for _ in range(REDIRECTS + 1):
                response = await self._get(url)
                try:
                    if response.has_redirect_location:
                        url = url.join(response.headers["location"])
                        continue
                    return await self._read(response, url, promise)
                finally:
                    await response.aclose()
        except (httpx.InvalidURL, UnicodeError):
            raise Rejected("its address is not one") from None
        raise Rejected(f"its address leads on more than {REDIRECTS} times")

    async def _get(self, url: httpx.URL) -> httpx.Response:
        """Ask the checked address itself, under the name it was found by: nobody resolves it again."""
        if url.scheme not in ("http", "https") or not url.host:
            raise Rejected("its address is not an http or https address")
        host = url.raw_host.decode("ascii").rstrip(".")
        port = url.port or (443 if url.scheme == "https" else 80)
        for address in (await self._checked(host, port))[:ADDRESSES]:
            request = httpx.Request(
                "GET",
                url.copy_with(host=address),
                headers={
                    "Host": url.netloc.decode("ascii"),
                    "User-Agent": f"slack-handoff-bridge/{__version__}",
                    "Accept": "*/*",
                    "Accept-Encoding": "identity",  # packed, its size would say nothing
                },
                extensions={"sni_hostname": host, "timeout": {"connect": CONNECT}},
            )
            try:
                return await self._transport.handle_async_request(request)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
            except httpx.TransportError as error:
                raise _broken(error, host) from None
        raise RetryLater("its host does not let us connect", where=host)

    async def _checked(self, host: str, port: int) -> list[str]:
        try:
            addresses = await self._resolve(host, port)
        except OSError:
            raise RetryLater("its host is not known", where=host) from None
        shown = f"[{host}]" if ":" in host else host
        allowed = {shown, f"{shown}:{port}"} & set(self._settings.allow_hosts)
        # One that is not public is enough: a name that leads to both is a trap, or a mistake.
        if not allowed and not all(map(is_public, addresses)):
            raise Rejected("its address leads into a private network", where=host)
        return addresses

    async def _read(self, response: httpx.Response, url: httpx.URL, promise: _Promise) -> Fetched:
        host = url.host
        if (problem := _refused(response.status_code, host)) is not None:
            raise problem
        mime_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        promise.check_type(mime_type)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise Rejected("it comes packed, though nobody asked for that", where=host)
        most = self._settings.max_size
        length = response.headers.get("content-length", "")
        if length.isdecimal() and int(length) > most:
            raise self._too_large()
        content: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the caller's to close
        try:
            size = 0
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > most:
                    raise self._too_large()
                content.write(chunk)
            if size == 0:
                raise Rejected("it is empty", where=host)
            content.seek(0)
            promise.check_content(content.read(1024))
            content.seek(0)
        except BaseException as error:
            content.close()
            if isinstance(error, httpx.TransportError):
                raise _broken(error, host) from None
            if isinstance(error, OSError):
                detail = f"it could not be written down here ({type(error).__name__})"
                raise RetryLater("it could not be written down here", detail=detail) from None
            raise
        disposition = response.headers.get("content-disposition", "")
        name = naming.file_name(promise.name, disposition, url.path, mime_type, promise.kind)
        return Fetched(name, mime_type, size, content)

    def _too_large(self) -> Rejected:
        return Rejected(f"it is larger than {self._settings.max_size / 1024**2:.3g} MB")


@dataclass(frozen=True)
class _Promise:
    """What the vendor said the file is. A page in its place is a login, or an error."""

    kind: str
    name: str | None
    mime_type: str | None

    @property
    def page(self) -> bool:
        return (self.mime_type or naming.type_of(self.name or "")) in _PAGES

    def check_type(self, mime_type: str) -> None:
        if mime_type in _PAGES and not self.page:
            raise Rejected("its address leads to a web page")
        known = mime_type not in naming.UNSAID
        plays = mime_type.partition("/")[0] in _MEDIA or mime_type == "application/ogg"
        if self.kind in _MEDIA and known and not plays:
            raise Rejected(f"its address leads to {mime_type[:80]}, not to {_ARTICLE[self.kind]}")

    def check_content(self, head: bytes) -> None:
        begin = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
        if begin.startswith((b"<!doctype html", b"<html")) and not self.page:
            raise Rejected("its address leads to a web page")


def _refused(status: int, host: str) -> DeliveryError | None:
    if status == 200:
        return None
    if status in (408, 425, 429) or status >= 500:
        return RetryLater(f"its host answers {status}", where=host)
    if status in (401, 403, 404, 410):
        return Rejected(f"its host answers {status}; the link may have expired", where=host)
    return Rejected(f"its host answers {status}", where=host)


def _broken(error: httpx.TransportError, host: str) -> RetryLater:
    detail = f"the connection broke off ({type(error).__name__})"
    return RetryLater("the connection broke off", where=host, detail=detail)
