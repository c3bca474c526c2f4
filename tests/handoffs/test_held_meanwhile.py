"""What happens to a held reply, and to its conversation, before its author decides."""

from __future__ import annotations

import pytest

from bridge.sandbox.stage import Stage
from tests.bridge.scene import HELD, SENT, buttons, opened
from tests.handoffs.stands import DECIDED, NO_TAKE_OVER, NOTE, ONCE, REOPEN, TAKE_OVER, closed, ends, owned
from tests.handoffs.ways import state

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'


async def test_the_words_as_they_are_when_it_is_decided_go_out(stage: Stage) -> None:
    scene = await opened(stage)
    reply, question = await scene.held("Helo Lena")
    scene.edits(reply, "Hello Lena")
    await stage.slack.settled()
    assert list(reply.reactions) == [HELD]
    await scene.presses(question, ONCE)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Hello Lena"]


async def test_what_was_deleted_goes_nowhere(stage: Stage) -> None:
    scene = await opened(stage)
    reply, question = await scene.held("Oops")
    scene.deletes(reply)
    await stage.slack.settled()
    await scene.presses(question, ONCE)
    await scene.whispered("U0MINA", DECIDED)
    _, last = await scene.held("Hello Lena")
    await scene.presses(last, ONCE)
    await scene.until(lambda: scene.sent, "what was written afterwards")
    assert scene.sent == ["Hello Lena"]


@pytest.mark.parametrize("words", ["// she is angry", "!note she is angry", "!claim"])
async def test_what_was_made_a_note_or_a_word_for_the_bridge_stays_in(stage: Stage, words: str) -> None:
    scene = await opened(stage)
    reply, question = await scene.held("she is angry")
    scene.edits(reply, words)
    await stage.slack.settled()
    await scene.presses(question, ONCE)
    await scene.marked(reply)
    assert scene.sent == []
    assert "the AI agent has the conversation" in scene.card.text


async def test_a_lock_makes_it_a_note(stage: Stage) -> None:
    scene = await opened(stage)
    reply, question = await scene.held("she is angry")
    scene.locks(reply)
    await scene.marked(reply, "lock")
    await scene.presses(question, ONCE)
    await scene.whispered("U0MINA", DECIDED)
    assert list(reply.reactions) == ["lock"]
    assert scene.sent == []


async def test_closed_meanwhile_it_is_held_for_that(stage: Stage) -> None:
    scene = await opened(stage, stage.moveo)
    reply, question = await scene.held("Hello Lena")
    ends(scene)
    await scene.stands("closed")
    await scene.presses(question, TAKE_OVER)
    again = await scene.whispered("U0MINA", "The conversation is closed", "Hello Lena")
    assert buttons(again) == [REOPEN, NOTE]
    assert list(reply.reactions) == [HELD]
    assert (scene.sent, state(scene)) == ([], "ended")
    await scene.presses(again, NOTE)
    await scene.marked(reply)
    assert scene.sent == []


@pytest.mark.parametrize("choice", [TAKE_OVER, ONCE])
async def test_taken_by_another_meanwhile_it_is_held_for_that(stage: Stage, choice: str) -> None:
    """To take a customer from the AI agent is not to take them from a colleague."""
    scene = await opened(stage, stage.moveo)
    reply, question = await scene.held("Hello Lena")
    scene.writes("!takeover", user="U0JO")
    await scene.stands("Jo has the conversation")
    await scene.presses(question, choice)
    again = await scene.whispered("U0MINA", "Jo has the conversation", "Hello Lena")
    assert buttons(again) == [TAKE_OVER, ONCE, NOTE]
    assert list(reply.reactions) == [HELD]
    assert scene.sent == []
    await scene.presses(again, choice)
    await scene.marked(reply, SENT)
    await scene.stands(f"{'Mina Park' if choice == TAKE_OVER else 'Jo'} has the conversation")
    assert scene.sent == ["Hello Lena"]


async def test_handed_over_by_the_ai_agent_meanwhile_it_goes_out(stage: Stage) -> None:
    scene = await opened(stage)
    reply, question = await scene.held("Hello Lena")
    scene.says("I want a human")
    await scene.stands("waiting for a human")
    await scene.presses(question, ONCE)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Hello Lena"]


async def test_it_is_asked_about_again_from_its_menu(stage: Stage) -> None:
    scene = await opened(stage)
    reply, question = await scene.held("Helo Lena")
    stage.slack.state.hide(question)  # as when Slack is started anew: an ephemeral is kept nowhere
    scene.edits(reply, "Hello Lena")
    await stage.slack.settled()
    assert (await stage.slack.shortcut("U0MINA", reply, "ask_again")).ok
    again = await scene.whispered("U0MINA", "Hello Lena")
    await scene.presses(again, ONCE)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Hello Lena"]


async def test_reopened_by_the_customer_meanwhile_the_ai_agent_is_stopped_all_the_same(stage: Stage) -> None:
    scene = await closed(stage, "moveo")
    reply, question = await scene.held("One more thing")
    scene.says("hello?")
    await scene.stands("the AI agent has the conversation")
    await scene.presses(question, REOPEN)
    await scene.marked(reply, SENT)
    await scene.stands("Mina Park has the conversation")
    assert (scene.sent, state(scene)) == (["One more thing"], "handoff")


async def test_released_meanwhile_it_goes_out(stage: Stage) -> None:
    scene = await owned(stage, "ada")
    reply, question = await scene.held("Hello Lena", "U0MINA", "Jo has the conversation")
    scene.writes("!release", user="U0JO")
    await scene.stands("waiting for a human")
    await scene.presses(question, TAKE_OVER)
    await scene.marked(reply, SENT)
    await scene.stands("Mina Park has the conversation")
    assert scene.sent == ["Hello Lena"]


async def test_handed_back_to_the_ai_agent_meanwhile_it_is_held_for_that(stage: Stage) -> None:
    scene = await owned(stage, "ada")
    reply, question = await scene.held("Hello Lena", "U0MINA", "Jo has the conversation")
    scene.writes("!bot", user="U0JO")
    await scene.stands("the AI agent has the conversation")
    await scene.presses(question, TAKE_OVER)
    again = await scene.whispered("U0MINA", "The AI agent has the conversation", NO_TAKE_OVER["ada"])
    assert buttons(again) == [ONCE, NOTE]
    assert list(reply.reactions) == [HELD]
    assert scene.sent == []
