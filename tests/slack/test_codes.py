"""What a refused call is counted as: a set that does not grow with what Slack makes up."""

from __future__ import annotations

import pytest

from bridge.slack.codes import ABSENT, MENDABLE, REFUSED_FORM, UNKNOWN, counted, in_words


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        ("invalid_blocks", 200, "invalid_blocks"),
        ("ratelimited", 429, "ratelimited"),
        ("already_reacted", 200, "already_reacted"),
        ("made_up_today", 200, "other"),
        ("what a customer wrote", 200, "other"),
        ("", 502, "502"),
        ("", 200, "200"),  # no JSON, or none that says what is wrong
        ("", 12345, "other"),
        ("", None, "other"),
    ],
)
def test_what_it_is_counted_as(code: str, status: int | None, outcome: str) -> None:
    assert counted(code, status) == outcome


@pytest.mark.parametrize("code", sorted({*MENDABLE, *REFUSED_FORM}))
def test_what_we_act_upon_is_counted_by_its_name(code: str) -> None:
    assert counted(code, 200) == code


@pytest.mark.parametrize("code", sorted({*MENDABLE, *REFUSED_FORM, *UNKNOWN, *ABSENT, "made_up_today", ""}))
def test_people_read_no_code(code: str) -> None:
    assert "_" not in in_words(code) and (not code or code not in in_words(code))


def test_a_code_without_words_is_a_refusal() -> None:
    assert in_words("made_up_today") == "Slack refused it"
