"""uvicorn's HTTP protocol with bounds: by itself it keeps headers and pipelined requests without end, and
waits for ever, for a request as for a peer that does not read its answer.

What a router or proxy in front may do as well is done here, for whoever has none.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

HEAD = 64 * 1024  # bytes of a request's line and headers, or of what follows a body
ARRIVES = 20.0  # seconds in which a request has to be here, from a connection's or its own first byte
PIECE = 1024  # bytes that are parsed at a time; the shortest request has 18
UNREAD = 30.0  # seconds in which a peer has to take `PROGRESS` of an answer, or all that is left of it
PROGRESS = 16 * 1024  # bytes


class _Flow(FlowControl):
    """Reads on only once no pipelined request waits. uvicorn does so at each answer, and when a request reads
    its own body, however many requests are queued by then."""

    def __init__(self, protocol: Protocol) -> None:
        super().__init__(protocol.transport)
        self._protocol = protocol

    def resume_reading(self) -> None:
        if self.read_paused and not self._protocol.pipeline:
            self._protocol.read_on()


class Protocol(HttpToolsProtocol):
    """Refuses what has too large a head, and what does not arrive. Closes a connection on which nothing
    is sent, and one on which an answer is not read. Parses no more while a request waits for another."""

    head = HEAD
    arrives = ARRIVES
    unread = UNREAD

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._barren = 0  # bytes since one that was of use: the end of a head, a piece of a body
        self._whole = False
        self._late: asyncio.TimerHandle | None = None
        self._unparsed = memoryview(b"")  # at most one read of the socket
        self._reads_on = False  # which is about to happen
        self._answering: RequestResponseCycle | None = None
        self._last = False  # the connection's last request is here: nothing more is parsed
        self._stalled: tuple[float, int] | None = None  # since when how many bytes wait for the peer

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(self)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._arrived()
        self._disconnect()
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _disconnect(self) -> None:
        """Let the request that is being answered know; by itself uvicorn lets only the newest one know."""
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()

    def data_received(self, data: bytes) -> None:
        if self._last:  # it is read all the same: a close with unread bytes would take the answer along
            return
        self._unparsed = memoryview(bytes(self._unparsed) + data if self._unparsed else data)
        self._parse()

    def _parse(self) -> None:
        """Parse what is here, as long as there is room for it."""
        while self._unparsed and not self.flow.read_paused and not self._last:
            piece, self._unparsed = bytes(self._unparsed[:PIECE]), self._unparsed[PIECE:]
            self._barren += len(piece)
            super().data_received(piece)
            if self.transport.is_closing():
                return
            if self._barren > self.head:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the headers are too large")
                return
        if not self._whole or self.cycle is None or self.cycle.response_complete:
            self._wait()  # also for what is no request: it stops uvicorn's own clock of idle connections

    def read_on(self) -> None:
        """Parse the rest, then read more of the socket. Soon, as uvicorn asks in the middle of an answer."""
        if not self._reads_on:
            self._reads_on = True
            self.loop.call_soon(self._read_on)

    def _read_on(self) -> None:
        self._reads_on = False
        if self.transport.is_closing() or self.pipeline:
            return
        self.flow.read_paused = False
        self._parse()
        if not self.flow.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    # ── an answer that is not read ───────────────────────────────────────────────────────────────

    def resume_writing(self) -> None:
        self._stalled = None
        super().resume_writing()

    def check_unread(self, now: float) -> None:
        """Abort the connection if its peer has not read on for `unread` seconds. Also one that is closed: it
        stays until its answers are written."""
        size = self.transport.get_write_buffer_size()
        if size == 0:
            self._stalled = None
        elif self._stalled is None or size <= self._stalled[1] - PROGRESS:
            self._stalled = now, size
        elif now - self._stalled[0] > self.unread:
            self.logger.warning("a connection was closed: its answers were not read for %g s", self.unread)
            self._disconnect()
            self.transport.abort()

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
        # The parser hands on no body of a request for another protocol: what follows is not ours to read.
        if self.parser.should_upgrade():
            self.cycle.keep_alive = False
        self._last = self._last or not self.cycle.keep_alive

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
        elif self._is_behind():  # nor do we read on meanwhile
            self._arrived()
            self._wait()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"the request was not here within {self.arrives:g} s")

    def _is_behind(self) -> bool:
        """Whether a request before the one that is parsed has no whole answer yet."""
        before = self.cycle is not None and self.cycle.scope is not self.scope
        return bool(self.pipeline) or (before and not self.cycle.response_complete)

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
