"""Replies after the end, and while a colleague has the customer, are held too; corrections are not."""

from __future__ import annotations

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.scene import SENT, Scene, buttons, opened
from tests.handoffs.stands import NO_REOPEN, NOTE, ONCE, REOPEN, TAKE_OVER, closed, ends, owned
from tests.handoffs.ways import state

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'
every = pytest.mark.parametrize("name", ["ada", "gptbots", "moveo"])


# ── after the end ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["ada", "gptbots"])
async def test_where_nothing_can_be_reopened_only_a_note_is_left(stage: Stage, name: str) -> None:
    scene = await closed(stage, name)
    reply, question = await scene.held("Are you there?", "U0MINA", "The conversation is closed")
    assert NO_REOPEN[name] in question.text
    assert buttons(question) == [NOTE]
    await scene.presses(question, NOTE)
    await scene.marked(reply)
    assert scene.sent == []


async def test_reopen_and_send(stage: Stage) -> None:
    scene = await closed(stage, "moveo")
    reply, question = await scene.held("One more thing", "U0MINA", "The conversation is closed")
    assert buttons(question) == [REOPEN, NOTE]
    await scene.presses(question, REOPEN)
    await scene.marked(reply, SENT)
    await scene.stands("Mina Park has the conversation")
    assert (scene.sent, state(scene)) == (["One more thing"], "handoff")
    await stage.moveo.settled()  # what Moveo tells of it itself
    await scene.carried()
    assert "Mina Park has the conversation" in scene.card.text


async def test_what_an_agent_reopens_is_not_told_as_the_customers_doing(stage: Stage) -> None:
    scene = await closed(stage, "moveo")
    reply, question = await scene.held("One more thing")
    stage.moveo.faults.next("*/handover", delay=0.5)  # so that Moveo's own word comes first
    await scene.presses(question, REOPEN)
    await scene.marked(reply, SENT)
    await stage.moveo.settled()
    await scene.tells("The conversation was reopened")
    assert not [text for text in scene.texts if "wrote again" in text]


async def test_a_note_after_the_end_is_a_note(stage: Stage) -> None:
    scene = await closed(stage, "ada")
    note = scene.writes("// she will be back")
    await scene.held("Are you there?")  # decided after it
    assert not note.reactions


# ── while a colleague has it ─────────────────────────────────────────────────────────────────────


@every
async def test_take_it_over_from_a_colleague(stage: Stage, name: str) -> None:
    scene = await owned(stage, name)
    reply, question = await scene.held("Hello Lena", "U0MINA", "Jo has the conversation")
    assert buttons(question) == [TAKE_OVER, ONCE, NOTE]
    assert scene.sent == []
    await scene.presses(question, TAKE_OVER)
    await scene.marked(reply, SENT)
    await scene.stands("Mina Park has the conversation")
    assert scene.sent == ["Hello Lena"]
    await scene.held("Wait, she is mine", "U0JO", "Mina Park has the conversation")


@every
async def test_a_colleague_keeps_it_and_one_reply_goes_out(stage: Stage, name: str) -> None:
    scene = await owned(stage, name)
    reply, question = await scene.held("Hello Lena", "U0MINA", "Jo has the conversation")
    await scene.presses(question, ONCE)
    await scene.marked(reply, SENT)
    await scene.marked(scene.writes("I am on it", user="U0JO"), SENT)
    assert scene.sent == ["Hello Lena", "I am on it"]
    assert "Jo has the conversation" in scene.card.text


@every
async def test_a_colleague_keeps_it_and_the_words_stay_in(stage: Stage, name: str) -> None:
    scene = await owned(stage, name)
    reply, question = await scene.held("Hello Lena", "U0MINA", "Jo has the conversation")
    await scene.presses(question, NOTE)
    await scene.marked(reply)
    await scene.marked(scene.writes("I am on it", user="U0JO"), SENT)
    assert scene.sent == ["I am on it"]


# ── corrections of what was sent once ────────────────────────────────────────────────────────────


async def corrected(scene: Scene) -> Message:
    """A reply that was sent once and changed afterwards; the message that offers to say so."""
    reply, question = await scene.held("It is bule")
    await scene.presses(question, ONCE)
    await scene.marked(reply, SENT)
    scene.edits(reply, "It is blue")
    return await scene.told("A reply was changed here after it had gone out")


async def test_a_correction_takes_the_conversation_from_nobody(stage: Stage) -> None:
    of_the_ai_agents, of_jos = await opened(stage), await owned(stage, "ada")
    for scene, has_it in ((of_the_ai_agents, "The AI agent"), (of_jos, "Jo")):
        await scene.presses(await corrected(scene), "send_correction")
        await scene.held("And more", "U0MINA", f"{has_it} has the conversation")  # decided after it
        assert scene.sent == ["It is bule", "Correction:\nIt is blue"]


async def test_a_correction_after_the_end_is_refused(stage: Stage) -> None:
    scene = await owned(stage, "moveo")
    offer = await corrected(scene)
    ends(scene)
    await scene.stands("closed")
    await scene.presses(offer, "send_correction", "U0JO")
    await scene.tells("not sent to the customer: the conversation is closed. Write it as a new reply")
    assert scene.sent == ["It is bule"]
