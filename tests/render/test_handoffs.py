"""Alerts, questions and modals as Slack gets them, and what can be pressed in them."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bridge.actions import ACTIONS, OWN
from bridge.model import Act, Control, HandoffStarted, HeldChoice, HeldFor, Quote, Role, Text
from bridge.render import (
    HandoffView,
    SlackFile,
    SlackMessage,
    alert,
    card,
    failure,
    notice,
    render,
)
from bridge.render.acts import ACT, HELD, RETRY, act_button, offered
from bridge.render.alert import before, told
from bridge.render.modals import ACT_MODAL, COLLEAGUE
from tests.render.examples import BOT, CUSTOMER, EVENTS, event, said, view
from tests.render.handoffs import ABOUT, ALERTS, HANDOFFS, HOSTILE, MODALS, QUESTIONS, WAITING, held
from tests.render.slack_rules import check, check_modal
from tests.render.test_golden import GOLDEN, compare, golden

ALL = frozenset(Act)


@pytest.mark.parametrize("name", [*ALERTS, *QUESTIONS])
def test_message(name: str) -> None:
    golden(f"handoffs/{name}", ({**ALERTS, **QUESTIONS}[name],))


@pytest.mark.parametrize("name", MODALS)
def test_modal(name: str) -> None:
    check_modal(MODALS[name])
    compare(f"handoffs/{name}", MODALS[name])


def test_no_golden_file_is_left_over() -> None:
    kept = {file.stem for file in (GOLDEN / "handoffs").glob("*.json")}
    assert kept == {*ALERTS, *QUESTIONS, *MODALS, "text_out_of_turn"}


# ── what is offered ──────────────────────────────────────────────────────────────────────────────


def pressable(message: SlackMessage) -> list[list[str]]:
    """The action_ids on each rung."""
    return [
        [one["action_id"] for block in rung.blocks if block["type"] == "actions" for one in block["elements"]]
        for rung in message.rungs()
    ]


@pytest.mark.parametrize(
    ("control", "acts"),
    [
        (Control.BOT, "take_over"),
        (Control.WAITING, "claim hand_back resolve"),
        (Control.HUMAN, "release transfer hand_back resolve"),
        (Control.CLOSED, "reopen"),
    ],
)
def test_what_is_offered_when(control: Control, acts: str) -> None:
    assert " ".join(offered(control, ALL)) == acts
    assert offered(control, ()) == ()
    assert set(offered(control, OWN)) == set(offered(control, ALL)) & OWN
    ids = [f"{ACT}{act}" for act in acts.split()]
    assert pressable(card(view(control=control, can=ALL))) == [ids, ids, []]
    assert pressable(card(view(control=control, can=frozenset()))) == [[], [], []]


@pytest.mark.parametrize("act", Act)
def test_an_act_that_asks_first_says_so(act: Act) -> None:
    button = act_button(act)
    assert button["text"]["text"].endswith("…") == ACTIONS[act].asks
    assert "value" not in button
    assert json.loads(act_button(act, conversation=5)["value"]) == {"conversation": 5}


@pytest.mark.parametrize("name", HANDOFFS)
@pytest.mark.parametrize("in_thread", [True, False])
def test_a_handoff_can_be_claimed_while_somebody_waits(name: str, in_thread: bool) -> None:
    handoff = replace(HANDOFFS[name], thread=None)
    message = alert(view(can=ALL), handoff, in_thread=in_thread)
    claim = [f"{ACT}claim"] if handoff.control is Control.WAITING else []
    assert pressable(message) == [claim, claim, []]
    assert {rung.broadcast for rung in message.rungs()} == {in_thread}


def test_only_an_address_leads_to_the_thread() -> None:
    assert pressable(alert(view(), WAITING, in_thread=False))[0] == ["act-claim", "open"]
    assert pressable(alert(view(), WAITING, in_thread=True))[0] == ["act-claim"]
    odd = replace(WAITING, thread="javascript:alert(1)")
    assert pressable(alert(view(), odd, in_thread=False))[0] == ["act-claim"]


def test_an_alert_looks_the_same_for_the_same_handoff() -> None:
    started = EVENTS["handoff_started"]
    assert isinstance(started, HandoffStarted)
    first = render(started, view())[0]
    assert first == alert(view(), HandoffView.of(started), in_thread=True)


def test_what_the_customer_was_told_is_never_cut() -> None:
    words = "Please wait. " * 400
    handoff = replace(WAITING, told=words)
    shown = alert(view(), handoff, in_thread=True)
    assert "The customer was told" not in json.dumps(shown.attachments)
    assert (
        "".join(one.text.removeprefix("The customer was told:") for one in told(handoff)).count("wait") == 400
    )
    assert told(WAITING) == told(replace(WAITING, told=None)) == ()


@pytest.mark.parametrize("wait", [None, 0.0, -1.0, 1e12, float("nan"), float("inf")])
def test_a_wait_that_is_none_has_no_deadline(wait: float | None) -> None:
    assert HandoffView.of(event(HandoffStarted, wait=wait)).deadline is None


def test_nothing_was_said_before() -> None:
    assert before((Quote(role=Role.BOT, text=" \n"),), "Ada") == ()


# ── held and failed replies ──────────────────────────────────────────────────────────────────────


def test_a_choice_says_which_reply_it_is_about() -> None:
    message = held(HeldFor.BOT, *HeldChoice)
    (rung, text) = message.rungs()
    (row,) = [block for block in rung.blocks if block["type"] == "actions"]
    assert [one["action_id"] for one in row["elements"]] == [f"{HELD}{choice}" for choice in HeldChoice]
    for one in row["elements"]:
        assert json.loads(one["value"]) == {"delivery": 17, "thread_ts": "1777886130.000100"}
    assert text.text == "The AI agent has the conversation: this reply was not sent.\n&gt; It is on its way."


def test_only_an_uncertain_reply_is_sent_again_after_a_question() -> None:
    for name, asks in (("failed", False), ("uncertain", True)):
        (button,) = QUESTIONS[name].blocks[-1]["elements"]
        assert button["action_id"] == RETRY
        assert ("confirm" in button) == asks


def test_what_cannot_be_sent_again_has_no_button() -> None:
    told = failure("A reply was not sent.", delivery=17, thread_ts="1.1", can_retry=False)
    assert [block["type"] for block in told.blocks] == [block["type"] for block in notice("x").blocks]
    assert told.text == "A reply was not sent."


# ── modals ───────────────────────────────────────────────────────────────────────────────────────


def test_a_modal_keeps_what_it_is_about() -> None:
    modal = MODALS["modal_transfer"]
    assert modal["callback_id"] == ACT_MODAL
    assert json.loads(modal["private_metadata"]) == ABOUT
    (menu,) = modal["blocks"]
    assert (menu["block_id"], menu["element"]["action_id"]) == (COLLEAGUE, COLLEAGUE)


def test_a_long_warning_is_told_whole() -> None:
    alerts = [
        block["text"]["text"] for block in MODALS["modal_resolve"]["blocks"] if block["type"] == "alert"
    ]
    assert len(alerts) == 2
    assert "".join(alerts).split() == ["Long."] * 60


# ── what is said at the wrong time ───────────────────────────────────────────────────────────────

ODD = "The AI agent said this after a human took over"


def test_out_of_turn() -> None:
    message = said(BOT, Text(text="Can I help?"))
    golden("handoffs/text_out_of_turn", render(message, view(control=Control.HUMAN, out_of_turn=True)))
    assert ODD not in str(render(message, view(control=Control.HUMAN)))


def test_only_the_ai_agent_speaks_out_of_turn() -> None:
    message = said(CUSTOMER, Text(text="Hello?"))
    assert render(message, view(out_of_turn=True)) == render(message, view())


def test_a_file_out_of_turn_comes_after_the_line_that_says_so() -> None:
    line, file = render(EVENTS["image"], view(out_of_turn=True))
    assert isinstance(line, SlackMessage)
    assert isinstance(file, SlackFile)
    assert line.text == ODD
    assert all(rung.broadcast for rung in line.rungs())


def test_of_several_messages_out_of_turn_the_first_is_told_to_the_channel() -> None:
    shown: list[Any] = list(render(EVENTS["text_long"], view(out_of_turn=True)))
    assert [message.broadcast for message in shown] == [True] + [False] * (len(shown) - 1)
    assert len(shown) > 1


def test_a_notice_for_the_channel() -> None:
    loud = notice("The customer wrote again after the end.", broadcast=True)
    check(loud)
    assert all(rung.broadcast for rung in loud.rungs())
    quiet = notice("The customer wrote again after the end.")
    assert not any(rung.broadcast for rung in quiet.rungs())
    assert [rung.text for rung in loud.rungs()] == [rung.text for rung in quiet.rungs()]


def test_last_words_hold_nothing_to_press() -> None:
    shown = json.dumps(
        alert(view(), replace(WAITING, last_words=HOSTILE, thread=None), in_thread=False).blocks
    )
    assert "evil.example" not in shown
    assert '"link"' not in json.dumps(ALERTS["alert_hostile"].attachments)
