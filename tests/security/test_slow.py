"""What comes slowly, or not at all, is let go: whoever holds lines open holds them for a while only."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bridge import bodies, web
from bridge.protocol import ARRIVES, Protocol
from bridge.sandbox.stage import free_port
from tests import signing
from tests.security.wire import Answer, post, send
from tests.test_web import BODY, KEY, LIMIT, build, store

__all__ = ["store"]

BOUND = 1.0  # seconds


class Impatient(Protocol):
    arrives = BOUND


@contextlib.asynccontextmanager
async def served(app: Starlette, protocol: type[Protocol] = Impatient) -> AsyncIterator[int]:
    """The port at which `app` is served as `bridge serve` does it."""
    port = free_port()
    server = uvicorn.Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=port, log_config=None, http=protocol, ws="none", lifespan="off"
        )
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield port
    finally:
        server.should_exit = True
        await serving


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    async def slack_events(request: Request) -> Response:
        await request.body()
        return PlainTextResponse("")

    async def readiness() -> tuple[bool, dict[str, str]]:
        return True, {}

    app = web.build({}, None, slack_events, readiness, max_body=LIMIT)  # type: ignore[arg-type]
    async with served(app) as port:
        yield port


async def drip(first: bytes, then: bytes) -> AsyncIterator[bytes]:
    yield first
    while True:
        await asyncio.sleep(0.05)
        yield then


HEAD = b"POST /slack/events HTTP/1.1\r\nhost: bridge\r\n"
WHOLE = b"GET /healthz HTTP/1.1\r\nhost: bridge\r\n\r\n"
#: what is sent at first, what then again and again, and the status of the answer; 0 for none
SLOW = {
    "nothing": (b"", b"", 0),
    "an empty line now and then": (b"\r\n", b"\r\n", 0),
    "the first line": (b"P", b"O", 400),
    "headers": (HEAD, b"x-a: b\r\n", 408),
    "one header": (HEAD + b"x-a: ", b"b", 408),
    "a body": (HEAD + b"content-length: 10000\r\n\r\n", b"x", 408),
    "a body that never begins": (HEAD + b"content-length: 10000\r\n\r\n", b"", 408),
    "chunks": (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\nx\r\n", 408),
    "a body in a file's stead": (b"GET /files/x HTTP/1.1\r\nhost: b\r\ncontent-length: 9\r\n\r\n", b"", 404),
}


@pytest.mark.parametrize("what", SLOW)
async def test_it_is_not_waited_for(port: int, what: str) -> None:
    first, then, status = SLOW[what]
    answer = await send(port, drip(first, then))
    assert answer.status == status
    if status == 408:
        assert answer.error == {
            "code": "request_timeout",
            "message": f"the request was not here within {BOUND:g} s",
        }


@pytest.mark.parametrize("then", [b"\r\n", b"POST /slack", HEAD + b"content-length: 9\r\n\r\nx"])
async def test_nor_is_a_second_one(port: int, then: bytes) -> None:
    """Which is told only where the first has its answer."""
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(WHOLE)
        first = await reader.readuntil(b"ok\n")
        assert first.startswith(b"HTTP/1.1 200")
        writer.write(then)
        rest = await reader.read()  # until the line is cut
        assert rest == b"" or rest.startswith(b"HTTP/1.1 408")
        writer.close()
        await writer.wait_closed()


async def test_what_takes_its_time_within_the_bound_is_taken(store: object, tmp_path: Path) -> None:
    """By the bound as it is, with a body in pieces."""
    async with build(store, tmp_path) as client:  # type: ignore[arg-type]
        app = client._transport.app  # type: ignore[attr-defined]

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(BODY), 100):
                yield BODY[start : start + 100]
                await asyncio.sleep(0.01)

        async with served(app, Protocol) as port, httpx.AsyncClient(trust_env=False) as http:
            for _ in range(3):  # by one connection
                answer = await http.post(
                    f"http://127.0.0.1:{port}/webhooks/acme-ada",
                    content=pieces(),
                    headers=signing.ada(BODY, KEY),
                )
                assert answer.status_code == 200
    assert ARRIVES >= 10


async def test_several_at_once_are_all_answered(port: int) -> None:
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(WHOLE * 3)
        for _ in range(3):
            assert (await reader.readuntil(b"ok\n")).startswith(b"HTTP/1.1 200")
        writer.close()
        await writer.wait_closed()


async def test_all_bodies_together_have_a_bound(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest give way, and are asked to come back; what is over makes room."""
    monkeypatch.setattr(bodies, "BODIES", 2)
    monkeypatch.setattr(bodies, "SMALL", 1000)
    half = post("/slack/events", b"x" * (LIMIT // 2), b"content-length: %d" % LIMIT, length=False)

    answers: list[Answer] = await asyncio.gather(*(send(port, half) for _ in range(6)))
    assert sorted({one.status for one in answers}) == [408, 503]
    refused = next(one for one in answers if one.status == 503)
    assert (refused.error["code"], refused.headers["retry-after"]) == ("unavailable", "2")
    again = await send(port, post("/slack/events", b"x" * LIMIT))
    assert again.status == 200
    missing = (await send(port, WHOLE.replace(b"/healthz", b"/readyz"))).body
    assert b"large bodies were refused within a minute" in missing


async def test_a_body_that_arrives_is_not_kept_out_by_those_that_do_not(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODIES", 2)
    monkeypatch.setattr(bodies, "SMALL", 1000)
    most = post("/slack/events", b"x" * (LIMIT - 1), b"content-length: %d" % LIMIT, length=False)
    stalled = [asyncio.create_task(send(port, most)) for _ in range(4)]
    try:
        await asyncio.sleep(0.1)
        for size in (0, 900, LIMIT // 2, LIMIT):
            for _ in range(3):
                assert (await send(port, post("/slack/events", b"x" * size))).status == 200
    finally:
        await asyncio.gather(*stalled)
    assert 503 in {one.result().status for one in stalled}
