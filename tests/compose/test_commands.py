"""Words in a thread: done where they are clear, asked about where they are not, and never sent."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.compose import ACTS, WORDS, Command, Names, Note, ReplyDraft, Unclear, command, compose
from bridge.model import Act, Text
from bridge.sandbox.slack.typed import typed

MINA = {"type": "user", "user_id": "U1"}
FILES = [{"id": "F1", "name": "a.png"}]


def text(words: str, **style: bool) -> dict[str, Any]:
    return {"type": "text", "text": words, **({"style": style} if style else {})}


def section(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


def rich(*containers: dict[str, Any]) -> dict[str, Any]:
    return {"type": "message", "text": "", "blocks": [{"type": "rich_text", "elements": list(containers)}]}


def as_typed(words: str) -> dict[str, Any]:
    """As Slack tells it of somebody who typed `words`."""
    escaped, blocks = typed(words)
    return {"type": "message", "text": escaped, "blocks": blocks}


def composed(message: dict[str, Any], as_is: bool = False) -> object:
    return compose(message, Names(), note_prefix="//", as_is=as_is)


@pytest.mark.parametrize("word", WORDS)
def test_every_word(word: str) -> None:
    for message in (as_typed(f"!{word}"), {"text": f"!{word}"}):
        assert command(message) == Command(word)
        assert composed(message) == composed(message, as_is=True) == Note("command")


def test_every_act_has_its_word() -> None:
    assert sorted(ACTS.values()) == sorted(Act)
    assert set(WORDS) - ACTS.keys() == {"note", "who", "help"}


@pytest.mark.parametrize(
    "message",
    [
        {"text": "!CLAIM"},
        {"text": "  \n\u00a0!Claim \n"},
        {"text": "!claim.\n"},
        {"text": "!claim!!"},
        {"text": "!claim …"},
        {"text": "!!claim"},
        {"text": "\u200b!\u2060cla\u00adim\ufeff"},
        {"text": "！ｃｌａｉｍ"},
        {"text": "*!claim*"},
        {"text": "_!claim_"},
        {"text": "`!claim`"},
        {"text": "```!claim```"},
        {"text": "&gt; !claim"},
        rich(section(text("!claim", bold=True, italic=True))),
        rich(section(text("!claim", code=True))),
        rich(section(text("!", bold=True), text("claim"))),
        rich(section(text("!cl"), text("aim\n"))),
        rich({"type": "rich_text_quote", "elements": [text("!claim")]}),
        rich({"type": "rich_text_preformatted", "elements": [text("!claim")]}),
        rich({"type": "rich_text_list", "style": "bullet", "elements": [section(text("!claim"))]}),
    ],
)
def test_however_it_is_written(message: dict[str, Any]) -> None:
    assert command(message) == Command("claim")
    assert composed(message) == Note("command")


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (as_typed("!transfer <@U1>"), Command("transfer", "U1")),
        (as_typed("!transfer <@W1|mina>, please."), Command("transfer", "W1", "please.")),
        (
            as_typed("!Transfer to <@U1>: she knows\nbilling"),
            Command("transfer", "U1", "to  : she knows\nbilling"),
        ),
        (as_typed("<@U1> !transfer"), Command("transfer", "U1")),
        (rich(section(text("!transfer"), MINA, text(" "), MINA)), Command("transfer", "U1")),
        ({"text": "!transfer <@U1>"}, Command("transfer", "U1")),
        ({"text": "!note call them back"}, Command("note", None, "call them back")),
        ({"text": "!note: *call* them"}, Command("note", None, "call* them")),
        ({"text": "!note caption", "files": FILES}, Command("note", None, "caption")),
        (as_typed("!note <@U1> have a look"), Command("note", None, "have a look")),
        ({"text": "!note --"}, Command("note")),
    ],
)
def test_what_comes_with_it(message: dict[str, Any], found: Command) -> None:
    assert command(message) == found
    assert composed(message) == composed(message, as_is=True) == Note("command")


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (as_typed("!claim please"), Unclear("claim", "claim")),
        (as_typed("!claim\nHello, how can I help?"), Unclear("claim", "claim")),
        (as_typed("!claim <@U1>"), Unclear("claim", "claim")),
        (as_typed("<@U1> !claim"), Unclear("claim", "claim")),
        (as_typed("!claim :wave:"), Unclear("claim", "claim")),
        (as_typed("!resolve 👍"), Unclear("resolve", "resolve")),
        (as_typed("!claim <#C1|billing>"), Unclear("claim", "claim")),
        ({"text": "!resolve", "files": FILES}, Unclear("resolve", "resolve")),
        (as_typed("!bot, are you there?"), Unclear("bot", "bot")),
        (as_typed("!who are you"), Unclear("who", "who")),
        (as_typed("!transfer mina"), Unclear("transfer", "transfer")),
        (as_typed("!transfer <@U1> <@U2>"), Unclear("transfer", "transfer")),
        (as_typed("!transfer <!subteam^S1>"), Unclear("transfer", "transfer")),
        (as_typed("!transfer <!here>"), Unclear("transfer", "transfer")),
        ({"text": "!transfer <@U1>", "files": FILES}, Unclear("transfer", "transfer")),
        (as_typed("!relase"), Unclear("relase", "release")),
        (as_typed("!Reslove."), Unclear("reslove", "resolve")),
        (as_typed("!take-over"), Unclear("take-over", "takeover")),
        (as_typed("!claim-it now"), Unclear("claim-it", "claim")),
        (as_typed("!claim2"), Unclear("claim2", "claim")),
        (as_typed("!сlaim"), Unclear("сlaim", "claim")),  # a Cyrillic letter
        (as_typed("!hooray that is great"), Unclear("hooray", None)),
        (as_typed("!Закрыть"), Unclear("закрыть", None)),
        (
            rich(section(text("!claim")), {"type": "rich_text_quote", "elements": [text("x")]}),
            Unclear("claim", "claim"),
        ),
    ],
)
def test_what_is_not_clear_waits_for_its_author(message: dict[str, Any], found: Unclear) -> None:
    assert command(message) == found
    assert composed(message) == Note("unclear")


@pytest.mark.parametrize("name", ["eyes", "party_parrot"])
def test_an_emoji_before_a_word_does_not_send_it(name: str) -> None:
    section = {"type": "rich_text_section"}
    elements = [{"type": "emoji", "name": name}, {"type": "text", "text": " !claim"}]
    message = {"blocks": [{"type": "rich_text", "elements": [{**section, "elements": elements}]}]}
    assert command(message) == Command("claim")
    assert composed(message) == Note("command")


NOTHING = ["", "!", "!!!", "! ", "!5", "!5 claim", "! claim", "!?", "!:wave:", "!<@U1>", "!\u200b", "!\u3164"]


@pytest.mark.parametrize("words", [*NOTHING, "wow!", "hello !claim", "- !claim", "¡claim!", "claim"])
def test_ordinary_text(words: str) -> None:
    assert command(as_typed(words)) is None
    assert command({"text": words}) is None


def test_its_author_says_that_it_is_a_reply() -> None:
    assert composed(as_typed("!claim please"), as_is=True) == ReplyDraft((Text(text="!claim please"),))
    assert composed({"text": "!relase", "files": FILES}, as_is=True) == ReplyDraft(
        (Text(text="!relase"),), (FILES[0],)
    )


@pytest.mark.parametrize(
    ("words", "reason"),
    [("// !claim please", "prefix"), ("<@U1> // x", "prefix"), ("<@U1> ?!", "mentions_only"), (" ", "empty")],
)
def test_a_note_is_one_also_as_it_is(words: str, reason: str) -> None:
    draft = composed(as_typed(words), as_is=True)
    assert isinstance(draft, Note) and draft.reason == reason


def test_an_edit_to_a_command_does_not_go_out() -> None:
    before, after = as_typed("claiming it"), as_typed("!claim") | {"edited": {"user": "U1", "ts": "2.0"}}
    assert isinstance(composed(before), ReplyDraft)
    assert composed(after) == Note("command")


ODD = ["!", "！", "*", "_", "`", ">", ".", "-", "5", "é", "please", "//", "<@U1>", "<!here>", ":wave:"]
PIECES = st.sampled_from([*ODD, *WORDS, " ", "\n", "\u200b", "\ufe0f"])


@given(st.lists(PIECES | st.characters(), max_size=8).map("".join), st.booleans())
def test_no_command_is_ever_sent(words: str, with_files: bool) -> None:
    for message in (as_typed(words), {"text": words}):
        message |= {"files": FILES} if with_files else {}
        found, draft = command(message), composed(message)
        assert (found is not None and draft != Note("prefix")) == (
            draft in (Note("command"), Note("unclear"))
        )
        if isinstance(found, Command):
            assert isinstance(composed(message, as_is=True), Note)


@given(
    st.sampled_from(WORDS),
    st.text(st.sampled_from("\u200b\u00ad\ufe0f *_`"), max_size=4),
    st.text(max_size=3),
)
def test_a_word_at_the_beginning_is_never_missed(word: str, before: str, after: str) -> None:
    assert command({"text": f"{before}!{word}"}) == Command(word)  # type: ignore[arg-type]
    assert command({"text": f"{before}!{word}{after}"}) is not None
