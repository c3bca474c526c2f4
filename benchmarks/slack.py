"""A Slack, and a vendor, that answer everything at once: so light that they are not what is measured.

A protocol on httptools, without routes or state but for counts. In the benchmark's own process where the
time of each call matters (`Answers.calls`), else a process of its own: `python -m benchmarks.slack PORT`.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any, cast

import httptools

from benchmarks.loop import run
from bridge.sandbox.stage import HOST

TEAM, BOT, BOT_USER = "T0BENCH", "B0BENCH", "U0BENCH"
POST = b"/api/chat.postMessage"
#: where the counts are asked for
SEEN = b"/seen"
KEPT = 100_000  # times of calls that are remembered

_TOLD: dict[bytes, dict[str, Any]] = {
    b"/api/auth.test": {"team_id": TEAM, "user_id": BOT_USER, "bot_id": BOT, "url": "https://bench.invalid"},
    b"/api/users.info": {"user": {"id": "U0MINA", "team_id": TEAM, "profile": {"display_name": "Mina"}}},
}
_ANSWERS = {path: json.dumps({"ok": True, **told}).encode() for path, told in _TOLD.items()}
_OK = b'{"ok":true,"data":[],"message_id":"m"}'


class Answers:
    """What was asked so far: how often by path, when each message was posted, the last one's body."""

    def __init__(self) -> None:
        self.counts: dict[bytes, int] = {}
        self.calls: list[float] = []  # by time.monotonic, which all processes of a machine share
        self.threads: list[str] = []  # the ts of each message that began one
        self.last = b""

    async def listen(self, port: int) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: _Connection(self), HOST, port, backlog=512)

    def answer(self, path: bytes, began: float, body: bytes) -> bytes:
        if path == SEEN:
            return self._seen()
        self.counts[path] = self.counts.get(path, 0) + 1
        if path != POST:
            return _ANSWERS.get(path, _OK)
        if len(self.calls) < KEPT:
            self.calls.append(began)
        self.last = body
        ts = f"1700000000.{self.counts[path]:06d}"
        if b'"thread_ts"' not in body:
            self.threads.append(ts)
        return f'{{"ok":true,"channel":"C0BENCH","ts":"{ts}"}}'.encode()

    def _seen(self) -> bytes:
        counts = {path.decode(): count for path, count in self.counts.items()}
        calls = {"first": self.calls[0], "last": self.calls[-1]} if self.calls else {}
        return json.dumps(
            {"counts": counts, "threads": self.threads, "body": self.last.decode(), **calls}
        ).encode()


class _Connection(asyncio.Protocol):
    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._parser = httptools.HttpRequestParser(self)
        self._path, self._began, self._body = b"", 0.0, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by its class

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._path, self._began, self._body = b"", time.monotonic(), b""

    def on_url(self, url: bytes) -> None:
        self._path += url.partition(b"?")[0]

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        told = self._answers.answer(self._path, self._began, self._body)
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(told)
        self._transport.write(head + told)


async def serve(port: int) -> None:
    async with await Answers().listen(port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    run(serve(int(sys.argv[1])))
