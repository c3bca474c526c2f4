"""Gauges of handoffs, lanes and dead letters, read from the store when /metrics is asked: the same in every
process."""

from __future__ import annotations

import asyncio
import logging
import math
import time

from bridge import metrics
from bridge.engine.numbers import summary
from bridge.engine.ports import Ledger
from bridge.errors import Unavailable
from bridge.model import DeliveryState
from bridge.render import Numbers

logger = logging.getLogger(__name__)

DAY = 86400.0
PAUSE = 10.0  # seconds between two looks into the store
PATIENCE = 3.0  # seconds for one: whoever asks for metrics wants the others too


class Measure:
    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._again = -math.inf

    async def __call__(self) -> None:
        """Set the gauges. While the store is away there are none, rather than old ones."""
        if time.monotonic() < self._again:
            return
        self._again = time.monotonic() + PAUSE
        now = time.time()
        try:
            async with asyncio.timeout(PATIENCE):
                courses = await self._ledger.courses(now - DAY, now)
                backlog = await self._ledger.backlog(DAY)
        except (Unavailable, TimeoutError) as error:
            logger.warning("the store cannot be measured: %s", error or "it gives no answer")
            for gauge in metrics.STORED:
                gauge.clear()
            return
        for control, (count, seconds) in backlog.handoffs.items():
            metrics.handoffs_open.labels(control).set(count)
            metrics.handoffs_open_seconds.labels(control).set(seconds)
        for direction, (queued, sending, deepest) in backlog.deliveries.items():
            metrics.deliveries_waiting.labels(direction, DeliveryState.QUEUED).set(queued)
            metrics.deliveries_waiting.labels(direction, DeliveryState.SENDING).set(sending)
            metrics.lane_depth.labels(direction).set(deepest)
        for direction, (lanes, seconds) in backlog.lanes.items():
            metrics.lanes_waiting.labels(direction).set(lanes)
            metrics.lanes_waiting_seconds.labels(direction).set(seconds)
        for state, count in backlog.dead.items():
            metrics.deliveries_day.labels(state).set(count)
        _show(summary(courses, until=now))


def _show(numbers: Numbers) -> None:
    for what, count in (
        ("started", numbers.handoffs),
        ("claimed", numbers.claimed),
        ("answered", numbers.answered),
        ("expired", numbers.expired),
        ("breached", numbers.breaches),
    ):
        metrics.handoffs_day.labels(what).set(count)
    for gauge, median, p90 in (
        (metrics.handoff_claim_seconds, numbers.claim_median, numbers.claim_p90),
        (metrics.handoff_reply_seconds, numbers.reply_median, numbers.reply_p90),
    ):
        for quantile, seconds in (("0.5", median), ("0.9", p90)):
            gauge.labels(quantile).set(math.nan if seconds is None else seconds)
