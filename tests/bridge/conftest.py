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

    A module may change the configuration: `CONFIG` maps a section's heading to lines that follow it, `ROUTE`
    is what stands in every route, `INSTEAD` maps text to what takes its place. And it may add a signing
    secret: `NEXT_SECRET`.
    """
    added = getattr(request.module, "CONFIG", {})
    route = {"route": request.module.ROUTE} if hasattr(request.module, "ROUTE") else {}
    async with Stage(tmp_path_factory.mktemp("stage"), channel_rate=0, **route) as stage:
        stage.environ["SLACK_SIGNING_SECRET"] += "," + getattr(request.module, "NEXT_SECRET", "")
        text = stage.config.read_text()
        for heading, lines in added.items():
            assert text.count(heading) >= 1
            text = text.replace(heading, f"{heading}\n{lines}", 1)
        for old, new in getattr(request.module, "INSTEAD", {}).items():
            assert text.count(old) == 1
            text = text.replace(old, new)
        stage.config.write_text(text)
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bridge(stage: Stage) -> Process:
    """The module's bridge, ready."""
    return await stage.serve()
