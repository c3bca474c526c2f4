"""A part of a message that no customer gets is named, never dropped; tables go out as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.compose import (
    Command,
    Draft,
    Mentions,
    Names,
    Note,
    ReplyDraft,
    Unsendable,
    command,
    compose,
    mentioned,
)
from bridge.model import Text

NAMES = Names(users={"U1": "Mina K."})
FILE = {"id": "F1", "name": "a.pdf"}
FORWARD = {
    "id": 1,
    "ts": "1700000000.000100",
    "channel_id": "C0LEADS",
    "channel_name": "support-leads",
    "is_msg_unfurl": True,
    "is_share": True,
    "author_name": "Lee Novak",
    "text": "Refund approved: 84.20 EUR",
    "fallback": "lee: Refund approved: 84.20 EUR",
    "from_url": "https://acme.slack.com/archives/C0LEADS/p1700000000000100",
    "footer": "Posted in #support-leads",
    "message_blocks": [{"message": {"blocks": []}}],
}
FORWARDED = Unsendable("forwarded_message", "a forwarded message from #support-leads")
GIF = {"type": "image", "image_url": "https://media.giphy.example/dance.gif", "alt_text": "dance"}
CANVAS = {"type": "canvas", "file_id": "F9", "label": "Prices"}
UNFURL = {
    "id": 1,
    "from_url": "https://shop.example/mug",
    "title": "A mug",
    "text": "Blue",
    "service_name": "Shop",
}


def raw(words: str) -> dict[str, Any]:
    return {"type": "raw_text", "text": words}


def text(words: str, **style: bool) -> dict[str, Any]:
    return {"type": "text", "text": words, **({"style": style} if style else {})}


def rich(*elements: dict[str, Any]) -> dict[str, Any]:
    section = {"type": "rich_text_section", "elements": list(elements)}
    return {"type": "rich_text", "elements": [section]}


def table(*rows: Sequence[Any], **more: Any) -> dict[str, Any]:
    return {"type": "table", "rows": list(rows), **more}


PRICES = table([raw("Plan"), raw("Price")], [raw("Basic"), raw("9 EUR")])
PASTED = {"id": 1, "blocks": [PRICES], "fallback": "[no preview available]"}


def composed(*blocks: dict[str, Any], words: str = "", **more: Any) -> Draft:
    message: dict[str, Any] = {"text": words, **more}
    if words or blocks:
        message["blocks"] = [*([rich(text(words))] if words else []), *blocks]
    return compose(message, NAMES, note_prefix="//")


def reply(words: str, *left_out: Unsendable, **more: Any) -> ReplyDraft:
    return ReplyDraft((Text(text=words),) if words else (), left_out=left_out, **more)


# ── tables ───────────────────────────────────────────────────────────────────────────────────────


def test_a_pasted_table_goes_out_below_the_words() -> None:
    rows = "Plan | Price\nBasic | 9 EUR"
    assert composed(words="Our prices:", attachments=[PASTED]) == reply(f"Our prices:\n{rows}")
    assert composed(PRICES, words="Our prices:") == reply(f"Our prices:\n{rows}")
    assert composed(attachments=[PASTED]) == reply(rows)
    assert composed(PRICES, rich(text("Choose!")), words="Ours:") == reply(f"Ours:\n{rows}\nChoose!")
    assert composed(PRICES, attachments=[PASTED]) == reply(f"{rows}\n{rows}")


def test_the_cells_of_a_table() -> None:
    user = {"type": "user", "user_id": "U1"}
    link = {"type": "link", "url": "https://acme.slack.com/archives/C1/p1"}
    rows: list[list[Any]] = [
        [raw("Store"), raw("Opens"), raw("")],
        [rich(text("Oslo ", bold=True), text("old", strike=True)), raw("09:00\nor later")],
        [raw(""), {"type": "raw_number", "value": 0}, raw("")],
        [raw(""), raw(""), raw("")],
        [rich(user), {"type": "raw_number", "value": 9.5, "text": "9.50"}, None],
        [rich(link), {}],
    ]
    data = {**table(*rows), "type": "data_table", "caption": "Our stores"}
    assert composed(data) == reply(
        "Our stores\nStore | Opens\nOslo ~old~ | 09:00 or later\n | 0\n@Mina K. | 9.50\n(a private link) |"
    )


def test_every_row_of_a_long_table_goes_out() -> None:
    rows = [[raw(f"{row}.{cell}") for cell in range(20)] for row in range(100)]
    draft = composed(table(*rows))
    assert isinstance(draft, ReplyDraft) and isinstance(draft.parts[0], Text)
    lines = [" | ".join(f"{row}.{cell}" for cell in range(20)) for row in range(100)]
    assert draft.parts[0].text == "\n".join(lines)


def test_what_of_a_table_cannot_go_out_is_named() -> None:
    action = {"type": "action_button", "text": "Buy"}
    canvas = Unsendable("canvas", "a canvas (Prices)")
    assert composed(table([raw("a"), rich(text("b "), CANVAS)])) == reply("a | b", canvas)
    assert composed(table([raw("a"), action])) == reply(
        "a", Unsendable("action_button", "a cell of type “action_button”")
    )
    for odd in ({"type": "table"}, {"type": "table", "rows": ["x"]}, {"type": "table", "rows": {}}):
        assert composed(odd, words="hi") == reply("hi", Unsendable("table", "a table"))


def test_ids_in_a_table_get_their_names() -> None:
    cell = rich({"type": "user", "user_id": "U1"}, {"type": "channel", "channel_id": "C1"})
    found = mentioned(
        {
            "blocks": [table([cell])],
            "attachments": [{"blocks": [table([rich({"type": "user", "user_id": "U2"})])]}],
        }
    )
    assert (found.users, found.channels) == (frozenset({"U1", "U2"}), frozenset({"C1"}))


# ── what stays in ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("attachment", "left_out"),
    [
        (FORWARD, FORWARDED),
        ({**FORWARD, "channel_name": None}, FORWARDED),
        ({"is_share": True, "text": "x"}, Unsendable("forwarded_message", "a forwarded message")),
        ({**FORWARD, "is_share": None}, FORWARDED),  # there is no link to it in the words
        ({**FORWARD, "is_msg_unfurl": None}, FORWARDED),
        ({"is_share": True, "files": [FILE]}, Unsendable("forwarded_message", "a forwarded message")),
        ({"image_url": "https://x.example/a.gif", "title": "dance"}, Unsendable("image", "an image (dance)")),
        ({"blocks": [GIF]}, Unsendable("image", "an image (dance)")),
        ({"text": "an app's words", "title": "Deal"}, Unsendable("attachment", "an attachment (Deal)")),
        ({"fallback": "x"}, Unsendable("attachment", "an attachment (x)")),
        ({}, Unsendable("attachment", "an attachment")),
        ({"from_url": "https://shop.example", "text": "x"}, Unsendable("attachment", "an attachment")),
    ],
)
def test_attachments(attachment: dict[str, Any], left_out: Unsendable) -> None:
    assert composed(words="see below", attachments=[attachment]) == reply("see below", left_out)
    assert composed(attachments=[attachment]) == reply("", left_out)
    assert composed(attachments=[attachment], files=[FILE]) == reply("", left_out, files=(FILE,))


@pytest.mark.parametrize(
    ("block", "left_out"),
    [
        (GIF, Unsendable("image", "an image (dance)")),
        (
            {**GIF, "title": {"type": "plain_text", "text": "Dance!"}},
            Unsendable("image", "an image (Dance!)"),
        ),
        ({"type": "video", "title": {"text": "How to"}}, Unsendable("video", "a video (How to)")),
        ({"type": "file", "external_id": "x"}, Unsendable("file", "a file that is not kept in Slack")),
        ({"type": "context", "elements": []}, Unsendable("context", "small print")),
        ({"type": "actions", "elements": []}, Unsendable("actions", "buttons")),
        ({"type": "hologram"}, Unsendable("hologram", "a block of type “hologram”")),
        ({"no": "type"}, Unsendable("unknown", "a block of type “unknown”")),
        (rich(CANVAS), Unsendable("canvas", "a canvas (Prices)")),
        (rich({"type": "workflow_mention"}), Unsendable("workflow_mention", "a workflow")),
        (
            rich({"type": "hologram", "fallback": "newer"}),
            Unsendable("hologram", "an element of type “hologram” (newer)"),
        ),
        (
            {"type": "rich_text", "elements": [{"type": "rich_text_new", "elements": [text("x")]}]},
            Unsendable("rich_text_new", "formatted text of type “rich_text_new”"),
        ),
    ],
)
def test_blocks_and_elements(block: dict[str, Any], left_out: Unsendable) -> None:
    assert composed(block, words="see below") == reply("see below", left_out)
    assert composed(block, words="") == reply("", left_out)
    # Slack does not show `text` beside blocks: it is no words of theirs
    assert compose({"text": "a fallback", "blocks": [block]}, NAMES, note_prefix="//") == reply("", left_out)


def test_other_blocks_with_words_go_out_once() -> None:
    section = {
        "type": "section",
        "text": {"type": "mrkdwn", "text": "Hi <@U1>, ~5~ 4"},
        "fields": [{"type": "plain_text", "text": "<b>"}],
        "accessory": GIF,
    }
    header = {"type": "header", "text": {"type": "plain_text", "text": "News"}}
    blocks = [header, {"type": "divider"}, section, {"type": "markdown", "text": "**so**"}]
    assert compose({"text": "fallback", "blocks": blocks}, NAMES, note_prefix="//") == reply(
        "News\nHi @Mina K., ~5~ 4\n<b>\n**so**", Unsendable("image", "an image (dance)")
    )


@pytest.mark.parametrize(
    ("words", "attachment"),
    [
        ("see <https://shop.example/mug>", UNFURL),
        ("see <https://shop.example/mug>", {"is_app_unfurl": True, "blocks": [GIF]}),
        (
            "see <https://shop.example/mug>",
            {
                **UNFURL,
                "from_url": None,
                "original_url": "https://shop.example/mug",
                "image_url": "https://x",
            },
        ),
        (
            "see <https://acme.slack.com/archives/C0LEADS/p1700000000000100>",
            {**FORWARD, "is_share": None},
        ),
    ],
)
def test_the_preview_of_a_link_holds_nothing(words: str, attachment: dict[str, Any]) -> None:
    draft = compose({"text": words, "attachments": [attachment]}, NAMES, note_prefix="//")
    assert isinstance(draft, ReplyDraft) and draft.left_out == ()
    link = {"type": "link", "url": words.split("<")[1].rstrip(">")}
    blocks = [rich(text("see "), link)]
    assert (
        compose({"text": "", "blocks": blocks, "attachments": [attachment]}, NAMES, note_prefix="//") == draft
    )


@pytest.mark.parametrize("edited", [None, {"user": "U1", "ts": "2.0"}], ids=["new", "edited"])
@pytest.mark.parametrize("address", ["from_url", "original_url"])
def test_a_gif_beside_a_link_is_not_its_preview(address: str, edited: dict[str, str] | None) -> None:
    gif = {address: "https://giphy.example/dance", "image_url": GIF["image_url"], "title": "dance"}
    dance = Unsendable("image", "an image (dance)")
    words = "see <https://shop.example/mug>"
    draft = compose({"text": words, "attachments": [UNFURL, gif], "edited": edited}, NAMES, note_prefix="//")
    assert draft == reply("see https://shop.example/mug", dance)
    words = "see <https://www.giphy.example/dance/?a=1&amp;b=2|it>"
    gif[address] = "https://giphy.example/dance/?a=1&b=2"
    draft = compose({"text": words, "attachments": [gif], "edited": edited}, NAMES, note_prefix="//")
    assert isinstance(draft, ReplyDraft) and draft.left_out == ()


def test_a_preview_may_outlive_its_link() -> None:
    edited = {"user": "U1", "ts": "2.0"}
    assert composed(words="no, the lamp", attachments=[UNFURL], edited=edited) == reply("no, the lamp")
    assert composed(words="hi", attachments=[FORWARD], edited=edited) == reply("hi", FORWARDED)
    assert composed(words="hi", attachments=[{"blocks": [GIF]}], edited=edited) == reply(
        "hi", Unsendable("image", "an image (dance)")
    )


def test_a_forwarded_message_beside_a_link_is_still_one() -> None:
    words = "see <https://acme.slack.com/archives/C0LEADS/p1700000000000100>"
    draft = compose({"text": words, "attachments": [FORWARD]}, NAMES, note_prefix="//")
    assert draft == reply("see (a private link)", FORWARDED)
    other = "see <https://acme.slack.com/archives/C0VIP/p1>"
    draft = compose({"text": other, "attachments": [{**FORWARD, "is_share": None}]}, NAMES, note_prefix="//")
    assert draft == reply("see (a private link)", FORWARDED)


KNOWN = (
    *("rich_text", "section", "header", "markdown", "divider", "table", "data_table"),
    *("text", "link", "user", "usergroup", "channel", "broadcast", "team", "emoji", "date", "color"),
    *("rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"),
    *("raw_text", "raw_number"),
)


@given(st.text(max_size=90).filter(lambda kind: kind not in KNOWN) | st.none() | st.integers())
def test_no_unknown_type_is_dropped_wherever_it_is(kind: Any) -> None:
    odd = {"type": kind, "elements": []}
    item = {"type": "rich_text_list", "style": "bullet", "elements": [odd]}
    for message in (
        {"blocks": [odd]},
        {"blocks": [rich(odd)]},
        {"blocks": [{"type": "rich_text", "elements": [odd]}]},
        {"blocks": [{"type": "rich_text", "elements": [item]}]},
        {"blocks": [table([odd])]},
        {"blocks": [table([rich(odd)])]},
        {"attachments": [{"blocks": [odd]}]},
    ):
        draft = compose({"text": "", **message}, NAMES, note_prefix="//")
        assert isinstance(draft, ReplyDraft)
        (left_out,) = draft.left_out
        assert draft.parts == ()  # not even the bullet of a list
        assert left_out.kind and not set(left_out.kind) & set(" \n\t") and left_out.label


# ── notes and commands ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "more", [{"attachments": [FORWARD]}, {"attachments": [PASTED]}, {"attachments": [UNFURL]}]
)
@pytest.mark.parametrize("words", ["// for you", "!note for you"])
def test_a_note_is_never_asked_about(words: str, more: dict[str, Any]) -> None:
    assert isinstance(composed(words=words, **more), Note)


def test_what_may_begin_a_note_does_so_in_whatever_it_stands() -> None:
    assert composed(GIF, rich(text("// internal"))) == Note("prefix")
    assert composed(PRICES, rich(text("// internal"))) == Note("prefix")
    assert composed(table([raw("// internal"), raw("x")])) == Note("prefix")
    assert compose({"text": "// x", "blocks": [GIF]}, NAMES, note_prefix="//") == Note("prefix")
    new = {"type": "rich_text", "elements": [{"type": "rich_text_new", "elements": [text("// x")]}]}
    assert composed(new) == Note("prefix")


def test_a_command_beside_a_forwarded_message_is_one() -> None:
    assert command({"text": "!claim", "attachments": [FORWARD]}) == Command("claim")
    assert composed(words="!claim", attachments=[FORWARD]) == Note("command")
    assert composed(words="!claim", attachments=[PASTED]) == Note("unclear")  # as with a file


def test_what_is_for_colleagues_stays_in() -> None:
    user = rich({"type": "user", "user_id": "U1"})
    assert composed(user, attachments=[FORWARD]) == Note("mentions_only")


@pytest.mark.parametrize("odd", [1, "x", [1], {"a": 1}, [[]], [None], [{"blocks": "x"}], [{"blocks": [1]}]])
def test_no_shape_of_attachments_is_an_error(odd: Any) -> None:
    assert isinstance(composed(words="hi", attachments=odd), ReplyDraft)


@pytest.mark.parametrize("kind", [{}, [], {"type": "user"}, 1], ids=str)
def test_a_block_whose_type_is_no_text_is_left_out(kind: Any) -> None:
    blocks = [rich(text("see")), {"type": kind}]
    message = {"text": "", "blocks": blocks, "attachments": [{"blocks": [{"type": kind}]}]}
    assert mentioned(message) == Mentions()
    unknown = Unsendable("unknown", "a block of type “unknown”")
    assert compose(message, NAMES, note_prefix="//") == reply("see", unknown, unknown)
