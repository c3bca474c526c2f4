"""What was said before a handoff, while the channel was quiet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bridge.model import AnyEvent, HandoffStarted, Message, Role, Text
from bridge.render.card import when
from bridge.render.events import render
from bridge.render.files import Attached
from bridge.render.folded import folded
from bridge.render.literal import Element, quote, section, text
from bridge.render.message import ConversationView, Face, SlackMessage, username
from bridge.render.parts import pieces
from bridge.render.pieces import line, messages
from bridge.render.said import said


def transcript(
    events: Sequence[AnyEvent], view: ConversationView, *, left_out: int
) -> tuple[SlackMessage, ...]:
    """`events` in order, folded; of the `left_out` that came before them only how many they were."""
    before = {0: "", 1: "One earlier message is not shown."}
    words = before.get(left_out, f"{left_out} earlier messages are not shown.")
    containers: list[Element] = []
    ids: set[str] = set()
    for event in events:
        containers += _told(event, view, is_correction=event.id in ids)
        ids.add(event.id)
    return messages([*line(words), *folded(containers)], Face())


def _told(event: AnyEvent, view: ConversationView, *, is_correction: bool) -> Iterator[Element]:
    if isinstance(event, Message):
        quoted = list(_quoted(event))
        if quoted:
            who = username(event.author, view.known(event.customer)) or "The system"
            again = [text(", "), text("correction", italic=True)] if is_correction else []
            yield section(text(who, bold=True), text(", "), when(event.at), *again)
            yield from quoted
    elif isinstance(event, HandoffStarted):
        yield section(text("A human was asked for.", italic=True))
    else:
        for notice in render(event, view):
            if isinstance(notice, SlackMessage):
                yield section(text(said(notice.blocks), italic=True))


def _quoted(event: Message) -> Iterator[Element]:
    """The parts in words and links. Nobody's words are read as Markdown here: they stay as they were said."""
    plain = [
        part.model_copy(update={"format": "plain"}) if isinstance(part, Text) else part
        for part in event.parts
    ]
    for piece in pieces(plain, Role.CUSTOMER):
        words = piece.words if isinstance(piece, Attached) else piece
        for block in words.plainer:
            for container in block["elements"]:
                inline = container["type"] == "rich_text_section"
                yield quote(*container["elements"]) if inline else container
