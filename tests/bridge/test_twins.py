"""Two replies almost at once with the same words, or files of the same name: where the second may not have
arrived, the first is not taken for it."""

from __future__ import annotations

import pytest

from bridge.sandbox.stage import Stage
from tests.bridge.scene import SENT, UNCERTAIN, Scene, waiting

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

PICTURE = [("image.png", b"\x89PNG1")]


def lost(scene: Scene, stage: Stage) -> None:
    """Ada does not take the next message, and nobody hears so."""
    stage.ada.faults.next(f"*/{scene.id}/messages/", method="POST", drop=True)


async def test_the_same_words_twice(stage: Stage) -> None:
    scene = await waiting(stage)
    await scene.marked(scene.writes("ok"), SENT)
    lost(scene, stage)
    await scene.marked(scene.writes("ok"), UNCERTAIN)
    assert scene.sent.count("ok") == 1


async def test_files_of_the_same_name(stage: Stage) -> None:
    scene = await waiting(stage)
    await scene.marked(scene.writes("", files=PICTURE), SENT)
    lost(scene, stage)
    await scene.marked(scene.writes("", files=PICTURE), UNCERTAIN)


async def test_other_words_are_found_or_sent_again(stage: Stage) -> None:
    scene = await waiting(stage)
    await scene.marked(scene.writes("ok"), SENT)
    lost(scene, stage)
    await scene.marked(scene.writes("ok then"), SENT)
    assert scene.sent.count("ok then") == 1
