"""Modals: what is asked, and warned of, before an act. https://docs.slack.dev/surfaces/modals

Each carries in its private_metadata what it is about, as the caller gave it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from bridge.actions import ACTIONS
from bridge.model import Act
from bridge.render import limits
from bridge.render.fitting import fitting
from bridge.render.literal import Block, one_line, plain, rich_text, section, text
from bridge.render.message import ConversationView

#: the callback_id of every modal that ends in an act
ACT_MODAL = "act"
#: the block_id and the action_id of the colleague who is chosen
COLLEAGUE = "colleague"

View = dict[str, Any]
#: a view has at most 100 blocks (https://docs.slack.dev/reference/views); our warnings are a line or two
MOST_ALERTS = 90

#: what the vendor does when the customer writes again; what it does not document is said as an expectation
_AGAIN = {
    "new_conversation": "If the customer writes again, {vendor} is expected to begin a new conversation, "
    "which has a thread of its own here.",
    "reopens": "If the customer writes again, {vendor} is expected to reopen it, and this thread goes on.",
    "ai_agent": "If the customer writes again, the AI agent answers, in the thread of its own conversation.",
    "unknown": "{vendor} does not say what happens if the customer writes again. A message that it reports "
    "for this conversation is shown in this thread.",
}


def transfer(about: Mapping[str, Any]) -> View:
    """Who shall have the conversation."""
    chosen = {
        "type": "input",
        "block_id": COLLEAGUE,
        "label": plain("Who takes the conversation?"),
        "element": {"type": "users_select", "action_id": COLLEAGUE},
    }
    return _modal(ACTIONS[Act.TRANSFER].label, [chosen], about)


def confirm(
    act: Act,
    about: Mapping[str, Any],
    view: ConversationView,
    warnings: Iterable[str] = (),
    again: str = "unknown",
) -> View:
    """What `act`, to hand back or to resolve, does at the vendor, and what follows when the customer writes
    again."""
    told = f"This conversation is closed at {view.at}. {_AGAIN[again].format(vendor=view.at)}"
    if act is Act.HAND_BACK:
        where = "a new thread begins with an alert" if again == "ai_agent" else "this thread has a new alert"
        told = f"The AI agent at {view.at} answers the customer from now on. "
        told += f"If the customer asks for a human again, {where}."
    head = rich_text(section(text(view.who, bold=True), text(f"\n{told}")))
    return _modal(ACTIONS[act].label, [head, *_alerts(warnings)], about)


def refused(words: str) -> View:
    """Why an act was not done, where no thread is at hand to say it in."""
    told = one_line(words, limits.TEXT_OBJECT) or "–"
    return _modal("Not done", [_alert("This was not done.", "error"), rich_text(section(text(told)))])


def warnings(
    vendor: str, *, held: int = 0, queued: int = 0, uncertain: int = 0, own_conversation: bool = False
) -> tuple[str, ...]:
    """What to know first: of replies that have not certainly arrived; and, where people have a conversation
    of their own with the customer, that it is over then."""
    session = (
        f"This ends the session with people at {vendor}: what the customer says next is for its AI agent."
    )
    found = [session] if own_conversation else []
    counts = {
        "Replies held, which the customer does not have": held,
        "Replies still on their way": queued,
        "Replies of which nobody knows whether they arrived": uncertain,
    }
    return (*found, *(f"{what}: {count}." for what, count in counts.items() if count))


def _modal(title: str, blocks: list[Block], about: Mapping[str, Any] | None = None) -> View:
    """One that ends in an act where it is `about` a conversation."""
    modal: View = {"type": "modal", "title": plain(title), "close": plain("Close"), "blocks": blocks}
    if about is None:
        return modal
    more = {"callback_id": ACT_MODAL, "private_metadata": json.dumps(dict(about))}
    return {**modal, **more, "submit": plain(title), "close": plain("Cancel")}


def _alerts(warnings: Iterable[str]) -> list[Block]:
    """All of each, also where it is longer than one may be."""
    pieces = (piece for one in warnings for piece in fitting(one_line(one, None), limits.ALERT))
    shown = islice(pieces, MOST_ALERTS)
    return [_alert(piece, "warning") for piece in shown if piece.strip()]


def _alert(words: str, level: str) -> Block:
    """https://docs.slack.dev/reference/block-kit/blocks/alert-block (modals only)"""
    return {"type": "alert", "text": plain(words), "level": level}
