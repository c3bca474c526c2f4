"""A message with parts that no customer can get is held: its author is asked, and nothing is dropped."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.sandbox.stage import Stage
from tests.bridge.events import interact
from tests.bridge.scene import HELD, SENT, buttons, opened, waiting
from tests.handoffs.stands import NOTE, ONCE, REOPEN, SEND, TAKE_OVER, WITHOUT, closed, owned
from tests.handoffs.test_held import press_of

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'

FORWARD = {
    "id": 1,
    "ts": "1700000000.000100",
    "channel_id": "C0LEADS",
    "channel_name": "support-leads",
    "is_msg_unfurl": True,
    "is_share": True,
    "author_name": "Lee Novak",
    "text": "SECRET-WORDS of a lead",
    "fallback": "lee: SECRET-WORDS of a lead",
    "from_url": "https://handoff-sandbox.slack.com/archives/C0LEADS/p1700000000000100",
}
NAMED = "a forwarded message from #support-leads"
TABLE = {
    "type": "table",
    "rows": [
        [{"type": "raw_text", "text": "Plan"}, {"type": "raw_text", "text": "Price"}],
        [{"type": "raw_text", "text": "Basic"}, {"type": "raw_text", "text": "9 EUR"}],
    ],
}
PASTED = {"id": 1, "blocks": [TABLE], "fallback": "[no preview available]"}
GIF = {"type": "image", "image_url": "https://media.giphy.example/dance.gif", "alt_text": "dance"}


def rich(*elements: dict[str, Any]) -> list[dict[str, Any]]:
    section = {"type": "rich_text_section", "elements": list(elements)}
    return [{"type": "rich_text", "elements": [section]}]


async def test_a_pasted_table_goes_out_as_rows(stage: Stage) -> None:
    for vendor in (stage.ada, stage.moveo):
        scene = await waiting(stage, vendor)
        await scene.marked(scene.writes("Our prices:", attachments=[PASTED]), SENT)
        await scene.marked(scene.writes("", attachments=[PASTED]), SENT)
        rows = "Plan | Price\nBasic | 9 EUR"
        assert scene.sent == [f"Our prices:\n{rows}", rows]


async def test_struck_words_do_not_read_as_if_they_counted(stage: Stage) -> None:
    scene = await waiting(stage)
    await scene.marked(scene.writes("Price: ~50 EUR~ 40 EUR"), SENT)
    assert scene.sent == ["Price: ~50 EUR~ 40 EUR"]


async def test_it_goes_out_without_once_its_author_says_so(stage: Stage, bridge: Any) -> None:
    scene = await waiting(stage)
    reply, question = await scene.held(
        "See below", "U0MINA", NAMED, "See below", attachments=[FORWARD, PASTED]
    )
    assert buttons(question) == [WITHOUT, NOTE]
    assert (scene.sent, scene.whispers("U0JO")) == ([], [])
    await scene.presses(question, WITHOUT)
    await scene.marked(reply, SENT)
    assert scene.sent == ["See below\nPlan | Price\nBasic | 9 EUR"]
    assert "SECRET-WORDS" not in bridge.log.read_text() + question.text


async def test_it_stays_in_once_its_author_says_so(stage: Stage) -> None:
    scene = await waiting(stage)
    reply, question = await scene.held("See below", "U0MINA", NAMED, attachments=[FORWARD])
    await scene.presses(question, NOTE)
    await scene.marked(reply)
    assert scene.sent == []


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"attachments": [FORWARD]}, NAMED),
        ({"blocks": [GIF]}, "an image (dance)"),
        ({"blocks": rich({"type": "hologram"})}, "an element of type “hologram”"),
        ({"blocks": [{"type": "hologram"}]}, "a block of type “hologram”"),
    ],
)
async def test_of_what_is_nothing_else_only_a_note_is_left(stage: Stage, more: Any, named: str) -> None:
    scene = await waiting(stage)
    reply, question = await scene.held("", "U0MINA", f"{named}, and it holds nothing else", **more)
    assert buttons(question) == [NOTE]
    forged = press_of(question, NOTE, "U0MINA")
    forged["actions"][0]["action_id"] = WITHOUT
    assert (await interact(stage, forged)).status_code == 200
    await scene.until(lambda: len(scene.whispers("U0MINA")) == 2, "the question, once more")
    assert list(reply.reactions) == [HELD]
    await scene.presses(scene.whispers("U0MINA")[-1], NOTE)
    await scene.marked(reply)
    assert scene.sent == []


async def test_a_file_beside_it_goes_out(stage: Stage) -> None:
    scene = await waiting(stage)
    reply, question = await scene.held(
        "", "U0MINA", NAMED, attachments=[FORWARD], files=[("a.txt", b"hello")]
    )
    await scene.presses(question, WITHOUT)
    await scene.marked(reply, SENT)
    assert len(scene.sent) == 1


# ── with other reasons ───────────────────────────────────────────────────────────────────────────


async def test_while_the_ai_agent_has_it_both_are_asked(stage: Stage) -> None:
    scene = await opened(stage, stage.moveo)
    reply, question = await scene.held("Hello Lena", "U0MINA", NAMED, attachments=[FORWARD])
    await scene.presses(question, WITHOUT)
    again = await scene.whispered("U0MINA", "The AI agent has the conversation", f"without {NAMED}")
    assert buttons(again) == [TAKE_OVER, ONCE, NOTE]
    assert (scene.sent, list(reply.reactions)) == ([], [HELD])
    await scene.presses(again, TAKE_OVER)
    await scene.marked(reply, SENT)
    await scene.stands("Mina Park has the conversation")
    assert scene.sent == ["Hello Lena"]


async def test_a_choice_about_the_conversation_does_not_leave_it_out(stage: Stage) -> None:
    """The message got it after its author was asked about the conversation; or the press is forged."""
    scene = await opened(stage, stage.moveo)
    reply, question = await scene.held("Hello Lena", "U0MINA", "The AI agent has the conversation")
    stage.slack.state.replace(reply, edited_by="U0MINA", attachments=[FORWARD])
    await scene.presses(question, ONCE)
    again = await scene.whispered("U0MINA", NAMED)
    forged = press_of(again, NOTE, "U0MINA")
    forged["actions"][0]["action_id"] = ONCE
    assert (await interact(stage, forged)).status_code == 200
    await scene.until(lambda: scene.whispers("U0MINA")[-1] is not again, "the question, once more")
    assert (scene.sent, list(reply.reactions)) == ([], [HELD])
    await scene.presses(scene.whispers("U0MINA")[-1], WITHOUT)
    last = await scene.whispered("U0MINA", "The AI agent has the conversation", f"without {NAMED}")
    await scene.presses(last, ONCE)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Hello Lena"]


async def test_what_came_after_the_answer_is_asked_about_too(stage: Stage) -> None:
    scene = await waiting(stage)
    reply, question = await scene.held("Hello Lena", "U0MINA", NAMED, attachments=[FORWARD])
    stage.slack.state.replace(reply, edited_by="U0MINA", blocks=[*reply.blocks, GIF])
    await scene.presses(question, WITHOUT)
    again = await scene.whispered("U0MINA", f"an image (dance) and {NAMED}")
    assert scene.sent == []
    await scene.presses(again, WITHOUT)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Hello Lena"]


async def test_an_unclear_word_is_asked_about_first(stage: Stage) -> None:
    scene = await waiting(stage)
    reply, question = await scene.held("!relase it", "U0MINA", "did you mean", attachments=[FORWARD])
    await scene.presses(question, SEND)
    again = await scene.whispered("U0MINA", NAMED)
    await scene.presses(again, WITHOUT)
    await scene.marked(reply, SENT)
    assert scene.sent == ["!relase it"]


async def test_after_the_end_and_with_a_colleague(stage: Stage) -> None:
    for scene, button in ((await closed(stage, "moveo"), REOPEN), (await owned(stage, "ada"), ONCE)):
        reply, question = await scene.held("Hello Lena", "U0MINA", NAMED, attachments=[FORWARD])
        await scene.presses(question, WITHOUT)
        again = await scene.whispered("U0MINA", "has the conversation" if button == ONCE else "is closed")
        assert button in buttons(again) and scene.sent == []
        await scene.presses(again, button)
        await scene.marked(reply, SENT)
        assert scene.sent == ["Hello Lena"]


async def test_what_was_agreed_stands_for_a_retry(stage: Stage) -> None:
    scene = await waiting(stage)
    reply, question = await scene.held("Hello Lena", "U0MINA", NAMED, attachments=[FORWARD])
    stage.ada.faults.next("*/messages/", method="POST", status=400)
    await scene.presses(question, WITHOUT)
    notice = await scene.told("A reply was not sent to the customer", "400")
    await scene.presses(notice, "retry")
    await scene.marked(reply, SENT)
    assert scene.sent == ["Hello Lena"]


async def test_a_correction_does_not_drop_it_either(stage: Stage) -> None:
    scene = await waiting(stage)
    reply = scene.writes("It is bule")
    await scene.marked(reply, SENT)
    stage.slack.state.replace(
        reply, edited_by="U0MINA", text="It is blue", blocks=[*rich(text("It is blue")), GIF]
    )
    offer = await scene.told("A reply was changed here after it had gone out")
    await scene.presses(offer, "send_correction")
    await scene.tells("something in it that cannot go out", "Write a new reply")
    assert scene.sent == ["It is bule"]


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


# ── what is not asked about ──────────────────────────────────────────────────────────────────────


async def test_notes_and_commands_are_not_asked_about(stage: Stage) -> None:
    scene = await waiting(stage)
    notes = [
        scene.writes(words, attachments=[FORWARD]) for words in ("// for you", "!note for you", "<@U0JO>")
    ]
    scene.writes("!claim", attachments=[FORWARD])
    await scene.stands("Mina Park has the conversation")
    await scene.carried()
    assert not any(note.reactions for note in notes)
    assert scene.whispers("U0MINA") == [] and len(scene.sent) == 1


async def test_the_preview_of_a_link_holds_nothing(stage: Stage) -> None:
    scene = await waiting(stage)
    preview = {"id": 1, "from_url": "https://shop.example/mug", "title": "A mug", "text": "Blue"}
    await scene.marked(scene.writes("See https://shop.example/mug", attachments=[preview]), SENT)
    link = "https://acme.slack.com/archives/C0LEADS/p1700000000000100"
    internal = {**FORWARD, "is_share": None, "from_url": link}
    await scene.marked(scene.writes(f"See {link}", attachments=[internal]), SENT)
    reply = scene.writes("And https://shop.example/cup")
    await scene.marked(reply, SENT)
    stage.slack.unfurl(reply.channel, reply.ts, "https://shop.example/cup")  # Slack does it when it likes
    await scene.carried()
    assert scene.sent[:3] == [
        "See https://shop.example/mug",
        "See (a private link)",
        "And https://shop.example/cup",
    ]
    assert not [one for one in scene.texts if "was changed" in one]


async def test_it_is_asked_about_again_from_its_menu(stage: Stage) -> None:
    scene = await waiting(stage)
    reply, question = await scene.held("Hello Lena", "U0MINA", NAMED, attachments=[FORWARD])
    stage.slack.state.hide(question)
    assert (await stage.slack.shortcut("U0MINA", reply, "ask_again")).ok
    again = await scene.whispered("U0MINA", NAMED)
    await scene.presses(again, WITHOUT)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Hello Lena"]
