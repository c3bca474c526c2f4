"""What agents press: acts about a conversation, and what becomes of a reply that was held or failed."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from bridge.actions import ACTIONS
from bridge.model import Act, Control
from bridge.render.literal import Element, plain

#: begins the action_id of an act's button; the act's value follows
ACT = "act-"
#: begins the action_id of what can become of a held reply; the choice's value follows
HELD = "held-"
#: the action_id of sending a reply again
RETRY = "retry"


def offered(control: Control, can: Collection[Act]) -> tuple[Act, ...]:
    """The acts that make sense now, of those that `can` be done at all."""
    return tuple(act for act, action in ACTIONS.items() if control in action.offered and act in can)


def act_button(act: Act, *, conversation: int | None = None) -> Element:
    """`conversation` is the store's row of it: on the Home no place says which is meant, and a message can be
    pressed before it is written down where it stands."""
    value = None if conversation is None else {"conversation": conversation}
    label = ACTIONS[act].label + ("…" if ACTIONS[act].asks else "")
    return button(f"{ACT}{act}", label, value, primary=act is Act.CLAIM)


def button(
    action: str, label: str, value: Mapping[str, Any] | None = None, *, primary: bool = False
) -> Element:
    """https://docs.slack.dev/reference/block-kit/block-elements/button-element"""
    made: Element = {"type": "button", "action_id": action, "text": plain(label)}
    if value is not None:
        made["value"] = json.dumps(value)
    if primary:
        made["style"] = "primary"
    return made
