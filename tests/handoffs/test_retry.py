"""Replies that failed, or may have: the thread says why, and *Retry* sends what is missing, once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.scene import FAILED, HELD, SENT, UNCERTAIN, Scene, buttons, waiting
from tests.handoffs.stands import DECIDED, NOTE
from tests.handoffs.ways import named

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'
CONFIG = {"[engine.to_vendor]": 'give_up_after = "2s"'}

NOT_SENT, IN_PART = "A reply was not sent to the customer", "Only a part of a reply was sent to the customer"
PERHAPS = "Nobody knows whether this reply arrived"
TITLES = {"gptbots": "GPTBots", "moveo": "Moveo"}
RETRY = "retry"
A, B = ("a.pdf", b"%PDF-1.7 a"), ("b.pdf", b"%PDF-1.7 b")

every = pytest.mark.parametrize("name", ["ada", "gptbots", "moveo"])
blind = pytest.mark.parametrize("name", ["gptbots", "moveo"])
with_files = pytest.mark.parametrize("name", ["ada", "moveo"])


def breaks(scene: Scene, **fault: Any) -> None:
    """What the next send meets at the vendor."""
    vendor = scene.vendor
    if vendor is scene.stage.gptbots:
        vendor.faults.next("*/human/message/receive", **fault)
    else:
        vendor.faults.next(f"*/{scene.id}/messages/*", method="POST", **fault)


async def failed(
    stage: Stage, name: str, text: str = "Hello Lena", **more: Any
) -> tuple[Scene, Message, Message]:
    """A reply that the vendor refused, and what the thread says of it."""
    scene = await waiting(stage, named(stage, name))
    breaks(scene, status=400)
    reply = scene.writes(text, **more)
    await scene.marked(reply, FAILED)
    return scene, reply, await scene.told(NOT_SENT, "400")


async def doubtful(stage: Stage, name: str) -> tuple[Scene, Message, Message]:
    """A reply that the vendor took, without our hearing of it."""
    scene = await waiting(stage, named(stage, name))
    breaks(scene, reset=True)
    reply = scene.writes("Hello Lena")
    await scene.marked(reply, UNCERTAIN)
    return scene, reply, await scene.told(PERHAPS, TITLES[name])


# ── what was not taken ───────────────────────────────────────────────────────────────────────────


@every
async def test_sent_again_it_arrives_once_and_says_so(stage: Stage, name: str) -> None:
    scene, reply, notice = await failed(stage, name)
    assert buttons(notice) == [RETRY]
    assert scene.sent == []
    await scene.presses(notice, RETRY)
    await scene.marked(reply, SENT)
    await scene.carried("and more")
    assert scene.sent[0] == "Hello Lena"
    assert len(scene.sent) == 2


async def test_pressed_twice_it_is_sent_once(stage: Stage) -> None:
    scene, reply, notice = await failed(stage, "ada")
    await asyncio.gather(scene.presses(notice, RETRY), scene.presses(notice, RETRY, "U0JO"))
    await scene.marked(reply, SENT)
    await scene.presses(notice, RETRY)
    await scene.whispered("U0MINA", DECIDED)
    await scene.carried("and more")
    assert scene.sent.count("Hello Lena") == 1


async def test_whoever_presses_it_goes_out_as_its_authors(stage: Stage) -> None:
    scene, reply, notice = await failed(stage, "ada")
    await scene.presses(notice, RETRY, "U0JO")
    await scene.marked(reply, SENT)
    said = [one.name for one in stage.ada.conversations[scene.id].messages if one.role == "agent"]
    assert said == ["Mina Park"]
    await scene.stands("Mina Park has the conversation")


async def test_failed_again_it_can_be_sent_again(stage: Stage) -> None:
    scene, reply, first = await failed(stage, "moveo")
    breaks(scene, status=401)
    await scene.presses(first, RETRY)
    second = await scene.told(NOT_SENT, "401")
    assert list(reply.reactions) == [FAILED]
    await scene.presses(first, RETRY)  # either will do
    await scene.marked(reply, SENT)
    await scene.presses(second, RETRY)
    await scene.whispered("U0MINA", DECIDED)
    assert scene.sent == ["Hello Lena"]


async def test_it_goes_out_as_it_stands_then(stage: Stage) -> None:
    scene, reply, notice = await failed(stage, "ada", "Hello <@U0JO> Lena")
    scene.edits(reply, "Hello Lena")
    await stage.slack.settled()
    await scene.presses(notice, RETRY)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Hello Lena"]


@pytest.mark.parametrize("words", ["// she is angry", "!note she is angry", "!claim"])
async def test_made_a_note_meanwhile_it_stays_in(stage: Stage, words: str) -> None:
    scene, reply, notice = await failed(stage, "ada", "she is angry")
    scene.edits(reply, words)
    await stage.slack.settled()
    await scene.presses(notice, RETRY)
    await scene.marked(reply)
    assert scene.sent == []


async def test_locked_meanwhile_it_stays_in(stage: Stage) -> None:
    scene, reply, notice = await failed(stage, "ada", "she is angry")
    scene.locks(reply)
    await stage.slack.settled()
    await scene.presses(notice, RETRY)
    await scene.marked(reply, "lock")
    assert scene.sent == []


async def test_deleted_meanwhile_it_goes_nowhere(stage: Stage) -> None:
    scene, reply, notice = await failed(stage, "ada")
    scene.deletes(reply)
    await stage.slack.settled()
    await scene.presses(notice, RETRY)
    again = await scene.told(NOT_SENT, "the message was deleted meanwhile")
    assert buttons(again) == []
    assert scene.sent == []


async def test_closed_meanwhile_its_author_is_asked(stage: Stage) -> None:
    scene, reply, notice = await failed(stage, "ada")
    stage.ada.end(scene.id)
    await scene.stands("closed")
    await scene.presses(notice, RETRY, "U0JO")
    await scene.marked(reply, HELD)
    question = await scene.whispered("U0MINA", "The conversation is closed", "Hello Lena")
    assert buttons(question) == [NOTE]
    assert scene.whispers("U0JO") == []
    await scene.presses(question, NOTE)
    await scene.marked(reply)
    assert scene.sent == []


async def test_taken_by_another_meanwhile_its_author_is_asked(stage: Stage) -> None:
    scene, reply, notice = await failed(stage, "moveo")
    scene.writes("!transfer <@U0JO>")
    await scene.stands("Jo has the conversation")
    await scene.presses(notice, RETRY)
    await scene.marked(reply, HELD)
    await scene.whispered("U0MINA", "Jo has the conversation", "Hello Lena")
    assert scene.sent == []


async def test_where_it_cannot_help_it_is_not_offered(stage: Stage) -> None:
    scene = await waiting(stage)
    reply = scene.writes("Here it is", files=[("photo.webp", b"RIFF")])
    await scene.marked(reply, FAILED)
    notice = await scene.told(NOT_SENT, "does not take .webp files")
    assert buttons(notice) == []


async def test_who_may_not_reply_hears_so_alone(stage: Stage) -> None:
    scene = await waiting(stage)
    reply = scene.writes("Hello Lena", "U0GUEST")
    await scene.marked(reply, FAILED)
    heard = await scene.whispered("U0GUEST", "This reply was not sent to the customer: guests")
    assert buttons(heard) == []
    await scene.carried()
    assert not [text for text in scene.texts if NOT_SENT in text or "guests" in text]
    assert len(scene.sent) == 1


# ── what may have been taken ─────────────────────────────────────────────────────────────────────


@blind
async def test_where_the_vendor_cannot_be_asked_the_author_is(stage: Stage, name: str) -> None:
    scene, reply, notice = await doubtful(stage, name)
    (button,) = next(block["elements"] for block in notice.blocks if block["type"] == "actions")
    assert button["action_id"] == RETRY
    assert "the customer has it twice" in button["confirm"]["text"]["text"]
    assert scene.sent == ["Hello Lena"]
    await scene.presses(notice, RETRY)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Hello Lena"] * 2  # as they were warned


@blind
async def test_pressed_twice_it_is_sent_once_more(stage: Stage, name: str) -> None:
    scene, reply, notice = await doubtful(stage, name)
    await asyncio.gather(scene.presses(notice, RETRY), scene.presses(notice, RETRY, "U0JO"))
    await scene.marked(reply, SENT)
    await scene.carried("and more")
    assert scene.sent.count("Hello Lena") == 2


@blind
async def test_uncertain_again(stage: Stage, name: str) -> None:
    scene, reply, notice = await doubtful(stage, name)
    breaks(scene, reset=True)
    await scene.presses(notice, RETRY)
    await scene.until(lambda: len([one for one in scene.texts if PERHAPS in one]) == 2, "the second doubt")
    await scene.marked(reply, UNCERTAIN)
    assert scene.sent == ["Hello Lena"] * 2


async def test_ada_is_asked_and_nobody_else(stage: Stage) -> None:
    scene = await waiting(stage)
    breaks(scene, reset=True)
    reply = scene.writes("Hello Lena")
    await scene.marked(reply, SENT)
    assert scene.sent == ["Hello Lena"]
    assert not [text for text in scene.texts if PERHAPS in text]


async def test_where_ada_does_not_say_so_for_too_long_it_is_asked_on_retry(stage: Stage) -> None:
    scene = await waiting(stage)
    breaks(scene, reset=True)
    stage.ada.faults.next(f"*/{scene.id}/messages/", method="GET", status=502, times=1000)
    reply = scene.writes("Hello Lena")
    told = lambda: [one for one in scene.thread if RETRY in buttons(one)]
    await scene.until(told, "it is given up")
    stage.ada.faults.clear()
    await scene.presses(told()[-1], RETRY)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Hello Lena"]
    assert not [text for text in scene.texts if NOT_SENT in text]


# ── what went out in part ────────────────────────────────────────────────────────────────────────


async def in_part(stage: Stage, name: str, **fault: Any) -> tuple[Scene, Message]:
    """The words and the first file went out, the second file met a fault."""
    scene = await waiting(stage, named(stage, name))
    breaks(scene, times=2)  # as always
    breaks(scene, **fault)
    return scene, scene.writes("Here they are", files=[A, B])


@with_files
async def test_only_what_is_missing_is_sent_again(stage: Stage, name: str) -> None:
    scene, reply = await in_part(stage, name, status=400)
    await scene.marked(reply, FAILED)
    notice = await scene.told(IN_PART, "sent: the text, “a.pdf”; not sent: “b.pdf”")
    assert scene.sent == ["Here they are", "a.pdf"]
    await scene.presses(notice, RETRY)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Here they are", "a.pdf", "b.pdf"]


async def test_of_one_that_is_uncertain_only_that_is_sent_again(stage: Stage) -> None:
    scene, reply = await in_part(stage, "moveo", reset=True)
    await scene.marked(reply, UNCERTAIN)
    notice = await scene.told(PERHAPS, "whether it has “b.pdf”; sent: the text, “a.pdf”")
    await scene.presses(notice, RETRY)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Here they are", "a.pdf", "b.pdf", "b.pdf"]


async def test_the_rest_of_what_the_customer_has_in_part_is_not_held(stage: Stage) -> None:
    """A colleague has taken over meanwhile: half of a message helps nobody."""
    scene, reply = await in_part(stage, "moveo", status=400)
    notice = await scene.told(IN_PART)
    scene.writes("!transfer <@U0JO>")
    await scene.stands("Jo has the conversation")
    await scene.presses(notice, RETRY)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Here they are", "a.pdf", "b.pdf"]
    assert "Jo has the conversation" in scene.card.text


@with_files
async def test_a_file_that_was_sent_and_taken_off_stands_for_no_other(stage: Stage, name: str) -> None:
    scene, reply = await in_part(stage, name, status=400)
    notice = await scene.told(IN_PART, "sent: the text, “a.pdf”; not sent: “b.pdf”")
    takes_off(scene, reply, "a.pdf")
    await scene.presses(notice, RETRY)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Here they are", "a.pdf", "b.pdf"]


async def test_a_file_of_the_same_name_stands_for_no_other(stage: Stage) -> None:
    """The first picture is taken off; the second has its name by then, all that Ada knows of a file."""
    scene = await waiting(stage, stage.ada)
    breaks(scene, times=2)  # as always
    breaks(scene, reset=True)
    stage.ada.faults.next(f"*/{scene.id}/messages/", method="GET", status=502, times=1000)
    reply = scene.writes("Two", files=[("image.png", b"1"), ("image.png", b"2")])
    told = lambda: [one for one in scene.thread if RETRY in buttons(one)]
    await scene.until(told, "it is given up")
    stage.ada.faults.clear()
    takes_off(scene, reply, "image.png")
    await scene.presses(told()[-1], RETRY)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Two", "image.png", "image (2).png", "image.png"]  # as they were warned


def takes_off(scene: Scene, reply: Message, name: str) -> None:
    """The author deletes a file of their message, the first of that name."""
    files = [one for one in scene.stage.slack.state.files.values() if one.shares == [reply]]
    scene.stage.slack.state.delete_file(next(one for one in files if one.name == name))
