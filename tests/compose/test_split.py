from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.compose import split_text

TEXT = st.text(st.sampled_from("ab \n`é🎉"), max_size=300) | st.text(max_size=300)


@given(TEXT, st.integers(1, 80))
def test_nothing_is_lost_added_or_too_long(text: str, limit: int) -> None:
    pieces = split_text(text, limit)
    assert "".join(pieces) == text
    assert all(0 < len(piece) <= limit for piece in pieces)


@given(TEXT)
def test_what_fits_is_not_cut(text: str) -> None:
    assert split_text(text, 300) == ((text,) if text else ())


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("one two\n\nthree four\nfive", ("one two\n\n", "three four\n", "five")),
        ("one two three four", ("one two ", "three four")),
        ("one\ntwo three", ("one\n", "two three")),
        ("abcdefghijklmnopqrstuvwxyz", ("abcdefghijkl", "mnopqrstuvwx", "yz")),
    ],
)
def test_bounds(text: str, pieces: tuple[str, ...]) -> None:
    assert split_text(text, 12) == pieces


def test_a_code_fence_is_not_cut_where_there_is_another_place() -> None:
    fence = "```\nx = 1\n\ny = 2\n```\n"
    assert split_text("Look at this:\n\n" + fence + "Thanks", 32) == ("Look at this:\n\n", fence + "Thanks")


def test_a_limit_below_one() -> None:
    with pytest.raises(ValueError, match="limit"):
        split_text("a", 0)
