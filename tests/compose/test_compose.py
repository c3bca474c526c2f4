from __future__ import annotations

from typing import Any

import pytest

from bridge.compose import Draft, Names, Note, ReplyDraft, compose, mentioned
from bridge.model import Text

NAMES = Names(users={"U1": "Mina K."}, channels={"C1": "billing"}, usergroups={"S1": "tier-two"})


def text(words: str, **style: bool) -> dict[str, Any]:
    return {"type": "text", "text": words, **({"style": style} if style else {})}


def section(*elements: dict[str, Any]) -> dict[str, Any]:
    return {"type": "rich_text_section", "elements": list(elements)}


def rich(*containers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "message", "blocks": [{"type": "rich_text", "elements": list(containers)}], **fields}


def composed(message: dict[str, Any], prefix: str = "//") -> Draft:
    return compose(message, NAMES, note_prefix=prefix)


def words(message: dict[str, Any]) -> str:
    draft = composed(message)
    assert isinstance(draft, ReplyDraft)
    assert all(isinstance(part, Text) for part in draft.parts)
    return "\n".join(part.text for part in draft.parts if isinstance(part, Text))


USER = {"type": "user", "user_id": "U1"}


@pytest.mark.parametrize(
    ("element", "shown"),
    [
        (text("plain"), "plain"),
        (text("bold", bold=True, italic=True), "bold"),
        (text("x = 1", code=True), "`x = 1`"),
        (USER, "@Mina K."),
        ({"type": "user", "user_id": "U404"}, "@someone"),
        ({"type": "channel", "channel_id": "C1"}, "#billing"),
        ({"type": "channel", "channel_id": "C404"}, "#a channel"),
        ({"type": "usergroup", "usergroup_id": "S1"}, "@tier-two"),
        ({"type": "usergroup", "usergroup_id": "S404"}, "@someone"),
        ({"type": "broadcast", "range": "here"}, "@here"),
        ({"type": "team", "team_id": "T1"}, "@team"),
        ({"type": "emoji", "name": "wave", "unicode": "1f44b-1f3fd"}, "👋🏽"),
        ({"type": "emoji", "name": "party_parrot"}, ":party_parrot:"),
        ({"type": "emoji", "name": "odd", "unicode": "zz"}, ":odd:"),
        ({"type": "date", "timestamp": 1777886130, "format": "{date}", "fallback": "May 4"}, "May 4"),
        ({"type": "date", "timestamp": 1777886130, "format": "{date}"}, "2026-05-04 09:15 UTC"),
        ({"type": "emoji", "name": "odd", "unicode": "d83d"}, ":odd:"),
        ({"type": "emoji", "name": "odd", "unicode": "0"}, ":odd:"),
        (
            {"type": "date", "timestamp": 1777886130, "fallback": "May 4", "url": "https://example.com/cal"},
            "May 4 (https://example.com/cal)",
        ),
        (
            {
                "type": "date",
                "timestamp": 1,
                "fallback": "May 4",
                "url": "https://acme.slack.com/archives/C1",
            },
            "May 4",
        ),
        (text("<!date^1777886130^{date}^https://example.com/cal|May 4>"), "May 4 (https://example.com/cal)"),
        ({"type": "color", "value": "#ff8800"}, "#ff8800"),
        ({"type": "link", "url": "https://example.com/a"}, "https://example.com/a"),
        ({"type": "link", "url": "http://example.com", "text": "example.com"}, "example.com"),
        ({"type": "link", "url": "mailto:a@example.com", "text": "a@example.com"}, "a@example.com"),
        (
            {"type": "link", "url": "https://example.com/a", "text": "our form"},
            "our form (https://example.com/a)",
        ),
        (
            {"type": "link", "url": "https://acme.slack.com/archives/C1/p17", "text": "this thread"},
            "this thread",
        ),
        ({"type": "link", "url": "https://acme.slack.com/archives/C1/p17"}, "(a private link)"),
        ({"type": "link", "url": "https://files.slack.com/files-pri/T1-F1/a.png"}, "(a private link)"),
        ({"type": "link", "url": "https://slack.com/help/articles/1"}, "https://slack.com/help/articles/1"),
        (text("50 EUR", strike=True), "~50 EUR~"),
        (text("50 EUR ", strike=True, bold=True), "~50 EUR~ "),
        (text("x = 1", strike=True, code=True), "~`x = 1`~"),
        ({**USER, "style": {"strike": True}}, "~@Mina K.~"),
        (
            {"type": "link", "url": "https://example.com/a", "text": "form", "style": {"strike": True}},
            "~form (https://example.com/a)~",
        ),
        (text(" ", strike=True), " "),
        (text("Fish &amp; chips &lt;3"), "Fish & chips <3"),
        (text("<@U1> <#C404> <!subteam^S1|@x> <!here>"), "@Mina K. #a channel @tier-two @here"),
        (text("<!DOCTYPE html>"), "<!DOCTYPE html>"),
        (text("see https://acme.slack.com/archives/C1/p1 now"), "see (a private link) now"),
        (text("https://r.example/?to=https://acme.slack.com/archives/C1"), "(a private link)"),
        (text("https://api.slack.com/docs-and-more"), "https://api.slack.com/docs-and-more"),
        (text("see files.slack.com/files-pri/T1-F1/a.png now"), "see (a private link) now"),
    ],
)
def test_elements(element: dict[str, Any], shown: str) -> None:
    assert words(rich(section(text("so "), element, text(" ok")))) == f"so {shown} ok"


