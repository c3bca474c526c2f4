"""What a refused call is counted as: a set that does not grow with what Slack makes up."""

from __future__ import annotations

import pytest

from bridge.slack.codes import MENDABLE, REFUSED_FORM, counted


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
