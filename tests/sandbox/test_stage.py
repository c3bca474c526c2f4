"""The ground that bridges run on."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from bridge.sandbox.stage import Stage, free_port, listen


async def test_nobody_else_draws_its_port_while_its_bridge_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = free_port()
    async with Stage(tmp_path, channel_rate=0) as stage:
        mine = stage.bridge_port
        drawn = iter([mine, other, mine])
        monkeypatch.setattr(secrets, "randbelow", lambda _: next(drawn) - 20_000)
        assert free_port() == other
        listen(mine).close()  # as its bridge does when it is back
    assert free_port() == mine
