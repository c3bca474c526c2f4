"""Waiting to be let in by a database that is away, or full, when a process starts.

Where a platform replaces processes, it ends the old ones and starts the new at once: for a moment both want
connections, and small plans have 20: https://devcenter.heroku.com/articles/heroku-postgres-plans. Who gave
up then would count as crashed, and be started again only after a while, which grows:
https://devcenter.heroku.com/articles/dyno-restarts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from itertools import chain, repeat
from typing import TypeVar

from bridge.errors import Unavailable
from bridge.store.unreachable import reason

T = TypeVar("T")

logger = logging.getLogger(__name__)

#: seconds; twice that is less than the 60 s in which a web process has to listen on Heroku
PATIENCE = 20.0
REMEDY = "Check its address, and that it is up and lets us in"
_PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0)


async def patiently(
    act: Callable[[], Awaitable[T]],
    away: type[Exception] | tuple[type[Exception], ...],
    where: str,
    *,
    patience: float | None = None,
) -> T:
    """`act()`, again and again while it raises `away`, until `PATIENCE` is over. Each new reason is one line
    in the log. Raises `Unavailable` with the last one."""
    until = asyncio.get_running_loop().time() + (PATIENCE if patience is None else patience)
    logged = ""
    pauses = chain(_PAUSES, repeat(_PAUSES[-1]))
    while True:
        try:
            return await act()
        except away as error:
            pause, left = next(pauses), until - asyncio.get_running_loop().time()
            if (why := reason(error)) != logged and left > pause:
                logger.warning("Cannot reach %s: %s. Retrying for %.0f s", where, why, left)
                logged = why
            if pause > left:
                raise Unavailable(f"cannot be reached: {why}", where=where, remedy=REMEDY) from error
        await asyncio.sleep(pause)
