"""The stage of `tests/bridge`: the sandbox, and a real bridge before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.sandbox.stage import Stage
from tests.bridge.conftest import bridge, stage

__all__ = ["bridge", "mended", "stage"]


@pytest.fixture(autouse=True)
def mended(stage: Stage) -> Iterator[None]:
    """Whatever a test has broken, the next one finds whole."""
    yield
    stage.slack.faults.clear()
    for vendor in stage.vendors:
        vendor.faults.clear()