def test_struck_words_are_marked_line_by_line_and_across_styles() -> None:
    struck = [text("a", strike=True), text("b\nc", strike=True, bold=True)]
    assert words(rich(section(*struck, text(" d")))) == "~ab~\n~c~ d"
    item = {"type": "rich_text_list", "style": "bullet", "elements": [section(text("old", strike=True))]}
    assert words(rich(item)) == "• ~old~"
    assert words({"text": "It takes ~3 days~ 10 days"}) == "It takes ~3 days~ 10 days"


def test_a_typed_entity_stays_as_it_was_typed() -> None:
    assert words(rich(section(text("write &amp; here")), text="write &amp;amp; here")) == "write &amp; here"
    assert words({"text": "write &amp;amp; here &lt;b&gt;"}) == "write &amp; here <b>"


def test_a_list_or_code_with_a_border_is_a_quote() -> None:
    """Slack draws the bar of a quote beside it."""
    quote = {"type": "rich_text_quote", "elements": [text("You wrote:")]}
    items = {
        "type": "rich_text_list",
        "style": "bullet",
        "elements": [section(text("a")), section(text("b"))],
    }
    code = {"type": "rich_text_preformatted", "elements": [text("x")], "border": 1}
    message = rich(quote, {**items, "border": 1}, code, section(text("Yes")))
    assert words(message) == "> You wrote:\n> • a\n> • b\n> ```\n> x\n> ```\nYes"
    assert words(rich({**items, "border": 0})) == "• a\n• b"


def test_containers() -> None:
    message = rich(
        section(text("Two things:\n")),
        {
            "type": "rich_text_list",
            "style": "bullet",
            "elements": [section(text("one\nmore")), section(USER)],
        },
        {"type": "rich_text_list", "style": "ordered", "indent": 1, "elements": [section(text("deep"))]},
        {"type": "rich_text_list", "style": "ordered", "offset": 2, "elements": [section(text("third"))]},
        {"type": "rich_text_quote", "elements": [text("said\nso")]},
        {"type": "rich_text_preformatted", "elements": [text("x = '<tag>'\n  y")]},
        section(text("Bye")),
    )
    assert words(message).splitlines() == [
        "Two things:",
        "• one",
        "  more",
        "• @Mina K.",
        "    1. deep",
        "3. third",
        "> said",
        "> so",
        "```",
        "x = '<tag>'",
        "  y",
        "```",
        "Bye",
    ]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Hi <@U1>, <@U404|bob>, see <#C1|old-name>", "Hi @Mina K., @someone, see #billing"),
        ("<#C404|general> and <#C404>", "#general and #a channel"),
        ("<!subteam^S1> <!subteam^S9|@ops> ok", "@tier-two @someone ok"),
        ("<!here|here> <!channel> all", "here @channel all"),
        ("<!canvas^F012ABC> <!novel^X012|shown> ok", "@canvas shown ok"),
        ("<#C404|> ok", "#a channel ok"),
        ("on <!date^1777886130^{date}|May 4>", "on May 4"),
        ("<https://example.com/?a=1&amp;b=2|form>", "form (https://example.com/?a=1&b=2)"),
        ("<mailto:a@example.com|a@example.com>", "a@example.com"),
        ("<https://acme.slack.com/archives/C1/p1>", "(a private link)"),
        ("a &lt; b :wave:", "a < b :wave:"),
    ],
)
def test_text_alone(written: str, shown: str) -> None:
    assert words({"type": "message", "text": written}) == shown


