"""Within `send_delay` a reply can be thought better of; after it, its author is told that it is too late."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable
from typing import Any

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.events import envelope, tell
from tests.bridge.scene import HELD, SENT, Scene, buttons, counted, later, opened, waiting
from tests.handoffs.stands import NOTE, REOPEN, WITHOUT

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "live"\nalert_channel = "C0HANDOFFS"'
INSTEAD = {
    'channel = "C0SUPPORT"': 'channel = "C0SUPPORT"\nsend_delay = "1m"',
    "[engine.to_slack]": '[engine]\npoll = "200ms"\n\n[engine.to_slack]',
}


async def pausing(scene: Scene, text: str, **more: Any) -> Message:
    """Somebody writes a reply, and it has been seen to have time."""
    put_back = 'bridge_deliveries_total{direction="vendor",kind="reply",outcome="put_back"}'
    before = await counted(scene.stage, put_back)
    reply = scene.writes(text, **more)

    async def is_so() -> bool:
        return await counted(scene.stage, put_back) > before

    await later(is_so, "a reply that waits")
    return reply


async def the_pause_is_over(stage: Stage) -> None:
    """For all that was written and done so far, within a second: it is older by the rest of the minute."""
    await stage.slack.settled()
    path = stage.folder / "bridge.sqlite3"

    async def at_rest() -> bool:
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as store, store:
            store.execute("UPDATE delivery SET created_at = created_at - 59 WHERE state = 'queued'")
            store.execute("UPDATE lane SET due = due - 59 WHERE owner IS NULL")
            (held,) = store.execute("SELECT count(*) FROM lane WHERE owner IS NOT NULL").fetchone()
            if held:
                store.rollback()
            return not held

    await later(at_rest, "nothing under way")


async def nothing_else_went_out(scene: Scene) -> None:
    """Nothing that was written before this; replies keep their order."""
    before = len(scene.sent)
    last = scene.writes(f"the last {before}")
    await the_pause_is_over(scene.stage)
    await scene.marked(last, SENT)
    assert len(scene.sent) == before + 1


# ── in time ──────────────────────────────────────────────────────────────────────────────────────


async def test_deleted_nothing_goes_out(stage: Stage) -> None:
    scene = await waiting(stage)
    reply = await pausing(scene, "Oops, wrong customer")
    scene.deletes(reply)
    await nothing_else_went_out(scene)
    assert scene.sent[0].startswith("the last")
    assert not [text for text in scene.texts if "deleted here after" in text]


async def test_without_the_file_that_was_taken_off_the_words_go_out(stage: Stage) -> None:
    scene = await waiting(stage)
    reply = await pausing(scene, "Here it is", files=[("wrong.pdf", b"%PDF"), ("right.pdf", b"%PDF")])
    (file,) = [one for one in stage.slack.state.files.values() if one.name == "wrong.pdf"]
    stage.slack.state.delete_file(file)
    await the_pause_is_over(stage)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Here it is", "right.pdf"]


async def test_a_message_that_was_only_a_file_that_was_taken_off_sends_nothing(stage: Stage) -> None:
    scene = await waiting(stage)
    await pausing(scene, "", files=[("wrong.pdf", b"%PDF")])
    (file,) = [one for one in stage.slack.state.files.values() if one.shares[0].thread_ts == scene.card.ts]
    stage.slack.state.delete_file(file)  # and with it the message
    await nothing_else_went_out(scene)


async def test_what_cannot_go_out_is_asked_about_at_once(stage: Stage) -> None:
    scene = await waiting(stage)
    forward = {"is_share": True, "channel_name": "support-leads", "text": "internal"}
    reply, question = await scene.held("Hello", "U0MINA", "a forwarded message", attachments=[forward])
    await scene.presses(question, WITHOUT)
    await scene.marked(reply, SENT)  # what is sent by a choice goes at once
    assert scene.sent == ["Hello"]


async def test_changed_the_new_words_go_out(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots)
    reply = await pausing(scene, "It is bule")
    scene.edits(reply, "It is red")
    scene.edits(reply, "It is blue")
    await the_pause_is_over(stage)
    await scene.marked(reply, SENT)
    assert scene.sent == ["It is blue"]
    assert not [text for text in scene.texts if "changed here after" in text]


@pytest.mark.parametrize("by", ["U0MINA", "U0JO"])
async def test_locked_it_is_a_note(stage: Stage, by: str) -> None:
    scene = await waiting(stage)
    reply = await pausing(scene, "She is angry")
    scene.locks(reply, by)
    await nothing_else_went_out(scene)
    assert scene.sent[0].startswith("the last")
    assert list(reply.reactions) == ["lock"]


async def test_the_lock_may_come_off_again(stage: Stage) -> None:
    """It was a note while it was there, and stays one: nothing goes out because something is taken away."""
    scene = await waiting(stage)
    reply = await pausing(scene, "She is angry")
    scene.locks(reply)
    stage.slack.react_as("U0JO", reply.channel, reply.ts, "lock", added=False)
    await nothing_else_went_out(scene)
    assert scene.sent[0].startswith("the last")


async def test_made_a_note_it_stays_in(stage: Stage) -> None:
    scene = await waiting(stage)
    reply = await pausing(scene, "She is angry")
    scene.edits(reply, "// She is angry")
    await nothing_else_went_out(scene)
    assert scene.sent[0].startswith("the last")
    assert not reply.reactions


async def test_with_a_file_it_is_undone_as_well(stage: Stage) -> None:
    scene = await waiting(stage)
    reply = await pausing(scene, "For Tom", files=[("invoice.pdf", b"%PDF-1.7")])
    scene.deletes(reply)
    await nothing_else_went_out(scene)
    assert scene.sent[0].startswith("the last")


async def test_replies_keep_their_order(stage: Stage) -> None:
    scene = await waiting(stage)
    first, second, third = await pausing(scene, "one"), scene.writes("two"), scene.writes("three")
    scene.edits(first, "uno")
    scene.deletes(second)
    await the_pause_is_over(stage)
    await scene.marked(third, SENT)
    assert scene.sent == ["uno", "three"]


async def test_one_customers_wait_is_not_anothers(stage: Stage) -> None:
    """The other's channel waits for nothing."""
    slow, fast = await waiting(stage), await waiting(stage, stage.moveo)
    first = await pausing(slow, "with a pause")
    await fast.marked(fast.writes("at once"), SENT)
    slow.deletes(first)
    await nothing_else_went_out(slow)
    assert slow.sent[0].startswith("the last")


