"""Whatever a vendor sends, Slack takes it, and nobody's words become anything but words."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.model import Act, Author, Control, ConversationKey, HeldChoice, HeldFor, Message, Role, Text
from bridge.render import (
    ConversationView,
    HandoffView,
    Shown,
    SlackFile,
    SlackMessage,
    alert,
    card,
    failure,
    modals,
    notice,
    question,
    render,
    status,
    username,
    without,
)
from bridge.render.alert import told
from bridge.render.fitting import fitting, weight
from bridge.render.invisible import is_blank
from tests.render.examples import AT, BOT, CUSTOMER, EVENTS, said, view
from tests.render.slack_rules import check, check_modal, elements
from tests.render.strategies import AUTHOR, EVENT, HANDOFF, MAYBE, VIEW, WORDS

SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

#: the fields whose strings Slack does not parse, in objects of these types
LITERAL = {
    ("text", "text"),
    ("link", "text"),
    ("plain_text", "text"),
    ("link", "url"),
    ("date", "fallback"),
    ("raw_text", "text"),
    ("image", "image_url"),
    ("image", "alt_text"),
    ("button", "url"),
    ("button", "value"),
}
#: the fields whose strings are ours alone
OURS = {"type", "style", "name", "format", "color", "action_id", "align"}
OURS |= {"user_id", "usergroup_id", "channel_id", "callback_id", "private_metadata", "level"}


@SLOW
@given(EVENT, VIEW)
def test_slack_takes_every_event(event: Any, seen: ConversationView) -> None:
    for message in render(event, seen):
        check(message)
        assert_literal(message)


@SLOW
@given(VIEW)
def test_slack_takes_every_card(seen: ConversationView) -> None:
    check(card(seen))
    assert_literal(card(seen))


@SLOW
@given(VIEW, HANDOFF, st.booleans())
def test_slack_takes_every_alert(seen: ConversationView, handoff: HandoffView, in_thread: bool) -> None:
    for message in (alert(seen, handoff, in_thread=in_thread), *told(handoff)):
        check(message)
        assert_literal(message)


@SLOW
@given(
    st.sampled_from(HeldFor),
    st.sets(st.sampled_from(HeldChoice), min_size=1),
    WORDS,
    MAYBE,
    MAYBE,
    MAYBE,
    st.lists(WORDS, max_size=9),
)
def test_slack_takes_every_question(
    reason: HeldFor,
    choices: set[HeldChoice],
    words: str,
    owner: str | None,
    meant: str | None,
    cannot: str | None,
    left_out: list[str],
) -> None:
    message = question(
        reason,
        choices,
        delivery=1,
        thread_ts="1.2",
        words=words,
        owner=owner,
        meant=meant,
        cannot=cannot,
        left_out=left_out,
    )
    check(message)
    assert_literal(message)


@given(WORDS, st.booleans())
def test_slack_takes_every_failure(words: str, uncertain: bool) -> None:
    message = failure(words, delivery=1, thread_ts="1.2", uncertain=uncertain)
    check(message)
    assert_literal(message)


@SLOW
@given(st.sampled_from([Act.HAND_BACK, Act.RESOLVE]), VIEW, st.lists(WORDS, max_size=3), WORDS)
def test_slack_takes_every_modal(act: Act, seen: ConversationView, warnings: list[str], words: str) -> None:
    for modal in (modals.confirm(act, {"conversation": 1}, seen, warnings), modals.refused(words)):
        check_modal(modal)
        assert_literal(SlackMessage("", (modal,)))


@given(WORDS.filter(str.strip))
def test_slack_takes_every_notice(words: str) -> None:
    check(notice(words))


@given(AUTHOR)
def test_a_name_is_one_short_line_with_its_role(author: Author) -> None:
    name = username(author)
    if author.role is Role.SYSTEM:
        assert name is None
        return
    assert name is not None
    assert len(name) <= 80
    assert not set("<>\n\u202e") & set(name)
    assert (
        name.endswith(("(customer)", "(AI agent)", "(agent)"))
        or not (author.name or "").strip()
        or "(" not in name
    )


@given(st.text(), st.integers(10, 200))
def test_fitting_loses_nothing(words: str, room: int) -> None:
    pieces = fitting(words, room)
    assert "".join(pieces) == words
    assert all(weight(piece) <= room for piece in pieces)


def test_presence_and_status() -> None:
    typing = EVENTS["typing"]
    assert status(typing) == "is typing…"  # type: ignore[arg-type]
    assert status(typing.model_copy(update={"active": False})) is None  # type: ignore[arg-type]


def test_many_small_parts_share_messages() -> None:
    parts = tuple(Text(text=f"line {number}") for number in range(120))
    key = ConversationKey(source="acme", id="c-1")
    event = Message(id="e", conversation=key, at=AT, author=Author(role=Role.BOT), parts=parts)
    found = render(event, view(control=Control.HUMAN))
    messages = [message for message in found if isinstance(message, SlackMessage)]
    assert [len(message.blocks) for message in messages] == [50, 50, 20]
    assert "\n".join(message.text for message in messages).split("\n") == [part.text for part in parts]


@given(WORDS.filter(lambda words: not is_blank(words)))
def test_a_customers_words_stay_as_they_are(words: str) -> None:
    found = shown(said(CUSTOMER, Text(text=words)))
    assert found == words or (len(words) > 500 and found.split() == words.split())


MARKS = st.sampled_from(
    [
        "*",
        "**",
        "_",
        "`",
        "~~",
        "[",
        "](",
        ")",
        "![",
        "\n",
        "\n\n",
        "- ",
        "  - ",
        "> ",
        "# ",
        "1. ",
        "\n```\n",
        "<b>",
        " ",
    ]
)


@given(st.lists(MARKS, max_size=40))
def test_markdown_loses_no_word(marks: list[str]) -> None:
    words = "".join(f"{mark}w{number}w" for number, mark in enumerate(marks)) + "\nend"
    found = re.findall(r"w\d+w|end", shown(said(BOT, Text(text=words))))
    assert found == re.findall(r"w\d+w|end", words)


@given(st.lists(st.text(st.sampled_from("ab &<\n"), max_size=900), max_size=12))
def test_splitting_loses_no_word(paragraphs: list[str]) -> None:
    words = "\n\n".join(f"p{number} {one}" for number, one in enumerate(paragraphs)) + " end"
    for author in (BOT, CUSTOMER):
        assert "".join(shown(said(author, Text(text=words))).split()) == "".join(words.split())


def test_spaces_between_styles_outlive_a_split() -> None:
    words = " ".join(["**bold** *italic*"] * 800)
    assert shown(said(BOT, Text(text=words))) == words.replace("*", "")


def shown(event: Message) -> str:
    """All words of the first rungs, in order, as Slack shows them."""
    messages = [message for message in render(event, view()) if isinstance(message, SlackMessage)]
    found = elements([block for message in messages for block in message.blocks])
    kinds = ("text", "link")
    return "".join(f"{one.get('text', '')}{one.get('url', '')}" for one in found if one.get("type") in kinds)


def assert_literal(message: Shown) -> None:
    if isinstance(message, SlackFile):
        assert_literal(SlackMessage("", message.caption))
        assert_literal(message.instead)
        assert_literal(without(message, "it is larger than 20 MB"))
        return
    for rung in message.rungs():
        for element in elements([*rung.blocks, *rung.attachments]):
            for key, value in element.items():
                assert not isinstance(value, str) or key in OURS or (element["type"], key) in LITERAL
