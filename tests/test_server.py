"""What comes while it starts waits; what is on its way when SIGTERM comes is answered; Ctrl-C ends it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import nullcontext
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from bridge import server as module
from bridge.errors import ConfigError
from bridge.sandbox.stage import HOST, Stage
from bridge.server import Server, listening


async def hello(request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


@contextlib.asynccontextmanager
async def running(app: Starlette, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Server, str]]:
    """The server and its address, from when it listens on; it has to end by itself in the end."""
    sockets = listening(HOST, 0)
    server = Server(uvicorn.Config(app, log_config=None))
    monkeypatch.setattr(server, "capture_signals", nullcontext)
    serving = asyncio.create_task(server.serve(sockets))
    yield server, "http://{}:{}".format(*sockets[0].getsockname())
    async with asyncio.timeout(30):
        await serving


async def started(server: Server) -> None:
    while not server.started:
        await asyncio.sleep(0.01)


async def test_who_comes_while_it_starts_is_answered_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    may_start, came = asyncio.Event(), asyncio.Event()

    @contextlib.asynccontextmanager
    async def starting(app: Starlette) -> AsyncIterator[None]:
        await may_start.wait()
        yield

    app = Starlette(routes=[Route("/", hello)], lifespan=starting)
    async with running(app, monkeypatch) as (server, address), httpx.AsyncClient(trust_env=False) as http:

        async def trace(event: str, info: object) -> None:
            if event == "http11.send_request_body.complete":
                came.set()

        asked = asyncio.create_task(http.get(address, extensions={"trace": trace}))
        async with asyncio.timeout(30):
            await came.wait()
        assert not server.started and not asked.done()
        may_start.set()
        assert (await asked).text == "hello"
        server.handle_exit(signal.SIGINT, None)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "0.0.0.0"])  # noqa: S104 - as it is configured
def test_it_listens_at_each_address_of_its_host(host: str) -> None:
    sockets = listening(host, 0)
    for one in sockets:
        with one, socket.create_connection(one.getsockname()[:2], timeout=30):
            pass
    assert sockets


def test_a_port_that_is_taken_is_named_with_what_to_do() -> None:
    (taken,) = listening(HOST, 0)
    with taken, pytest.raises(ConfigError, match=r"port \d+: Address already in use") as raised:
        listening(HOST, taken.getsockname()[1])
    assert "choose another port" in str(raised.value)


@pytest.mark.parametrize("host", ["é" * 70, "a\0b", "999.999.999.999"], ids=ascii)
def test_a_host_that_is_none_is_named(host: str) -> None:
    with pytest.raises(ConfigError, match=r"nothing can listen at .*, port 0: \w+"):
        listening(host, 0)


async def test_the_command_says_nothing_else_of_it(tmp_path: Path) -> None:
    async with Stage(tmp_path) as stage:
        (taken,) = listening(HOST, stage.bridge_port)
        with taken:
            process = await stage.spawn("serve")
            assert await process.wait() == 2
    (said,) = [line for line in process.log.read_text().splitlines() if " INFO " not in line]
    assert said.startswith(f"bridge: [server] host and port, or PORT: nothing can listen at {HOST}")


async def test_requests_are_taken_for_a_moment_after_sigterm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER", 600.0)
    app = Starlette(routes=[Route("/", hello)])
    async with httpx.AsyncClient(trust_env=False) as kept, httpx.AsyncClient(trust_env=False) as new:
        async with running(app, monkeypatch) as (server, address):
            await started(server)
            assert (await kept.get(address)).text == "hello"

            server.handle_exit(signal.SIGTERM, None)
            await asyncio.sleep(0.5)  # in which uvicorn looks several times whether it is to stop

            assert (await kept.get(address)).text == "hello"
            assert (await new.get(address)).text == "hello"
            server.handle_exit(signal.SIGINT, None)
        with pytest.raises(httpx.ConnectError):
            await new.get(address)


async def test_after_that_moment_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(Starlette(), monkeypatch) as (server, _):
        await started(server)
        server.handle_exit(signal.SIGTERM, None)
