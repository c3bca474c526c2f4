"""Replies that are held: only their author is asked, and nothing goes out but as they choose, once."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import AnyVendor, Stage
from tests.bridge.events import interact
from tests.bridge.scene import FAILED, HELD, SENT, Scene, buttons, opened, waiting

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'

TAKE_OVER, ONCE, REOPEN, NOTE = "held-take_over", "held-once", "held-reopen", "held-note"
DECIDED = "There is nothing to decide here any more."
NO_TAKE_OVER = {
    "ada": "Ada hands a conversation over only in its own Handoff flow",
    "gptbots": "GPTBots hands a conversation over only by itself",
}
NO_REOPEN = {
    "ada": "Ada has no call that reopens a conversation",
    "gptbots": "GPTBots has no call that reopens a session",
}

every = pytest.mark.parametrize("name", ["ada", "gptbots", "moveo"])


def named(stage: Stage, name: str) -> AnyVendor:
    return {"ada": stage.ada, "gptbots": stage.gptbots, "moveo": stage.moveo}[name]


def state(scene: Scene) -> str:
    """Who has the conversation at the vendor."""
    return scene.vendor.conversations[scene.talk].state


def ends(scene: Scene) -> None:
    """The conversation is over for the vendor: for GPTBots its human session, for Moveo until it is reopened."""
    if scene.vendor is scene.stage.ada:
        scene.stage.ada.end(scene.talk)
    elif scene.vendor is scene.stage.gptbots:
        scene.stage.gptbots.end_handoff(scene.talk)
    else:
        scene.stage.moveo.resolve(scene.stage.moveo.conversations[scene.talk])


async def closed(stage: Stage, name: str) -> Scene:
    scene = await waiting(stage, named(stage, name))
    ends(scene)
    await scene.stands("closed")
    return scene


async def owned(stage: Stage, name: str) -> Scene:
    """Jo has the customer."""
    scene = await waiting(stage, named(stage, name))
    scene.writes("!claim", user="U0JO")
    await scene.stands("Jo has the conversation")
    return scene


# ── while the AI agent has the conversation ──────────────────────────────────────────────────────


@every
async def test_only_its_author_is_asked_and_nothing_goes_out(stage: Stage, name: str) -> None:
    scene = await opened(stage, named(stage, name))
    before = scene.texts
    _, question = await scene.held("Hello Lena", "U0MINA", "The AI agent has the conversation", "Hello Lena")
    assert scene.texts == [*before, "Hello Lena"]
    told = stage.slack.state.channels[scene.card.channel].ephemerals.values()
    assert [one.ephemeral_to for one in told if one.thread_ts == scene.card.ts] == ["U0MINA"]
    if name == "moveo":
        assert buttons(question) == [TAKE_OVER, ONCE, NOTE]
    else:
        assert buttons(question) == [ONCE, NOTE]
        assert NO_TAKE_OVER[name] in question.text
    assert scene.sent == []
    assert state(scene) == "bot"


async def test_take_over_and_send(stage: Stage) -> None:
    """The vendor hands over first, and only then gets the reply."""
    scene = await opened(stage, stage.moveo)
    reply, question = await scene.held("Hello Lena")
    told = stage.moveo.subscribe()
    await scene.presses(question, TAKE_OVER)
    await scene.marked(reply, SENT)
    await scene.stands("Mina Park has the conversation")
    assert scene.sent == ["Hello Lena"]
    order = []
    while "message" not in order:
        happened = await anext(told)
        if happened["conversation_id"] == scene.talk and happened["type"] in ("state", "message"):
            order.append(happened["type"])
    assert order == ["state", "message"]
    assert state(scene) == "handoff"
    await scene.marked(scene.writes("and more"), SENT)  # nobody is asked any more


async def test_where_the_vendor_does_not_hand_over_nothing_goes_out(stage: Stage) -> None:
    scene = await opened(stage, stage.moveo)
    reply, question = await scene.held("Hello Lena")
    stage.moveo.faults.next("*/handover", status=400)
    await scene.presses(question, TAKE_OVER)
    await scene.marked(reply, FAILED)
    notice = await scene.told("A reply was not sent to the customer", "400")
    assert (scene.sent, state(scene)) == ([], "bot")
    await scene.presses(notice, "retry")  # what was chosen stands
    await scene.marked(reply, SENT)
    assert (scene.sent, state(scene)) == (["Hello Lena"], "handoff")


@pytest.mark.parametrize("name", ["ada", "moveo"])
async def test_send_once(stage: Stage, name: str) -> None:
    """The AI agent keeps the conversation, so the next reply is asked about again."""
    scene = await opened(stage, named(stage, name))
    reply, question = await scene.held("Hello Lena")
    await scene.presses(question, ONCE)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Hello Lena"]
    await scene.held("One more thing", "U0MINA", "The AI agent has the conversation")
    assert (scene.sent, state(scene)) == (["Hello Lena"], "bot")
    assert "the AI agent has the conversation" in scene.card.text


async def test_outside_of_its_human_sessions_gptbots_takes_no_reply(stage: Stage) -> None:
    scene = await opened(stage, stage.gptbots)
    reply, question = await scene.held("Hello Tom")
    await scene.presses(question, ONCE)
    await scene.marked(reply, FAILED)
    await scene.tells("A reply was not sent to the customer", "40356")
    assert scene.sent == []


@every
async def test_keep_as_note(stage: Stage, name: str) -> None:
    scene = await opened(stage, named(stage, name))
    reply, question = await scene.held("She is angry")
    await scene.presses(question, NOTE)
    await scene.marked(reply)
    assert scene.whispers("U0MINA") == []
    assert scene.sent == []


# ── pressed more than once, or by somebody else ──────────────────────────────────────────────────


async def test_pressed_twice_it_is_sent_once(stage: Stage) -> None:
    scene = await opened(stage, stage.moveo)
    reply, question = await scene.held("Hello Lena")
    await scene.presses(question, TAKE_OVER)
    await scene.presses(question, TAKE_OVER)
    await scene.whispered("U0MINA", DECIDED)
    await scene.marked(reply, SENT)
    await scene.carried()
    assert scene.sent.count("Hello Lena") == 1


@pytest.mark.parametrize("other", [ONCE, NOTE])
async def test_pressed_by_two_clients_at_once_one_choice_counts(stage: Stage, other: str) -> None:
    scene = await opened(stage)
    for number in range(5):
        reply, question = await scene.held(f"Hello {number}")
        await asyncio.gather(scene.presses(question, ONCE), scene.presses(question, other))
        await scene.whispered("U0MINA", DECIDED)
        await scene.until(lambda reply=reply: HELD not in reply.reactions, "it is decided")
        if SENT in reply.reactions:
            assert scene.sent[-1] == f"Hello {number}"
        assert scene.sent.count(f"Hello {number}") == (SENT in reply.reactions)
        scene.whispers("U0MINA").clear()


async def test_pressed_after_it_was_decided(stage: Stage) -> None:
    scene = await opened(stage)
    reply, question = await scene.held("She is angry")
    await scene.presses(question, NOTE)
    await scene.marked(reply)
    await scene.presses(question, ONCE)
    await scene.whispered("U0MINA", DECIDED)
    _, last = await scene.held("Hello Lena")
    await scene.presses(last, ONCE)
    await scene.until(lambda: scene.sent, "what was written afterwards")
    assert scene.sent == ["Hello Lena"]
    assert not reply.reactions


def press_of(question: Message, action: str, user: str, **value: Any) -> dict[str, Any]:
    """What Slack would tell if `user` pressed it: an ephemeral comes as its container only."""
    (row,) = [block["elements"] for block in question.blocks if block["type"] == "actions"]
    (button,) = [one for one in row if one["action_id"] == action]
    told = json.dumps({**json.loads(button["value"]), **value})
    container = {
        "type": "message",
        "message_ts": question.ts,
        "channel_id": question.channel,
        "thread_ts": question.thread_ts,
        "is_ephemeral": True,
    }
    return {
        "type": "block_actions",
        "team": {"id": "T0SANDBOX"},
        "user": {"id": user},
        "channel": {"id": question.channel},
        "container": container,
        "actions": [{"type": "button", "action_id": action, "value": told, "action_ts": f"{user}.1"}],
    }


async def test_nobody_else_decides(stage: Stage) -> None:
    """Slack shows it to nobody else; this is somebody who makes the request by hand."""
    scene, other = await opened(stage), await opened(stage)
    reply, question = await scene.held("Hello Lena")
    _, by_jo = await other.held("Hello from Jo", "U0JO")
    of_jos = json.loads(press_of(by_jo, ONCE, "U0JO")["actions"][0]["value"])
    for forged in (
        press_of(question, ONCE, "U0JO"),
        press_of(question, NOTE, "U0JO"),
        press_of(question, ONCE, "U0MINA", delivery=of_jos["delivery"]),  # of another conversation
        press_of(question, ONCE, "U0MINA", **of_jos),
        press_of(question, ONCE, "U0MINA", delivery=10**9),
        press_of(question, ONCE, "U0MINA", thread_ts="1.1"),
    ):
        assert (await interact(stage, forged)).status_code == 200
    assert list(reply.reactions) == [HELD]
    await scene.presses(question, ONCE)  # it is still hers to say
    await scene.marked(reply, SENT)
    assert scene.sent == ["Hello Lena"]
    await other.presses(by_jo, NOTE, "U0JO")
    await other.until(lambda: other.whispers("U0JO") == [], "and his")
    assert other.sent == []


async def test_a_choice_that_was_not_offered_is_refused_by_the_vendor(stage: Stage) -> None:
    scene = await opened(stage)
    reply, question = await scene.held("Hello Lena")
    forged = press_of(question, ONCE, "U0MINA")
    forged["actions"][0]["action_id"] = TAKE_OVER
    assert (await interact(stage, forged)).status_code == 200
    await scene.marked(reply, FAILED)
    await scene.tells("A reply was not sent to the customer", NO_TAKE_OVER["ada"])
    assert scene.sent == []


# ── what happens while it is held ────────────────────────────────────────────────────────────────


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


async def test_reopened_by_the_customer_meanwhile_the_ai_agent_is_stopped_all_the_same(stage: Stage) -> None:
    scene = await closed(stage, "moveo")
    reply, question = await scene.held("One more thing")
    scene.says("hello?")
    await scene.stands("the AI agent has the conversation")
    await scene.presses(question, REOPEN)
    await scene.marked(reply, SENT)
    await scene.stands("Mina Park has the conversation")
    assert (scene.sent, state(scene)) == (["One more thing"], "handoff")


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
        await scene.until(lambda scene=scene: len(scene.sent) == 2, "the correction")
        assert scene.sent == ["It is bule", "Correction:\nIt is blue"]
        await scene.held("And one more thing", "U0MINA", f"{has_it} has the conversation")


async def test_a_correction_after_the_end_is_refused(stage: Stage) -> None:
    scene = await owned(stage, "moveo")
    offer = await corrected(scene)
    ends(scene)
    await scene.stands("closed")
    await scene.presses(offer, "send_correction", "U0JO")
    await scene.tells("not sent to the customer: the conversation is closed. Write it as a new reply")
    assert scene.sent == ["It is bule"]
