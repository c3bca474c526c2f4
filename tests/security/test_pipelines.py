"""Requests that are sent without waiting for answers, and answers that are not read: both have bounds."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import cast

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from bridge.protocol import PIECE, Protocol
from bridge.sandbox.stage import HOST, Process, Stage
from bridge.server import Server, listening
from tests.security.test_requests import alive
from tests.security.wire import PATIENCE

SHORTEST = b"GET / HTTP/1.1\r\n\r\n"
LARGE = b"x" * 200_000
#: of an answer, in the process: uvicorn's 64 KB, and one answer above it
UNSENT = 64 * 1024 + len(LARGE) + 1024
#: bytes that the sockets of both ends may hold
SOCKETS = 16 * 1024**2


class Impatient(Protocol):
    unread = 0.5


async def _counted(request: Request) -> Response:
    """Says what was asked for, and the length of its body, after a moment in which more could be read."""
    body = await request.body()
    await asyncio.sleep(0.001)
    return PlainTextResponse(f"{request.method} {request.query_params.get('n')} {len(body)}\n")


async def _large(request: Request) -> Response:
    return Response(LARGE)


async def _pieces(request: Request) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield LARGE
            await asyncio.sleep(0)  # uvicorn takes all of it at once where nobody is there any more

    return StreamingResponse(pieces())


APP = Starlette(
    routes=[
        Route("/", _large),
        Route("/counted", _counted, methods=["GET", "POST"]),
        Route("/pieces", _pieces),
    ]
)


@contextlib.asynccontextmanager
async def served(
    monkeypatch: pytest.MonkeyPatch, protocol: type[Protocol] = Protocol
) -> AsyncIterator[Server]:
    sockets = listening(HOST, 0)
    server = Server(uvicorn.Config(APP, log_config=None, http=protocol, ws="none", lifespan="off"))
    monkeypatch.setattr(server, "capture_signals", nullcontext)
    serving = asyncio.create_task(server.serve(sockets))
    while not server.started:
        await asyncio.sleep(0.01)
    server.port = sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    try:
        yield server
    finally:
        server.should_exit = True
        async with asyncio.timeout(PATIENCE):
            await serving


def connection(server: Server) -> Protocol:
    (one,) = server.server_state.connections
    return cast("Protocol", one)


async def until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def connected(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(HOST, server.port)  # type: ignore[attr-defined]


@contextlib.contextmanager
def deaf(server: Server) -> Iterator[socket.socket]:
    """A socket on which nothing is read."""
    port: int = server.port  # type: ignore[attr-defined]
    with socket.create_connection((HOST, port), timeout=PATIENCE) as one:
        one.setblocking(False)
        yield one


async def pour(into: socket.socket, data: bytes) -> int:
    """Send `data` until it is taken, or nothing of it for a while; how much of it was."""
    loop, sent = asyncio.get_running_loop(), 0
    view = memoryview(data)
    while sent < len(data):
        try:
            sent += into.send(view[sent : sent + 65536])
        except BlockingIOError:
            ready = asyncio.Event()
            loop.add_writer(into, ready.set)
            try:
                await asyncio.wait_for(ready.wait(), 1.0)
            except TimeoutError:
                break
            finally:
                loop.remove_writer(into)
        await asyncio.sleep(0)
    return sent


async def test_no_more_is_parsed_while_a_request_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    longest, unsent = 0, 0
    begin = Protocol._start_asgi_task

    def watched(self: Protocol, *args: object) -> None:
        nonlocal longest, unsent
        longest = max(longest, len(self.pipeline))
        unsent = max(unsent, self.transport.get_write_buffer_size())
        begin(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Protocol, "_start_asgi_task", watched)
    async with served(monkeypatch) as server:
        with deaf(server) as peer:
            sent = await pour(peer, SHORTEST * 2_000_000)
            assert sent < SOCKETS
            queued = connection(server).pipeline
            assert 0 < len(queued) <= PIECE // len(SHORTEST) + 1
            assert len(connection(server)._unparsed) <= 256 * 1024  # one read of the socket
        assert 0 < longest <= PIECE // len(SHORTEST) + 1
        assert unsent <= UNSENT


PIPELINED = {
    "without bodies": [b"GET /counted?n=%d HTTP/1.1\r\nhost: b\r\n\r\n" % n for n in range(300)],
    "with bodies": [
        b"POST /counted?n=%d HTTP/1.1\r\nhost: b\r\ncontent-length: %d\r\n\r\n" % (n, n * 400)
        + b"x" * n * 400
        for n in range(200)
    ],
    "in chunks": [
        b"POST /counted?n=%d HTTP/1.1\r\nhost: b\r\ntransfer-encoding: chunked\r\n\r\n" % n
        + b"".join(b"%x\r\n%b\r\n" % (size, b"y" * size) for size in (1, 1500, 70_000) if size <= n * 1000)
        + b"0\r\n\r\n"
        for n in range(120)
    ],
    "with 100-continue": [
        b"POST /counted?n=%d HTTP/1.1\r\nhost: b\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\nabc" % n
        for n in range(50)
    ],
    "to nowhere, and too large": [
        b"POST /none?n=%d HTTP/1.1\r\nhost: b\r\ncontent-length: 5000\r\n\r\n" % n + b"x" * 5000
        for n in range(100)
    ],
}


@pytest.mark.parametrize("kind", PIPELINED)
async def test_all_are_answered_in_order(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    requests = PIPELINED[kind]
    async with served(monkeypatch) as server:
        reader, writer = await connected(server)

        async def write() -> None:
            writer.write(b"".join(requests[:-1]))
            writer.write(requests[-1].replace(b"host: b", b"host: b\r\nconnection: close"))
            await writer.drain()

        async with asyncio.timeout(PATIENCE):
            _, answers = await asyncio.gather(write(), reader.read())
        writer.close()
    if kind.startswith("to nowhere"):
        assert answers.count(b"HTTP/1.1 404") == len(requests)
        return
    shown = [line.split() for line in answers.splitlines() if line.startswith((b"GET ", b"POST "))]
    assert [int(n) for _, n, _ in shown] == list(range(len(requests)))
    if kind == "with bodies":
        assert [int(length) for *_, length in shown] == [n * 400 for n in range(len(requests))]
    assert answers.count(b"HTTP/1.1 200") == len(requests)


UNREAD = {
    "pipelined": SHORTEST * 5000,
    "one answer without an end": b"GET /pieces HTTP/1.1\r\nhost: b\r\n\r\n",
    "the last answer of a connection": SHORTEST * 40 + b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n",
}


@pytest.mark.parametrize("kind", UNREAD)
async def test_a_peer_that_does_not_read_is_let_go(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    async with served(monkeypatch, Impatient) as server:
        with deaf(server) as peer:
            await pour(peer, UNREAD[kind])
            await until(lambda: bool(server.server_state.connections))
            await until(lambda: not server.server_state.connections)
            await until(lambda: not server.server_state.tasks)
    assert "its answers were not read" in caplog.text
    assert "Exception" not in caplog.text


async def test_a_peer_that_reads_slowly_gets_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(monkeypatch, Impatient) as server:
        port: int = server.port  # type: ignore[attr-defined]
        with socket.socket() as peer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
            peer.connect((HOST, port))
            peer.setblocking(False)
            loop, got = asyncio.get_running_loop(), 0
            count = 30
            await loop.sock_sendall(
                peer, SHORTEST * (count - 1) + b"GET / HTTP/1.1\r\nconnection: close\r\n\r\n"
            )
            async with asyncio.timeout(PATIENCE):
                while data := await loop.sock_recv(peer, 64 * 1024):
                    got += data.count(b"x")
                    await asyncio.sleep(0.005)
            assert got == count * len(LARGE)


async def test_the_system_takes_little_of_an_answer_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a peer that reads slowly seems not to read: the system takes more only after a third went out."""
    begun = 0
    begin = Protocol._start_asgi_task

    def counted(self: Protocol, *args: object) -> None:
        nonlocal begun
        begun += 1
        begin(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Protocol, "_start_asgi_task", counted)
    async with served(monkeypatch) as server:
        with deaf(server) as peer:
            await pour(peer, SHORTEST * 1000)
            await until(lambda: begun > 0 and connection(server).flow.write_paused)
            await asyncio.sleep(0.2)
    assert begun * len(LARGE) < 1024**2


