"""What stays among us: notes however they are written, and words that may be meant for the bridge."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.scene import HELD, SENT, WAITING, Scene, buttons, opened, waiting
from tests.handoffs.stands import NOTE, ONCE, SEND

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'
INSTEAD = {'channel = "C0VIP"': 'channel = "C0VIP"\nnote_prefix = ":lock:"'}

UNKNOWN = "is no word the bridge knows"
FILE = [("invoice.pdf", b"%PDF-1.7")]


# ── notes ────────────────────────────────────────────────────────────────────────────────────────


async def stays_in(scene: Scene, note: Message) -> None:
    """Nothing of it goes out, it carries no mark, and its author is asked nothing."""
    await scene.carried("only this")
    assert [text.rpartition(" ")[0] for text in scene.sent] == ["only this"]
    assert not note.reactions
    assert scene.whispers("U0MINA") == []


@pytest.mark.parametrize(
    "text",
    [
        "// she is angry",
        "//she is angry",
        "   // she is angry",
        "\n\n// she is angry",
        "\u00a0\u2003// she is angry",
        "\u200b\ufeff// she is angry",
        "*//* she is angry",
        "_// she is angry_",
        "`// she is angry`",
        "> // she is angry",
        "／／ she is angry",
        "<@U0JO> // she is angry",
        "<@U0JO>",
        "<@U0JO> <!subteam^S0LEADS> :point_up:",
        "!note she is angry",
        "  *!NOTE*: she is angry",
        "！ｎｏｔｅ she is angry",
        "!note",
    ],
)
async def test_a_note_stays_in(stage: Stage, text: str) -> None:
    scene = await waiting(stage)
    await stays_in(scene, scene.writes(text))


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("\u00a0// she is angry", {"files": FILE}),
        ("!note she is angry", {"files": [*FILE, *FILE]}),
        ("//", {"files": FILE}),
        ("<@U0JO>", {"files": FILE}),
        (" // she is angry", {"blocks": []}),
        ("// she is angry", {"broadcast": True}),
        ("// she is angry", {"subtype": "me_message"}),
    ],
    ids=str,
)
async def test_so_does_one_that_is_more_than_words(stage: Stage, text: str, more: dict[str, Any]) -> None:
    scene = await waiting(stage)
    await stays_in(scene, scene.writes(text, **more))


@pytest.mark.parametrize("text", [":lock: she is angry", " <@U0JO> *:lock:* she is angry", "🔒 she is angry"])
async def test_by_the_prefix_of_the_route(stage: Stage, text: str) -> None:
    """An emoji is the same by its alias and, as Slack makes it of what is typed, by itself."""
    scene = await waiting(stage, stage.moveo)
    emoji = {"type": "emoji", "name": "lock", "unicode": "1f512"}
    words = {"type": "text", "text": text.removeprefix("🔒")}
    section = {"type": "rich_text_section", "elements": [emoji, words]}
    made = [{"type": "rich_text", "elements": [section]}] if text.startswith("🔒") else None
    await stays_in(scene, scene.writes(text, blocks=made))
    await scene.marked(scene.writes("// to this channel that is nothing"), SENT)


async def test_a_note_to_the_ai_agents_customer_is_no_reply_to_ask_about(stage: Stage) -> None:
    scene = await opened(stage)
    notes = [scene.writes(text) for text in ("// she is angry", "!note she is angry", "<@U0JO>")]
    await scene.held("Hello Lena")  # decided after them
    assert not any(note.reactions for note in notes)
    assert len(scene.whispers("U0MINA")) == 1


# ── words for the bridge that are not clear ──────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("!clam", f"“!clam” {UNKNOWN}; did you mean “!claim”?"),
        ("!resovle please", f"“!resovle” {UNKNOWN}; did you mean “!resolve”?"),
        ("!xyzzy", f"“!xyzzy” {UNKNOWN}."),
    ],
)
async def test_an_unknown_word_is_asked_about(stage: Stage, text: str, asked: str) -> None:
    scene = await waiting(stage)
    reply, question = await scene.held(text, "U0MINA", asked)
    assert buttons(question) == [SEND, NOTE]
    assert scene.sent == []
    await scene.presses(question, SEND)
    await scene.marked(reply, SENT)
    assert scene.sent == [text]


async def test_it_is_kept_as_a_note(stage: Stage) -> None:
    scene = await waiting(stage)
    reply, question = await scene.held("!clam")
    await scene.presses(question, NOTE)
    await scene.marked(reply)
    await stays_in(scene, reply)


async def test_a_known_word_with_more_is_asked_about_and_nothing_is_done(stage: Stage) -> None:
    scene = await waiting(stage)
    reply, question = await scene.held("!resolve this for her, Jo")
    assert buttons(question) == [SEND, NOTE]
    await scene.stands("waiting for a human")
    await scene.presses(question, NOTE)
    await scene.marked(reply)
    assert scene.sent == []


async def test_of_a_known_word_nobody_is_told_that_it_is_unknown(stage: Stage) -> None:
    scene = await waiting(stage)
    _, question = await scene.held("!resolve this for her, Jo")
    assert UNKNOWN not in question.text


async def test_clear_now_but_still_the_ai_agents(stage: Stage) -> None:
    """Two questions about one reply, and no third."""
    scene = await opened(stage)
    reply, question = await scene.held("!wow that was quick", "U0MINA", UNKNOWN)
    await scene.presses(question, SEND)
    again = await scene.whispered("U0MINA", "The AI agent has the conversation", "!wow that was quick")
    assert list(reply.reactions) == [HELD]
    await scene.presses(again, ONCE)
    await scene.marked(reply, SENT)
    assert scene.sent == ["!wow that was quick"]


async def test_mended_while_it_is_held_it_goes_out_so(stage: Stage) -> None:
    scene = await waiting(stage)
    reply, question = await scene.held("!wow that was quick")
    scene.edits(reply, "Wow, that was quick!")
    await stage.slack.settled()
    await scene.presses(question, SEND)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Wow, that was quick!"]


@pytest.mark.parametrize("text", ["!release", "!note", "!transfer <@U0JO>"])
async def test_a_word_is_none_of_the_customers_even_where_it_may_be_sent(stage: Stage, text: str) -> None:
    scene = await waiting(stage)
    reply, question = await scene.held("!clam")
    scene.edits(reply, text)
    await stage.slack.settled()
    await scene.presses(question, SEND)
    await scene.marked(reply)
    await stays_in(scene, reply)
    await scene.stands("Mina Park has the conversation")  # nor is it done: it was written too late


# ── changed while they wait in line ──────────────────────────────────────────────────────────────


async def behind_another(scene: Scene, text: str) -> Message:
    """A reply that waits its turn: the one before it is tried again until its line `goes_on`."""
    path = f"*/{scene.id}/messages/"
    scene.stage.ada.faults.next(path, method="POST", status=429, retry_after=1, times=1000)
    first = scene.writes("first")
    await scene.marked(first, WAITING)
    return scene.writes(text)


async def goes_on(scene: Scene) -> None:
    """All that was written and edited is known by then."""
    await scene.stage.slack.settled()
    scene.stage.ada.faults.clear()


@pytest.mark.parametrize("text", ["// she is angry", "!release", "!note she is angry", "<@U0JO>"])
async def test_a_note_or_a_word_that_is_edited_in_never_goes_out(stage: Stage, text: str) -> None:
    scene = await waiting(stage)
    reply = await behind_another(scene, "she is angry")
    scene.edits(reply, text)
    await goes_on(scene)
    await scene.carried("last")
    assert [text.partition(" ")[0] for text in scene.sent] == ["first", "last"]
    assert not reply.reactions
    await scene.stands("Mina Park has the conversation")


async def test_an_unknown_word_that_is_edited_in_is_asked_about(stage: Stage) -> None:
    scene = await waiting(stage)
    reply = await behind_another(scene, "she is angry")
    scene.edits(reply, "!releese")
    await goes_on(scene)
    await scene.marked(reply, HELD)
    await scene.whispered("U0MINA", "did you mean “!release”?")
    assert scene.sent == ["first"]


async def test_what_was_kept_as_a_note_stays_one_whatever_is_edited_in(stage: Stage) -> None:
    scene = await waiting(stage)
    reply, question = await scene.held("!clam down")
    await behind_another(scene, "second")
    await scene.presses(question, NOTE)
    scene.edits(reply, "she has to calm down")
    await goes_on(scene)
    await scene.carried("last")
    assert [text.partition(" ")[0] for text in scene.sent] == ["first", "second", "last"]
