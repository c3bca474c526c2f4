"""Every kind of event as Slack gets it. `UPDATE_GOLDEN=1` rewrites the files; read the diff then."""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from bridge.model import Button, Card, Carousel, Control, Option, Options
from bridge.render import Shown, SlackFile, SlackMessage, card, notice, render, without
from tests.render.examples import AGENT, BOT, CUSTOMER, EVENTS, SYSTEM, UNKNOWN_CUSTOMER, VIEWS, said, view
from tests.render.slack_rules import check, payload

GOLDEN = Path(__file__).parent.parent / "golden"


def golden(name: str, found: tuple[Shown, ...]) -> None:
    for message in found:
        check(message)
    compare(name, [payload(message) for message in found])


def compare(name: str, found: Any) -> None:
    text = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    file = GOLDEN / f"{name}.json"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    kept = file.read_text(encoding="utf-8") if file.exists() else ""
    if kept != text:
        diff = difflib.unified_diff(
            kept.splitlines(), text.splitlines(), f"golden/{name}.json", "rendered", lineterm=""
        )
        pytest.fail("\n".join(diff), pytrace=False)


@pytest.mark.parametrize("name", EVENTS)
def test_event(name: str) -> None:
    golden(name, render(EVENTS[name], view()))


@pytest.mark.parametrize("name", VIEWS)
def test_card(name: str) -> None:
    golden(name, (card(VIEWS[name]),))


@pytest.mark.parametrize("control", [Control.HUMAN, Control.CLOSED])
def test_alert_as_it_is_updated(control: Control) -> None:
    golden(f"handoff_{control}", render(EVENTS["handoff_started_bare"], view(control=control)))


CHOICES = ("carousel", "carousel_that_is_cut", "several_parts", "text_hostile", "text_with_options")


@pytest.mark.parametrize("name", CHOICES)
def test_what_an_agent_may_choose_for_the_customer(name: str) -> None:
    seen = view(can_choose=True)
    event = EVENTS[name].model_copy(update={"author": BOT})
    golden(f"{name}_to_choose", render(event, seen))


@pytest.mark.parametrize(
    ("count", "rows", "note"),
    [
        (25, [25], None),
        (26, [25, 1], None),
        (60, [25, 25, 10], None),
        (251, [25] * 10, "1 choice has no button here."),
        (2000, [25] * 10, "1750 choices have no button here."),
    ],
)
def test_every_option_has_a_button_or_a_line_says_how_many_have_none(
    count: int, rows: list[int], note: str | None
) -> None:
    options = Options(options=tuple(Option(text=f"o{number}") for number in range(count)))
    *_, message = render(said(BOT, options, Options(options=(Option(text="last"),))), view(can_choose=True))
    for one in render(said(BOT, options), view(can_choose=True)):
        check(one)
    check(message)
    shown = render(said(BOT, options), view(can_choose=True))
    blocks = [block for one in shown if isinstance(one, SlackMessage) for block in one.blocks]
    buttons = [block["elements"] for block in blocks if block["type"] == "actions"]
    assert [len(row) for row in buttons] == rows
    pressed = [one["action_id"] for row in buttons for one in row]
    assert pressed == [f"say-{number}" for number in range(sum(rows))]
    assert [block["elements"][0]["text"] for block in blocks if block["type"] == "context"] == [
        line for line in [note] if line
    ]
    assert isinstance(message, SlackMessage)
    assert message.blocks[-1]["elements"][0]["action_id"] == f"say-{count}"
    assert not any(block["type"] == "actions" for rung in list(message.rungs())[1:] for block in rung.blocks)


def test_an_option_too_long_for_a_button_is_counted() -> None:
    options = Options(options=tuple(Option(text=f"{n}.", value="v" * n * 100) for n in range(30)))
    (*_, message) = render(said(BOT, options), view(can_choose=True))
    assert isinstance(message, SlackMessage)
    check(message)
    assert message.blocks[-1]["elements"][0]["text"] == "10 choices have no button here."
    assert [one["action_id"] for one in message.blocks[-2]["elements"]] == [f"say-{n}" for n in range(20)]


def test_every_card_of_thirty_has_its_button() -> None:
    cards = tuple(
        Card(title=f"Card {n}", buttons=(Button(type="postback", text="Buy", value=f"buy {n}"),))
        for n in range(30)
    )
    shown = render(said(BOT, Carousel(cards=cards)), view(can_choose=True))
    for message in shown:
        check(message)
    blocks = [block for one in shown if isinstance(one, SlackMessage) for block in one.blocks]
    values = [one["value"] for block in blocks if block["type"] == "actions" for one in block["elements"]]
    assert values == [f'{{"say": "buy {n}"}}' for n in range(30)]


def test_only_what_the_ai_agent_offers_can_be_chosen() -> None:
    options = Options(options=(Option(text="Yes"),))
    for author in (AGENT, CUSTOMER, SYSTEM):
        message = said(author, options)
        assert render(message, view(can_choose=True)) == render(message, view())


def test_customer_without_a_name() -> None:
    golden("handoff_unknown_customer", render(EVENTS["handoff_started"], UNKNOWN_CUSTOMER))


def test_notice() -> None:
    golden("notice", (notice("Not sent: the vendor refused it (<conversation ended>). Retry?"),))


def test_file_that_is_not_kept() -> None:
    (file,) = render(EVENTS["audio_with_transcript"], view())
    assert isinstance(file, SlackFile)
    golden("file_not_kept", (without(file, "its host answers 403; the link may have expired"),))


def test_no_golden_file_is_left_over() -> None:
    others = {"handoff_human", "handoff_closed", "handoff_unknown_customer", "notice", "file_not_kept"}
    others |= {f"{name}_to_choose" for name in CHOICES}
    assert {file.stem for file in GOLDEN.glob("*.json")} == {*EVENTS, *VIEWS, *others}
