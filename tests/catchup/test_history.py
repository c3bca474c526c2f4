"""What was said at a vendor while its webhooks were lost is shown, once and in order, and said to be late."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.engine import policy
from bridge.sandbox.stage import Stage
from tests.bridge.running import in_process
from tests.bridge.scene import SENT, Scene, opened, waiting
from tests.catchup.absence import lines
from tests.handoffs.ways import named

TOLD_LATE = "Told late: it was said "


async def lost(scene: Scene, *texts: str) -> None:
    """The customer writes, and no webhook tells."""
    scene.vendor.lose()
    scene.says(*texts)
    await scene.vendor.settled()
    scene.vendor.lose(False)


def late(scene: Scene) -> list[str]:
    """What is marked as late in the thread, in its order there."""
    return [one.partition("\n")[2] for one in lines(scene, TOLD_LATE)]


async def test_what_the_customer_said_is_shown_once_in_order_and_late(stage: Stage) -> None:
    async with in_process(stage):
        scene, talks = await waiting(stage), await opened(stage, name="Tom")
        await scene.marked(scene.writes("Hello Lena"), SENT)
        await scene.carried()
    before = scene.texts
    await lost(scene, "one", "two", "two")
    await lost(talks, "nobody waits for a human here")
    async with in_process(stage):
        scene.says("three")  # which Ada's history may tell before its webhook does
        said = lambda: [one.partition("\n")[2] or one for one in scene.texts[len(before) :]]
        await scene.until(lambda: sorted(said()) == ["one", "three", "two", "two"], "all that was said")
        await scene.carried()
        assert len(said()) == 5
        assert late(scene)[:3] == ["one", "two", "two"]
        assert scene.texts[: len(before)] == before
        by = {one.username for one in scene.thread if TOLD_LATE in one.text}
        assert by == {"Lena (customer)"}
    told = late(scene)
    async with in_process(stage):
        await scene.carried()
    assert late(scene) == told and late(talks) == []


@pytest.mark.parametrize("own_ids", [False, True])
async def test_a_webhook_that_comes_after_all_tells_nothing_new(stage: Stage, own_ids: bool) -> None:
    """Also where Ada's history has ids of its own."""
    stage.ada.transcript_has_own_ids = own_ids
    async with in_process(stage):
        scene = await waiting(stage)
        await scene.marked(scene.writes("Hello Lena"), SENT)
    before = len(scene.texts)
    await lost(scene, "one", "two")
    async with in_process(stage):
        await scene.until(lambda: late(scene) == ["one", "two"], "what was said")
        for delivery in stage.ada.failed_deliveries:
            stage.ada.replay(delivery)
        await stage.ada.settled()
        scene.says("three")
        await scene.shows("three")
        assert late(scene) == ["one", "two"]
        assert [one for one in scene.texts[before:] if one not in lines(scene, TOLD_LATE)] == ["three"]


async def test_ada_s_no_holds_nobody_up_and_is_told(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    await lost(scene, "one")
    stage.ada.faults.next("*/messages/", method="GET", status=404, body={"errors": [{"message": "unknown"}]})
    async with in_process(stage):
        await scene.tells("What was said while the bridge was away is not known")
        await scene.carried()
        assert late(scene) == []


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 504}, {"drop": True}])
async def test_that_ada_stays_away_is_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    await lost(scene, "one")
    monkeypatch.setattr(policy, "PATIENCE", 0.5)
    stage.ada.faults.next("*/messages/", method="GET", times=100, **fault)
    async with in_process(stage):
        await scene.tells("What was said while the bridge was away is not known")
        stage.ada.faults.clear()
        await scene.marked(scene.writes("Hello Lena"), SENT)
        assert len(lines(scene, "is not known")) == 1 and late(scene) == []


async def test_ada_is_asked_again_where_it_was_away(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    await lost(scene, "one")
    stage.ada.faults.next("*/messages/", method="GET", status=503, times=2)
    async with in_process(stage):
        await scene.until(lambda: late(scene) == ["one"], "what was said")
        assert lines(scene, "is not known") == []


@pytest.mark.parametrize("vendor", ["gptbots", "moveo"])
async def test_the_others_cannot_be_asked(stage: Stage, vendor: str) -> None:
    async with in_process(stage):
        scene = await waiting(stage, named(stage, vendor))
    await lost(scene, "one")
    async with in_process(stage):
        await scene.carried()
        assert "one" not in scene.texts and late(scene) == []
