"""What was said at a vendor while its webhooks were lost is shown, once and in order, and said to be late."""

from __future__ import annotations

import pytest

from bridge.sandbox.stage import Stage
from tests.bridge.running import in_process
from tests.bridge.scene import SENT, Scene, opened, waiting
from tests.catchup.absence import lines

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
        scene.says("three")
        await scene.until(lambda: len(late(scene)) == 3 and "three" in scene.texts, "all that was said")
        assert late(scene) == ["one", "two", "two"]
        assert scene.texts[: len(before)] == before and len(scene.texts) == len(before) + 4
        by = {one.username for one in scene.thread if TOLD_LATE in one.text}
        assert by == {"Lena (customer)"}
    async with in_process(stage):
        await scene.carried()
    assert len(late(scene)) == 3 and late(talks) == []


async def test_a_message_under_two_ids_is_known_by_its_words_and_time(stage: Stage) -> None:
    """Its webhook comes after all, as Ada tries it again."""
    stage.ada.transcript_has_own_ids = True
    async with in_process(stage):
        scene = await waiting(stage)
        await scene.carried("Hello Lena")
        before = scene.texts
    await lost(scene, "one")
    scene.says("two")  # and this one's is told again, in a second or two
    await scene.until(
        lambda: "two" in scene.vendor.conversations[scene.id].messages[-1].text, "what was said"
    )
    async with in_process(stage):
        await scene.until(lambda: len(late(scene)) == 2, "what was said")
        await stage.ada.settled()
        assert not [one for one in stage.ada.deliveries if one.state == "queued"]
        scene.says("three")
        await scene.shows("three")
        assert late(scene) == ["one", "two"]
        new = [words for words in scene.texts[len(before) :] if TOLD_LATE not in words]
        assert new == ["three"]


async def test_ada_s_no_holds_nobody_up_and_is_told(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    await lost(scene, "one")
    stage.ada.faults.next("*/messages/", method="GET", status=404, body={"errors": [{"message": "unknown"}]})
    async with in_process(stage):
        await scene.tells("What was said while the bridge was away is not known")
        await scene.carried()
        assert late(scene) == []


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
        scene = await waiting(stage, {"gptbots": stage.gptbots, "moveo": stage.moveo}[vendor])
    await lost(scene, "one")
    async with in_process(stage):
        await scene.carried()
        assert "one" not in scene.texts and late(scene) == []
