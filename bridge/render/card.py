"""The card: the first message of a thread, saying who this is and who has the conversation."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from bridge.model import Control
from bridge.render import limits
from bridge.render.acts import act_button, offered
from bridge.render.literal import (
    Block,
    Element,
    bullets,
    date,
    emoji,
    link,
    one_line,
    rich_text,
    section,
    text,
)
from bridge.render.message import ConversationView, Face, SlackMessage, ladder
from bridge.render.pieces import Piece
from bridge.render.said import said

COLOURS = {
    Control.BOT: "#1264A3",
    Control.WAITING: "#ECB22E",
    Control.HUMAN: "#2EB67D",
    Control.CLOSED: "#9E9EA6",
}
EMOJI = {
    Control.BOT: "robot_face",
    Control.WAITING: "hourglass_flowing_sand",
    Control.HUMAN: "speech_balloon",
    Control.CLOSED: "white_check_mark",
}
_CONTROL = {
    Control.BOT: "the AI agent has the conversation",
    Control.WAITING: "waiting for a human",
    Control.HUMAN: "a human has the conversation",
    Control.CLOSED: "closed",
}


def card(view: ConversationView) -> SlackMessage:
    """The card as it stands now, with what can be done about the conversation; it is updated in place."""
    head = rich_text(section(emoji(EMOJI[view.control]), text(f" {view.who}", bold=True), *_state(view)))
    buttons = [act_button(act, conversation=view.row) for act in offered(view.control, view.can)]
    rows, details = _facts(view), list(view.details.items())
    shown = details[: limits.CARD_DETAILS]
    while True:
        facts = rich_text(bullets(*rows, *_details(shown, len(details) - len(shown))))
        if not shown or Piece((), (head, facts)).size <= limits.MESSAGE:
            return coloured(head, (facts,), COLOURS[view.control]).with_buttons(buttons)
        shown.pop()


def _state(view: ConversationView) -> list[Element]:
    """Who has the conversation, and while somebody waits or answers, since when."""
    if view.control is Control.HUMAN and view.owner:
        words = [text(f": {one_line(view.owner, limits.LABEL)} has the conversation")]
    else:
        words = [text(f": {_CONTROL[view.control]}")]
    if view.since and view.control in (Control.WAITING, Control.HUMAN):
        words += [text(" since "), when(view.since)]
    return words


def coloured(head: Block, facts: tuple[Block, ...], colour: str) -> SlackMessage:
    """A line, and under it what belongs to it, beside a bar in the colour of its state."""
    rungs = [
        SlackMessage("", (head,), ({"color": colour, "blocks": list(facts)},)),
        SlackMessage("", (head, *facts)),
    ]
    return ladder(rungs, Face(), said((head, *facts)))


def _facts(view: ConversationView) -> list[list[Element]]:
    facts = [field("Source", f"{view.key.source} ({view.vendor})")]
    customer, channel = view.customer, view.channel
    if customer:
        facts += _known(("Email", customer.email), ("Phone", customer.phone), ("Language", customer.language))
    if channel:
        names = dict.fromkeys(one_line(one) for one in (channel.name, channel.type, channel.modality) if one)
        facts += _known(("Channel", ", ".join(names)))
    if view.start_page:
        facts.append([text("Start page: ", bold=True), *link(view.start_page)])
    if view.started_at:
        facts.append([text("Started: ", bold=True), when(view.started_at)])
    if view.console:
        facts.append([text("At the vendor: ", bold=True), *link(view.console)])
    return facts


def _details(shown: list[tuple[str, Any]], more: int) -> list[list[Element]]:
    rows = [field(one_line(key), _value(value)) for key, value in shown]
    return [*rows, [text(f"and {more} more", italic=True)]] if more else rows


def field(label: str, value: str, limit: int = limits.LABEL) -> list[Element]:
    return [text(f"{label}: ", bold=True), text(one_line(value, limit) or "–")]


def when(at: datetime) -> Element:
    at = at.astimezone(UTC)
    return date(int(at.timestamp()), "{date_short_pretty} {time}", f"{at:%Y-%m-%d %H:%M} UTC")


def _known(*fields: tuple[str, str | None]) -> list[list[Element]]:
    return [field(label, value) for label, value in fields if value and value.strip()]


def _value(value: Any) -> str:
    """A list of plain values is shown with commas, anything else that is no text as JSON."""
    if isinstance(value, list) and not any(isinstance(item, list | dict) for item in value):
        return ", ".join(map(_value, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
