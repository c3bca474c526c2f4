"""Buttons with which an agent chooses for the customer, below what the customer was offered.

Only where the vendor lets us speak as the customer. Each asks first: it is said in somebody else's name.
https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from bridge.model import AnyPart, Carousel, Options
from bridge.render import limits
from bridge.render.literal import Element, context, one_line, plain
from bridge.render.pieces import Piece

#: begins the action_id of each; its value is JSON with what it says
SAY = "say-"

_SOME = {1: "1 choice has"}


def with_choices(piece: Piece, part: AnyPart, first: int) -> tuple[Piece, int]:
    """`piece`, which ends what shows `part`, with its choices as buttons, and the number of the next button.

    They are numbered from `first`, in as many blocks as they need. A line says how many have no button.
    """
    buttons = [_button(f"{SAY}{number}", *one) for number, one in enumerate(_choices(part), first)]
    kept = [one for one in buttons if len(one["value"]) <= limits.VALUE]
    room = max(0, limits.BLOCKS - len(piece.blocks) - 1) * limits.ACTIONS
    kept = kept[: min(room, limits.CHOICES)]
    rows = [kept[start : start + limits.ACTIONS] for start in range(0, len(kept), limits.ACTIONS)]
    blocks = [{"type": "actions", "elements": row} for row in rows]
    if missing := len(buttons) - len(kept):
        blocks.append(context(f"{_SOME.get(missing, f'{missing} choices have')} no button here."))
    return replace(piece, blocks=(*piece.blocks, *blocks)), first + len(buttons)


def _choices(part: AnyPart) -> Iterator[tuple[str, str]]:
    """What can be chosen: how it is shown, and what is said."""
    found: list[tuple[str, str | None]] = []
    if isinstance(part, Options):
        found = [(one.text, one.value) for one in part.options]
    elif isinstance(part, Carousel):
        found = [
            # every card may have the same button
            (f"{button.text} ({card.title})" if card.title else button.text, button.value or button.text)
            for card in part.cards
            for button in card.buttons
            if button.type == "postback" and not button.url
        ]
    for shown, value in found:
        said = value if value and value.strip() else shown
        if said.strip():
            yield shown, said


def _button(action: str, shown: str, said: str) -> Element:
    told = f"This is said to the AI agent in the customer's name: “{one_line(said, limits.LABEL)}”"
    return {
        "type": "button",
        "action_id": action,
        "text": plain(one_line(shown, limits.BUTTON) or one_line(said, limits.BUTTON) or "(blank)"),
        "value": json.dumps({"say": said}, ensure_ascii=False),
        "confirm": {
            "title": plain("Choose for the customer?"),
            "text": plain(told),
            "confirm": plain("Say it"),
            "deny": plain("Cancel"),
        },
    }
