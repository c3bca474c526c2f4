"""What a key seals only that key opens; what is no sealed text is never taken for one."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from bridge.errors import ConfigError, Unavailable
from bridge.store.sealed import MAKE, VARIABLE, Keys, key_id, keys_of
from bridge.store.tables import delivery, inbox

ONE, TWO = bytes(range(32)), bytes(range(1, 33))
BOTH = Keys([ONE, TWO])
MARKS = st.sampled_from(["", "sealed:", "sealed:0:", "sealed:1:", f"sealed:1:{key_id(ONE)}:"])


@given(MARKS, st.text())
@pytest.mark.parametrize("keys", [Keys(), Keys([ONE]), Keys([ONE], seals=False)])
def test_what_is_stored_is_what_is_read(keys: Keys, mark: str, rest: str) -> None:
    """Also what looks as if it were sealed."""
    words = mark + rest
    assert keys.open(keys.seal(words)) == words
    told = words.encode("utf-8", "surrogatepass")
    assert keys.open(keys.seal(told)) == told


@given(st.text().filter(lambda words: not words.startswith("sealed:")))
def test_without_a_key_the_bytes_are_the_same(words: str) -> None:
    for keys in (Keys(), Keys([ONE], seals=False)):
        assert keys.seal(words) == words
        assert keys.seal(words.encode("utf-8", "surrogatepass")) == words.encode("utf-8", "surrogatepass")


def test_a_sealed_text_says_by_which_key_and_nothing_else() -> None:
    sealed = BOTH.seal("Nora Lind")
    assert sealed.isascii()
    assert sealed.startswith(f"sealed:1:{key_id(ONE)}:")
    assert "Nora" not in sealed
    assert b"Nora" not in base64.urlsafe_b64decode(sealed.rpartition(":")[2])
    assert BOTH.seal("Nora Lind") != sealed  # nobody sees that the same was said twice
    assert b"Nora" not in BOTH.seal(b"Nora Lind")
    assert ONE.hex() not in repr(BOTH)


def test_every_key_of_the_ring_opens() -> None:
    before = Keys([TWO]).seal("Nora")
    assert BOTH.open(before) == "Nora"
    assert Keys([TWO]).open(Keys([TWO, ONE], seals=True).seal(b"Nora")) == b"Nora"


def test_what_no_key_opens_is_away_and_says_which_it_needs() -> None:
    sealed = Keys([ONE]).seal("Nora")
    with pytest.raises(Unavailable, match=f"the key {key_id(ONE)}, not in {VARIABLE}"):
        Keys([TWO]).open(sealed)
    with pytest.raises(Unavailable, match=key_id(ONE)):
        Keys().open(Keys([ONE]).seal(b"Nora"))


@pytest.mark.parametrize("changed", ["A", "!", ""])
def test_what_was_changed_is_not_opened(changed: str) -> None:
    sealed = Keys([ONE]).seal("Nora")
    with pytest.raises(Unavailable, match="was changed"):
        Keys([ONE]).open(sealed[: sealed.rindex(":") + 1] + changed)


# ── the environment ──────────────────────────────────────────────────────────────────────────────


def test_the_first_key_seals() -> None:
    keys = keys_of({VARIABLE: f" {ONE.hex()} , {TWO.hex().upper()},"})
    assert (keys.first, keys.all) == (key_id(ONE), [key_id(ONE), key_id(TWO)])
    assert keys_of({}).all == keys_of({VARIABLE: " "}).all == []


def test_in_the_place_of_the_first_plain_seals_nothing_more() -> None:
    keys = keys_of({VARIABLE: f"plain,{ONE.hex()}"})
    assert (keys.first, keys.all) == (None, [key_id(ONE)])
    assert keys.seal("Nora") == "Nora"


@pytest.mark.parametrize("wrong", ["s3cret", ONE.hex()[:-1], ONE.hex() + "00", "zz" * 32])
def test_what_is_no_key_says_how_to_make_one_and_is_not_told(wrong: str) -> None:
    with pytest.raises(ConfigError) as raised:
        keys_of({VARIABLE: f"{TWO.hex()},{wrong}"})
    assert "number 2" in str(raised.value)
    assert MAKE in str(raised.value)
    assert wrong not in str(raised.value)
    assert TWO.hex() not in str(raised.value)


# ── SQL ──────────────────────────────────────────────────────────────────────────────────────────


def test_no_statement_looks_into_a_sealed_column() -> None:
    """It would find nothing, and nobody would see why."""
    for condition in (
        lambda: delivery.c.payload == "x",
        lambda: delivery.c.payload.contains("x"),
        lambda: delivery.c.payload.in_(["x"]),
        lambda: inbox.c.body == b"x",
        lambda: select(delivery).order_by(delivery.c.problem.desc()),
    ):
        with pytest.raises(TypeError, match="SQL cannot look into it"):
            condition()
    delivery.c.problem.is_(None)