async def test_what_follows_a_request_for_another_protocol_is_not_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The parser hands on no body of it, which would be taken for a request."""
    upgrade = (
        b"POST /counted?n=1 HTTP/1.1\r\nhost: b\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n"
        b"http2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\ncontent-length: 40\r\n\r\n"
    )
    async with served(monkeypatch) as server:
        for follows in (b"GET /counted?n=2 HTTP/1.1\r\nhost: b\r\n\r\n", b"\0" * 100):
            reader, writer = await connected(server)
            async with asyncio.timeout(PATIENCE):
                writer.write(upgrade + follows)
                await asyncio.sleep(0.05)
                writer.write(follows)
                answers = await reader.read()
            writer.close()
            assert answers.count(b"HTTP/1.1") == 1
            assert b"POST 1 0\n" in answers


# ── the bridge itself ────────────────────────────────────────────────────────────────────────────

LINES, EACH = 60, 10_000
GROWTH = 200 * 1024**2  # bytes; before there was a bound, 1.4 GB


def memory(process: Process) -> int:
    """The most that the process has held until now."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz", "/nowhere"])
async def test_lines_of_requests_that_read_nothing_cost_little(
    stage: Stage, bridge: Process, path: str
) -> None:
    before = memory(bridge)
    request = b"GET %b HTTP/1.1\r\nhost: bridge\r\n\r\n" % path.encode()
    async with contextlib.AsyncExitStack() as stack:
        peers = []
        for _ in range(LINES):
            one = stack.enter_context(socket.create_connection((HOST, stage.bridge_port), timeout=PATIENCE))
            one.setblocking(False)
            peers.append(one)
        await asyncio.gather(*(pour(one, request * EACH) for one in peers))
        async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE) as http:
            assert (await http.get(f"{stage.bridge_url}/healthz")).status_code == 200
        assert memory(bridge) - before < GROWTH
    await alive(stage, bridge)
