"""A plain receiver in the bridge's place, and a vendor of the sandbox served beside it on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from bridge.sandbox.vendors.vendor import Vendor

V = TypeVar("V", bound=Vendor[Any])


class _Server(uvicorn.Server):
    """Leaves the signals to the test run, and ends at once instead of after a tick and a grace period."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.leave = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.leave.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()


@contextlib.asynccontextmanager
async def running(build: Callable[[str], V]) -> AsyncIterator[tuple[V, Receiver, str]]:
    """A vendor of the sandbox, mounted as there, a receiver for what it sends, and the mount's address.

    `build` makes the vendor from the receiver's address.
    """
    receiver = Receiver()
    # With the protocol named: asyncio sets TCP_NODELAY on no other, and each answer would wait for 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        vendor = build(f"{url}/bridge")
        app = Starlette(routes=[Mount(f"/{vendor.name}", vendor.app), Mount("/bridge", receiver.app)])
        server = _Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none"))
        serving = asyncio.create_task(server.serve([listening]))
        await vendor.start()
        try:
            yield vendor, receiver, f"{url}/{vendor.name}"
        finally:
            receiver.release.set()
            await vendor.stop()
            server.leave.set()
            await serving


@dataclass(frozen=True)
class Call:
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Keeps what it gets. `plan["path"]` holds the statuses of the next answers there; else 200.

    A path in `held` is not answered before `release` is set.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.plan: dict[str, deque[int]] = defaultdict(deque)
        self.held: set[str] = set()
        self.release = asyncio.Event()
        self.app = Starlette(routes=[Route("/{path:path}", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        path = request.path_params["path"]
        self.calls.append(Call(path, dict(request.headers), await request.body()))
        status = self.plan[path].popleft() if self.plan[path] else 200
        if path in self.held:
            await self.release.wait()
        headers = {"location": "elsewhere"} if status // 100 == 3 else {}
        return JSONResponse({"code": status, "message": "success"}, status, headers)

    def at(self, path: str) -> list[Call]:
        return [call for call in self.calls if call.path == path]


async def until(condition: Callable[[], object]) -> None:
    """Wait until `condition` holds; the test's own time limit ends it otherwise."""
    while not condition():
        await asyncio.sleep(0.005)


class Clock:
    """A clock that begins at `now`, else at the first look; each look moves it on by `step` seconds."""

    def __init__(self, now: float | None = None, step: float = 0.0) -> None:
        self.now = now
        self.step = step

    def __call__(self) -> float:
        self.now = (time.time() if self.now is None else self.now) + self.step
        return self.now
