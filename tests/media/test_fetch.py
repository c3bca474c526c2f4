"""Fetching from addresses that anybody may have written, against a real server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.config import Media
from bridge.errors import Rejected, RetryLater
from bridge.media import Fetched, Fetcher
from tests.media.web import Web, serving

HOST = "files.vendor.test"  # no resolver on earth knows it
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PRIVATE = "its address leads into a private network"


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving() as one:
        yield one


class Names:
    """A resolver that tells `answers`, and every question it was asked."""

    def __init__(self, **answers: list[str]) -> None:
        self.answers = {name.replace("_", "."): told for name, told in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host not in self.answers:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return self.answers[host]


async def fetch(web: Web, path: str = "/f", kind: str = "file", **options: Any) -> tuple[Fetched, bytes]:
    """What is at `path` of HOST, which stands for the loopback and is allowed to."""
    promise = {name: options.pop(name) for name in ("name", "mime_type") if name in options}
    names = options.pop("names", None) or Names(files_vendor_test=["127.0.0.1"])
    url = options.pop("url", f"http://{HOST}:{web.port}{path}")
    fetcher = Fetcher(Media(allow_hosts=(f"{HOST}:{web.port}",), **options), names)
    try:
        with await fetcher.fetch(url, kind, **promise) as fetched:
            return fetched, fetched.content.read()
    finally:
        await fetcher.close()


async def refused(*args: Any, **options: Any) -> str:
    with pytest.raises(Rejected) as caught:
        await fetch(*args, **options)
    return caught.value.problem


async def later(*args: Any, **options: Any) -> str:
    with pytest.raises(RetryLater) as caught:
        await fetch(*args, **options)
    return caught.value.problem


# ── what arrives ─────────────────────────────────────────────────────────────────────────────────


async def test_a_file_arrives_whole(web: Web) -> None:
    web.has("/a/Photo%201", PNG, content_type="image/png; charset=binary")
    fetched, content = await fetch(web, "/a/Photo%201", "image")
    assert content == PNG
    assert (fetched.name, fetched.mime_type, fetched.size) == ("Photo 1.png", "image/png", len(PNG))


async def test_one_that_memory_is_too_small_for(web: Web) -> None:
    large = PNG * 4000
    web.has("/f", large, content_type="image/png")
    assert (await fetch(web))[1] == large


async def test_without_a_length_or_a_type(web: Web) -> None:
    web.paths["/f"] = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n%PDF-1.7"
    fetched, content = await fetch(web, name="Invoice.pdf")
    assert (fetched.name, content) == ("Invoice.pdf", b"%PDF-1.7")


async def test_nobody_is_told_who_asks(web: Web) -> None:
    web.has("/f", PNG, content_type="image/png", set_cookie="session=1")
    names = Names(files_vendor_test=["127.0.0.1"])
    fetcher = Fetcher(Media(allow_hosts=(HOST,)), names)
    for _ in range(2):
        (await fetcher.fetch(f"http://user:secret@{HOST}:{web.port}/f")).content.close()
    await fetcher.close()
    for request in web.requests:
        head = request.lower()
        assert f"\r\nhost: {HOST}:{web.port}\r\n" in head
        assert not any(f"\r\n{name}:" in head for name in ("authorization", "cookie", "referer"))
        assert "secret" not in head


# ── where it may come from ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "127.0.0.1.",
    ],
)
async def test_the_loopback_has_many_names(web: Web, host: str) -> None:
    web.has("/f", PNG)
    fetcher = Fetcher(Media())  # the system's own resolver
    with pytest.raises((Rejected, RetryLater)) as caught:
        await fetcher.fetch(f"http://{host}:{web.port}/f")
    await fetcher.close()
    # C libraries differ in what they read as a number, and httpx reads no octal.
    odd = {"its host is not known", "its address is not one"} if host.startswith("0") else set()
    assert caught.value.problem in {PRIVATE, *odd}
    assert web.requests == []


async def test_a_name_that_leads_to_both(web: Web) -> None:
    names = Names(evil_test=["93.184.216.34", "127.0.0.1"])
    assert await refused(web, url=f"http://evil.test:{web.port}/f", names=names) == PRIVATE
    assert web.requests == []


async def test_what_is_allowed_is_allowed_at_its_port_only(web: Web) -> None:
    assert await refused(web, url=f"http://{HOST}:1/f") == PRIVATE


async def test_a_name_is_asked_for_once(web: Web) -> None:
    """So that it cannot lead elsewhere between the check and the connection."""
    web.has("/f", PNG)
    names = Names(files_vendor_test=["127.0.0.1"])
    assert (await fetch(web, names=names))[1] == PNG
    assert names.asked == [HOST]


async def test_the_next_address_where_one_is_dead(web: Web) -> None:
    web.has("/f", PNG)
    names = Names(files_vendor_test=["127.0.0.2", "127.0.0.1"])
    assert (await fetch(web, names=names))[1] == PNG


@pytest.mark.parametrize("url", ["ftp://{}/f", "file:///etc/passwd", "//{}/f", "http:///f", "javascript:1"])
async def test_other_schemes(web: Web, url: str) -> None:
    problem = await refused(web, url=url.format(HOST))
    assert problem == "its address is not an http or https address"


@pytest.mark.parametrize(
    "url", ["http://exa mple/", "http://[::1", f"http://{'a' * 70}.example/", "http://h:x/"]
)
async def test_addresses_that_are_none(web: Web, url: str) -> None:
    fetcher = Fetcher(Media())
    with pytest.raises((Rejected, RetryLater)):
        await fetcher.fetch(url)
    await fetcher.close()


async def test_tls_is_for_the_name_and_not_for_the_address() -> None:
    hello: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello.set_result(await reader.read(4096))
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        fetcher = Fetcher(Media(allow_hosts=(HOST,)), Names(files_vendor_test=["127.0.0.1"]))
        with pytest.raises(RetryLater):
            await fetcher.fetch(f"https://{HOST}:{port}/f")
        await fetcher.close()
        assert HOST.encode() in await hello


# ── redirects ────────────────────────────────────────────────────────────────────────────────────


async def test_redirects_are_followed_three_times(web: Web) -> None:
    for number in range(4):
        web.has(f"/{number}", status="302 Found", location=f"{number + 1}")
    web.has("/4", PNG)
    assert (await fetch(web, "/1"))[1] == PNG
    assert await refused(web, "/0") == "its address leads on more than 3 times"


@pytest.mark.parametrize(
    "to", ["http://inner.test:{port}/f", "http://127.0.0.1:{port}/f", "//169.254.169.254/latest/meta-data"]
)
async def test_a_redirect_into_a_private_network(web: Web, to: str) -> None:
    web.has("/f", status="307 Temporary Redirect", location=to.format(port=web.port))
    names = Names(
        files_vendor_test=["127.0.0.1"],
        inner_test=["10.0.0.7"],
        **{"127_0_0_1": ["127.0.0.1"], "169_254_169_254": ["169.254.169.254"]},
    )
    assert await refused(web, names=names) == PRIVATE
    assert len(web.requests) == 1


async def test_a_redirect_to_another_scheme(web: Web) -> None:
    web.has("/f", status="301 Moved", location="file:///etc/passwd")
    assert await refused(web) == "its address is not an http or https address"


# ── what is too much ─────────────────────────────────────────────────────────────────────────────


async def test_too_large_by_its_own_word(web: Web) -> None:
    web.paths["/f"] = b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n"  # and nothing comes
    assert await refused(web, max_size="2MB") == "it is larger than 2 MB"


async def test_too_large_without_a_word(web: Web) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        while True:
            writer.write(bytes(64 * 1024))
            await writer.drain()

    web.paths["/f"] = endless
    assert await refused(web, max_size="2MB") == "it is larger than 2 MB"


async def test_as_large_as_allowed(web: Web) -> None:
    web.has("/f", bytes(1024))
    assert len((await fetch(web, max_size="1KB"))[1]) == 1024
    web.has("/f", bytes(1025))
    assert await refused(web, max_size="1KB") == "it is larger than 0.000977 MB"


async def test_drop_by_drop(web: Web) -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    web.paths["/f"] = drip
    assert await refused(web, timeout="300ms") == "it did not arrive within 0.3 s"


async def test_packed(web: Web) -> None:
    web.has("/f", b"\x1f\x8b", content_encoding="gzip")
    assert await refused(web) == "it comes packed, though nobody asked for that"


# ── what is no file, or not the one promised ─────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"<h1>Sign in</h1>", "text/html; charset=utf-8"),
        (b"<h1>Sign in</h1>", "application/xhtml+xml"),
        (b"\xef\xbb\xbf\r\n <!DOCTYPE html><title>Sign in</title>", "application/pdf"),
        (b"<HTML lang=en>", "application/octet-stream"),
    ],
)
async def test_a_login_page_is_no_file(web: Web, body: bytes, content_type: str) -> None:
    web.has("/f", body, content_type=content_type)
    for promised in ({}, {"name": "Invoice.pdf"}, {"mime_type": "application/pdf"}):
        assert await refused(web, **promised) == "its address leads to a web page"


async def test_a_page_that_was_promised_is(web: Web) -> None:
    web.has("/f", b"<html>", content_type="text/html")
    assert (await fetch(web, name="page.html"))[1] == b"<html>"
    assert (await fetch(web, mime_type="text/html"))[0].name == "f.html"


async def test_an_image_is_no_json(web: Web) -> None:
    web.has("/f", b'{"error": "expired"}', content_type="application/json")
    problem = await refused(web, kind="image")
    assert problem == "its address leads to application/json, not to an image"
    assert (await fetch(web, kind="file"))[0].name == "f.json"


async def test_empty(web: Web) -> None:
    web.has("/f", content_type="image/png")
    assert await refused(web) == "it is empty"


# ── what may pass, and what will not ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", ["500 Oops", "503 Busy", "429 Slower", "408 Late"])
async def test_answers_that_may_pass(web: Web, status: str) -> None:
    web.has("/f", status=status)
    assert await later(web) == f"its host answers {status[:3]}"


@pytest.mark.parametrize("status", ["400 No", "403 Expired", "404 Gone", "204 Nothing", "302 Nowhere"])
async def test_answers_that_will_not(web: Web, status: str) -> None:
    web.has("/f", status=status)
    assert (await refused(web)).startswith(f"its host answers {status[:3]}")


async def test_a_line_that_is_cut(web: Web) -> None:
    web.paths["/f"] = b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nonly this"
    assert "broke off" in await later(web)
    web.paths["/f"] = b""
    assert "broke off" in await later(web)


async def test_nobody_listens(web: Web) -> None:
    assert await later(web, url=f"http://{HOST}/f", names=Names()) == "its host is not known"
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        fetcher = Fetcher(Media(allow_hosts=(HOST,)), Names(files_vendor_test=["127.0.0.1"]))
        with pytest.raises(RetryLater, match="does not let us connect"):
            await fetcher.fetch(f"http://{HOST}:{port}/f")
        await fetcher.close()
