"""Deep, wide and long texts: every word is shown, and the work that they cause has a bound."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.model import Author, File, Image, Link, Message, Role, Text, UnknownPart
from bridge.render import SlackMessage, limits, markdown, render
from tests.render.examples import AGENT, BOT, CUSTOMER, SYSTEM, said, view
from tests.render.slack_rules import check, elements
from tests.render.test_anything import shown
from tests.render.words import in_blocks, in_text, messages

WIDE = "|a" * 200 + "|\n" + "|-" * 200 + "|\n" + "|\n" * 1600


@pytest.mark.parametrize(
    "words",
    [
        "*" * 659 + "a" + "*" * 659,
        "_" * 659 + "a" + "_" * 659,
        "*a **b " * 1200 + "c** d* " * 1200,
        "一**" * 6000,
        "> " * 9000 + "a",
        "- " * 9000 + "a",
        "[" * 9000 + "a" + "]" * 9000,
        "![" * 9000 + "a",
        "\\" * 19_000 + "a",
    ],
    ids=lambda words: words[:6],
)
def test_depth_loses_no_word(words: str) -> None:
    for message in render(said(BOT, Text(text=f"before\n\n{words}\n\nafter")), view()):
        check(message)
    found = shown(said(BOT, Text(text=f"before\n\n{words}\n\nafter")))
    assert found.startswith("before")
    assert found.endswith("after")
    letters = [one for one in words if one.isalpha()]
    assert [one for one in found[len("before") : -len("after")] if one.isalpha()] == letters


def test_a_run_of_659_stars_is_shown_as_it_was_written() -> None:
    words = "*" * 659 + "a" + "*" * 659
    assert shown(said(BOT, Text(text=words))) == words


def test_the_cells_of_tables_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row is filled up to the width of the header: 4 kB may have hundreds of thousands of cells."""
    cells = 0

    def counted(*given: Any, **style: Any) -> Any:
        nonlocal cells
        cells += 1
        return words_of(*given, **style)

    words_of = markdown._words
    monkeypatch.setattr(markdown, "_words", counted)
    for words in (WIDE, "\n\n".join([WIDE[:1200]] * 15), "|a|\n|-|\n" + "|b|\n" * 4000):
        cells = 0
        assert shown(said(BOT, Text(text=words))).count("a") == words.count("a")
        assert cells <= limits.TABLE_CELLS


def test_a_wide_table_is_shown_as_it_was_written() -> None:
    assert "".join(shown(said(BOT, Text(text=WIDE))).split()) == "".join(WIDE.split())


@pytest.mark.parametrize("times", [30, 800, 2500, 12_000])
@pytest.mark.parametrize("author", [BOT, CUSTOMER], ids=["ai", "customer"])
def test_a_picture_in_the_text_is_a_picture_at_any_length(times: int, author: Author) -> None:
    data = "data:image/png;base64," + "iVBORw0KGgoAAAANSUhEUgAA" * times
    words = f"Your **chart**:\n\n![chart]({data})\n\nAnything **else**?"
    (message,) = messages(said(author, Text(text=words)))
    check(message)
    assert "chart (a picture)" in message.text
    assert "iVBOR" not in json.dumps(message.blocks)
    styled = [one["text"] for one in elements(list(message.blocks)) if one.get("style") == {"bold": True}]
    assert styled == (["chart", "else"] if author is BOT else [])


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("{}", "(a picture)"),
        ("see {}, ok", "see (a picture), ok"),
        ('<img src="{}" alt="x">', '<img src="(a picture)" alt="x">'),
        ("[chart]({})", "chart (a picture)"),
        ('![chart](<{}> "Sales")', "chart (a picture)"),
        ("![]({})", "(a picture)"),
    ],
)
@pytest.mark.parametrize("author", [BOT, CUSTOMER], ids=["ai", "customer"])
def test_a_picture_wherever_it_is_written(written: str, words: str, author: Author) -> None:
    text = written.format("data:image/png;base64," + "iVBORw0KGgo=" * 3000)
    assert shown(said(author, Text(text=text))) == words


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("data:audio/ogg;codecs=opus;base64,AAAA", "(a recording)"),
        ("data:video/mp4;base64,AAAA", "(a video)"),
        ("data:application/pdf;base64,AAAA", "(a file)"),
        ("DATA:IMAGE/PNG;BASE64,AAAA", "(a picture)"),
        ("Data:Image/PNG;Base64,AAAA", "(a picture)"),
        ("看data:image/png;base64,AAAA。谢谢", "看(a picture)。谢谢"),
        ("그림은 data:image/png;base64,AAAA입니다", "그림은 (a picture)입니다"),
        ("data:image/svg+xml;charset=utf-8,%3Csvg%20/%3E", "(a picture)"),
        ("the data: 5, 6", "the data: 5, 6"),
        ("data:text/plain,Hello", "data:text/plain,Hello"),
    ],
)
def test_what_a_data_uri_holds_is_named(data: str, words: str) -> None:
    for author in (BOT, CUSTOMER):
        assert shown(said(author, Text(text=data))) == words


def test_a_picture_as_a_part() -> None:
    data = "data:image/png;base64," + "iVBORw0KGgo=" * 3000
    for part in (
        Image(url=data),
        Link(url=data, text="chart"),
        UnknownPart(type="image", data={"url": data}),
    ):
        event = said(BOT, part)
        for message in messages(event):
            check(message)
        assert "(a picture)" in in_text(event)
        assert "iVBOR" not in json.dumps(in_blocks(event))


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "(0 bytes)"),
        (1023, "(1023 bytes)"),
        (102_400, "(100 KB)"),
        (5 * 1024**4, "(5 TB)"),
        (10**400, f"({10**400} bytes)"),
    ],
)
def test_a_size_has_no_largest(size: int, words: str) -> None:
    (shown,) = render(said(CUSTOMER, File(id="f", name="a.pdf", size=size)), view())
    check(shown)
    assert words in in_text(said(CUSTOMER, File(name="a.pdf", size=size)))


@pytest.mark.parametrize("author", [CUSTOMER, BOT, AGENT, SYSTEM], ids=lambda author: author.role)
@pytest.mark.parametrize("words", ["", "   \n ", "\u200b", "\u3164", "\u2800", "\ufe0f\u200d"], ids=ascii)
def test_an_empty_text_is_shown_as_one(words: str, author: Author) -> None:
    (message,) = messages(said(author, Text(text=words)))
    check(message)
    assert message.text == "(an empty message)"


def test_an_empty_text_beside_something_says_nothing() -> None:
    event: Message = said(BOT, Text(text=" "), Text(text="Hi"), Text(text="\u200b"))
    assert shown(event) == "Hi"
    (message,) = render(event.model_copy(update={"parts": (), "author": Author(role=Role.BOT)}), view())
    assert isinstance(message, SlackMessage)
    assert message.text == "(an empty message)"
