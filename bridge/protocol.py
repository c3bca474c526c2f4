"""uvicorn's HTTP protocol with bounds: by itself it keeps headers without end, and waits for ever.

What a router or proxy in front may do as well is done here, for whoever has none.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD = 64 * 1024  # bytes of a request's line and headers, or of what follows a body
ARRIVES = 20.0  # seconds in which a request has to be here, from a connection's or its own first byte


class Protocol(HttpToolsProtocol):
    """Refuses what has too large a head, and what does not arrive. Who sends nothing is let go."""

    head = HEAD
    arrives = ARRIVES

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._barren = 0  # bytes since one that was of use: the end of a head, a piece of a body
        self._whole = False
        self._late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._barren += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._barren > self.head:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too large")
        elif not self._whole or self.cycle is None or self.cycle.response_complete:
            self._wait()  # also for what is no request: it stops uvicorn's own clock of idle connections

    # ── what httptools tells ─────────────────────────────────────────────────────────────────────

    def on_message_begin(self) -> None:
        self._whole = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._barren = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._barren = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._barren, self._whole = 0, True
        self._arrived()
        super().on_message_complete()

    # ── how long it may take ─────────────────────────────────────────────────────────────────────

    def _wait(self) -> None:
        # What arrives at once, as nearly all does, needs no timer.
        if self._late is None:
            self._late = self.loop.call_later(self.arrives, self._give_up)

    def _arrived(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        if self.scope is None:  # not one byte: nobody waits for an answer
            self.transport.close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"the request was not here within {self.arrives:g} s")

    def _refuse(self, status: HTTPStatus, problem: str) -> None:
        """Say why, unless this request or one before it has an answer under way, and hang up."""
        self._arrived()
        if not self.pipeline and (self.cycle is None or self._unanswered(self.cycle)):
            told = json.dumps(
                {"error": {"code": status.phrase.lower().replace(" ", "_"), "message": problem}}
            )
            head = f"HTTP/1.1 {status} {status.phrase}\r\ncontent-type: application/json\r\n"
            head += f"content-length: {len(told)}\r\nconnection: close\r\n\r\n"
            self.transport.write(f"{head}{told}".encode())
            self.logger.warning("a request was refused: %s", problem)
        self.transport.close()  # an app that still reads the body finds it cut

    def _unanswered(self, last: RequestResponseCycle) -> bool:
        """Whether the last request that had a head is over, or is this one without an answer."""
        return not last.response_started if last.scope is self.scope else last.response_complete
