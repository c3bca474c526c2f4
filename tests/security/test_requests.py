"""Requests over a socket that no vendor, nor Slack, nor any client of good manners would send."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterator

import httpx
import pytest

from bridge.sandbox.stage import Process, Stage
from bridge.sandbox.ways import WAYS
from tests.security.wire import Answer, post, send

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

LIMIT = 1024**2  # max_body as it is by itself
MARKER = "zzmarker"  # stands where a stranger may write something
HOOKS = ("/webhooks/acme-ada", "/webhooks/acme-gptbots/messages", "/webhooks/acme-moveo", "/slack/events")
hooks = pytest.mark.parametrize("hook", HOOKS)


async def alive(stage: Stage, bridge: Process) -> None:
    """It goes on, and took nothing of it for a fault of its own."""
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{stage.bridge_url}/readyz")).status_code == 200
    log = bridge.log.read_text()
    assert "Traceback" not in log
    assert "a request failed" not in log
    assert "Exception in ASGI" not in log


def forever(piece: bytes) -> Iterator[bytes]:
    return itertools.repeat(piece)


def told(answer: Answer) -> None:
    """A refusal in JSON that says no more than it has to."""
    assert answer.headers["content-type"] == "application/json"
    assert answer.error["code"] and answer.error["message"]
    assert MARKER.encode() not in answer.raw.lower()
    assert b"Traceback" not in answer.raw and b".py" not in answer.raw


# ── how long it is ───────────────────────────────────────────────────────────────────────────────


@hooks
async def test_a_body_that_ends_too_soon(stage: Stage, bridge: Process, hook: str) -> None:
    cut = post(hook, b"{", b"content-length: 5000", length=False)
    assert (await send(stage.bridge_port, cut, end=True)).raw == b""
    await alive(stage, bridge)


@hooks
@pytest.mark.parametrize("length", [LIMIT + 1, 2**63, 10**18])
async def test_a_body_that_says_it_is_too_large(stage: Stage, hook: str, length: int) -> None:
    """It is answered before it comes."""
    answer = await send(stage.bridge_port, post(hook, b"", b"content-length: %d" % length, length=False))
    assert answer.status == 413
    told(answer)


@hooks
async def test_a_body_without_an_end(stage: Stage, bridge: Process, hook: str) -> None:
    head = post(hook, b"", b"transfer-encoding: chunked", length=False)
    # Else the line is cut at once, and the answer may be lost with what was not read of it.
    head = head.replace(b"connection: close\r\n", b"")
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    answer = await send(stage.bridge_port, itertools.chain([head], forever(chunk)))
    assert answer.status == 413
    told(answer)
    await alive(stage, bridge)


@pytest.mark.parametrize(
    "lengths",
    [
        b"content-length: 9" + b"9" * 5000,
        b"content-length: -1",
        b"content-length: +2",
        b"content-length: 0x2",
        b"content-length: 2, 2",
        b"content-length: 2\r\ncontent-length: 3",
        b"content-length: 2\r\ntransfer-encoding: chunked",
        b"transfer-encoding: chunked\r\ncontent-length: 2",
        b"transfer-encoding: gzip, identity",
        b"transfer-encoding : chunked",
        b"transfer-encoding:\r\n chunked\r\ncontent-length: 2",
        b"content-length: \xd9\xa2",
    ],
)
async def test_lengths_that_two_could_read_in_two_ways(stage: Stage, bridge: Process, lengths: bytes) -> None:
    """Nothing that follows is taken for a request of its own."""
    smuggled = b"{}GET /healthz HTTP/1.1\r\nhost: bridge\r\n\r\n"
    answer = await send(
        stage.bridge_port, post("/webhooks/acme-moveo", b"", lengths, length=False) + smuggled
    )
    assert answer.status == 400
    assert b"ok\n" not in answer.raw
    await alive(stage, bridge)


async def test_a_length_that_python_makes_no_number_of(stage: Stage) -> None:
    """As one would come from a server that lets it through."""
    answer = await send(
        stage.bridge_port, post("/healthz", b"", b"content-length: 0" + b"0" * 30, length=False)
    )
    assert answer.status in (400, 405, 413)


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"gzip, gzip", b"x"])
async def test_what_is_packed_is_not_unpacked(stage: Stage, encoding: bytes) -> None:
    bomb = gzip.compress(gzip.compress(bytes(50 * 1024**2)))
    signed = WAYS["moveo"].headers(stage.environ, "1", bomb)
    headers = [f"{name}: {value}".encode() for name, value in signed.items()]
    answer = await send(
        stage.bridge_port, post("/webhooks/acme-moveo", bomb, b"content-encoding: " + encoding, *headers)
    )
    assert (answer.status, answer.error["code"]) == (400, "malformed")


# ── what stands before it ────────────────────────────────────────────────────────────────────────

LINE = b"POST /webhooks/acme-ada HTTP/1.1\r\nhost: bridge\r\n"
CHUNKED = LINE + b"transfer-encoding: chunked\r\n\r\n"
FLOODS = {
    "a line without an end": (b"GET /", b"a" * 4096),
    "a header's name": (LINE, b"a" * 4096),
    "a header's value": (LINE + b"a: ", b"a" * 4096),
    "headers": (LINE, b"a: b\r\n" * 700),
    "empty lines": (b"\r\n", b"\r\n" * 2048),
    "an extension of a chunk": (CHUNKED + b"1;a=", b"a" * 4096),
    "a trailer's value": (CHUNKED + b"0\r\na: ", b"a" * 4096),
    "trailers": (CHUNKED + b"0\r\n", b"a: b\r\n" * 700),
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_is_cut_off(stage: Stage, bridge: Process, flood: str) -> None:
    begin, more = FLOODS[flood]
    answer = await send(stage.bridge_port, itertools.chain([begin], forever(more)))
    assert answer.status in (0, 400, 431)  # 0: where there was no request yet, or the line was cut first
    assert answer.sent < 16 * 1024**2  # what fits into both machines' buffers
    await alive(stage, bridge)


async def test_as_many_headers_as_anybody_needs(stage: Stage) -> None:
    headers = [b"x-%d: %b" % (number, b"v" * 500) for number in range(60)]
    answer = await send(stage.bridge_port, post("/webhooks/acme-ada", b"{}", *headers))
    assert answer.status == 401


# ── where it goes ────────────────────────────────────────────────────────────────────────────────

ELSEWHERE = [
    f"/{MARKER}",
    f"/webhooks/{MARKER}",
    f"/webhooks/{MARKER}/handoff",
    f"/webhooks/acme-ada/{MARKER}",
    f"/webhooks/acme-gptbots/{MARKER}/chat",
    f"/webhooks/{MARKER}%0a2026-01-01%20INFO%20bridge:%20ready",
    f"/webhooks/%1b[31m{MARKER}",
    f"/webhooks/acme-ada%00{MARKER}",
    f"/files/{MARKER}/x",
    f"/files/..%2f..%2f{MARKER}",
    f"//{MARKER}.example/webhooks/acme-ada",
    f"/{MARKER}?next=/metrics",
    f"http://{MARKER}.example/nowhere",
    "/webhooks/../metrics",
    "/webhooks/%2e%2e/metrics",
    "/webhooks/acme-ada/../../metrics",
    "/webhooks/acme-ada/..%2f..%2fmetrics",
    "/webhooks/acme-ada%2f..%2facme-moveo",
    "/webhooks/ACME-ADA",
    "/webhooks//acme-ada",
    "//webhooks/acme-ada",
    "/./webhooks/acme-ada",
    "/webhooks/acme-ada;a=b",
    "/webhooks/acme%2dada%20",
    "/webhooks/acme-ad%C3%A1",
    "/webhooks/acme-ada%ff",
    "/webhooks/",
    "/webhooks",
    "/slack/events/",
    "/slack%2fevents/x",
    "/metrics/",
    "/healthz/",
    "/docs",
    "/openapi.json",
    "/.env",
    "/files/",
    "/files/a/b",
    "/",
    "*",
    "/webhooks/" + "a" * 20_000,
]


@pytest.mark.parametrize("path", ELSEWHERE, ids=lambda path: path[:40])
async def test_addresses_that_take_nothing(stage: Stage, bridge: Process, path: str) -> None:
    """And tell nobody what was asked for."""
    answer = await send(stage.bridge_port, post(path, b"{}"))
    assert answer.status in (401, 404, 405), answer.raw
    assert "location" not in answer.headers
    told(answer)
    async with httpx.AsyncClient(trust_env=False) as http:
        assert MARKER not in (await http.get(f"{stage.bridge_url}/metrics")).text
    await alive(stage, bridge)


@pytest.mark.parametrize(
    "path", [b"/webhooks/\xff", b"/webhooks/a b", b"/webhooks/\x00", b"webhooks", b"/a\nb"]
)
async def test_addresses_that_are_none(stage: Stage, bridge: Process, path: bytes) -> None:
    answer = await send(stage.bridge_port, post(path, b"{}"))
    assert answer.status in (400, 404)
    await alive(stage, bridge)


async def test_a_path_that_is_written_in_another_way_is_the_same_hook(stage: Stage) -> None:
    for path in (
        "/webhooks/acme-ada%2fhandoff",
        "/webhooks/acme-ada/handoff/",
        "/webhooks/acme%2Dada/handoff",
    ):
        answer = await send(stage.bridge_port, post(path, b"{}"))
        assert (answer.status, answer.error["message"]) == (
            401,
            "the token of the handoff call is missing or wrong",
        )


METHODS = ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "BREW"]


@hooks
@pytest.mark.parametrize("method", METHODS)
async def test_other_methods(stage: Stage, bridge: Process, hook: str, method: str) -> None:
    request = post(hook, b"{}", b"x-secret: " + MARKER.encode()).replace(b"POST", method.encode(), 1)
    answer = await send(stage.bridge_port, request)
    assert answer.status in (400, 404, 405)
    assert MARKER.encode() not in answer.raw
    await alive(stage, bridge)


async def test_no_line_of_the_log_is_a_strangers(stage: Stage, bridge: Process) -> None:
    faked = "2026-01-01 00:00:00,000 INFO bridge: all is well"
    for path in (f"/webhooks/x%0a{faked.replace(' ', '%20')}", "/webhooks/%1b[2J", "/webhooks/%e2%80%aex"):
        assert (await send(stage.bridge_port, post(path, b"{}"))).status == 404
    log = bridge.log.read_text()
    assert "no source has this name" in log
    assert faked not in log.splitlines()
    assert not {"\x1b", "\u202e", "\r"} & set(log)


async def test_a_socket_is_not_opened(stage: Stage, bridge: Process) -> None:
    for path in ("/webhooks/acme-ada", "/slack/events", "/healthz"):
        answer = await send(
            stage.bridge_port,
            b"GET %b HTTP/1.1\r\nhost: bridge\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
            b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            % path.encode(),
        )
        assert answer.status in (200, 405)
    await alive(stage, bridge)


# ── what every answer says ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/nowhere", 404),
        ("GET", "/files/x", 404),
        ("GET", "/webhooks/acme-ada", 405),
        ("POST", "/webhooks/acme-ada", 401),
        ("POST", "/webhooks/nobody", 404),
        ("POST", "/slack/events", 401),
    ],
)
async def test_every_answer_has_these_headers(stage: Stage, method: str, path: str, status: int) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.request(method, f"{stage.bridge_url}{path}")
    assert answer.status_code == status
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "no-store" in answer.headers["cache-control"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert not {"server", "x-powered-by", "set-cookie", "location"} & set(answer.headers)
    assert "html" not in answer.headers.get("content-type", "")


async def test_nothing_secret_is_shown_to_whoever_asks(stage: Stage) -> None:
    secrets = {value for name, value in stage.environ.items() if name.startswith(("SLACK_", "ACME_"))}
    assert len(secrets) >= 4
    async with httpx.AsyncClient(trust_env=False) as http:
        shown = [await http.get(f"{stage.bridge_url}{path}") for path in ("/metrics", "/readyz", "/healthz")]
    assert len(shown[0].text) > 1000
    assert not [secret for secret in secrets for answer in shown if secret in json.dumps(answer.text)]
