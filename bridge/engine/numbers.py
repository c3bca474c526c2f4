"""How handoffs went, in numbers: for the digest and for /metrics. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from bridge.engine.work import Course
from bridge.render import percentile


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of the handoffs in which somebody waited. Times are in seconds, None where there were none.

    `by_hour`: how many began in each hour of the day, from midnight on.
    """

    handoffs: int
    claimed: int
    answered: int
    expired: int
    open: int
    breaches: int
    claim_median: float | None
    claim_p90: float | None
    reply_median: float | None
    reply_p90: float | None
    by_hour: tuple[int, ...]
    by_source: tuple[tuple[str, int], ...]


def summary(courses: Iterable[Course], *, until: float, zone: tzinfo = UTC) -> Numbers:
    """Of `courses`; what had not ended by `until` is open, and the hours are those of `zone`."""
    waited = [one for one in courses if one.waited]
    handoffs = [one.handoff for one in waited]
    claims = [one.claim for one in waited if one.claim is not None]
    replies = [one.answer for one in waited if one.answer is not None]
    hours = Counter(datetime.fromtimestamp(one.started_at, zone).hour for one in handoffs)
    sources = Counter(one.conversation.key.source for one in waited)
    return Numbers(
        handoffs=len(waited),
        claimed=len(claims),
        answered=len(replies),
        expired=sum(one.ending == "expired" for one in handoffs),
        open=sum(one.ended_at is None or one.ended_at >= until for one in handoffs),
        breaches=sum(one.breached_at is not None for one in handoffs),
        claim_median=percentile(claims, 50),
        claim_p90=percentile(claims, 90),
        reply_median=percentile(replies, 50),
        reply_p90=percentile(replies, 90),
        by_hour=tuple(hours[hour] for hour in range(24)),
        by_source=tuple(sorted(sources.items())),
    )
