"""A stage that is up: the sandbox's Slack and vendors, and a real `bridge serve` before them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge.sandbox.stage import Process, Stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    """One for all tests of a module: each has a customer of its own. Slack's pace is not the subject.

    A module may add to the configuration with `EXTRA`.
    """
    extra = getattr(request.module, "EXTRA", "")
    folder = tmp_path_factory.mktemp("stage")
    async with Stage(folder, channel_rate=0, extra_config=extra) as stage:
        stage.config.write_text(stage.config.read_text().replace("[slack]", '[slack]\ntimeout = "1s"'))
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bridge(stage: Stage) -> Process:
    """The module's bridge, ready."""
    return await stage.serve()