@pytest.mark.parametrize(
    "message",
    [
        {"text": "// call them back"},
        {"text": "\n  \u200b//note"},
        {"text": "*//* bold"},
        {"text": "//cdn.example.com/x"},
        {"text": "<@U1> // have a look"},
        {"text": "<@U1>: // have a look"},
        {"text": "／／ full width"},
        rich(section(text("  \n")), section(text("/"), text("/", bold=True), text("split"))),
        rich(section({"type": "link", "url": "http://cdn.example.com/x", "text": "//cdn.example.com/x"})),
        rich(section(USER, text(" // for you"))),
        rich({"type": "rich_text_quote", "elements": [text("// quoted")]}),
        rich({"type": "rich_text_list", "style": "bullet", "elements": [section(text("// item"))]}),
        rich({"type": "rich_text_preformatted", "elements": [text("// code")]}),
        {"text": "  \n\u00a0// spaces, seen and not"},
        {"text": "\u2028\u3000\u2003// wide ones"},
        {"text": "\u200e\u00ad\ufeff// what nobody sees"},
        {"text": "/\u200b/ and within it"},
        {"text": "/\u2060\ufe0f/ and within it"},
        {"text": "> // quoted"},
        {"text": "<@U1>, <!here>: // for you"},
        {"text": "// caption", "files": [{"id": "F1"}]},
        rich(section(text("\u00a0// caption")), text="\u00a0// caption", files=[{"id": "F1"}, {"id": "F2"}]),
        {"text": "//", "files": [{"id": "F1"}]},
        rich(
            section(text("// written into it")), text="// written into it", edited={"user": "U1", "ts": "2.0"}
        ),
        rich(section(text("// !claim"))),
        rich(section({"type": "emoji", "name": "eyes", "unicode": "1f440"}, text(" // internal"))),
        rich(section({"type": "emoji", "name": "party_parrot"}, USER, text(" // internal"))),
        rich(section({"type": "channel", "channel_id": "C1"}, text(" // internal"))),
    ],
)
def test_a_prefix_keeps_it_in(message: dict[str, Any]) -> None:
    assert composed(message) == Note("prefix")


LOCK = {"type": "emoji", "name": "lock", "unicode": "1f512"}


@pytest.mark.parametrize("prefix", ["🔒", ":lock:", "⚠️", "⚠", ":warning:"])
def test_an_emoji_prefix_by_either_form(prefix: str) -> None:
    warning = {"type": "emoji", "name": "warning", "unicode": "26a0-fe0f"}
    emoji = LOCK if prefix in ("🔒", ":lock:") else warning
    assert composed(rich(section(emoji, text(" internal"))), prefix) == Note("prefix")
    assert composed(rich(section(text(" "), USER, emoji)), prefix) == Note("prefix")


@pytest.mark.parametrize(
    "message",
    [
        {"text": ":lock: internal"},
        {"text": "<@U1>, :lock: internal", "files": [{"id": "F1"}]},
        rich(section({"type": "emoji", "name": "lock"}, text(" internal"))),
    ],
)
def test_an_emoji_that_nobody_can_tell_from_the_prefix_keeps_it_in(message: dict[str, Any]) -> None:
    assert composed(message, "🔒") == Note("prefix")
    assert isinstance(composed(message), ReplyDraft)


def test_an_emoji_that_is_not_the_prefix_does_not() -> None:
    wave = {"type": "emoji", "name": "wave", "unicode": "1f44b"}
    assert isinstance(composed(rich(section(wave, text(" hello"))), "🔒"), ReplyDraft)
    assert isinstance(composed({"text": "hello :wave:"}, "🔒"), ReplyDraft)


