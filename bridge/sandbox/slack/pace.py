"""How fast a channel takes messages: https://docs.slack.dev/apis/web-api/rate-limits.

About one a second for each channel, all its threads together, with a short burst.
"""

from __future__ import annotations

import math
from collections.abc import Callable


class RateLimited(Exception):
    """429: nothing was taken; come back in `seconds`."""

    def __init__(self, seconds: int) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Pace:
    """A bucket of `burst` for each key, refilled by `rate` a second. A rate of 0 never refuses."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float]) -> None:
        self.rate = rate
        self.burst = burst
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # what was left, and when

    def take(self, key: str) -> None:
        if self.rate <= 0:
            return
        now = self._clock()
        left, since = self._buckets.get(key, (float(self.burst), now))
        left = min(float(self.burst), left + (now - since) * self.rate)
        if left < 1:
            self._buckets[key] = (left, now)
            raise RateLimited(max(1, math.ceil((1 - left) / self.rate)))
        self._buckets[key] = (left - 1, now)
