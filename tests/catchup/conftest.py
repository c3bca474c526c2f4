"""The sandbox before a real bridge of the test's own, on either database, which is stopped and started."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.sandbox.stage import Stage
from tests.stores import migrate


@pytest.fixture
async def stage(request: pytest.FixtureRequest, tmp_path: Path, database_url: str) -> AsyncIterator[Stage]:
    """A module may say what stands in every route: `ROUTE`."""
    url = None if database_url.startswith("sqlite") else database_url
    route = {"route": request.module.ROUTE} if hasattr(request.module, "ROUTE") else {}
    async with Stage(tmp_path, channel_rate=0, database_url=url, **route) as stage:
        if url:
            await migrate(url)
        yield stage
