"""What interactions ask for. That Slack's payloads look like these is the sandbox's to hold."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.model import Act, Direction, HeldChoice, ThreadKey
from bridge.slack.api import Identity
from bridge.slack.pressed import (
    AskedAgain,
    Decided,
    Incomplete,
    Opened,
    Pressed,
    Refreshed,
    pressed,
)

US = Identity(team="T1", user="UBOT", bot="BBOT")
CARD = ThreadKey(team="T1", channel="C1", ts="1.1")
WHO = {"user": {"id": "U1", "team_id": "T1"}, "team": {"id": "T1"}, "trigger_id": "12.34.ab"}


def button(action: str, value: Any = None, **around: Any) -> dict[str, Any]:
    """A button on the card, which nobody has answered yet."""
    made = {"type": "button", "action_id": action, "action_ts": "9.9", "text": {"text": "Label"}}
    if value is not None:
        made["value"] = value if isinstance(value, str) else json.dumps(value)
    message = {"channel": {"id": "C1"}, "message": {"ts": "1.1"}}
    return {"type": "block_actions", **WHO, "actions": [made], **(around or message)}


REPLY = {"channel": {"id": "C1"}, "message": {"ts": "1.5", "thread_ts": "1.1"}}
EPHEMERAL = {
    "channel": {"id": "C1"},
    "container": {"message_ts": "1.6", "channel_id": "C1", "is_ephemeral": True},
}
HOME = {"view": {"id": "V1", "app_installed_team_id": "T1"}, "container": {"type": "view", "view_id": "V1"}}


def act_of(found: object) -> dict[str, Any]:
    assert isinstance(found, Pressed)
    assert found.delivery.kind == "act"
    told: dict[str, Any] = json.loads(found.delivery.body)
    return told


# ── acts ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_button_on_the_card_acts_on_its_thread() -> None:
    found = pressed(button("act-claim"), US)
    assert isinstance(found, Pressed)
    assert (found.where, found.delivery.direction) == (CARD, Direction.ACTS)
    assert act_of(found) == {
        "act": "claim",
        "user": "U1",
        "team": "T1",
        "channel": "C1",
        "thread_ts": None,  # there is none yet in which somebody could be told something
        "ts": None,
        "to": None,
    }


def test_a_button_that_says_which_is_meant_is_answered_where_it_was_pressed() -> None:
    found = pressed(button("act-claim", {"conversation": 7}), US)
    assert isinstance(found, Pressed)
    assert found.where == 7
    assert (act_of(found)["channel"], act_of(found)["thread_ts"]) == ("C1", None)
    below = act_of(pressed(button("act-claim", {"conversation": 7}, **REPLY), US))
    assert (below["channel"], below["thread_ts"]) == ("C1", "1.1")


@pytest.mark.parametrize("number", [0, -1, 2**63, True, 1.0, "1", None])
def test_a_number_that_no_row_has_is_none(number: object) -> None:
    found = pressed(button("act-claim", {"conversation": number}), US)
    assert isinstance(found, Pressed)
    assert found.where == CARD  # the place says it
    assert pressed(button("held-once", {"delivery": number, "thread_ts": "1.1"}), US) is None


def test_a_button_in_the_thread_acts_on_it() -> None:
    found = pressed(button("act-take_over", **REPLY), US)
    assert isinstance(found, Pressed)
    assert (found.where, found.delivery.direction) == (CARD, Direction.VENDOR)
    assert act_of(found)["thread_ts"] == "1.1"


def test_a_button_on_the_home_names_its_conversation() -> None:
    found = pressed(button("act-claim", {"conversation": 7}, **HOME), US)
    assert isinstance(found, Pressed)
    assert found.where == 7
    assert (act_of(found)["channel"], act_of(found)["thread_ts"]) == (None, None)


def test_every_press_counts_once() -> None:
    first = pressed(button("act-claim"), US)
    again = button("act-claim")
    assert pressed(again, US) == first
    again["actions"][0]["action_ts"] = "9.95"
    assert isinstance(first, Pressed)
    keys = {first.key}
    for other in (again, {**button("act-claim"), "user": {"id": "U2"}}):
        found = pressed(other, US)
        assert isinstance(found, Pressed)
        assert found.delivery.key == found.key
        keys.add(found.key)
    assert len(keys) == 3


@pytest.mark.parametrize("act", [Act.TRANSFER, Act.HAND_BACK, Act.RESOLVE])
def test_what_asks_first_acts_on_nothing_yet(act: Act) -> None:
    found = pressed(button(f"act-{act}", **REPLY), US)
    assert found == Opened(act, CARD, "12.34.ab", "U1", {"channel": "C1", "thread_ts": "1.1"})
    assert pressed(button(f"act-{act}", {"conversation": 7}, **HOME), US) == Opened(
        act, 7, "12.34.ab", "U1", {}
    )


def test_the_home_is_asked_for_anew() -> None:
    assert pressed(button("home-refresh", **HOME), US) == Refreshed("U1")


@pytest.mark.parametrize("name", ["act-dance", "link-0", "held-dance", "act-", "Ab3x"])
def test_other_buttons_ask_for_nothing(name: str) -> None:
    assert pressed(button(name, {"delivery": 5, "thread_ts": "1.1"}), US) is None


def test_shortcuts_are_acts_of_the_messages_thread() -> None:
    body = {"type": "message_action", **WHO, "action_ts": "9.9", **REPLY}
    found = pressed({**body, "callback_id": "claim"}, US)
    assert isinstance(found, Pressed)
    assert found.where == CARD
    assert (act_of(found)["act"], act_of(found)["thread_ts"]) == ("claim", "1.1")
    asks = pressed({**body, "callback_id": "resolve"}, US)
    assert isinstance(asks, Opened) and asks.where == CARD
    again = pressed({**body, "callback_id": "ask_again"}, US)
    assert isinstance(again, AskedAgain)
    assert (again.where, again.user, again.ts) == (CARD, "U1", "1.5")
    assert pressed({**body, "callback_id": "dance"}, US) is None


# ── modals ───────────────────────────────────────────────────────────────────────────────────────


def submitted(about: Any, chosen: str | None = None, **view: Any) -> dict[str, Any]:
    values = {"colleague": {"colleague": {"type": "users_select", "selected_user": chosen}}}
    told = {
        "id": "V1",
        "callback_id": "act",
        "app_installed_team_id": "T1",
        "private_metadata": about if isinstance(about, str) else json.dumps(about),
        "state": {"values": values},
        **view,
    }
    return {"type": "view_submission", **WHO, "view": told}


def test_a_modal_is_one_act() -> None:
    about = {"act": "transfer", "conversation": 7, "channel": "C1", "thread_ts": "1.1"}
    found = pressed(submitted(about, "U2"), US)
    assert isinstance(found, Pressed)
    assert (found.where, found.key) == (7, "act:V1")
    assert act_of(found) == {
        "act": "transfer",
        "user": "U1",
        "team": "T1",
        "channel": "C1",
        "thread_ts": "1.1",
        "ts": None,
        "to": "U2",
    }


def test_a_transfer_is_to_somebody() -> None:
    assert pressed(submitted({"act": "transfer", "conversation": 7}), US) == Incomplete(
        {"colleague": "Choose who takes the conversation"}
    )
    assert act_of(pressed(submitted({"act": "resolve", "conversation": 7}), US))["to"] is None


def test_a_modal_of_somebody_elsewhere_is_ours_all_the_same() -> None:
    """https://github.com/slackapi/bolt-js/issues/1614"""
    body = submitted({"act": "resolve", "conversation": 7})
    assert act_of(pressed({**body, "team": {"id": "T9"}}, US))["act"] == "resolve"
    body["view"]["app_installed_team_id"] = "T9"
    assert pressed(body, US) is None


