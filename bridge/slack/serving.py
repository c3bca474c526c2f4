"""`GET /files/{token}`: the customer's end of a link to a file. What goes wrong is told in plain words."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Sequence
from urllib.parse import quote

from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from bridge.engine.lanes import redacted
from bridge.errors import DeliveryError, Rejected
from bridge.slack.downloads import Downloads, PostedFile
from bridge.slack.links import Expired, NotOurs

logger = logging.getLogger(__name__)

#: whatever the file is: it is kept and not shown, and whoever has the link does not spread it
_ALWAYS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cache-control": "private, no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
}


class ServedFiles:
    """The ASGI app of that address, for the files of each workspace."""

    def __init__(self, downloads: Sequence[Downloads]) -> None:
        self._downloads = downloads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with contextlib.AsyncExitStack() as stack:
            try:
                response = await self._answer(scope["path_params"]["token"], scope["method"], stack)
            except NotOurs:
                response = _sorry(404, "This link is not valid, or not whole.")
            except Expired:
                response = _sorry(410, "This link has expired. Please ask for the file again.")
            except DeliveryError as error:
                logger.warning("a file could not be served: %s", redacted(str(error)))
                response = _sorry(503, "This file cannot be had just now. Please try again in a minute.")
                if isinstance(error, Rejected):
                    response = _sorry(404, "This file is not there any more. Please ask for it again.")
            response.headers.update(_ALWAYS)
            await response(scope, receive, send)

    async def _answer(self, token: str, method: str, stack: contextlib.AsyncExitStack) -> Response:
        downloads, id = self._read(token)
        file = await downloads.known(id)
        if method == "HEAD":
            return Response(headers=_headers(file))
        chunks = await stack.enter_async_context(downloads.stream(file))
        return StreamingResponse(chunks, headers=_headers(file))

    def _read(self, token: str) -> tuple[Downloads, str]:
        """Whose link it is, and the file's id. Raises `NotOurs` or `Expired`."""
        for downloads in self._downloads:
            with contextlib.suppress(NotOurs):
                return downloads, downloads.links.read(token, time.time())
        raise NotOurs


def _headers(file: PostedFile) -> dict[str, str]:
    return {
        "content-type": file.mime_type,
        "content-disposition": f"attachment; filename*=utf-8''{quote(file.name, safe='')}",
    }


def _sorry(status: int, text: str) -> Response:
    return PlainTextResponse(f"{text}\n", status)
