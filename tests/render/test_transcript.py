"""What was said while the channel was quiet, told once a human is wanted."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import (
    ConversationEnded,
    ConversationStarted,
    File,
    HandoffStarted,
    Image,
    Link,
    MemberJoined,
    Presence,
    Text,
    Typing,
)
from bridge.render import ConversationView
from bridge.render.invisible import is_blank
from bridge.render.transcript import transcript
from tests.render.examples import AGENT, BOT, CUSTOMER, EVENTS, SYSTEM, event, said, view
from tests.render.slack_rules import check, elements
from tests.render.strategies import EVENT, VIEW, WORDS
from tests.render.test_anything import SLOW, assert_literal
from tests.render.test_golden import GOLDEN, golden

TRANSCRIPTS: dict[str, tuple[list[Any], int]] = {
    "nothing": ([], 0),
    "nothing_of_it": ([event(Typing, author=BOT, active=True), said(BOT, Text(text=" "))], 1),
    "talk": (
        [
            event(ConversationStarted),
            said(BOT, Text(text="Hello! **How** can I help?")),
            EVENTS["text_customer"],
            said(SYSTEM, Text(text="Your chat may be recorded.")),
            said(CUSTOMER, Text(text="Look:"), Image(url="https://example.com/p.png", name="parcel.png")),
            said(
                AGENT, File(id="f-1", name="Invoice.pdf"), Link(url="https://example.com/o/1", text="Order")
            ),
            EVENTS["text_with_options"],
            event(MemberJoined, author=AGENT),
            event(Presence, author=AGENT, text="Mina has joined & says <hello>"),
            event(ConversationEnded),
        ],
        12,
    ),
    "every_part": (
        [EVENTS["carousel"], EVENTS["webview"], EVENTS["audio_with_transcript"], EVENTS["unknown_part"]],
        0,
    ),
    "hostile": ([EVENTS["text_hostile"]], 0),
    "long": ([EVENTS["text_long"], EVENTS["text_customer"]], 0),
    "handed_off_before": ([EVENTS["text_customer"], event(HandoffStarted)], 0),
}


def numbered(events: list[Any]) -> list[Any]:
    """The examples have one id: each would be a correction of the one before."""
    return [one.model_copy(update={"id": f"{number}"}) for number, one in enumerate(events)]


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_transcript(name: str) -> None:
    events, left_out = TRANSCRIPTS[name]
    golden(f"transcript/{name}", transcript(numbered(events), view(), left_out=left_out))


def test_a_correction_is_told_as_such() -> None:
    """Else it would look like one more message."""
    first, second = (said(CUSTOMER, Text(text=text)) for text in ("Order 12", "Order 21"))
    (message,) = transcript([first, second], view(), left_out=0)
    assert [line.endswith(", correction") for line in message.text.splitlines()] == [
        False,
        False,
        True,
        False,
    ]


def test_no_golden_file_is_left_over() -> None:
    assert {file.stem for file in (GOLDEN / "transcript").glob("*.json")} == set(TRANSCRIPTS)


@SLOW
@given(st.lists(EVENT, max_size=8), VIEW, st.integers(0, 3))
def test_slack_takes_every_transcript(events: list[Any], seen: ConversationView, left_out: int) -> None:
    for message in transcript(events, seen, left_out=left_out):
        check(message)
        assert_literal(message)


@SLOW
@given(
    st.lists(
        st.tuples(st.sampled_from([BOT, CUSTOMER, AGENT]), WORDS.filter(lambda words: not is_blank(words))),
        max_size=8,
    )
)
def test_nothing_is_lost_and_order_is_kept(talk: list[tuple[Any, str]]) -> None:
    shown = transcript([said(author, Text(text=words)) for author, words in talk], view(), left_out=0)
    quotes = [
        one for one in elements([message.blocks for message in shown]) if one.get("type") == "rich_text_quote"
    ]
    found = "".join(f"{one.get('text', '')}{one.get('url', '')}" for one in elements(quotes))
    assert found.split() == "".join(words for _, words in talk).split()


def test_it_is_all_folded_until_slack_refuses_that() -> None:
    (message,) = transcript(TRANSCRIPTS["every_part"][0], view(), left_out=0)
    folded, unfolded, text = message.rungs()
    assert {block["type"] for block in folded.blocks} == {"container"}
    assert all(block["default_collapsed"] for block in folded.blocks)
    assert {block["type"] for block in unfolded.blocks} == {"rich_text"}
    assert "Product A" in text.text


def test_customers_without_a_name_have_a_short_one() -> None:
    unknown = said(CUSTOMER.model_copy(update={"name": None}), Text(text="hello"))
    (message,) = transcript([unknown], view(customer=None), left_out=0)
    assert re.match("Customer [0-9A-Z]{4}, ", message.text)
