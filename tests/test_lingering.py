"""What is on its way when SIGTERM comes is answered still; Ctrl-C is obeyed at once."""

from __future__ import annotations

import asyncio
import signal
from contextlib import nullcontext

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bridge import lingering
from bridge.lingering import Server
from bridge.sandbox.stage import listen


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


async def test_requests_are_taken_for_a_moment_after_sigterm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lingering, "LINGER", 600.0)
    socket = listen(0)
    server = Server(uvicorn.Config(Starlette(routes=[Route("/", hello)]), log_config=None, lifespan="off"))
    monkeypatch.setattr(server, "capture_signals", nullcontext)
    serving = asyncio.create_task(server.serve([socket]))
    while not server.started:
        await asyncio.sleep(0.01)
    address = "http://{}:{}".format(*socket.getsockname())
    async with httpx.AsyncClient(trust_env=False) as kept, httpx.AsyncClient(trust_env=False) as new:
        assert (await kept.get(address)).text == "hello"

        server.handle_exit(signal.SIGTERM, None)
        await asyncio.sleep(0.5)  # in which uvicorn looks several times whether it is to stop

        assert (await kept.get(address)).text == "hello"
        assert (await new.get(address)).text == "hello"

        server.handle_exit(signal.SIGINT, None)
        async with asyncio.timeout(30):
            await serving
        with pytest.raises(httpx.ConnectError):
            await new.get(address)


async def test_after_that_moment_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(uvicorn.Config(Starlette(), log_config=None, lifespan="off"))
    monkeypatch.setattr(server, "capture_signals", nullcontext)
    serving = asyncio.create_task(server.serve([listen(0)]))
    while not server.started:
        await asyncio.sleep(0.01)

    server.handle_exit(signal.SIGTERM, None)

    async with asyncio.timeout(30):
        await serving
