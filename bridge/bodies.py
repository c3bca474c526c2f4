"""How much of requests' bodies is held in memory, and which body makes room for another.

The sender of a body has proved nothing yet, as the signature is over all of it. So a body that does not
arrive must not keep out one that does.
"""

from __future__ import annotations

import asyncio
import logging
import time

from starlette.types import Message, Receive

from bridge import metrics
from bridge.errors import TooLarge, Unavailable

SMALL = 64 * 1024  # bytes of each body that are not counted: a small body is never refused
BODIES = 64  # of the largest size, for the bytes above `SMALL` of all bodies together
SHOWN = 60.0  # seconds for which `problem` says that the bound was reached

logger = logging.getLogger(__name__)


class BodyBudget:
    """The bytes above `SMALL` of all bodies, from their arrival to their answer, are at most `BODIES` times
    `limit`, the largest size of one. Above that, of the bodies that are arriving the oldest gives way."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.held = 0
        self._arriving: dict[Body, None] = {}  # those with bytes that count, the oldest first
        self._refused: list[float] = []  # when, within `SHOWN`

    def problem(self) -> str | None:
        """For readiness: that bodies gave way within the last minute."""
        self._refused = [at for at in self._refused if at > time.monotonic() - SHOWN]
        if not self._refused:
            return None
        return (
            f"{len(self._refused)} large bodies were refused within a minute: more than "
            f"{self._bound() // 1024**2} MB were being sent at once. Small ones are taken"
        )

    def count(self, body: Body, size: int, *, complete: bool) -> None:
        """Count what has arrived of `body`. Raises `TooLarge`, and `Unavailable` where it has to give way."""
        body.read += size
        if body.read > self.limit:
            raise too_large(self.limit)
        if body.gave_way:
            raise _gave_way()
        above = max(body.read - SMALL, 0) - body.held
        body.held += above
        self.held += above
        if complete:
            self._arriving.pop(body, None)
        elif body.held:
            self._arriving.setdefault(body)
        while self.held > self._bound() and self._arriving:
            self._refuse(next(iter(self._arriving)))
        if self.held > self._bound() and body.held:  # all else is here, and being kept
            self._refuse(body)
        if body.gave_way:
            raise _gave_way()

    def release(self, body: Body) -> None:
        """Nothing of `body` is held any more."""
        self._arriving.pop(body, None)
        self.held -= body.held
        body.held = 0

    def _bound(self) -> int:
        return self.limit * BODIES

    def _refuse(self, body: Body) -> None:
        self.release(body)
        body.give_way()
        metrics.bodies_refused.inc()
        if self.problem() is None:
            logger.warning(
                "bodies above %d MB are being sent at once: the oldest are refused", self._bound() // 1024**2
            )
        self._refused.append(time.monotonic())


class Body:
    """The body of one request: `read` bytes have come, of which `held` count."""

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self._next: asyncio.Timeout | None = None
        self.read = 0
        self.held = 0
        self.gave_way = False

    async def receive(self, receive: Receive) -> Message:
        """The next message. Raises `TooLarge`, and `Unavailable` once it has given way to others."""
        try:
            async with asyncio.timeout(None) as self._next:
                message = await receive()
        except TimeoutError:
            raise _gave_way() from None
        finally:
            self._next = None
        size = len(message.get("body", b""))
        self._budget.count(self, size, complete=not message.get("more_body", False))
        return message

    def give_way(self) -> None:
        self.gave_way = True
        if self._next is not None:  # its request waits for more
            self._next.reschedule(asyncio.get_running_loop().time())


def too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"the body is larger than {limit} bytes", remedy="Raise [server] max_body if this was a real one"
    )


def _gave_way() -> Unavailable:
    return Unavailable("too much is being sent at once")
