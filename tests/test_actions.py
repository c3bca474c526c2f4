"""The table of acts: one row each, and nothing about an act stands anywhere else."""

from __future__ import annotations

import ast
from pathlib import Path

from bridge.actions import ACTIONS, OTHER_WORDS
from bridge.control import TABLE, Signal
from bridge.model import Act, Control

BRIDGE = Path(__file__).parent.parent / "bridge"
#: files that may name a single act: the vocabulary, and rules that differ for it
NAMED = {
    "actions.py",
    "model.py",
    "engine/acts.py",  # a hand-back that resolves, where a handoff is a conversation of its own
    "engine/vendor.py",  # a reopening that also takes over; what a reply's author chose
    "engine/gate.py",  # what its author may choose
    "render/alert.py",  # an alert has the button that claims
    "render/home.py",  # so has a line on the App Home
    "render/acts.py",  # which button is the primary one
    "render/modals.py",  # the warnings of handing back
    "slack/acts.py",  # what to do first
    "slack/marks.py",  # what a held reply lacks
    "slack/modals.py",  # which modal asks for a colleague
}


def test_each_act_has_a_row() -> None:
    assert list(ACTIONS) == list(Act)


def test_no_two_rows_have_the_same_word_or_signal() -> None:
    words = [*(action.word for action in ACTIONS.values()), *OTHER_WORDS]
    assert len(words) == len(set(words))
    signals = {action.signal for action in ACTIONS.values()}
    assert len(signals) == len(ACTIONS) and signals < set(Signal)


def test_a_button_is_offered_only_where_its_act_does_something() -> None:
    offered = [(control, action.signal) for action in ACTIONS.values() for control in action.offered]
    assert set(offered) <= TABLE.keys()
    assert {control for control, _ in offered} == set(Control)


def test_an_act_that_ends_a_handoff_leaves_what_the_control_table_says() -> None:
    for action in ACTIONS.values():
        if action.leaves is not None:
            assert TABLE[Control.HUMAN, action.signal] is action.leaves


def test_a_single_act_is_named_in_few_places() -> None:
    found = set()
    for path in BRIDGE.rglob("*.py"):
        file = str(path.relative_to(BRIDGE))
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "Act":
                found.add(file)
    assert {file for file in found if not file.startswith("sandbox/")} == NAMED - {"model.py"}