# ── while it is made ready ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "think_again",
    [
        pytest.param(lambda scene, reply: scene.locks(reply), id="locked"),
        pytest.param(lambda scene, reply: scene.deletes(reply), id="deleted"),
        pytest.param(lambda scene, reply: scene.edits(reply, "// For Tom"), id="noted"),
        pytest.param(lambda scene, reply: scene.edits(reply, "For Lena"), id="changed"),
    ],
)
async def test_while_its_file_is_on_its_way_it_is_not_too_late(
    stage: Stage, think_again: Callable[[Scene, Message], None]
) -> None:
    """Nobody at the vendor sees what is only uploaded; a large file takes its time."""
    scene = await waiting(stage, stage.moveo)
    stage.moveo.faults.next("*/files/upload-url", delay=2.5)
    reply = scene.writes("For Tom", files=[("invoice.pdf", b"%PDF-1.7")])
    await scene.until(lambda: not stage.moveo.faults.planned, "the upload begun")
    think_again(scene, reply)
    await scene.carried("the last")
    assert "For Tom" not in scene.sent


# ── as Slack documents it ────────────────────────────────────────────────────────────────────────


async def documented(scene: Scene, subtype: str, ts: str, **more: Any) -> None:
    """A change or a deletion with no more than Slack's reference has: nothing of before, and no thread."""
    about = {"message_deleted": {"deleted_ts": ts}, "message_changed": {}}[subtype]
    event = {"type": "message", "subtype": subtype, "hidden": True, "channel": scene.card.channel}
    event |= {"ts": scene.stage.slack.state.next_ts(), **about, **more}
    answer = await tell(scene.stage, envelope(scene.stage, event, f"Ev-{event['ts']}"))
    assert answer.status_code == 200


def edited(reply: Message, text: str) -> dict[str, Any]:
    edit = {"user": reply.user, "ts": f"{time.time():.6f}"}
    return {"type": "message", "user": reply.user, "ts": reply.ts, "text": text, "edited": edit}


