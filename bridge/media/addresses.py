"""Which addresses are on the public internet, and how a name becomes addresses."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Resolve = Callable[[str, int], Awaitable[list[str]]]

#: global by Python's table, or by that of an older Python, and still nobody's public server
_NOT_PUBLIC_4 = [
    IPv4Network(one)
    for one in (
        "168.63.129.16/32",  # Azure's own, on every machine there
        "192.0.0.0/24",  # protocol assignments, Oracle's metadata among them
        "192.88.99.0/24",  # relays of 6to4
    )
]
#: the only part of IPv6 that is given out: https://www.iana.org/assignments/ipv6-address-space
_GIVEN_OUT_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = [
    IPv6Network(one)
    for one in (
        "2001::/23",  # protocol assignments, Teredo among them
        "2002::/16",  # 6to4: any IPv4 address in another dress
        "3fff::/20",  # for documents
    )
]
#: how a network without IPv4 reaches an IPv4 address
_NAT64 = IPv6Network("64:ff9b::/96")


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of `host`, as the system knows them. Raises `OSError` or `UnicodeError`.

    It also reads what C's inet_aton reads (`2130706433`, `0x7f.1`), so a check has to look at the result.
    """
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(where[0]) for *_, where in found))


def is_public(address: str) -> bool:
    """Whether it is nobody's private, local, shared, reserved or group address."""
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, IPv6Address):
        inside = ip.ipv4_mapped or (IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None)
        if inside is None:
            return ip.is_global and ip in _GIVEN_OUT_6 and not any(ip in one for one in _NOT_PUBLIC_6)
        ip = inside
    return ip.is_global and not ip.is_multicast and not any(ip in one for one in _NOT_PUBLIC_4)
