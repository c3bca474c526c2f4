"""A server that goes on for a moment after SIGTERM, and only then takes no more requests.

A platform tells its router and us at about the same time: a request may be on its way to us, or be written to
a connection that would be closed before it is read. Who sent it may be one that does not try again (GPTBots).
"""

from __future__ import annotations

import asyncio
import signal
import socket
from types import FrameType

import uvicorn

LINGER = 0.5  # seconds


class Server(uvicorn.Server):
    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGTERM and self.started and not self._loop.is_closed():
            # A signal may come in the middle of whatever the loop does.
            self._loop.call_soon_threadsafe(self._loop.call_later, LINGER, super().handle_exit, sig, frame)
        else:
            super().handle_exit(sig, frame)
