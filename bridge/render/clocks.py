"""What is said when somebody or something has waited too long, or nobody noticed what happened."""

from __future__ import annotations

from datetime import UTC, datetime

from bridge.model import Control
from bridge.render import limits
from bridge.render.card import COLOURS, coloured, field, when
from bridge.render.carousel import link_button
from bridge.render.handoff import HandoffView
from bridge.render.literal import (
    Block,
    Element,
    bullets,
    emoji,
    is_web,
    one_line,
    rich_text,
    section,
    text,
)
from bridge.render.message import ConversationView, Face, SlackMessage, ladder
from bridge.render.said import said
from bridge.render.words import lasting

_LATE = "#E01E5A"


def reminder(view: ConversationView, handoff: HandoffView, waited: float) -> SlackMessage:
    """For the thread: the customer still waits, for `waited` seconds by now."""
    head = _head("alarm_clock", f"{view.who} has waited {lasting(waited)} for a human")
    return coloured(head, (_waiting(view, handoff),), COLOURS[Control.WAITING]).told_to_channel()


def escalation(
    view: ConversationView, handoff: HandoffView, waited: float, *, to: str | None
) -> SlackMessage:
    """Nobody claimed it in time. `to` is the user group (`S…`) or the member that is told, and nobody else.

    Only a rich_text element pings: where Slack refuses the blocks, the words stand alone.
    https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
    """
    words = f"{view.who} has waited {lasting(waited)}, and nobody has claimed the conversation"
    head = _head("rotating_light", words, *([text(" "), _mention(to)] if to else []))
    return _to_anywhere(coloured(head, (_waiting(view, handoff),), _LATE), handoff.thread)


def alarm(view: ConversationView, handoff: HandoffView) -> SlackMessage:
    """The AI agent talks on beside a human."""
    head = _head("warning", f"{view.who}: the AI agent goes on answering after a human took over")
    facts = [_source(view)]
    if one_line(handoff.owner):
        facts.append(field("With", handoff.owner or ""))
    if handoff.claimed_at:
        facts.append([text("Claimed: ", bold=True), when(handoff.claimed_at)])
    return _to_anywhere(coloured(head, (rich_text(bullets(*facts)),), _LATE), handoff.thread)


def opened_again(view: ConversationView) -> SlackMessage:
    """For the thread: what was closed goes on."""
    head = _head("bell", f"{view.who} wrote again after the conversation was closed")
    facts = rich_text(bullets(_source(view)))
    return coloured(head, (facts,), COLOURS[view.control]).told_to_channel()


def still_waits(what: str, problem: str, until: float | None) -> SlackMessage:
    """For the thread: `what` has not reached the vendor, and is tried again until then (epoch seconds)."""
    told = [text(f"{what} still waits: {_brief(problem)}.")]
    if until is not None:
        told += [text(" It is tried again until "), _at(until), text(".")]
    blocks = (rich_text(section(*told)),)
    return ladder([SlackMessage("", blocks)], Face(), said(blocks))


def unseen(view: ConversationView, problem: str, until: float | None, thread: str | None) -> SlackMessage:
    """For another channel than the thread's, which cannot be told there: its messages wait."""
    head = _head("hourglass_flowing_sand", f"{view.who}: what is said cannot be shown in the thread yet")
    facts = [_source(view), field("Why", _brief(problem), limits.PROBLEM)]
    if until is not None:
        facts.append([text("It is tried again until: ", bold=True), _at(until)])
    return _to_anywhere(coloured(head, (rich_text(bullets(*facts)),), _LATE), thread)


def _at(seconds: float) -> Element:
    return when(datetime.fromtimestamp(seconds, UTC))


def _brief(problem: str) -> str:
    return one_line(problem, limits.PROBLEM).rstrip(".") or "–"


def _to_anywhere(message: SlackMessage, thread: str | None) -> SlackMessage:
    """For the thread, or with the way there for another channel."""
    buttons = [link_button("Open thread", thread, "open")] if thread and is_web(thread) else []
    return message.with_buttons(buttons).told_to_channel()


def _head(mark: str, words: str, *more: Element) -> Block:
    return rich_text(section(emoji(mark), text(f" {words}", bold=True), *more))


def _mention(to: str) -> Element:
    if to.startswith("S"):
        return {"type": "usergroup", "usergroup_id": to}
    return {"type": "user", "user_id": to}


def _source(view: ConversationView) -> list[Element]:
    return field("Source", f"{view.key.source} ({view.vendor})")


def _waiting(view: ConversationView, handoff: HandoffView) -> Block:
    facts = [_source(view)]
    for label, value in (("Why", handoff.reason), ("Department", handoff.department)):
        if one_line(value):
            facts.append(field(label, value or "", limits.REASON))
    facts.append([text("Waiting since: ", bold=True), when(handoff.waiting_since or handoff.started_at)])
    return rich_text(bullets(*facts))
