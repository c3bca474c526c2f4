"""An echo is known however the vendor writes it down; other words are other words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from bridge.engine.echo import digest, digests, was_handed_over_from
from bridge.model import Author, ConversationKey, HandoffStarted, Message, Quote, Reply, Role, Text

KEY = ConversationKey(source="acme-ada", id="c")
AT = datetime(2026, 11, 1, tzinfo=UTC)

CHANGED = {
    "variation selector": ("All done ✔️ thanks", "All done ✔ thanks"),
    "entities": ("It's Fish & Chips <3", "It&#x27;s Fish &amp; Chips &lt;3"),
    "named entities": ("“3 > 2”", "&ldquo;3 &gt; 2&rdquo;"),
    "NFC": ("Cafe\u0301 open", "Caf\u00e9 open"),
    "compatibility forms": ("ﬁve ½", "five ½"),
    "quotes": ("It's on its way", "It’s on its way"),
    "spaces": ("Two\u00a0\u00a0spaces", "Two  spaces"),
    "lines": ("one\n\ntwo", "one two"),
    "an entity that was typed": (
        "Write &amp; for it, &lt;b&gt;",
        "Write &amp;amp; for it, &amp;lt;b&amp;gt;",
    ),
    "a number as an entity": ("Write &#38;lt;", "Write &amp;#38;lt;"),
    "unseen before a mark": ("Cafe\u200b\u0301", "Caf\u00e9"),
    "unseen": ("zero\u200bwidth\ufeff", "zerowidth"),
}


def said(text: str, name: str) -> str | None:
    message = Message(
        id="m", conversation=KEY, at=AT, author=Author(role=Role.AGENT, name=name), parts=(Text(text=text),)
    )
    return digest(message, tells_humans_apart=True)


def sent(text: str, name: str) -> str:
    author = Author(role=Role.AGENT, name=name)
    reply = Reply(id="r", conversation=KEY, author=author, parts=(Text(text=text),), at=AT)
    return digests(reply)[0]


@pytest.mark.parametrize("case", CHANGED)
def test_it_is_known_both_ways(case: str) -> None:
    one, other = CHANGED[case]
    assert sent(one, "Mina O'Hara") == said(other, "Mina O&#39;Hara")
    assert sent(other, "Mina") == said(one, "Mina")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Yes", "yes"),
        ("Order 12", "Order 1 2"),
        ("10 &lt; 20", "10 > 20"),
        ("👍", "👍🏽"),
        ("naïve", "naive"),
    ],
)
def test_other_words_are_no_echo(one: str, other: str) -> None:
    assert sent(one, "Mina") != said(other, "Mina")
    assert sent(one, "Mina") != said(one, "Jo")


HELLO, COLOUR, SIZE, PERSON = "Hello!", "Which colour?", "Which size is it?", "I’ll get a person…"
QUOTED = (HELLO, SIZE, PERSON)


@pytest.mark.parametrize(
    ("answers", "is_of_it"),
    [
        ([HELLO, SIZE, PERSON], True),
        ([HELLO, SIZE, "I'll get a person..."], True),
        ([SIZE, PERSON], True),  # the bridge has not heard the beginning
        ([PERSON], True),
        ([HELLO, SIZE, "Hello, Mina here", PERSON], True),  # told back from the handoff before
        ([f"{HELLO}\0{SIZE}", PERSON], True),  # one message of two parts
        ([HELLO, "Where is it?", PERSON], False),  # another customer who asked for a person
        ([HELLO, PERSON], False),
        ([HELLO, SIZE], False),
        ([], False),
    ],
)
def test_the_quoted_answers_tell_from_which_conversation_was_handed_over(
    answers: list[str], is_of_it: bool
) -> None:
    assert handed_over(QUOTED, answers) is is_of_it


@pytest.mark.parametrize(
    ("answers", "is_of_it"),
    [
        ([HELLO, COLOUR, PERSON], True),
        ([COLOUR, PERSON], True),
        ([HELLO, PERSON], False),  # another customer who asked for a person at once
        ([HELLO, COLOUR, "Where is it?", PERSON], False),
        ([HELLO, "Where is it?", COLOUR, PERSON], False),
    ],
)
def test_an_answer_whose_webhook_was_lost_may_be_missing(answers: list[str], is_of_it: bool) -> None:
    assert handed_over((HELLO, COLOUR, SIZE, PERSON), answers) is is_of_it


def handed_over(quoted: Sequence[str], answers: Sequence[str]) -> bool:
    context = tuple(Quote(role=Role.BOT, text=text) for text in quoted)
    start = HandoffStarted(id="s", conversation=KEY, at=AT, context=context)
    events = [
        Message(
            id=str(number),
            conversation=KEY,
            at=AT - timedelta(seconds=10 * number + 10),
            author=Author(role=Role.BOT),
            parts=tuple(Text(text=text) for text in answer.split("\0")),
        )
        for number, answer in enumerate(reversed(answers))
    ]
    return was_handed_over_from(start, events)
