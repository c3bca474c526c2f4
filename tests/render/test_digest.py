"""The day's digest, and how its numbers are made."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.render.digest import DigestView, digest, percentile
from tests.render.slack_rules import check
from tests.render.strategies import WORDS
from tests.render.test_anything import SLOW
from tests.render.test_golden import GOLDEN, golden

MONDAY = DigestView(
    day=date(2026, 5, 4),
    time_zone="Europe/Berlin",
    handoffs=42,
    claimed=38,
    answered=36,
    expired=2,
    open=3,
    breaches=1,
    claim_median=80.0,
    claim_p90=605.4,
    reply_median=125.0,
    reply_p90=7500.0,
    by_hour=(0, 0, 0, 0, 0, 0, 0, 1, 2, 7, 8, 6, 2, 3, 5, 4, 2, 1, 1, 0, 0, 0, 0, 0),
    by_source=(("acme-ada", 12), ("acme-moveo", 30)),
)
DIGESTS = {
    "busy": MONDAY,
    "nobody_claimed": replace(
        MONDAY,
        handoffs=2,
        claimed=0,
        answered=0,
        claim_median=None,
        claim_p90=None,
        reply_median=None,
        reply_p90=None,
        by_hour=(0,) * 23 + (2,),
        by_source=(("acme-ada", 2),),
    ),
    "quiet": DigestView(
        day=date(2026, 5, 3),
        time_zone="UTC",
        handoffs=0,
        claimed=0,
        answered=0,
        expired=0,
        open=0,
        breaches=0,
        claim_median=None,
        claim_p90=None,
        reply_median=None,
        reply_p90=None,
        by_hour=(0,) * 24,
        by_source=(),
    ),
}


@pytest.mark.parametrize("name", DIGESTS)
def test_digest(name: str) -> None:
    golden(f"digest/{name}", (digest(DIGESTS[name]),))


def test_no_golden_file_is_left_over() -> None:
    assert {file.stem for file in (GOLDEN / "digest").glob("*.json")} == set(DIGESTS)


def test_the_chart_has_every_handoff_and_its_fallback_says_the_same() -> None:
    chart, plainer, _ = digest(MONDAY).rungs()
    points = chart.blocks[-1]["chart"]["series"][0]["data"]
    assert sum(point["value"] for point in points) == sum(MONDAY.by_hour)
    (drawn,) = plainer.blocks[-1]["elements"][0]["elements"]
    lines = [line.split() for line in drawn["text"].splitlines()]
    assert [(line[0], int(line[-1])) for line in lines] == [(one["label"], one["value"]) for one in points]


COUNT = st.integers(0, 10**6)
SECONDS = st.none() | st.floats(0, 10**9)


@SLOW
@given(
    st.builds(
        DigestView,
        day=st.dates(),
        time_zone=WORDS,
        handoffs=COUNT,
        claimed=COUNT,
        answered=COUNT,
        expired=COUNT,
        open=COUNT,
        breaches=COUNT,
        claim_median=SECONDS,
        claim_p90=SECONDS,
        reply_median=SECONDS,
        reply_p90=SECONDS,
        by_hour=st.lists(COUNT, min_size=24, max_size=24).map(tuple),
        by_source=st.lists(st.tuples(WORDS, COUNT), max_size=20).map(tuple),
    )
)
def test_slack_takes_every_digest(view: DigestView) -> None:
    check(digest(view))


@pytest.mark.parametrize(
    ("values", "percent", "found"),
    [
        ([], 50, None),
        ([7], 90, 7),
        ([3, 1, 2], 50, 2),
        ([4, 1, 3, 2], 50, 2),
        (list(range(1, 11)), 90, 9),
        (list(range(1, 101)), 7, 7),
        ([1, 2], 100, 2),
    ],
)
def test_percentile(values: list[float], percent: int, found: float | None) -> None:
    assert percentile(values, percent) == found


@given(st.lists(st.integers(0, 50), min_size=1), st.integers(1, 100))
def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed(
    values: list[int], percent: int
) -> None:
    def within(limit: float) -> int:
        return sum(value <= limit for value in values) * 100

    found = percentile(values, percent)
    assert found in values
    assert within(found) >= percent * len(values)
    assert all(within(value) < percent * len(values) for value in values if value < found)
