"""What becomes one message, and what does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bridge.model import (
    AnyEvent,
    AnyPart,
    Author,
    ConversationKey,
    Image,
    MemberJoined,
    Message,
    Options,
    Role,
    Text,
)
from bridge.slack.bursts import LENGTH, MOST, gathered

LENA, AI = Author(role=Role.CUSTOMER, name="Lena"), Author(role=Role.BOT, name="AI")


def said(text: str, author: Author = LENA, *parts: AnyPart) -> Message:
    return event(Message, author=author, parts=parts or (Text(text=text),))


def event(kind: type[Any], **more: Any) -> Any:
    key = ConversationKey(source="acme-ada", id="c")
    return kind(id="e", conversation=key, at=datetime(2026, 11, 1, tzinfo=UTC), **more)


def told(first: Message, *following: AnyEvent) -> tuple[list[str], tuple[int, ...]]:
    message, covered = gathered(first, enumerate(following, 2))
    return [part.text for part in message.parts if isinstance(part, Text)], covered


def test_a_burst_of_one_author_is_one_message_in_its_order() -> None:
    assert told(said("1"), said("2"), said("3")) == (["1", "2", "3"], (2, 3))


def test_another_author_ends_it() -> None:
    assert told(said("1"), said("2"), said("hello", AI), said("3")) == (["1", "2"], (2,))


def test_whatever_is_no_words_ends_it_and_stays_where_it_was() -> None:
    for other in (
        said("", LENA, Image(url="https://example.com/a.png")),
        said("", LENA, Text(text="x"), Options(options=())),
        said("", LENA, Text(text="branch", label="1")),
        event(MemberJoined, author=LENA),
    ):
        assert told(said("1"), other, said("3")) == (["1"], ())
        if isinstance(other, Message):
            assert gathered(other, [(2, said("3"))]) == (other, ())


def test_it_fits_into_one_message() -> None:
    long = "x" * (LENGTH // 2)
    assert told(said(long), said(long[:-1]), said("and more"))[1] == (2,)
    texts, covered = told(said("0"), *(said(str(number)) for number in range(1, 50)))
    assert (len(texts), len(covered)) == (MOST, MOST - 1)
