"""Others' words as they are made harmless: names, ids in the log, and texts that are slow to read."""

from __future__ import annotations

import json
import logging

import pytest

from bridge import logs
from bridge.model import Author, Customer, Role, Text
from bridge.render import render, username
from tests.render.examples import BOT, CUSTOMER, said, view
from tests.security.test_customers import NAMES


@pytest.mark.parametrize(
    "name", [*NAMES, "Mina（agent）", "Mina (AI agent)", "\u00ad(agent)\u115f"], ids=ascii
)
def test_nobodys_name_says_that_they_are_somebody_else(name: str) -> None:
    shown = username(Author(role=Role.CUSTOMER, name=name), Customer())
    assert shown is not None
    assert shown.endswith("(customer)") or shown == "Customer"
    assert shown.count("(") == shown.endswith("(customer)")
    assert not set("（）\u3164\u115f\u00ad\u200b\u202e\n<>") & set(shown)


@pytest.mark.parametrize(
    "words",
    [
        "http://a" + ")" * 900_000,
        ("http://" + "a" * 2_900 + "% ") * 300,
        "&" * 900_000,
        "\n" * 900_000 + "x",
        "http://a.example " * 50_000,
        "[" * 19_000,
    ],
    ids=lambda words: words[:9].encode("unicode_escape").decode(),
)
def test_no_text_is_read_for_ever(words: str) -> None:
    """Some of them were, for minutes, and nobody else was served meanwhile."""
    for author in (CUSTOMER, BOT):
        assert render(said(author, Text(text=words)), view())


EVIL = "c-1\n2026-01-01 00:00:00,000 INFO bridge: all is well\r\x1b[2J\x9b2J\u202e\u2028x"


def test_an_id_begins_no_line_of_the_log() -> None:
    """Whether it is in the words or beside them."""
    record = logging.LogRecord("bridge.web", logging.INFO, __file__, 1, "refused: %s", (EVIL,), None)
    with logs.about(id=EVIL, conversation=EVIL):
        line, told = logs.Pretty().format(record), logs.Json().format(record)
    first, *rest = line.split("\n")
    assert first.endswith("INFO bridge.web: refused: c-1")
    assert all(one.startswith("    ") for one in rest)
    for shown in (line, told):
        assert not {"\r", "\x1b", "\x9b", "\u202e", "\u2028"} & set(shown)
    assert "\n" not in told
    assert json.loads(told)["conversation"] == json.loads(told)["id"] == EVIL
