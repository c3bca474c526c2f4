"""Slack's pace over minutes, on a virtual clock: `benchmarks.pacing` with what must hold of every run."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.pacing import CURVE, Became, Size, Step, row, script, simulate
from benchmarks.virtual import Clock, run
from bridge.slack.pacing import PATIENCE

BUSY = Size(50, seconds=150.0)  # half as much again as the channel takes
WIDE = Size(150, 10, seconds=60.0)  # more than the workspace takes, less than its channels would


@pytest.fixture(scope="module")
def busy() -> Became:
    return simulate(BUSY)


@pytest.fixture(scope="module")
def wide() -> Became:
    return simulate(WIDE)


def test_time_jumps_to_what_is_due_next() -> None:
    async def sleeps(clock: Clock) -> list[float]:
        async def until(seconds: float) -> float:
            await asyncio.sleep(seconds)
            return clock.passed

        return list(await asyncio.gather(until(3600.0), until(1.5)))

    assert run(sleeps) == pytest.approx([3600.0, 1.5])


def test_slack_refuses_nothing_and_nothing_is_lost_in_one_busy_channel(busy: Became) -> None:
    assert busy.refused == []
    assert busy.shown == busy.said  # each thread's words, in their order
    assert busy.posts < 0.75 * busy.words  # the bursts among them are one message each


def test_slack_refuses_nothing_and_nothing_is_lost_in_a_busy_workspace(wide: Became) -> None:
    assert wide.refused == []
    assert wide.shown == wide.said
    assert wide.posts < wide.words


def test_what_people_wait_for_comes_first(busy: Became, wide: Became) -> None:
    for became in (busy, wide):
        assert became.talk.at(0.5) > 20.0  # or there would be nothing to come before
        assert became.alerts.at(1) < 2.0
        assert became.marks.at(1) < 2.0
        assert became.urgent.at(1) < 6.0
        # The thread's own earlier words come before its alert, but nobody else's.
        assert became.below.at(1) < 15.0


def test_no_thread_waits_longer_than_one_round_of_all(busy: Became) -> None:
    # At the beginning all of them want two messages, a card and what was said.
    assert busy.longest < 2 * BUSY.threads * 1.03 + PATIENCE


def test_a_round_gives_each_thread_its_turn() -> None:
    """All have something to say at once, and again: nobody has two turns before another has one."""
    threads, rounds = 12, 4
    steps = [
        Step(0.001 * (turn * threads + thread), thread, ("customer", "bot")[turn % 2], f"t{thread}w{turn}")
        for turn in range(rounds)
        for thread in range(threads)
    ]
    became = simulate(Size(threads), steps)
    assert became.shown == became.said
    for before, after in pairwise(became.turns[threads:]):
        assert before <= after
    assert became.refused == []


def test_where_urgent_words_take_all_there_is_the_others_have_one_turn_now_and_then() -> None:
    wanted = [Step(1.0, thread, "start", f"wanted{thread}") for thread in range(1, 31)]
    urgent = [
        Step(20.0 + 15.0 * turn + thread / 2, thread, "customer", f"t{thread}w{turn}", urgent=True)
        for turn in range(8)
        for thread in range(1, 31)
    ]
    talk = [Step(60.0 + 20.0 * turn, 0, ("customer", "bot")[turn % 2], f"t0w{turn}") for turn in range(3)]
    became = simulate(Size(31), sorted([*wanted, *urgent, *talk]))
    assert became.urgent.at(0.95) > 30.0  # two a second are more than there is room for
    assert became.talk.at(1) < became.urgent.at(1) + 2 * PATIENCE
    assert became.shown == became.said
    assert became.refused == []


def test_calls_that_take_their_time_provoke_no_refusal_either() -> None:
    became = simulate(Size(40, seconds=60.0, way=0.4))
    assert became.refused == []
    assert became.shown == became.said


def test_few_threads_do_not_wait() -> None:
    became = simulate(Size(10, seconds=120.0))
    assert became.talk.at(0.5) == pytest.approx(0.0, abs=0.01)
    assert became.talk.at(1) < 12.0  # ten that begin in the same minute, with their cards


def test_the_same_seed_is_the_same_talk() -> None:
    size = Size(5, seconds=60.0)
    assert simulate(size) == simulate(size)
    assert script(size) != script(Size(5, seconds=60.0, seed=6))


def test_the_script_talks_as_it_says() -> None:
    steps = script(Size(100, seconds=300.0))
    who = Counter(step.who for step in steps)
    assert who["start"] == who["end"] == 10
    assert who["person"] == 30
    assert len({step.words for step in steps}) == len(steps)
    assert 13.0 < len([one for one in steps if one.who in ("customer", "bot")]) / 100 < 17.0


def test_the_page_has_the_figures_of_the_simulation() -> None:
    """The rows that cost little; the others come from the same run."""
    page = (Path(__file__).parents[2] / "docs" / "pacing.md").read_text(encoding="utf-8")
    for channels in (1, 10):
        assert row(Size(1, channels)) in page
    assert f'x-axis "talking threads" {list(CURVE)}' in page
