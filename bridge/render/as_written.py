"""An event in plain words, by code that looks for nothing in them: shown where rendering it has failed."""

from __future__ import annotations

from bridge.model import AnyEvent, AnyPart, HandoffStarted, Message, Text
from bridge.render.events import notice
from bridge.render.literal import section, text
from bridge.render.message import ConversationView, SlackMessage, face
from bridge.render.pieces import flow, messages


def as_written(event: AnyEvent, view: ConversationView) -> tuple[SlackMessage, ...]:
    """The texts to the letter; of everything else its kind and its address."""
    if isinstance(event, Message):
        words = "\n\n".join(filter(str.strip, map(_words, event.parts))) or "(a message that cannot be shown)"
        return messages(flow([section(text(words))]), face(event.author, event.customer or view.customer))
    if isinstance(event, HandoffStarted):
        return (notice(f"{view.who} waits for a human.", broadcast=True),)
    return (notice(f"This happened, and cannot be shown in full: {event.kind.replace('_', ' ')}."),)


def _words(part: AnyPart) -> str:
    if isinstance(part, Text):
        return part.text
    address = getattr(part, "url", None) or getattr(part, "id", None)
    return f"({part.kind}) {address}" if address else f"({part.kind})"
