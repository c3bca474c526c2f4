"""What does not get on says so where people see it, once; and the running bridge forgets what is over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge import app
from bridge.app import Bridge
from bridge.engine import follow, measure
from bridge.sandbox.seen import words
from bridge.sandbox.stage import Stage
from bridge.store import retention
from tests.bridge.running import in_process
from tests.bridge.scene import SENT, counted, later, opened, waiting
from tests.store.test_retention import days_pass

ALERTS = "C0HANDOFFS"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    route = f'reply_mode = "live"\nalert_channel = "{ALERTS}"'
    async with Stage(tmp_path, channel_rate=0, route=route) as stage:
        yield stage


@pytest.fixture
async def bridge(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bridge]:
    """One that takes half a second for a minute."""
    monkeypatch.setattr(follow, "STUCK", 0.5)
    monkeypatch.setattr(measure, "PAUSE", 0.0)
    async with in_process(stage) as bridge:
        yield bridge


@pytest.mark.usefixtures("bridge")
async def test_a_reply_that_waits_says_so_in_its_thread(stage: Stage) -> None:
    scene = await waiting(stage)
    stage.ada.faults.next(f"*/{scene.id}/messages/*", method="POST", status=503, times=100)
    reply = scene.writes("Hello Lena")
    notice = await scene.told("A reply still waits", "503", "It is tried again until")
    assert [one for one in scene.thread if one.ts > notice.ts] == []
    assert await counted(stage, 'bridge_lanes_waiting{direction="vendor"}') == 1
    assert await counted(stage, 'bridge_lanes_waiting_seconds{direction="vendor"}') > 0.5
    await asyncio.sleep(1.5)  # it is tried again meanwhile
    stage.ada.faults.clear()
    await scene.marked(reply, SENT)
    await scene.carried()
    assert sum("still waits" in text for text in scene.texts) == 1
    assert await counted(stage, 'bridge_lanes_waiting{direction="vendor"}') == 0


@pytest.mark.usefixtures("bridge")
async def test_what_cannot_be_shown_is_told_in_the_alert_channel(stage: Stage) -> None:
    scene = await opened(stage)
    scene.fault(ok_error="not_in_channel", times=100)
    scene.says("Is anybody there?")

    def told() -> list[str]:
        return [words(one) for one in stage.slack.state.messages(ALERTS) if "cannot be shown" in words(one)]

    await scene.until(told, "it is told in the alert channel")
    (text,) = told()
    assert all(one in text for one in ("acme-ada", "not in the channel", "/invite", "tried again until"))
    assert "Is anybody there?" not in text
    await asyncio.sleep(1.5)
    stage.slack.faults.clear()
    await scene.shows("Is anybody there?")
    assert len(told()) == 1


@pytest.mark.usefixtures("bridge")
async def test_what_got_on_meanwhile_is_not_told_any_more(stage: Stage) -> None:
    """Both sides were away: when Slack is back, so is the vendor."""
    scene = await waiting(stage)
    stage.ada.faults.next(f"*/{scene.id}/messages/*", method="POST", status=503, times=4)
    scene.fault(status=503, times=100)
    reply = scene.writes("Hello Lena")
    await scene.marked(reply, SENT)
    stage.slack.faults.clear()
    await scene.carried()
    assert not any("still waits" in text for text in scene.texts)


async def test_the_running_bridge_forgets_what_is_over(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app, "SWEEP", 0.05)
    monkeypatch.setattr(retention, "PAUSE", 0.0)
    stage.config.write_text(stage.config.read_text().replace("[store]", '[store]\nkeep = "7d"'))
    caplog.set_level(logging.INFO, "bridge.app")
    async with in_process(stage) as bridge:

        async def is_idle() -> bool:
            return await bridge.store.next_due() is None

        async def is_gone() -> bool:
            return await bridge.store.at(1) is None

        scene = await opened(stage)
        await opened(stage, stage.moveo, "Kim")  # the newest stays
        await later(is_idle, "everything is carried")
        await days_pass(bridge.store, 6)
        await asyncio.sleep(0.3)
        assert not await is_gone()
        await days_pass(bridge.store, 2)
        await later(is_gone, "the conversation is forgotten")
        scene.says("It is me again")
        await later(lambda: bridge.store.at(3), "another conversation")
    assert "deleted after 7 days" in caplog.text
