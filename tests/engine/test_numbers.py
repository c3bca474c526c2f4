"""How handoffs went, in numbers."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.engine.numbers import summary
from bridge.engine.work import Conversation, Course, Handoff
from bridge.model import Control, ConversationKey

MIDNIGHT = 1_777_852_800.0  # 2026-05-04 00:00 UTC
UNTIL = MIDNIGHT + 86400


def course(
    *,
    source: str = "acme-ada",
    started_at: float = MIDNIGHT,
    claim: float | None = None,
    answer: float | None = None,
    waited: bool = True,
    **more: Any,
) -> Course:
    conversation = Conversation(1, ConversationKey(source=source, id="c"), Control.BOT, None, 0.0)
    handoff = Handoff(
        id=1, started_at=started_at, waiting_since=started_at if waited else None, round=1, **more
    )
    return Course(conversation, handoff, waited=waited, claim=claim, answer=answer)


def test_a_day_is_counted() -> None:
    numbers = summary(
        [
            course(claim=20.0, answer=60.0, ended_at=MIDNIGHT + 600, ending="closed"),
            course(claim=40.0, breached_at=MIDNIGHT + 30, source="acme-moveo"),
            course(started_at=MIDNIGHT + 9 * 3600, ended_at=MIDNIGHT + 40_000, ending="expired"),
            course(started_at=UNTIL - 1, claim=300.0, ended_at=UNTIL + 900, ending="handed_back"),
        ],
        until=UNTIL,
    )
    assert (numbers.handoffs, numbers.claimed, numbers.answered) == (4, 3, 1)
    assert (numbers.expired, numbers.open, numbers.breaches) == (1, 2, 1)
    assert (numbers.claim_median, numbers.claim_p90) == (40.0, 300.0)
    assert (numbers.reply_median, numbers.reply_p90) == (60.0, 60.0)
    assert numbers.by_source == (("acme-ada", 3), ("acme-moveo", 1))
    assert {hour: count for hour, count in enumerate(numbers.by_hour) if count} == {0: 2, 9: 1, 23: 1}


def test_where_nobody_waited_nothing_is_counted() -> None:
    numbers = summary([course(waited=False, claim=0.0, answer=10.0)], until=UNTIL)
    assert numbers == summary([], until=UNTIL)
    assert (numbers.handoffs, numbers.claim_median, numbers.reply_p90) == (0, None, None)
    assert numbers.by_hour == (0,) * 24


@pytest.mark.parametrize(("zone", "hour"), [("UTC", 0), ("Europe/Berlin", 2), ("America/New_York", 20)])
def test_the_hours_are_those_of_the_zone(zone: str, hour: int) -> None:
    assert summary([course()], until=UNTIL, zone=ZoneInfo(zone)).by_hour[hour] == 1


@given(
    st.lists(
        st.tuples(st.floats(0, 1e5) | st.none(), st.floats(0, 1e5) | st.none(), st.booleans(), st.booleans())
    )
)
def test_no_number_is_larger_than_their_number(told: list[tuple[Any, Any, bool, bool]]) -> None:
    numbers = summary(
        [
            course(claim=claim, answer=answer, waited=waited, ended_at=MIDNIGHT if ended else None)
            for claim, answer, waited, ended in told
        ],
        until=UNTIL,
    )
    assert numbers.handoffs == sum(waited for *_, waited, _ in told)
    assert sum(numbers.by_hour) == sum(count for _, count in numbers.by_source) == numbers.handoffs
    assert max(numbers.claimed, numbers.answered, numbers.open) <= numbers.handoffs
    assert (numbers.claim_median is None) == (numbers.claimed == 0)
    if numbers.claim_median is not None and numbers.claim_p90 is not None:
        assert numbers.claim_median <= numbers.claim_p90
