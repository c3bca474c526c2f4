"""Which of the messages that a vendor's history tells a webhook has told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bridge.engine.known import SAME, same, unknown
from bridge.model import (
    AnyEvent,
    Author,
    ConversationKey,
    File,
    HandoffEnded,
    Image,
    Link,
    Message,
    Presence,
    Role,
    Text,
)
from bridge.slack.bursts import gathered

KEY = ConversationKey(source="acme-ada", id="c")
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def said(id: str, text: str = "ok", after: float = 0.0, role: Role = Role.CUSTOMER) -> Message:
    when = NOON + timedelta(seconds=after)
    parts = (Text(text=text),)
    return Message(id=id, conversation=KEY, at=when, author=Author(role=role), parts=parts)


def test_by_its_id_whatever_else_it_says() -> None:
    assert unknown([said("1"), said("2")], [said("2", "other words", 900)]) == [said("1")]


def test_by_side_words_and_time() -> None:
    known = [said("a", "where is it?"), said("b", "ok", 10)]
    told = [said("1", "where  is it? ", SAME), said("2", "ok", 10 - SAME)]

    assert unknown(told, known) == []
    assert [same(*pair) for pair in zip(told, known, strict=True)] == [True, True]


@pytest.mark.parametrize(
    "other",
    [
        said("1", "okay"),
        said("1", role=Role.BOT),
        said("1", after=SAME + 1),
        Presence(id="1", conversation=KEY, at=NOON, author=Author(role=Role.AGENT), text="ok"),
        HandoffEnded(id="1", conversation=KEY, at=NOON),
        said("1").model_copy(update={"parts": (Text(text="ok"), Image(url="https://example.org/a.png"))}),
    ],
    ids=lambda event: event.kind,
)
def test_another_message_is_told(other: AnyEvent) -> None:
    assert unknown([other], [said("a")]) == [other]
    assert not same(other, said("a"))


def test_each_known_one_stands_for_one() -> None:
    assert unknown([said("1"), said("2", after=1)], [said("a")]) == [said("2", after=1)]
    assert unknown([said("1"), said("2", after=1)], [said("a"), said("1")]) == []


def test_a_file_is_known_by_its_name_and_a_link_by_its_address() -> None:
    parts = (File(url="https://example.org/a?signature=1", name="a.pdf"),)
    again = (File(url="https://example.org/a?signature=2", name="a.pdf"),)
    link = (Link(url="https://example.org/a"),)
    files, links = said("a").model_copy(update={"parts": parts}), said("a").model_copy(update={"parts": link})

    assert same(files, said("1").model_copy(update={"parts": again}))
    assert not same(files, links)


def test_a_notice_is_known_by_its_words() -> None:
    joined = Presence(id="1", conversation=KEY, at=NOON, author=Author(role=Role.AGENT), text="Mina joined")
    again = joined.model_copy(update={"id": "2", "author": Author(role=Role.BOT)})

    assert same(joined, again)
    assert not same(joined, joined.model_copy(update={"text": "Mina left"}))


def test_what_is_told_late_stands_alone() -> None:
    """Each says when it was said."""
    first, second = said("1", "one"), said("2", "two")
    late = [one.model_copy(update={"late": True}) for one in (first, second)]

    assert gathered(first, [(7, second)])[1] == (7,)
    for pair in ((late[0], second), (first, late[1]), (late[0], late[1])):
        assert gathered(pair[0], [(7, pair[1])]) == (pair[0], ())
