"""Addresses of files in odd dress, by the system's own resolver: none of them leads to this machine.

What else there is of it stands in tests/media: names that lead to both, redirects, schemes, what is too much.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.config import Media
from bridge.errors import Rejected, RetryLater
from bridge.media import Fetcher
from bridge.media.addresses import is_public
from tests.media.web import Web, serving


@pytest.fixture
async def web() -> AsyncIterator[Web]:
    async with serving() as one:
        one.has("/f", b"a secret", content_type="image/png")
        yield one


DRESSES = [
    "http://public.example@127.0.0.1:{port}/f",
    "http://public.example:80@127.0.0.1:{port}/f",
    "http://public.example%00@127.0.0.1:{port}/f",
    "http://127.0.0.1:{port}#@public.example/f",
    "http://127.0.0.1:{port}?@public.example/f",
    "http://127.0.0.1:{port}\\@public.example/f",
    "http:\\\\127.0.0.1:{port}\\f",
    "http:/127.0.0.1:{port}/f",
    "http:127.0.0.1:{port}/f",
    "HTTP://LOCALHOST:{port}/f",
    "http://LocalHost.:{port}/f",
    "http://localhost%2e:{port}/f",
    "http://%31%32%37.0.0.1:{port}/f",
    "http://１２７.０.０.１:{port}/f",
    "http://①②⑦.⓪.⓪.①:{port}/f",
    "http://127。0。0。1:{port}/f",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{port}/f",
    "http://017700000001:{port}/f",
    "http://0x7f.0.0.1:{port}/f",
    "http://127.0.1:{port}/f",
    "http://127.000.000.001:{port}/f",
    "http://0.0.0.0:{port}/f",
    "http://0:{port}/f",
    "http://[::]:{port}/f",
    "http://[::1%25lo]:{port}/f",
    "http://[0:0:0:0:0:ffff:127.0.0.1]:{port}/f",
    "http://[::ffff:7f00:1%25lo]:{port}/f",
    "http://[::127.0.0.1]:{port}/f",
    "http://[64:ff9b::127.0.0.1]:{port}/f",
    "http://[fe80::1%25lo]:{port}/f",
    " http://127.0.0.1:{port}/f",
    "http://127.0.0.1 :{port}/f",
    "http://127.0.0.1:{port}\t/f",
    "http://127.0.0.1:{port}/f HTTP/1.1\r\nHost: public.example",
    "gopher://127.0.0.1:{port}/_GET /f",
    "dict://127.0.0.1:{port}/f",
    "unix:///tmp/f",
    "ws://127.0.0.1:{port}/f",
    "jar:http://127.0.0.1:{port}/f",
    "http+unix://127.0.0.1:{port}/f",
]


@pytest.mark.parametrize("address", DRESSES)
async def test_no_dress_leads_here(web: Web, address: str) -> None:
    fetcher = Fetcher(Media(timeout=20))
    with pytest.raises((Rejected, RetryLater)):
        await fetcher.fetch(address.format(port=web.port))
    await fetcher.close()
    assert web.requests == []


@pytest.mark.parametrize("address", [one for one in DRESSES if "://" in one])  # others stay where they are
async def test_nor_does_a_redirect(web: Web, address: str) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    location = address.format(port=web.port).partition("\r")[0].encode()
    web.paths["/go"] = b"HTTP/1.1 302 Found\r\nlocation: " + location + b"\r\ncontent-length: 0\r\n\r\n"
    fetcher = Fetcher(Media(allow_hosts=(f"start.test:{web.port}",), timeout=20), resolve)
    with pytest.raises((Rejected, RetryLater)):
        await fetcher.fetch(f"http://start.test:{web.port}/go")
    await fetcher.close()
    assert [request.split(" ")[1] for request in web.requests] == ["/go"]


async def test_a_name_that_leads_elsewhere_at_the_second_asking(web: Web) -> None:
    """Each redirect asks anew, and is held against what it is told then."""
    told = iter([["127.0.0.1"], ["10.0.0.1"], ["127.0.0.1"]])

    async def resolve(host: str, port: int) -> list[str]:
        return next(told)

    web.has("/go", status="302 Found", location=f"http://other.test:{web.port}/f")
    fetcher = Fetcher(Media(allow_hosts=(f"start.test:{web.port}",)), resolve)
    with pytest.raises(Rejected, match="private network"):
        await fetcher.fetch(f"http://start.test:{web.port}/go")
    await fetcher.close()
    assert len(web.requests) == 1


@given(st.ip_addresses(v=4))
def test_an_address_in_ipv6_is_as_public_as_itself(ip: IPv4Address) -> None:
    for inside in (f"::ffff:{ip}", f"64:ff9b::{ip}"):
        assert is_public(inside) == is_public(str(ip))
    for dressed in (f"2002:{int(ip) >> 16:x}:{int(ip) & 0xFFFF:x}::1", f"::{ip}", f"64:ff9b:1::{ip}"):
        assert not is_public(dressed)


@given(st.ip_addresses(v=6))
def test_only_what_is_given_out_is_public(ip: IPv6Address) -> None:
    if is_public(str(ip)) and ip.ipv4_mapped is None and not str(ip).startswith("64:ff9b::"):
        assert int(ip) >> 125 == 1
