"""One day's handoffs, in numbers and as a chart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from bridge.render import limits
from bridge.render.card import field
from bridge.render.literal import (
    Block,
    Element,
    bullets,
    emoji,
    one_line,
    preformatted,
    rich_text,
    section,
    text,
)
from bridge.render.message import Face, SlackMessage, ladder
from bridge.render.said import said
from bridge.render.words import lasting

#: a chart has at most 20 points, so that 24 hours do not fit
_HOURS_A_BAR = 2


@dataclass(frozen=True, slots=True)
class Numbers:
    """Of the handoffs that started within a time and in which somebody waited.

    `open` were still waiting or with a human at its end. Times are in seconds, None where there were none.
    `by_hour` counts the handoffs that started in each hour of the day, from midnight on.
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


@dataclass(frozen=True)
class DigestView(Numbers):
    """Those of `day`, which began and ended at midnight in `time_zone`."""

    day: date
    time_zone: str


def percentile(values: Iterable[float], percent: int) -> float | None:
    """By nearest rank: the smallest of `values` that at least `percent` % of them do not exceed."""
    ordered = sorted(values)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(rank, 1) - 1] if ordered else None


def digest(view: DigestView) -> SlackMessage:
    day = f"{view.day:%A}, {view.day.day} {view.day:%B %Y}"
    head = rich_text(
        section(emoji("bar_chart"), text(f" Handoffs on {day}", bold=True), text(f" ({_zone(view)})"))
    )
    numbers = rich_text(bullets(*_numbers(view)))
    bars = _bars(view)
    if not any(count for _, count in bars):
        return ladder([SlackMessage("", (head, numbers))], Face(), said((head, numbers)))
    plainer = (head, numbers, rich_text(preformatted(_drawn(bars))))
    rungs = [SlackMessage("", (head, numbers, _chart(view, bars))), SlackMessage("", plainer)]
    return ladder(rungs, Face(), said(plainer))


def _zone(view: DigestView) -> str:
    return one_line(view.time_zone, limits.CHART_AXIS) or "UTC"


def _numbers(view: DigestView) -> list[list[Element]]:
    rows = [
        field("Handoffs", str(view.handoffs)),
        field("Claimed", f"{view.claimed}{_times(view.claim_median, view.claim_p90)}"),
        field("Answered", f"{view.answered}{_times(view.reply_median, view.reply_p90)}"),
        field("Expired", str(view.expired)),
        field("Still open", str(view.open)),
        field("Breaches", str(view.breaches)),
    ]
    sources = sorted(view.by_source, key=lambda one: (-one[1], one[0]))
    counted = ", ".join(f"{name} {count}" for name, count in sources)
    return [*rows, field("By source", counted, 1000)] if counted else rows


def _times(median: float | None, p90: float | None) -> str:
    if median is None or p90 is None:
        return ""
    return f", half within {lasting(median)}, nine in ten within {lasting(p90)}"


def _bars(view: DigestView) -> list[tuple[str, int]]:
    return [
        (f"{hour:02}–{hour + _HOURS_A_BAR:02}", sum(view.by_hour[hour : hour + _HOURS_A_BAR]))
        for hour in range(0, 24, _HOURS_A_BAR)
    ]


def _chart(view: DigestView, bars: list[tuple[str, int]]) -> Block:
    """https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block"""
    points = [{"label": label, "value": count} for label, count in bars]
    return {
        "type": "data_visualization",
        "title": "Handoffs by time of day",
        "chart": {
            "type": "bar",
            "series": [{"name": "Handoffs", "data": points}],
            "axis_config": {
                "categories": [label for label, _ in bars],
                "x_label": _zone(view),
                "y_label": "Handoffs",
            },
        },
    }


def _drawn(bars: list[tuple[str, int]]) -> str:
    most = max(count for _, count in bars)
    return "\n".join(
        f"{label} {'█' * -(-count * 20 // most)}{' ' * bool(count)}{count}" for label, count in bars
    )
