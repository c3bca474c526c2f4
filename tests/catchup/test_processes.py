"""Real processes: killed while they look, and several that start at once."""

from __future__ import annotations

import asyncio

import pytest

from bridge.sandbox.stage import Stage, free_port
from tests.bridge.scene import SENT, waiting
from tests.catchup.absence import LATE, absence, lines, looks

pytestmark = [pytest.mark.crash, pytest.mark.timeout(240)]


async def test_killed_while_it_looks_it_looks_again(stage: Stage) -> None:
    bridge = await stage.serve()
    scene = await waiting(stage)
    await bridge.kill()
    async with absence(stage):
        scene.writes("one")
        last = scene.writes("two")
    look = lambda call: "include_all_metadata" not in call  # what the killed one posted is searched for too
    stage.slack.faults.next("conversations.replies", delay=5.0, when=look)
    bridge = await stage.serve()
    scene.writes("three")  # so that something was heard since
    await scene.until(lambda: looks(scene), "a look that is not answered yet")
    await stage.slack.settled()
    await bridge.kill()
    await stage.serve()
    await scene.marked(last, SENT)
    await scene.carried("four")
    assert [words.split()[0] for words in scene.sent] == ["one", "two", "three", "four"]
    await scene.until(lambda: lines(scene, LATE), "the line about it")  # of a lane that the dead one held
    assert len(lines(scene, LATE)) == 1


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_three_that_start_at_once_send_it_once(stage: Stage) -> None:
    bridge = await stage.serve()
    scene = await waiting(stage)
    await bridge.kill()
    async with absence(stage):
        scene.writes("one")
        last = scene.writes("two")
    others = [await stage.spawn("serve", {"PORT": str(free_port())}) for _ in range(2)]
    await asyncio.gather(stage.serve(), scene.marked(last, SENT))
    await scene.carried("three")
    assert all(process.running for process in others)
    assert [words.split()[0] for words in scene.sent] == ["one", "two", "three"]
    await scene.until(lambda: lines(scene, LATE), "the line about it")  # of a lane that the dead one held
    assert len(lines(scene, LATE)) == 1
    assert len(looks(scene)) <= 3
