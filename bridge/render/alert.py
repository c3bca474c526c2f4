"""The alert: a human is wanted. Built to be seen, since `alert` blocks are refused in messages.

https://docs.slack.dev/reference/block-kit/blocks/alert-block (modals only)
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from bridge.model import Author, Control, HandoffStarted, Quote, Role
from bridge.render import limits
from bridge.render.card import COLOURS, EMOJI, coloured, field, when
from bridge.render.literal import (
    Block,
    Element,
    bullets,
    date,
    emoji,
    linked,
    plain,
    quote,
    rich_text,
    section,
    text,
)
from bridge.render.message import ConversationView, Face, SlackMessage, username
from bridge.render.pieces import Piece, flow, messages

_HEADLINES = {
    Control.WAITING: "waits for a human",
    Control.HUMAN: "is talking with a human",
    Control.CLOSED: "is no longer waiting",
}

_LONGEST_WAIT = 30 * 86400.0


def alert(event: HandoffStarted, view: ConversationView) -> tuple[SlackMessage, ...]:
    """Who waits, why and until when, coloured and told to the channel; then what was said before, folded."""
    # the handoff is told before it has taken effect
    control = Control.WAITING if view.control is Control.BOT else view.control
    name = username(Author(role=Role.CUSTOMER), event.customer or view.customer) or "Customer"
    headline = rich_text(section(emoji(EMOJI[control]), text(f" {name} {_HEADLINES[control]}", bold=True)))
    facts = rich_text(bullets(*_facts(event, view)))
    words = event.text or ""
    telling = [section(text("The customer was told:", italic=True)), quote(*linked(words))]
    told = flow(telling if words.strip() else [])
    beside = tuple(block for piece in told for block in piece.blocks)
    room = limits.MESSAGE - Piece((), (headline, facts)).size
    fits = sum(piece.size for piece in told) < room
    first = coloured(headline, (facts, *beside) if fits else (facts,), COLOURS[control], broadcast=True)
    rest = [*([] if fits else told), *_context(event.context, name)]
    return (first, *messages(rest, Face()))


def _facts(event: HandoffStarted, view: ConversationView) -> list[list[Element]]:
    facts = [
        field("Source", f"{view.key.source} ({view.vendor})"),
        [text("Since: ", bold=True), when(event.at)],
    ]
    if event.reason:
        facts.append(field("Why", event.reason, 300))
    if event.department:
        facts.append(field("Department", event.department))
    if event.wait is not None and 0 < event.wait < _LONGEST_WAIT:
        facts.append([text("Answer by: ", bold=True), *_deadline(event.at, event.wait)])
    return facts


def _deadline(at: datetime, wait: float) -> list[Element]:
    by = at.astimezone(UTC) + timedelta(seconds=wait)
    return [
        date(int(by.timestamp()), "{time_secs}", f"{by:%H:%M:%S} UTC"),
        text(f" ({wait:g} s), or the vendor ends the handoff"),
    ]


def _context(quotes: tuple[Quote, ...], name: str) -> list[Piece]:
    """What was said before, in a container that opens on request."""
    who = {Role.CUSTOMER: name, Role.BOT: "AI agent", Role.AGENT: "Agent", Role.SYSTEM: "System"}
    containers: list[Element] = []
    for one in quotes:
        if one.text.strip():
            containers += [section(text(who[one.role], bold=True)), quote(*linked(one.text))]
    return [replace(piece, blocks=(_folded(piece.plainer),)) for piece in flow(containers)]


def _folded(blocks: tuple[Block, ...]) -> Block:
    """https://docs.slack.dev/reference/block-kit/blocks/container-block"""
    return {
        "type": "container",
        "title": plain("What was said before"),
        "is_collapsible": True,
        "default_collapsed": True,
        "child_blocks": list(blocks),
    }
