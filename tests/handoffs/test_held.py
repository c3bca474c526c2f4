"""Replies while the AI agent has the customer: only their author is asked, and their choice is done, once."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.events import interact
from tests.bridge.scene import FAILED, HELD, SENT, buttons, opened
from tests.handoffs.stands import DECIDED, NO_TAKE_OVER, NOTE, ONCE, TAKE_OVER
from tests.handoffs.ways import named, state

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'
every = pytest.mark.parametrize("name", ["ada", "gptbots", "moveo"])


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
    await scene.until(lambda: scene.whispers("U0MINA") == [], "nothing to decide any more")
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
    async def race() -> None:
        scene = await opened(stage)
        reply, question = await scene.held("Hello Lena")
        await asyncio.gather(scene.presses(question, ONCE), scene.presses(question, other))
        await scene.whispered("U0MINA", DECIDED)  # to the second
        await scene.until(lambda: HELD not in reply.reactions, "it is decided")
        assert scene.sent == ["Hello Lena"] * (SENT in reply.reactions)
        assert SENT in reply.reactions or other == NOTE

    await asyncio.gather(*(race() for _ in range(5)))


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


_PRESSED = itertools.count(1_790_000_000)


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
        "actions": [
            {"type": "button", "action_id": action, "value": told, "action_ts": f"{next(_PRESSED)}.1"}
        ],
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
