"""The stage of `tests/bridge`: the sandbox, and a real bridge before it."""

from __future__ import annotations

from tests.bridge.conftest import bridge, stage

__all__ = ["bridge", "stage"]
