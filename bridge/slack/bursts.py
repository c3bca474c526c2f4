"""A burst of one author becomes one message, where Slack's pace let several of them gather. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.model import AnyEvent, Message, Text
from bridge.render.invisible import is_blank

MOST = 20  # messages in one
LENGTH = 2500  # characters: one Slack message, so that it is posted in one step


def gathered(first: Message, following: Iterable[tuple[int, AnyEvent]]) -> tuple[Message, tuple[int, ...]]:
    """`first` with what its author went on to say, and the deliveries that this covers.

    Only words, one right after the other: whatever else happened in between stays where it was.
    """
    parts = [*first.parts]
    covered: list[int] = []
    length = sum(len(part.text) for part in parts if isinstance(part, Text))
    if not _is_words(first):
        return first, ()
    for delivery, event in following:
        if not isinstance(event, Message) or event.author != first.author or not _is_words(event):
            break
        if event.late or first.late:  # each says when it was said
            break
        length += sum(len(part.text) for part in event.parts if isinstance(part, Text))
        if length > LENGTH or len(covered) + 1 >= MOST:
            break
        parts += event.parts
        covered.append(delivery)
    return first.model_copy(update={"parts": tuple(parts)}), tuple(covered)


def _is_words(message: Message) -> bool:
    return all(
        isinstance(part, Text) and part.label is None and not is_blank(part.text) for part in message.parts
    )
