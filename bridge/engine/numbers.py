"""How handoffs went, in numbers: for the digest and for /metrics. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo

from bridge.engine.work import Course
from bridge.render import Numbers, percentile


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
