"""What can go wrong with Slack, on demand.

slack.faults.next("chat.postMessage", status=429, retry_after=2)
slack.faults.next("chat.postMessage", status=502, body="<html>Bad gateway</html>", times=3)
slack.faults.next("chat.postMessage", ok_error="invalid_blocks")
slack.faults.next("chat.postMessage", reset=True)    # booked, then the line goes dead
slack.faults.next("chat.postMessage", drop=True)     # the line goes dead, nothing was booked
slack.faults.next("upload", status=503)              # the address that takes a file's bytes
slack.faults.next("*", delay=5)                      # booked at once, answered late
slack.faults.token_error = "token_revoked"           # from now on, until it is None again
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bridge.sandbox.slack.state import Json


@dataclass
class Fault:
    method: str
    times: int
    status: int | None
    retry_after: int | None
    body: str | bytes | None
    ok_error: str | None
    problems: list[str] | None
    reset: bool
    drop: bool
    delay: float
    when: Callable[[Json], bool] | None
    met: list[float] = field(default_factory=list)  # when each call met it, by `time.monotonic`

    @property
    def refuses(self) -> bool:
        """Whether the call is kept from having any effect."""
        return self.status is not None or self.ok_error is not None or self.drop


class Faults:
    """The next calls of a method ("*": of any) that meet a fault; of several faults the first asked for."""

    def __init__(self) -> None:
        self.token_error: str | None = None
        self._waiting: list[Fault] = []

    def next(
        self,
        method: str,
        *,
        times: int = 1,
        status: int | None = None,
        retry_after: int | None = None,
        body: str | bytes | None = None,
        ok_error: str | None = None,
        problems: list[str] | None = None,
        reset: bool = False,
        drop: bool = False,
        delay: float = 0.0,
        when: Callable[[Json], bool] | None = None,
    ) -> Fault:
        """`when` chooses by the call's arguments. With only a `body` the call is done, and answered by it."""
        fault = Fault(method, times, status, retry_after, body, ok_error, problems, reset, drop, delay, when)
        self._waiting.append(fault)
        return fault

    def clear(self) -> None:
        self.token_error = None
        self._waiting.clear()

    def take(self, method: str, values: Json) -> Fault | None:
        for fault in self._waiting:
            if fault.method in (method, "*") and (fault.when is None or fault.when(values)):
                fault.times -= 1
                fault.met.append(time.monotonic())
                if fault.times <= 0:
                    self._waiting.remove(fault)
                return fault
        return None
