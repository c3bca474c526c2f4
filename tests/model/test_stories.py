"""Whatever vendors and agents do, and in whatever order it is told: the real engine, on both databases.

Each run tells the same stories. More of them, others each time, and told for longer:

    MODEL_STORIES=500 MODEL_STEPS=40 pytest tests/model -n 0
    MODEL_SEED=7 MODEL_STORIES=500 MODEL_STEPS=40 pytest tests/model -n 0   # the same ones again

A story that fails is shortened first, and printed as the steps that lead there.
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import Machine
from tests.model.world import World, opened

STORIES, STEPS = int(os.environ.get("MODEL_STORIES", "0")), int(os.environ.get("MODEL_STEPS", "30"))


@pytest.fixture
def world(database_url: str, tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path, None if database_url.startswith("sqlite") else database_url) as world:
        yield world


@pytest.mark.timeout(0 if STORIES else 600)  # where a story fails, hypothesis takes its time to shorten it
def test_every_story_ends_well(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "bridge")  # vendors fail all the time here

    class Story(Machine):
        pass

    Story.world = world
    if STORIES:
        number = int(os.environ.get("MODEL_SEED", random.randrange(1_000_000)))  # noqa: S311
        print(f"MODEL_SEED={number}")
        seed(number)(Story)
    told = settings(
        derandomize=not STORIES,
        max_examples=STORIES or 25,
        stateful_step_count=STEPS,
        database=None,
        deadline=None,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Story, settings=told)
