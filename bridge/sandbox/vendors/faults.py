"""Programmed faults of a vendor's API: what the next calls of a path answer instead.

sandbox.faults.add("*/messages/", status=429, retry_after=2, times=3)
sandbox.faults.add("*/messages/", html=True)                  # a gateway's 502, nothing arrived
sandbox.faults.add("*/messages/", status=504, accepted=True)  # the same, but the call took effect
sandbox.faults.add("*/messages/", reset=True)                 # took effect, then the line was cut
sandbox.faults.add("*/messages/", delay=30)                   # answers as always, late
sandbox.faults.add("*/receive", status=200, body={"code": 50000, "message": "internal error"})
"""

from __future__ import annotations

import asyncio
import fnmatch
from dataclasses import dataclass
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass
class Fault:
    path: str
    method: str
    status: int | None
    retry_after: float | None
    body: Any
    html: bool
    accepted: bool
    reset: bool
    drop: bool
    delay: float
    times: int


class Faults:
    def __init__(self) -> None:
        self.planned: list[Fault] = []

    def next(
        self,
        path: str,
        *,
        method: str = "*",
        status: int | None = None,
        retry_after: float | None = None,
        body: Any = None,
        html: bool = False,
        accepted: bool = False,
        reset: bool = False,
        drop: bool = False,
        delay: float = 0,
        times: int = 1,
    ) -> None:
        """The next `times` calls whose path fits the pattern meet this fault. First planned, first met."""
        status = 502 if html and status is None else status
        self.planned.append(
            Fault(path, method, status, retry_after, body, html, accepted, reset, drop, delay, times)
        )

    def clear(self) -> None:
        self.planned.clear()

    def take(self, method: str, path: str) -> Fault | None:
        for fault in self.planned:
            if fnmatch.fnmatch(path, fault.path) and fnmatch.fnmatch(method, fault.method):
                fault.times -= 1
                if fault.times <= 0:
                    self.planned.remove(fault)
                return fault
        return None


class FaultLayer:
    """ASGI middleware that lets the planned faults happen."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self.app = app
        self.faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = None
        if scope["type"] == "http":
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            fault = self.faults.take(scope["method"], path)
        if fault is None:
            await self.app(scope, receive, send)
            return
        answer: list[Message] = []

        async def keep(message: Message) -> None:
            answer.append(message)

        refuses = fault.drop or (fault.status is not None and not fault.accepted)
        if not refuses:
            await self.app(scope, receive, keep)
        await asyncio.sleep(fault.delay)
        if fault.reset or fault.drop:
            # An answer that promises more than it holds: the server then closes the connection.
            await send(
                {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4096")]}
            )
            await send({"type": "http.response.body", "body": b"{", "more_body": True})
        elif fault.status is not None:
            await _response(fault)(scope, receive, send)
        else:
            for message in answer:
                await send(message)


def _response(fault: Fault) -> Response:
    status = fault.status or 500
    headers = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
    if fault.html:
        page = f"<html><head><title>{status}</title></head><body><h1>Bad gateway</h1></body></html>"
        return HTMLResponse(page, status, headers)
    if fault.body is not None:
        return JSONResponse(fault.body, status, headers)
    return Response(status_code=status, headers=headers)
