"""A web server that may be as wrong as it likes: what it sends is written byte by byte."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Send = Callable[[asyncio.StreamWriter], Awaitable[None]]


class Web:
    """`paths` are what it has: bytes sent as they are, or a coroutine; `requests` is what was asked."""

    def __init__(self) -> None:
        self.paths: dict[str, bytes | Send] = {}
        self.requests: list[str] = []
        self.port = 0
        self.busy: set[asyncio.Task[None]] = set()

    def has(self, path: str, body: bytes = b"", *, status: str = "200 OK", **headers: str) -> None:
        lines = {"content-length": str(len(body)), "connection": "close", **headers}
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
        self.paths[path] = f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.busy.add(task)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(request)
            answer = self.paths[request.split(" ")[1]]
            if isinstance(answer, bytes):
                writer.write(answer)
            else:
                await answer(writer)
            await writer.drain()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        self.busy.remove(task)


@asynccontextmanager
async def serving() -> AsyncIterator[Web]:
    web = Web()
    server = await asyncio.start_server(web.serve, "127.0.0.1", 0)
    web.port = server.sockets[0].getsockname()[1]
    async with server:
        yield web
        await asyncio.gather(*web.busy)
