"""The App Home as ops see it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Control
from bridge.render import SlackMessage
from bridge.render.home import HomeRow, home
from tests.render.examples import AT
from tests.render.slack_rules import check_home, elements
from tests.render.strategies import ADDRESS, MAYBE, WORDS
from tests.render.strategies import AT as TIMES
from tests.render.test_anything import SLOW, assert_literal
from tests.render.test_golden import GOLDEN, compare

NOW = AT + timedelta(minutes=42, seconds=5)
THREAD = "https://acme.slack.com/archives/C1/p1777886130000100"


def row(conversation: int, control: Control = Control.WAITING, **fields: Any) -> HomeRow:
    known: dict[str, Any] = {"name": "Ada Lovelace", "source": "acme-ada", "since": AT}
    return HomeRow(conversation=conversation, control=control, **{**known, **fields})


WITH_MINA = row(
    3,
    Control.HUMAN,
    name="Bob",
    since=AT + timedelta(minutes=10),
    started_at=AT,
    owner="Mina",
    channel="C1",
    thread=THREAD,
    held=2,
)
HOMES: dict[str, tuple[list[HomeRow], int]] = {
    "nobody": ([], 0),
    "both": (
        [
            WITH_MINA,
            row(1, since=AT + timedelta(minutes=30), started_at=AT, name=None, held=1),
            row(2, reason="asked for <!here> a person", channel="C1", thread=THREAD, breached=True),
        ],
        7,
    ),
    "nobody_waits": ([WITH_MINA, row(4, Control.HUMAN)], 0),
}


@pytest.mark.parametrize("name", HOMES)
def test_home(name: str) -> None:
    rows, more = HOMES[name]
    view = home(rows, more=more, now=NOW)
    check_home(view)
    compare(f"home/{name}", view)


def test_no_golden_file_is_left_over() -> None:
    assert {file.stem for file in (GOLDEN / "home").glob("*.json")} == set(HOMES)


@pytest.mark.parametrize("words", ["Ada", "\N{SMILING FACE WITH SUNGLASSES}" * 400])
@pytest.mark.parametrize("waiting", [0, 20, 200])
def test_all_are_shown_or_counted(waiting: int, words: str) -> None:
    text = {"name": words, "reason": words, "owner": words, "source": words}
    rows = [row(n, Control.WAITING if n < waiting else Control.HUMAN, **text) for n in range(200)]
    view = home(rows, more=5, now=NOW)
    check_home(view)
    shown = sum(block["type"] == "rich_text" for block in view["blocks"]) - (2 if waiting == 0 else 1)
    assert shown > 20
    assert view["blocks"][-1]["elements"][0]["text"] == f"and {205 - shown} more"


def test_the_store_may_hold_more_than_was_asked_for() -> None:
    blocks = home([], more=3, now=NOW)["blocks"]
    assert "Nobody" not in json.dumps(blocks)
    assert blocks[-1]["elements"][0]["text"] == "and 3 more"


def test_those_who_wait_come_first_and_the_oldest_of_them_at_the_top() -> None:
    rows = [
        row(number, control, since=AT + timedelta(minutes=minutes))
        for number, (control, minutes) in enumerate(
            [(Control.HUMAN, 1), (Control.WAITING, 3), (Control.HUMAN, 0), (Control.WAITING, 2)]
        )
    ]
    view = home(rows, more=0, now=NOW)
    buttons = [one for one in elements(view) if one.get("action_id") == "act-claim"]
    assert [json.loads(one["value"]) for one in buttons] == [{"conversation": 3}, {"conversation": 1}]
    headings = [block["text"]["text"] for block in view["blocks"] if block["type"] == "header"]
    assert headings == ["Waiting for a human", "With a human"]


ROW = st.builds(
    HomeRow,
    conversation=st.integers(1),
    name=MAYBE,
    source=WORDS,
    control=st.sampled_from([Control.WAITING, Control.HUMAN]),
    since=TIMES,
    started_at=st.none() | TIMES,
    owner=MAYBE,
    thread=st.none() | ADDRESS,
    channel=st.just("C1"),
    reason=MAYBE,
    held=st.integers(0, 3),
    breached=st.booleans(),
)


@SLOW
@given(st.lists(ROW, max_size=60), st.integers(0, 3), TIMES)
def test_slack_takes_every_home(rows: list[HomeRow], more: int, now: Any) -> None:
    view = home(rows, more=more, now=now)
    check_home(view)
    assert_literal(SlackMessage("", tuple(view["blocks"])))
