"""Whether the process has file descriptors left. Without them it takes no connection and makes none, and
uvloop does not report it: it accepts each connection and closes it."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from typing import Any

LOOK = 1.0  # seconds between two looks
#: what asyncio reports each second while it cannot accept a connection, with a traceback
_ASYNCIO = "socket.accept() out of system resource"

logger = logging.getLogger(__name__)


class Descriptors:
    """Logs once when they are used up, and once when some are free again."""

    def __init__(self) -> None:
        self._problem: str | None = None

    def problem(self) -> str | None:
        """Why no connection can be made or taken now; None while one can."""
        try:
            os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            if self._problem is None:
                self._problem = _problem(error.errno)
                logger.error(self._problem)
        else:
            if self._problem is not None:
                logger.warning("file descriptors are free again: connections are taken")
            self._problem = None
        return self._problem

    async def watch(self) -> None:
        """Look now and then, for as long as the process runs."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._report)
        while True:
            self.problem()
            await asyncio.sleep(LOOK)

    def _report(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if context.get("message") == _ASYNCIO:
            self.problem()
        else:
            loop.default_exception_handler(context)


def _problem(code: int) -> str:
    if code == errno.ENFILE:
        return "the system has no file descriptors left: no connection is taken. Close what holds them"
    return (
        f"all {_limit()} file descriptors of the process are in use: no connection is taken. Raise its limit "
        "(ulimit -n, LimitNOFILE), or let a proxy before it limit connections"
    )


def _limit() -> str:
    try:
        import resource
    except ImportError:  # Windows
        return ""
    return str(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
