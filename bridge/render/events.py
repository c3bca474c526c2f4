"""Events -> Slack messages: every kind's row of the design's table."""

from __future__ import annotations

from dataclasses import replace

from bridge.model import (
    AnyEvent,
    Author,
    Control,
    ConversationEnded,
    ConversationReopened,
    ConversationStarted,
    HandoffEnded,
    HandoffStarted,
    MemberJoined,
    MemberLeft,
    Message,
    Presence,
    Receipt,
    Role,
    Typing,
    UnknownEvent,
)
from bridge.render import limits
from bridge.render.alert import alert, before, told
from bridge.render.card import when
from bridge.render.files import shown
from bridge.render.fitting import fitting
from bridge.render.handoff import HandoffView
from bridge.render.literal import Element, one_line, section, text
from bridge.render.message import ConversationView, Face, Shown, SlackMessage, face, username
from bridge.render.parts import pieces
from bridge.render.pieces import flow, line, messages


def render(event: AnyEvent, view: ConversationView) -> tuple[Shown, ...]:
    """What shows `event`, in order; nothing where it shows as the card, a status or a mark."""
    match event:
        case Message():
            return _message(event, view)
        case HandoffStarted():
            return _handoff(event, view)
        case ConversationStarted() | Typing() | Receipt():
            return ()
        case Presence():
            return notices(f"{event.text} (told late)" if event.late else event.text)
        case HandoffEnded():
            return notices("The handoff is over: the AI agent has the conversation again.")
        case MemberJoined():
            return notices(f"{_who(event.author, view)} joined the conversation.")
        case MemberLeft():
            return notices(f"{_who(event.author, view)} left the conversation.")
        case ConversationEnded():
            return notices(_ended(event, view))
        case ConversationReopened():
            return (notice("The conversation was reopened.", broadcast=True),)  # somebody may be waiting
        case UnknownEvent():
            return notices(_unknown(event, view))


def notice(text: str, *, broadcast: bool = False) -> SlackMessage:
    """The bridge's own words in a thread: a failure, a hint; `broadcast`: the channel sees them too."""
    first, *more = fitting(text.strip() or "–", limits.TEXT_OBJECT - 1)
    message = notices(first.rstrip() + "…" if more else first)[0]
    return message.told_to_channel() if broadcast else message


def notices(text: str) -> tuple[SlackMessage, ...]:
    return messages(line(text), Face())


def status(event: Typing) -> str | None:
    """For assistant.threads.setStatus, which puts the typist's name before it; None clears."""
    return "is typing…" if event.active else None


REVISIONS = {"correction": "Correction:", "earlier": "Earlier words, received late:"}


def _message(event: Message, view: ConversationView) -> tuple[Shown, ...]:
    said = pieces(event.parts, event.author.role, can_choose=view.can_choose)
    by = face(event.author, view.known(event.customer))
    if view.revision is not None and said:
        said = [*flow([section(text(REVISIONS[view.revision], italic=True))]), *said]
    if event.late and said:
        said = [*flow([_told_late(event)]), *said]
    if not (said and view.out_of_turn and event.author.role is Role.BOT):
        return shown(said, by)
    first, *rest = shown([*line("The AI agent said this after a human took over"), *said], by)
    return (first.told_to_channel() if isinstance(first, SlackMessage) else first, *rest)


def _handoff(event: HandoffStarted, view: ConversationView) -> tuple[Shown, ...]:
    handoff = HandoffView.of(event)
    if view.control is not Control.BOT:  # it is told before it has taken effect
        handoff = replace(handoff, control=view.control, owner=view.owner)
    return (alert(view, handoff, in_thread=True), *told(handoff), *before(event.context, view.who))


def _told_late(event: Message) -> Element:
    return section(text("Told late: it was said ", italic=True), when(event.at))


def _who(author: Author, view: ConversationView) -> str:
    return username(author, view.known()) or "The system"


def _ended(event: ConversationEnded, view: ConversationView) -> str:
    by = ""
    if event.by:
        by = " by the system" if event.by.role is Role.SYSTEM else f" by {_who(event.by, view)}"
    reason = f": {one_line(event.reason)}" if event.reason else ""
    return f"The conversation was ended{by}{reason}."


def _unknown(event: UnknownEvent, view: ConversationView) -> str:
    problem = f": {one_line(event.problem, 500)}" if event.problem else ""
    kind = one_line(event.type)
    return f"{view.at} sent an event the bridge could not read, “{kind}”{problem}. It is kept."
