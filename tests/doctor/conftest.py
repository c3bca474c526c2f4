"""One stage with a bridge that runs, for all tests of a file; each breaks its own copy of the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bridge.sandbox.stage import Stage
from tests.doctor.bench import Bench


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with Stage(tmp_path_factory.mktemp("stage"), channel_rate=0) as stage:
        await stage.serve()
        yield stage


@pytest.fixture
def bench(served: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(served, tmp_path, monkeypatch, served.config.read_text(), dict(served.environ))
