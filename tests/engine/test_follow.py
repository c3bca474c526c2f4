"""When people are told that something still waits, and where."""

from __future__ import annotations

import dataclasses
import json

import pytest

from bridge.engine.follow import STUCK, stuck
from bridge.engine.work import Again, Done, Failed, Outcome
from bridge.model import Direction
from tests.engine.test_policy import turn

BUSY = Again(10.0, "busy", until=99.0)


@pytest.mark.parametrize(
    ("direction", "told_in"),
    [(Direction.VENDOR, Direction.SLACK), (Direction.SLACK, Direction.ALERTS), (Direction.MARKS, None)],
)
def test_it_is_told_where_it_can_be_seen(direction: Direction, told_in: Direction | None) -> None:
    late = dataclasses.replace(turn(age=STUCK), direction=direction)
    assert [one.direction for one in stuck(late, BUSY)] == ([told_in] if told_in else [])


def test_it_is_told_once_and_why() -> None:
    (told,) = stuck(turn(attempt=6, age=STUCK), BUSY)
    (again,) = stuck(turn(attempt=9, age=9 * STUCK), BUSY)
    assert told.key == again.key
    assert json.loads(told.body) == {"delivery": 1, "kind": "reply", "problem": "busy", "until": 99.0}


@pytest.mark.parametrize(
    ("age", "outcome", "number"),
    [
        (STUCK - 1, BUSY, 0),
        (0.0, Again(2 * STUCK, "come back in two minutes"), 1),
        (STUCK, Done(), 0),
        (STUCK, Failed("no"), 0),
    ],
)
def test_only_what_waits_for_long_is_told(age: float, outcome: Outcome, number: int) -> None:
    assert len(stuck(turn(age=age), outcome)) == number