@pytest.mark.parametrize(
    "body",
    [
        submitted("not JSON"),
        submitted({"act": "dance", "conversation": 7}),
        submitted({"act": "resolve"}),
        submitted({"act": "resolve", "conversation": 7}, callback_id="another"),
        {**submitted({"act": "resolve", "conversation": 7}), "type": "view_closed"},
    ],
)
def test_other_modals_ask_for_nothing(body: dict[str, Any]) -> None:
    assert pressed(body, US) is None


# ── replies ──────────────────────────────────────────────────────────────────────────────────────

ABOUT = {"delivery": 5, "thread_ts": "1.1"}


def test_what_becomes_of_a_held_reply_is_said_without_its_message() -> None:
    found = pressed(button("held-take_over", ABOUT, **EPHEMERAL), US)
    assert isinstance(found, Decided)
    assert (found.where, found.delivery, found.user) == (CARD, 5, "U1")
    assert found.choice is HeldChoice.TAKE_OVER


@pytest.mark.parametrize("value", [ABOUT, {"delivery": 5}])
def test_what_failed_is_tried_again(value: Any) -> None:
    """What failed before there was a thread is told in the one it has now."""
    found = pressed(button("retry", value, **REPLY), US)
    assert isinstance(found, Decided)
    assert (found.where, found.delivery, found.choice) == (CARD, 5, None)


@pytest.mark.parametrize(
    "value", [None, "nonsense", "[]", {"delivery": "5", "thread_ts": "1.1"}, {"thread_ts": "1.1"}]
)
@pytest.mark.parametrize("name", ["held-once", "retry"])
def test_which_reply_has_to_be_said(name: str, value: Any) -> None:
    assert pressed(button(name, value, **REPLY), US) is None


def test_a_correction_and_a_choice_go_to_the_vendor() -> None:
    correction = pressed(button("send_correction", {"ts": "1.3", "edit": "Ev1"}, **REPLY), US)
    assert isinstance(correction, Pressed)
    assert (correction.where, correction.key) == (CARD, "correction:1.3:Ev1")
    asker = {"user": "U1", "channel": "C1", "thread_ts": "1.1"}
    assert json.loads(correction.delivery.body) == {**asker, "ts": "1.3"}
    choice = pressed(button("say-0", {"say": "Yes"}, **REPLY), US)
    assert isinstance(choice, Pressed)
    assert (choice.delivery.direction, choice.delivery.kind) == (Direction.VENDOR, "choice")
    assert json.loads(choice.delivery.body) == {
        "user": "U1",
        "team": "T1",
        "text": "Yes",
        "label": "Label",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"team": {"id": "T9"}},
        {"team": None},
        {"user": None},
        {"channel": None},
        {"message": None},
        {"actions": []},
        {"actions": None},
        {"type": "block_suggestion"},
    ],
)
def test_what_is_not_whole_or_not_ours_asks_for_nothing(changes: dict[str, Any]) -> None:
    assert pressed({**button("act-claim"), **changes}, US) is None
