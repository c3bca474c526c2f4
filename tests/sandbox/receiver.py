"""A plain receiver in the bridge's place, and a way to serve apps on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # they are the test run's


@contextlib.asynccontextmanager
async def serve(app: ASGIApp) -> AsyncIterator[str]:
    """Serve `app` on a free port of loopback; its address."""
    config = uvicorn.Config(app, port=0, log_level="critical", lifespan="off", ws="none")
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield "http://127.0.0.1:{}".format(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        await task


@contextlib.asynccontextmanager
async def running(vendor: Any) -> AsyncIterator[str]:
    """Start `vendor` and serve it where the sandbox mounts it; its base address."""
    async with serve(Starlette(routes=[Mount(f"/{vendor.name}", app=vendor.app)])) as url:
        await vendor.start()
        try:
            yield f"{url}/{vendor.name}"
        finally:
            await vendor.stop()


@dataclass(frozen=True)
class Call:
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Keeps what it gets. `plan["/path"]` holds the statuses of the next answers there; else 200.

    A path in `held` is not answered before `release` is set.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.plan: dict[str, deque[int]] = defaultdict(deque)
        self.held: set[str] = set()
        self.release = asyncio.Event()
        self.app = Starlette(routes=[Route("/{path:path}", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        path = request.url.path
        self.calls.append(Call(path, dict(request.headers), await request.body()))
        status = self.plan[path].popleft() if self.plan[path] else 200
        if path in self.held:
            await self.release.wait()
        return JSONResponse({"code": status, "message": "success"}, status)

    def at(self, path: str) -> list[Call]:
        return [call for call in self.calls if call.path == path]


class Clock:
    """A clock that each look moves on by `step` seconds."""

    def __init__(self, now: float, step: float = 0.0) -> None:
        self.now = now
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now
