"""What people choose and type: the value of one element, and the state of all of them in a view or message.

https://docs.slack.dev/reference/block-kit/block-elements
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.sandbox.slack.blocks import interactive, walk
from bridge.sandbox.slack.state import Json

#: what a person enters: a text, or several where several can be ticked
Value = str | Sequence[str] | None

_TYPED = ("plain_text_input", "email_text_input", "url_text_input", "number_input")
_ONE_OPTION = ("static_select", "radio_buttons", "overflow")
_ONE_ID = ("users_select", "channels_select", "conversations_select")


def chosen(element: Json, value: Value) -> Json:
    """`value` as Slack reports it for `element`. Raises LookupError where it cannot be had there."""
    match element["type"], value:
        case (("button" | "icon_button" | "workflow_button"), value):
            if value in (None, element.get("value")):
                return {name: element[name] for name in ("text", "value", "style") if name in element}
        case "feedback_buttons", str():
            if value in (element[f"{one}_button"]["value"] for one in ("positive", "negative")):
                return {"value": value}
        case type, (str() | None) if type in _TYPED:
            return {"value": value or None}
        case type, (str() | None) if type in _ONE_OPTION:
            return {"selected_option": _options(element, [value])[0] if value else None}
        case type, (str() | None) if type in _ONE_ID:
            return {f"selected_{type.split('s_')[0]}": value or None}
        case "checkboxes", list() | tuple():
            return {"selected_options": _options(element, value)}
    raise LookupError(f"{element['action_id']!r} cannot have the value {value!r}")


def _options(element: Json, values: Sequence[str]) -> list[Json]:
    groups = element.get("option_groups", [element])
    options = {option["value"]: option for group in groups for option in group["options"]}
    try:
        return [options[value] for value in values]
    except KeyError as error:
        raise LookupError(f"{element['action_id']!r} has no option {error}") from None


def state(blocks: list[Json], values: Mapping[str, Value]) -> Json:
    """Everything that can be filled in, with `values` by action id, and else as it is at first.

    Raises LookupError for a value that has no place.
    """
    left = dict(values)
    found: dict[str, Json] = {}
    for block in walk(blocks):
        for element in interactive(block):
            if (initial := _initial(element)) is None:
                continue
            name = element["action_id"]
            told = chosen(element, left.pop(name)) if name in left else initial
            found.setdefault(block["block_id"], {})[name] = {"type": element["type"], **told}
    if left:
        raise LookupError(f"nothing to fill in has the action_id {', '.join(left)}")
    return {"values": found}


def check_filled(blocks: list[Json], state: Json) -> None:
    """Slack does not send a modal before everything needed is filled in: ValueError."""
    for block in blocks:
        if block["type"] == "input" and not block.get("optional"):
            told = state["values"][block["block_id"]][block["element"]["action_id"]]
            if not any(value for name, value in told.items() if name != "type"):
                raise ValueError(f"{block['label']['text']!r} has to be filled in")


def _initial(element: Json) -> dict[str, Any] | None:
    """What is in it at first; None for what keeps nothing, as buttons."""
    match element["type"]:
        case type if type in _TYPED:
            return {"value": element.get("initial_value") or None}
        case "static_select" | "radio_buttons":
            return {"selected_option": element.get("initial_option")}
        case type if type in _ONE_ID:
            noun = type.split("s_")[0]
            return {f"selected_{noun}": element.get(f"initial_{noun}")}
        case "checkboxes":
            return {"selected_options": element.get("initial_options", [])}
    return None