@pytest.mark.parametrize("before", [{}, {"previous_message": []}], ids=["nothing", "an empty list"])
async def test_documented_changes_count_within_the_pause(stage: Stage, before: dict[str, Any]) -> None:
    scene = await waiting(stage)
    gone = await pausing(scene, "Oops internal")
    noted, changed = scene.writes("Oops internal"), scene.writes("It is bule")
    await stage.slack.settled()
    await documented(scene, "message_deleted", gone.ts, **before)
    await documented(scene, "message_changed", noted.ts, message=edited(noted, "// Oops internal"), **before)
    changed.text, changed.blocks = "It is blue", []  # as it is read when its turn comes
    await documented(scene, "message_changed", changed.ts, message=edited(changed, "It is blue"), **before)
    await the_pause_is_over(stage)
    await scene.marked(changed, SENT)
    assert scene.sent == ["It is blue"]


async def test_a_documented_deletion_of_a_held_reply_counts(stage: Stage) -> None:
    scene = await opened(stage, stage.moveo)
    stage.moveo.resolve(stage.moveo.conversations[scene.talk])
    await scene.stands("closed")
    reply, question = await scene.held("One more thing", "U0MINA", "The conversation is closed")
    await documented(scene, "message_deleted", reply.ts)
    await scene.presses(question, REOPEN)
    await scene.whispered("U0MINA", "There is nothing to decide here any more.")
    assert scene.sent == []


async def test_a_documented_deletion_of_the_card_opens_another_thread(stage: Stage) -> None:
    scene = await waiting(stage)
    await documented(scene, "message_deleted", scene.card.ts)
    scene.says("Hello?")
    cards = lambda: [one for one in stage.slack.state.messages(scene.card.channel) if not one.is_reply]
    await scene.until(lambda: "Hello?" in [one.text for one in cards()[-1].replies], "another thread")
    assert cards()[-1].ts != scene.card.ts and "Hello?" not in scene.texts


async def test_a_documented_change_that_comes_too_late_is_told(stage: Stage) -> None:
    scene = await waiting(stage)
    reply = await pausing(scene, "It is bule")
    await the_pause_is_over(stage)
    await scene.marked(reply, SENT)
    await documented(scene, "message_changed", reply.ts, message=edited(reply, "It is blue"))
    await scene.tells("A reply was changed here after it had gone out")
    await documented(scene, "message_deleted", reply.ts)
    await scene.tells("A reply was deleted here after it had gone out")


# ── too late ─────────────────────────────────────────────────────────────────────────────────────


async def test_afterwards_it_is_told_what_cannot_be_undone(stage: Stage) -> None:
    scene = await waiting(stage)
    reply = scene.writes("It is bule")
    await the_pause_is_over(stage)
    await scene.marked(reply, SENT)
    scene.locks(reply)
    await scene.tells("A lock was put on a reply after it had gone out")
    scene.edits(reply, "It is blue")
    offer = await scene.told("A reply was changed here after it had gone out. Ada cannot change it")
    assert buttons(offer) == ["send_correction"]
    scene.deletes(reply)
    await scene.tells("A reply was deleted here after it had gone out. Ada cannot take it back")
    assert scene.sent == ["It is bule"]


async def test_a_note_that_is_locked_changed_or_deleted_is_no_news(stage: Stage) -> None:
    scene = await waiting(stage)
    note = scene.writes("// She is angry")
    await nothing_else_went_out(scene)
    scene.locks(note)
    scene.edits(note, "She is angry")
    scene.deletes(note)
    await nothing_else_went_out(scene)
    assert not [text for text in scene.texts if "had gone out" in text]


# ── live, without a pause ────────────────────────────────────────────────────────────────────────


async def test_live_nobody_is_asked_while_the_ai_agent_has_it(stage: Stage) -> None:
    scene = await opened(stage, stage.moveo)
    await scene.marked(scene.writes("Hello Lena"), SENT)
    await scene.stands("Mina Park has the conversation")
    await scene.marked(scene.writes("And hello from me", user="U0JO"), SENT)
    assert scene.sent == ["Hello Lena", "And hello from me"]
    assert "Mina Park has the conversation" in scene.card.text
    assert not scene.whispers("U0MINA") + scene.whispers("U0JO")


async def test_live_what_is_closed_is_held_all_the_same(stage: Stage) -> None:
    scene = await waiting(stage, stage.moveo)
    stage.moveo.resolve(stage.moveo.conversations[scene.talk])
    await scene.stands("closed")
    reply, question = await scene.held("One more thing", "U0MINA", "The conversation is closed")
    assert buttons(question) == [REOPEN, NOTE]
    assert scene.sent == []
    await scene.presses(question, REOPEN)
    await scene.marked(reply, SENT)
    assert scene.sent == ["One more thing"]
    assert HELD not in reply.reactions
