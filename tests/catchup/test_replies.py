"""What people wrote in threads while the bridge was away goes out, once each and in order, and is said to be
late."""

from __future__ import annotations

import asyncio
import time

import pytest

from bridge.sandbox.slack.state import User
from bridge.sandbox.stage import Stage
from tests.bridge.running import in_process
from tests.bridge.scene import FAILED, SENT, opened, waiting
from tests.catchup.absence import LATE, absence, aged, at_another_time, lines, looks


async def test_what_was_written_goes_out_once_and_in_order(stage: Stage) -> None:
    stage.slack.state.users["U0OTHER"] = User("U0OTHER", "other", "Other", is_bot=True, bot_id="B0OTHER")
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
        scene.writes("from another app", user="U0OTHER")
        third = scene.writes("three", files=[("plan.txt", b"three")])
    assert stage.slack.events.failed
    async with in_process(stage):
        await scene.marked(third, SENT)
        assert scene.sent == ["before", "one", "two", "three", "plan.txt"]
        assert [list(one.reactions) for one in (first, second, noted)] == [[SENT], [SENT], ["lock"]]
        await scene.tells(LATE)
    async with in_process(stage):  # what was found is known now
        await scene.carried("after")
    assert scene.sent[:5] == ["before", "one", "two", "three", "plan.txt"] and len(scene.sent) == 6
    assert len(lines(scene, LATE)) == 1


async def test_what_is_written_from_then_on_waits_behind_it(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    async with absence(stage):
        scene.writes("one")
        scene.writes("two")
    fault = stage.slack.faults.next("conversations.replies", delay=1.0)
    async with in_process(stage):
        third, fourth = scene.writes("three", user="U0JO"), scene.writes("four")
        await stage.slack.settled()
        assert scene.sent == [] or time.monotonic() > fault.met[0] + 1.0
        await scene.marked(fourth, SENT)
        assert scene.sent == ["one", "two", "three", "four"]
        assert list(third.reactions) == [SENT]
        await scene.tells(LATE)
        assert len(lines(scene, LATE)) == 1


async def test_what_slack_tells_again_takes_its_place_among_them(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    async with absence(stage):
        scene.writes("one")
    events = stage.slack.events
    events.retry_delays = (0.5,) * 100
    told_again = scene.writes("two")
    await asyncio.sleep(0)  # it goes by these delays, what follows by none
    given_up, events.retry_delays = len(events.failed), ()
    last = scene.writes("three")
    await scene.until(lambda: len(events.failed) > given_up, "Slack gives up the last")
    async with in_process(stage):
        await scene.marked(last, SENT)
        assert list(told_again.reactions) == [SENT]
        await stage.slack.settled()
        await scene.carried("four")
    assert [words.split()[0] for words in scene.sent] == ["one", "two", "three", "four"]


async def test_what_slack_could_tell_is_not_late(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
        stage.slack.faults.next("conversations.replies", delay=0.5)
    async with in_process(stage):
        await scene.marked(scene.writes("in time"), SENT)
        await scene.carried()
        assert lines(scene, LATE) == []
        assert len(looks(scene)) == 1


async def test_a_long_absence_is_looked_through_from_its_beginning(stage: Stage) -> None:
    hour = 3600.0
    async with in_process(stage):
        scene = await waiting(stage)
        other = await opened(stage, name="Tom")
    async with absence(stage):
        at_another_time(scene, "much too early", time.time() - 9 * hour)
        first = at_another_time(scene, "long ago", time.time() - 6 * hour)
        at_another_time(scene, "!claim", time.time() - 3 * hour, user="U0JO")
        at_another_time(scene, "!who", time.time() - 3 * hour, user="U0JO")
        here = at_another_time(other, "and here", time.time() - 2 * hour)
        last = scene.writes("just now")
        scene.writes("!who", user="U0JO")
        await aged(stage, 8 * hour)
    async with in_process(stage):
        await scene.marked(last, SENT)
        await other.marked(here, SENT)
        assert list(first.reactions) == [SENT]
        assert scene.sent == ["long ago", "just now"]
        assert other.sent == ["and here"]
        told = await scene.tells("“!claim” was written here 3 h ago")
        assert "was not done" in told
        await scene.whispered("U0JO", "this conversation")
        assert len(scene.whispers("U0JO")) == 1


async def test_a_thread_that_is_gone_holds_nobody_up(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    stage.slack.faults.next("conversations.replies", ok_error="thread_not_found")
    async with in_process(stage):
        await scene.carried()
        assert len(looks(scene)) == 1


async def test_slack_s_peace_is_kept_and_then_it_is_looked_again(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    async with absence(stage):
        reply = scene.writes("one")
    stage.slack.faults.next("conversations.replies", status=429, retry_after=1)
    async with in_process(stage):
        await scene.marked(reply, SENT)
        assert scene.sent == ["one"]


async def test_where_nobody_can_look_the_thread_is_told(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    async with absence(stage):
        lost = scene.writes("one")
    stage.slack.faults.next("conversations.replies", ok_error="invalid_ts_oldest")
    async with in_process(stage):
        told = await scene.tells("Nobody could look for what was written here while the bridge was away")
        assert "Slack refused it" in told and "invalid_ts_oldest" not in told
        await scene.carried()
        assert not lost.reactions and "one" not in scene.sent


@pytest.mark.parametrize("said", ["sent", "failed"])
async def test_what_the_store_has_forgotten_is_told_by_its_mark(stage: Stage, said: str) -> None:
    """A store from a backup: what stands in the thread has been sent, or not."""
    async with in_process(stage):
        scene = await waiting(stage)
    async with absence(stage):
        reply = scene.writes("one")
        mark = {"sent": SENT, "failed": FAILED}[said]
        stage.slack.state.react(reply, stage.slack.state.app.user, mark)
        last = scene.writes("two")
    async with in_process(stage):
        await scene.marked(last, SENT)
    assert scene.sent == (["two"] if said == "sent" else ["one", "two"])
