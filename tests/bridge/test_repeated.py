"""A reply goes out as its message reads in Slack, however late Slack delivers its event."""

from __future__ import annotations

import time

import pytest

from bridge.sandbox.stage import Stage
from tests.bridge.events import tell
from tests.bridge.scene import SENT, WAITING, waiting
from tests.bridge.unheard import kept_by_slack, reads, repeats, unheard
from tests.catchup.absence import LATE, at_another_time, lines

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "live"\nalert_channel = "C0HANDOFFS"'


async def test_deleted_before_its_event_came_it_does_not_go_out(stage: Stage) -> None:
    scene = await waiting(stage)
    async with unheard(stage):
        reply = scene.writes("Deleted while Slack could not reach the bridge")
        scene.deletes(reply)
    await repeats(stage, reply)
    await scene.carried("after")
    assert [text.split()[0] for text in scene.sent] == ["after"]
    assert not reply.reactions


async def test_made_a_note_before_its_event_came_it_stays_in(stage: Stage) -> None:
    scene = await waiting(stage)
    async with unheard(stage):
        reply = scene.writes("oops secret")
        scene.edits(reply, "// oops secret")
    await repeats(stage, reply)
    await scene.carried("after")
    assert [text.split()[0] for text in scene.sent] == ["after"]
    assert not reply.reactions


async def test_edited_before_its_event_came_it_goes_out_as_it_reads_now(stage: Stage) -> None:
    scene = await waiting(stage)
    async with unheard(stage):
        reply = scene.writes("It is bule")
        scene.edits(reply, "It is blue")
    await repeats(stage, reply)
    await scene.marked(reply, SENT)
    await repeats(stage, reply, "message_changed")
    await scene.carried("after")
    assert scene.sent[0] == "It is blue" and len(scene.sent) == 2
    assert not lines(scene, "was changed here after")
    assert reads(stage, reply) == 1


async def test_a_locked_message_stays_in_though_its_event_comes_late(stage: Stage) -> None:
    scene = await waiting(stage)
    async with unheard(stage):
        reply = scene.writes("between us")
        scene.locks(reply)
    await repeats(stage, reply)
    await scene.carried("after")
    assert [text.split()[0] for text in scene.sent] == ["after"]


async def test_a_reply_that_comes_at_once_is_not_read_from_slack(stage: Stage) -> None:
    scene = await waiting(stage)
    reply = scene.writes("Hello")
    await scene.marked(reply, SENT)
    assert reads(stage, reply) == 0


async def test_repeated_twice_it_goes_out_once(stage: Stage) -> None:
    scene = await waiting(stage)
    async with unheard(stage):
        reply = scene.writes("Hello")
    await repeats(stage, reply)
    await repeats(stage, reply, number=2)
    envelope = kept_by_slack(stage, reply)
    envelope["event_id"] += "2"  # a message can have two event ids
    await repeats(stage, reply)
    await scene.carried("after")
    assert scene.sent[0] == "Hello" and len(scene.sent) == 2
    assert reads(stage, reply) == 1


async def test_while_slack_cannot_be_asked_it_waits(stage: Stage) -> None:
    scene = await waiting(stage)
    async with unheard(stage):
        reply = scene.writes("It is bule")
        scene.edits(reply, "It is blue")
    stage.slack.faults.next(
        "conversations.replies", status=503, times=2, when=lambda call: call.get("latest") == reply.ts
    )
    await repeats(stage, reply)
    await scene.marked(reply, WAITING)
    await scene.marked(reply, SENT)
    assert scene.sent == ["It is blue"]


async def test_hours_late_a_reply_is_called_late_and_goes_out_as_it_reads_now(stage: Stage) -> None:
    scene = await waiting(stage)
    async with unheard(stage):
        reply = at_another_time(scene, "It is bule", time.time() - 3 * 3600)
        scene.edits(reply, "It is blue")
    await repeats(stage, reply, number=6)
    await scene.marked(reply, SENT)
    await scene.tells(LATE)
    assert scene.sent == ["It is blue"]


async def test_hours_late_a_command_is_not_carried_out(stage: Stage) -> None:
    scene = await waiting(stage)
    async with unheard(stage):
        word = at_another_time(scene, "!resolve", time.time() - 3 * 3600)
        deleted = at_another_time(scene, "!resolve", time.time() - 3 * 3600)
        scene.deletes(deleted)
    await repeats(stage, word, number=6)
    await repeats(stage, deleted, number=6)
    told = await scene.tells("“!resolve” was written here 3 h ago")
    assert "was not done" in told
    await scene.carried()  # it would be held in a conversation that is closed
    assert len(lines(scene, "“!resolve” was written here")) == 1


async def test_a_command_is_taken_as_it_reads_now(stage: Stage) -> None:
    scene = await waiting(stage)
    async with unheard(stage):
        claim, gone, reply = scene.writes("Claim"), scene.writes("!resolve"), scene.writes("!resolve")
        scene.edits(claim, "!claim")
        scene.deletes(gone)
        scene.edits(reply, "It is resolved")
    for message in (claim, gone, reply):
        await repeats(stage, message)
    await scene.marked(reply, SENT)
    await scene.tells("claimed the conversation")
    await scene.carried("after")
    assert scene.sent[0] == "It is resolved" and len(scene.sent) == 2


async def test_below_an_alert_a_repeated_command_is_carried_out_and_words_are_not(stage: Stage) -> None:
    alerts = stage.slack.state.channel("C0HANDOFFS").messages
    before = len(alerts)
    scene = await waiting(stage)
    await scene.until(lambda: len(alerts) > before, "the alert")
    alert = list(alerts.values())[-1]
    await stage.slack.settled()
    async with unheard(stage):
        words = stage.slack.post_as("U0JO", alert.channel, "who takes her?", thread_ts=alert.ts)
        claim = stage.slack.post_as("U0JO", alert.channel, "!claim", thread_ts=alert.ts)
    await repeats(stage, words)
    await repeats(stage, claim)
    await scene.tells("Jo claimed the conversation")
    await scene.carried("after")
    assert len(scene.sent) == 1


async def test_an_edit_that_slack_repeats_does_not_bring_older_words_back(stage: Stage) -> None:
    scene = await waiting(stage, stage.moveo)
    stage.moveo.faults.next("*/messages/agent", status=503, times=1000)  # so that it can still be edited
    reply = scene.writes("one")
    await scene.marked(reply, WAITING)
    async with unheard(stage):
        scene.edits(reply, "two")
    earlier = kept_by_slack(stage, reply, "message_changed")
    scene.edits(reply, "three")
    await stage.slack.settled()
    assert (await tell(stage, earlier, retry=1)).status_code == 200
    stage.moveo.faults.clear()
    await scene.marked(reply, SENT)
    assert scene.sent == ["three"]
