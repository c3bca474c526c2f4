"""uvicorn's server, at both of its ends: it takes connections before it can answer, and goes on for a moment
after SIGTERM.

While it starts, what comes in waits instead of being refused: what was missed is looked for meanwhile, and
nothing is to be missed between that look and the first request (`bridge.store.catchup`).

When it ends, a platform tells its router and us at about the same time: a request may be on its way to us, or
be written to a connection that would be closed before it is read. Who sent it may be one that does not try
again (GPTBots).

In between it closes connections whose answers are not read (`bridge.protocol`).
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from types import FrameType

import uvicorn

from bridge.errors import ConfigError
from bridge.protocol import Protocol

LINGER = 0.5  # seconds
TICKS = 10  # of uvicorn, a second, between two looks at the connections
BACKLOG = 2048  # connections that wait, as uvicorn has it; the system may allow less
UNSENT = 16 * 1024  # bytes of answers that the system takes from us ahead of the peer

logger = logging.getLogger(__name__)


def listening(host: str, port: int) -> list[socket.socket]:
    """Sockets at each address of `host` that take connections from now on. Raises `ConfigError`."""
    sockets: list[socket.socket] = []
    try:
        # Named as TCP, or asyncio leaves Nagle's algorithm on: 40 ms an answer on loopback.
        of_host = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )
        for family, kind, proto, _, address in of_host:
            sockets.append(one := socket.socket(family, kind, proto))
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            # Each connection inherits it. By itself Linux takes megabytes of an answer, and more only once a
            # third of them went out: a peer that reads slowly would seem not to read at all.
            if hasattr(socket, "TCP_NOTSENT_LOWAT"):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
            one.bind(address)
            one.listen(BACKLOG)
    except (OSError, UnicodeError) as error:  # the latter of a host that no name system takes
        for one in sockets:
            one.close()
        why = getattr(error, "strerror", None) or "this is no host"
        raise ConfigError(
            f"nothing can listen at {host}, port {port}: {why}",
            where="[server] host and port, or PORT",
            remedy="Stop what listens there, or choose another port",
        ) from None
    for one in sockets:
        logger.info("listening at %s, port %d", *one.getsockname()[:2])
    return sockets


class Server(uvicorn.Server):
    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    async def on_tick(self, counter: int) -> bool:
        if counter % TICKS == 0:
            now = self._loop.time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, Protocol):
                    connection.check_unread(now)
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGTERM and self.started and not self._loop.is_closed():
            # A signal may come in the middle of whatever the loop does.
            self._loop.call_soon_threadsafe(self._loop.call_later, LINGER, super().handle_exit, sig, frame)
        else:
            super().handle_exit(sig, frame)
