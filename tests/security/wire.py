"""HTTP as bytes: what no client of good manners would send."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterable, Iterable
from dataclasses import dataclass
from typing import Any

PATIENCE = 60.0  # seconds at the most: whatever is sent, the bridge says something or hangs up


@dataclass(frozen=True)
class Answer:
    """What came back until the bridge hung up; status 0 where it said nothing."""

    raw: bytes
    sent: int  # bytes that were let go before it

    @property
    def status(self) -> int:
        return int(self.raw.split(b" ", 2)[1]) if self.raw else 0

    @property
    def headers(self) -> dict[str, str]:
        lines = self.raw.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}

    @property
    def body(self) -> bytes:
        return self.raw.partition(b"\r\n\r\n")[2]

    @property
    def error(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.body)["error"]
        return told


async def send(
    port: int, pieces: bytes | Iterable[bytes] | AsyncIterable[bytes], *, end: bool = False
) -> Answer:
    """Send `pieces` until there is an answer or none are left; with `end` also say that no more will come."""
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answer = asyncio.create_task(_read(reader))
        sent = 0
        try:
            async for piece in _each(pieces):
                if answer.done():
                    break
                writer.write(piece)
                sent += len(piece)
                with contextlib.suppress(ConnectionError):
                    await writer.drain()
                await asyncio.sleep(0)
            if end and not answer.done():
                writer.write_eof()
            return Answer(await answer, sent)
        finally:
            answer.cancel()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """The first answer, whole if its length is told, and else what there is until the end."""
    raw = b""
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(65536):
            raw += chunk
            head, found, body = raw.partition(b"\r\n\r\n")
            length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            if found and length and len(body) >= int(length[0].split(b":")[1]):
                break
    return raw


async def _each(pieces: bytes | Iterable[bytes] | AsyncIterable[bytes]) -> AsyncIterable[bytes]:
    if isinstance(pieces, bytes):
        yield pieces
    elif isinstance(pieces, AsyncIterable):
        async for piece in pieces:
            yield piece
    else:
        for piece in pieces:
            yield piece


def post(target: bytes | str, body: bytes = b"", *headers: bytes, length: bool = True) -> bytes:
    """A request to be sent as it is."""
    target = target if isinstance(target, bytes) else target.encode()
    told = (b"content-length: %d" % len(body),) if length else ()
    head = b"\r\n".join(
        [b"POST %b HTTP/1.1" % target, b"host: bridge", b"connection: close", *told, *headers]
    )
    return head + b"\r\n\r\n" + body
