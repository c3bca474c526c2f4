"""Programmed faults of a vendor's API: what the next calls of a path answer instead.

sandbox.faults.next("*/messages/", status=429, retry_after=2, times=3)
sandbox.faults.next("*/messages/", html=True)                  # a gateway's 502, nothing arrived
sandbox.faults.next("*/messages/", status=504, accepted=True)  # the same, but the call took effect
sandbox.faults.next("*/messages/", reset=True)                 # took effect, then the line was cut
sandbox.faults.next("*/messages/", delay=30)                   # answers as always, late
sandbox.faults.next("*/receive", status=200, body={"code": 50000, "message": "internal error"})
sandbox.faults.next("*/receive", status=302, location="https://elsewhere.example/")
sandbox.faults.next("*/receive", status=503, when=lambda body: b"66aa01" in body)
"""

from __future__ import annotations

import asyncio
import fnmatch
import time
from collections.abc import Callable
from dataclasses import dataclass, field
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
    location: str | None
    when: Callable[[bytes], bool] | None
    met: list[float] = field(default_factory=list)  # when each call met it, by `time.monotonic`


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
        location: str | None = None,
        when: Callable[[bytes], bool] | None = None,
    ) -> Fault:
        """The next `times` calls whose path fits the pattern meet this fault. First planned, first met.

        `when` chooses by the call's body.
        """
        status = 502 if html and status is None else status
        fault = Fault(
            path, method, status, retry_after, body, html, accepted, reset, drop, delay, times, location, when
        )
        self.planned.append(fault)
        return fault

    def clear(self) -> None:
        self.planned.clear()

    def take(self, method: str, path: str, body: bytes) -> Fault | None:
        for fault in self.planned:
            fits = fnmatch.fnmatch(path, fault.path) and fnmatch.fnmatch(method, fault.method)
            if fits and (fault.when is None or fault.when(body)):
                fault.times -= 1
                fault.met.append(time.monotonic())
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
        if scope["type"] == "http" and self.faults.planned:
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            body, receive = await _read(receive)
            fault = self.faults.take(scope["method"], path, body)
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


async def _read(receive: Receive) -> tuple[bytes, Receive]:
    """The whole body; and what tells it once more."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    told = False

    async def again() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return body, again


def _response(fault: Fault) -> Response:
    status = fault.status or 500
    headers = {} if fault.retry_after is None else {"retry-after": f"{fault.retry_after:g}"}
    if fault.location is not None:
        headers["location"] = fault.location
    if fault.html:
        page = f"<html><head><title>{status}</title></head><body><h1>Bad gateway</h1></body></html>"
        return HTMLResponse(page, status, headers)
    if fault.body is not None:
        return JSONResponse(fault.body, status, headers)
    return Response(status_code=status, headers=headers)
