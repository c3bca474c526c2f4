"""Killed in the middle of a reply with files: what the customer has is not sent again, the rest is."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.sandbox.stage import Stage
from tests.bridge.scene import SENT, UNCERTAIN, waiting
from tests.bridge_out.test_files import THREE, messages_path, sent, writes_three

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

LATE = 5.0  # seconds that the vendor takes to answer: time to kill in


@pytest.mark.parametrize("before", [0, 1, 2], ids=["the words", "the first file", "the last file"])
async def test_ada_is_asked_what_it_has(tmp_path: Path, before: int) -> None:
    async with Stage(tmp_path, channel_rate=0) as stage:
        bridge = await stage.serve()
        scene = await waiting(stage)
        if before:
            stage.ada.faults.next(messages_path(scene), method="POST", times=before)
        stage.ada.faults.next(messages_path(scene), method="POST", delay=LATE)
        reply = writes_three(scene)
        await scene.until(lambda: len(sent(scene)) == before + 1, "one of three, its answer outstanding")
        await bridge.kill()
        await stage.serve()
        await scene.marked(reply, SENT)
        assert sent(scene) == THREE


async def test_where_nobody_can_be_asked_nothing_is_sent_twice(tmp_path: Path) -> None:
    async with Stage(tmp_path, channel_rate=0) as stage:
        bridge = await stage.serve()
        scene = await waiting(stage, stage.moveo)
        stage.moveo.faults.next(messages_path(scene))
        stage.moveo.faults.next(messages_path(scene), delay=LATE)
        reply = writes_three(scene)
        await scene.until(lambda: len(sent(scene)) == 2, "the first file, its answer outstanding")
        await bridge.kill()
        await stage.serve()
        await scene.marked(reply, UNCERTAIN)
        await scene.tells("Nobody knows", "whether it has “a.pdf”; sent: the text; not sent: “b.pdf”")
        assert sent(scene) == THREE[:2]


async def test_an_upload_that_nobody_has_seen_is_done_again(tmp_path: Path) -> None:
    async with Stage(tmp_path, channel_rate=0) as stage:
        bridge = await stage.serve()
        scene = await waiting(stage)
        stage.ada.faults.next("*/attachments/", delay=LATE)
        reply = writes_three(scene)
        await scene.until(lambda: not stage.ada.faults.planned, "the upload, its answer outstanding")
        await bridge.kill()
        assert sent(scene) == []
        await stage.serve()
        await scene.marked(reply, SENT)
        assert sent(scene) == THREE