@pytest.mark.parametrize("written", ["note: x", "Note: x", "NOTE:x", "ｎｏｔｅ： x"])
def test_a_prefix_in_any_letters(written: str) -> None:
    assert composed({"text": written}, "note:") == Note("prefix")


@pytest.mark.parametrize("prefix", ["*", "~~", ":", "note:", " // "])
def test_any_prefix_works(prefix: str) -> None:
    assert composed({"text": f" {prefix} internal"}, prefix) == Note("prefix")
    assert composed({"text": "for the customer"}, prefix) == ReplyDraft((Text(text="for the customer"),))


@pytest.mark.parametrize("written", ["see https://example.com", "a // b", "/ / no", "- // no"])
def test_a_prefix_elsewhere_is_no_note(written: str) -> None:
    assert words({"text": written}) == written


@pytest.mark.parametrize(
    "message",
    [
        rich(section(USER)),
        rich(section(USER, text(" ?! "), {"type": "usergroup", "usergroup_id": "S1"})),
        rich(
            section(
                USER, text(" "), {"type": "emoji", "name": "eyes"}, {"type": "channel", "channel_id": "C1"}
            )
        ),
        {"text": " <@U1> <!here> …"},
        {"text": "<@U1> :eyes:"},
        {"text": "<!subteam^S1|@tier-two> ?"},
        {"text": "<@U404>", "files": [{"id": "F1"}]},
        rich({"type": "rich_text_quote", "elements": [USER]}),
        rich(section({"type": "broadcast", "range": "channel"}, text("\u200b\n"))),
    ],
)
def test_calling_people_is_not_a_reply(message: dict[str, Any]) -> None:
    assert composed(message) == Note("mentions_only")


def test_a_mention_with_words_is_a_reply() -> None:
    assert words(rich(section(USER, text(" will call you")))) == "@Mina K. will call you"


def test_an_emoji_alone_is_a_reply() -> None:
    assert words(rich(section({"type": "emoji", "name": "+1", "unicode": "1f44d"}))) == "👍"


@pytest.mark.parametrize(
    "message", [{}, {"text": ""}, {"text": " \n\u200b\u3164"}, rich(section(text(" "))), {"blocks": "?"}]
)
def test_nothing_written(message: dict[str, Any]) -> None:
    assert composed(message) == Note("empty")


def test_files_come_along() -> None:
    files = [{"id": "F1", "name": "a.png"}, {"id": "F2", "mode": "tombstone"}]
    assert composed({"text": "", "files": files}) == ReplyDraft((), (files[0],))
    assert composed({"text": "\u200b", "files": files}) == ReplyDraft((), (files[0],))
    assert composed({"text": "here", "files": files}) == ReplyDraft((Text(text="here"),), (files[0],))


def test_what_needs_a_name() -> None:
    message = rich(
        section(USER, {"type": "channel", "channel_id": "C2"}),
        {
            "type": "rich_text_list",
            "style": "bullet",
            "elements": [section({"type": "usergroup", "usergroup_id": "S2"})],
        },
        text="<@U3|x> <#C4|y> <!subteam^S5|@z> <!here> <https://U6>",
    )
    found = mentioned(message)
    assert found.users == {"U1", "U3"}
    assert found.channels == {"C2", "C4"}
    assert found.usergroups == {"S2", "S5"}


ODD_TYPES: list[Any] = [[], {}, None, 7, "", "unheard_of"]


@pytest.mark.parametrize("kind", ODD_TYPES, ids=repr)
def test_a_part_whose_type_is_no_word_is_left_out_as_any_unknown_one(kind: Any) -> None:
    odd = {"type": kind, "user_id": "U1", "text": "odd"}
    for blocks in (
        [odd],
        [{"type": "rich_text", "elements": [section(odd)]}],
        [{"type": "rich_text", "elements": [odd]}],
    ):
        message = {"text": "hello", "blocks": blocks, "attachments": [{"blocks": blocks}]}
        mentioned(message)
        draft = composed(message)
        assert isinstance(draft, ReplyDraft)
        assert draft.left_out
