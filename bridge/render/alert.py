"""The alert: a human is wanted. Built to be seen, since `alert` blocks are refused in messages.

https://docs.slack.dev/reference/block-kit/blocks/alert-block (modals only)
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from bridge.model import Act, Control, Quote, Role
from bridge.render import limits
from bridge.render.acts import act_button, offered
from bridge.render.card import COLOURS, EMOJI, coloured, field, when
from bridge.render.carousel import link_button
from bridge.render.folded import folded
from bridge.render.handoff import Ending, HandoffView
from bridge.render.literal import (
    Block,
    Element,
    bullets,
    date,
    emoji,
    is_web,
    linked,
    one_line,
    quote,
    rich_text,
    section,
    text,
)
from bridge.render.message import ConversationView, Face, SlackMessage
from bridge.render.pieces import flow, messages
from bridge.render.words import lasting

_MISSED = "#E01E5A"
_ENDINGS: dict[Ending, tuple[str, str, str]] = {
    "handed_back": (COLOURS[Control.BOT], EMOJI[Control.BOT], "handed back to the AI agent"),
    "closed": (COLOURS[Control.CLOSED], EMOJI[Control.CLOSED], "the conversation ended"),
    "expired": (_MISSED, "warning", "the handoff expired, nobody answered in time"),
}
#: how a handoff ended that is over without anybody having said so
_ENDED: dict[Control, Ending] = {Control.BOT: "handed_back", Control.CLOSED: "closed"}


def alert(view: ConversationView, handoff: HandoffView, *, in_thread: bool) -> SlackMessage:
    """Who waits, why and until when, coloured by what has become of it; it is updated in place.

    In the conversation's thread it is told to the channel, and says what the customer was told.
    """
    colour, mark, state = _state(handoff)
    headline = rich_text(section(emoji(mark), text(f" {view.who}{state}", bold=True)))
    below = (rich_text(bullets(*_facts(view, handoff))), *_said(handoff, in_thread))
    shown = coloured(headline, below, colour).with_buttons(_buttons(view, handoff, in_thread))
    return shown.told_to_channel() if in_thread else shown


def told(handoff: HandoffView) -> tuple[SlackMessage, ...]:
    """What the customer was told, where that is too long to stand in the alert."""
    telling = _told(handoff)
    return messages(flow(telling), Face()) if _is_long(telling) else ()


def before(quotes: Iterable[Quote], name: str) -> tuple[SlackMessage, ...]:
    """What was said before the handoff, folded; `name` is the customer's."""
    who = {Role.CUSTOMER: name, Role.BOT: "AI agent", Role.AGENT: "Agent", Role.SYSTEM: "System"}
    containers: list[Element] = []
    for one in quotes:
        if one.text.strip():
            containers += [section(text(who[one.role], bold=True)), quote(*linked(one.text))]
    return messages(folded(containers), Face())


def _ending(handoff: HandoffView) -> Ending | None:
    return handoff.ending or _ENDED.get(handoff.control)


def _state(handoff: HandoffView) -> tuple[str, str, str]:
    """The colour, the emoji, and the words after the customer's name."""
    if ending := _ending(handoff):
        colour, mark, state = _ENDINGS[ending]
        return colour, mark, f": {state}"
    state = " waits for a human"
    if handoff.control is Control.HUMAN:
        state = f" is talking with {one_line(handoff.owner) or 'a human'}"
    return COLOURS[handoff.control], EMOJI[handoff.control], state


def _buttons(view: ConversationView, handoff: HandoffView, in_thread: bool) -> list[Element]:
    found: list[Element] = []
    if not _ending(handoff) and Act.CLAIM in offered(handoff.control, view.can):
        found.append(act_button(Act.CLAIM, conversation=view.row))
    if not in_thread and handoff.thread and is_web(handoff.thread):
        found.append(link_button("Open thread", handoff.thread, "open"))
    return found


# ── what is known of it ──────────────────────────────────────────────────────────────────────────


def _facts(view: ConversationView, handoff: HandoffView) -> list[list[Element]]:
    facts = [field("Source", f"{view.key.source} ({view.vendor})")]
    language = view.customer.language if view.customer else None
    for label, value, limit in (
        ("Why", handoff.reason, limits.REASON),
        ("Department", handoff.department, limits.LABEL),
        ("Language", language, limits.LABEL),
    ):
        if one_line(value):
            facts.append(field(label, value or "", limit))
    ending = _ending(handoff)
    if handoff.control is Control.WAITING and not ending:
        return [*facts, *_wait(handoff)]
    facts.append([text("Started: ", bold=True), when(handoff.started_at)])
    if handoff.claimed_at:
        facts.append([text("Claimed: ", bold=True), *_done(handoff, handoff.claimed_at, handoff.owner)])
    if handoff.deadline and not ending:
        facts.append(_deadline(handoff.deadline))
    if ending and handoff.ended_at:
        ended = _done(handoff, handoff.ended_at, handoff.ended_by)
        facts.append([text("Ended: ", bold=True), when(handoff.ended_at), text(", "), *ended])
    return facts


def _wait(handoff: HandoffView) -> list[list[Element]]:
    since = when(handoff.waiting_since or handoff.started_at)
    facts = [[text("Waiting since: ", bold=True), since]]
    if handoff.released_by:
        by = text(f"by {one_line(handoff.released_by)}; waits again since ")
        facts = [[text("Released: ", bold=True), by, since]]
    if handoff.deadline:
        facts.append(_deadline(handoff.deadline))
    if handoff.opens_at:
        facts.append([text("Business hours begin: ", bold=True), when(handoff.opens_at)])
    return facts


def _done(handoff: HandoffView, at: datetime, by: str | None) -> list[Element]:
    """Who did it, where that is known, and how long after the start."""
    who = f"by {one_line(by)} " if by else ""
    return [text(f"{who}after {lasting((at - handoff.started_at).total_seconds())}")]


def _deadline(at: datetime) -> list[Element]:
    at = at.astimezone(UTC)
    moment = date(int(at.timestamp()), "{time_secs}", f"{at:%H:%M:%S} UTC")
    return [text("Answer by: ", bold=True), moment, text(", or the vendor ends the handoff")]


# ── what was said ────────────────────────────────────────────────────────────────────────────────


def _said(handoff: HandoffView, in_thread: bool) -> list[Block]:
    containers: list[Element] = []
    if last := one_line(handoff.last_words, limits.LAST_WORDS):
        # nothing to press in it: where it is cut, an address would be another one
        containers += _quoted("Last words", [text(last)])
    if in_thread and not _is_long(telling := _told(handoff)):
        containers += telling
    return [rich_text(*containers)] if containers else []


def _told(handoff: HandoffView) -> list[Element]:
    words = handoff.told or ""
    return _quoted("The customer was told", linked(words)) if words.strip() else []


def _quoted(label: str, words: list[Element]) -> list[Element]:
    return [section(text(f"{label}:", italic=True)), quote(*words)]


def _is_long(containers: list[Element]) -> bool:
    return sum(piece.size for piece in flow(containers)) > limits.TOLD
