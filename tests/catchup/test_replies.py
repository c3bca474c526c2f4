"""What people wrote in threads while the bridge was away goes out, once each and in order, and is said to be late."""

from __future__ import annotations

import time

from bridge.sandbox.slack.state import User
from bridge.sandbox.stage import Stage
from tests.bridge.running import in_process
from tests.bridge.scene import HELD, SENT, opened, waiting
from tests.catchup.absence import LATE, absence, aged, at_another_time, lines, looks


def bot(stage: Stage) -> str:
    """Another app's user, in the channel."""
    stage.slack.state.users["U0OTHER"] = User("U0OTHER", "other", "Other", is_bot=True, bot_id="B0OTHER")
    return "U0OTHER"


async def test_what_was_written_goes_out_once_and_in_order(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
        await scene.marked(scene.writes("before"), SENT)
    async with absence(stage):
        first = scene.writes("one")
        scene.writes("// only for us")
        noted = scene.writes("not this one")
        scene.locks(noted)
        second = scene.writes("tow", user="U0JO")
        scene.edits(second, "two")
        scene.deletes(scene.writes("never mind"))
        scene.writes("one more", user=bot(stage))
        third = scene.writes("three")
    assert stage.slack.events.failed
    async with in_process(stage):
        await scene.marked(third, SENT)
        assert scene.sent == ["before", "one", "two", "three"]
        assert [list(one.reactions) for one in (first, second, noted)] == [[SENT], [SENT], ["lock"]]
        await scene.tells(LATE)
    async with in_process(stage):  # what was found is known now
        await scene.carried("after")
    assert scene.sent[:4] == ["before", "one", "two", "three"] and len(scene.sent) == 5
    assert len(lines(scene, LATE)) == 1


async def test_what_is_written_from_then_on_waits_behind_it(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    async with absence(stage):
        scene.writes("one")
        scene.writes("two")
    stage.slack.faults.next("conversations.replies", delay=1.0)
    async with in_process(stage):
        third, fourth = scene.writes("three", user="U0JO"), scene.writes("four")
        await stage.slack.settled()
        assert scene.sent == []
        await scene.marked(fourth, SENT)
        assert scene.sent == ["one", "two", "three", "four"]
        assert list(third.reactions) == [SENT]
        assert len(lines(scene, LATE)) == 1


async def test_what_slack_tells_again_keeps_its_place_among_them(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    async with absence(stage):
        scene.writes("one")
    stage.slack.events.retry_delays = (2.0,) * 9
    told_again = scene.writes("two")
    async with absence(stage):
        last = scene.writes("three")
    async with in_process(stage):
        await scene.marked(last, SENT)
        assert list(told_again.reactions) == [SENT]
        await stage.slack.settled()
        await scene.carried("four")
    assert [text.split()[0] for text in scene.sent] == ["one", "two", "three", "four"]
