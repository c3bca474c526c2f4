"""Whether a reply goes out, for every state, mode and choice; and what its author is offered."""

from __future__ import annotations

import itertools

import pytest

from bridge.compose import Unsendable
from bridge.control import Signal, after
from bridge.engine.gate import ASKED, LEFT_OUT, Admitted, Wish, admit, agreed, choices
from bridge.engine.work import Conversation, Owner
from bridge.model import Act, Control, ConversationKey, HeldChoice, HeldFor

MINA, JO = Owner("Mina", "U0MINA"), Owner("Jo", "U0JO")
AT_VENDOR = Owner("Vera")  # a human in the vendor's own inbox


def stands(control: Control, owner: Owner | None = None) -> Conversation:
    key = ConversationKey(source="acme-ada", id="c")
    return Conversation(1, key, control, None, created_at=0.0, owner=owner)


def verdict(control: Control, owner: Owner | None, choice: HeldChoice | None, *, confirms: bool) -> object:
    found = admit(stands(control, owner), Wish(MINA, confirms=confirms, choice=choice))
    return found.happened if isinstance(found, Admitted) else found


@pytest.mark.parametrize(
    ("control", "owner", "confirmed", "live"),
    [
        (Control.BOT, None, HeldFor.BOT, Signal.AGENT_SPOKE),
        (Control.WAITING, None, Signal.AGENT_SPOKE, Signal.AGENT_SPOKE),
        (Control.HUMAN, MINA, Signal.AGENT_SPOKE, Signal.AGENT_SPOKE),
        (Control.HUMAN, AT_VENDOR, Signal.AGENT_SPOKE, Signal.AGENT_SPOKE),
        (Control.HUMAN, JO, HeldFor.OWNED, Signal.AGENT_SPOKE),
        (Control.CLOSED, None, HeldFor.CLOSED, HeldFor.CLOSED),
    ],
)
def test_a_reply_that_nobody_was_asked_about(
    control: Control, owner: Owner | None, confirmed: object, live: object
) -> None:
    assert verdict(control, owner, None, confirms=True) == confirmed
    assert verdict(control, owner, None, confirms=False) == live


@pytest.mark.parametrize(
    ("choice", "control", "owner", "expected"),
    [
        (HeldChoice.ONCE, Control.BOT, None, None),  # the AI agent keeps it
        (HeldChoice.ONCE, Control.HUMAN, JO, None),  # Jo keeps it
        (HeldChoice.ONCE, Control.CLOSED, None, HeldFor.CLOSED),  # it ended while its author thought
        (HeldChoice.TAKE_OVER, Control.BOT, None, Signal.TAKEN_OVER),
        (HeldChoice.TAKE_OVER, Control.WAITING, None, Signal.AGENT_SPOKE),
        (HeldChoice.TAKE_OVER, Control.HUMAN, JO, Signal.TRANSFERRED),
        (HeldChoice.TAKE_OVER, Control.CLOSED, None, HeldFor.CLOSED),
        (HeldChoice.REOPEN, Control.CLOSED, None, Signal.REOPENED_BY_AGENT),
        (HeldChoice.REOPEN, Control.BOT, None, Signal.AGENT_SPOKE),  # the vendor told of it first
        (HeldChoice.REOPEN, Control.HUMAN, JO, HeldFor.OWNED),
        (HeldChoice.SEND, Control.HUMAN, MINA, Signal.AGENT_SPOKE),
        (HeldChoice.SEND, Control.BOT, None, HeldFor.BOT),  # clear now, but still the AI agent's
    ],
)
def test_a_reply_that_its_author_decided_about(
    choice: HeldChoice, control: Control, owner: Owner | None, expected: object
) -> None:
    assert verdict(control, owner, choice, confirms=True) == expected


@pytest.mark.parametrize("confirms", [True, False])
@pytest.mark.parametrize("choice", [None, *HeldChoice])
def test_whatever_goes_out_changes_control_only_as_the_table_says(
    choice: HeldChoice | None, confirms: bool
) -> None:
    for control, owner in itertools.product(Control, (None, MINA, JO, AT_VENDOR)):
        found = admit(stands(control, owner), Wish(MINA, confirms=confirms, choice=choice))
        if isinstance(found, Admitted) and found.happened is not None and control is not Control.HUMAN:
            assert after(control, found.happened) is Control.HUMAN
        if control is Control.CLOSED:
            assert isinstance(found, HeldFor) or choice is HeldChoice.REOPEN


def test_what_is_offered_is_possible_and_a_note_always_is() -> None:
    for reason in HeldFor:
        offered, least = choices(reason, frozenset(Act)), choices(reason, frozenset())
        assert offered[-1] is least[-1] is HeldChoice.NOTE
        assert len(set(offered)) == len(offered)
    assert HeldChoice.TAKE_OVER not in choices(HeldFor.BOT, frozenset())
    assert choices(HeldFor.LEFT_OUT, set(Act)) == (HeldChoice.WITHOUT, HeldChoice.NOTE)
    assert choices(HeldFor.NOTHING_LEFT, set(Act)) == (HeldChoice.NOTE,)
    assert HeldChoice.REOPEN not in choices(HeldFor.CLOSED, frozenset())


FORWARD, IMAGE = Unsendable("forwarded_message", "a forwarded message"), Unsendable("image", "an image")


@pytest.mark.parametrize(
    ("choice", "refs", "expected"),
    [
        (None, {}, False),
        (HeldChoice.WITHOUT, {}, False),  # it was not named
        (HeldChoice.WITHOUT, {ASKED: "left_out", LEFT_OUT: "image"}, False),  # another was
        (HeldChoice.WITHOUT, {ASKED: "left_out", LEFT_OUT: "forwarded_message"}, True),
        (HeldChoice.WITHOUT, {ASKED: "left_out", LEFT_OUT: "forwarded_message image"}, True),
        (None, {ASKED: "left_out", LEFT_OUT: "forwarded_message"}, False),
        (HeldChoice.ONCE, {ASKED: "left_out", LEFT_OUT: "forwarded_message"}, False),  # no answer to that
        (HeldChoice.ONCE, {ASKED: "bot", LEFT_OUT: "forwarded_message"}, True),  # answered before
        (HeldChoice.ONCE, {ASKED: "bot"}, False),
    ],
)
def test_nothing_is_left_out_that_was_not_named(
    choice: HeldChoice | None, refs: dict[str, str], expected: bool
) -> None:
    assert agreed([FORWARD], refs, choice) is expected
    assert not agreed([FORWARD, FORWARD], refs, choice)  # only one was named
