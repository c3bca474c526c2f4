"""Knowing a message that a vendor tells twice: by a webhook, and in its history under another id; or under
the same id, with the same words or with others. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from bridge.adapter import wording
from bridge.engine.echo import words_of
from bridge.model import (
    AnyEvent,
    AnyPart,
    Audio,
    Card,
    Carousel,
    Image,
    Message,
    Options,
    Presence,
    Text,
    UnknownEvent,
    Video,
    Webview,
)

SAME = 3.0  # seconds between the two times of one message: some are cut to a second, some to none


def unknown(told: Sequence[AnyEvent], known: Sequence[AnyEvent]) -> list[AnyEvent]:
    """What of `told` is not among `known`, by its id or as its twin. Each known one is the twin of one."""
    ids, names = {event.id for event in told}, {event.id for event in known}
    twins = [event for event in known if event.id not in ids]
    new: list[AnyEvent] = []
    for event in told:
        if event.id in names:
            continue
        twin = next((one for one in twins if same(event, one)), None)
        if twin is None:
            new.append(event)
        else:
            twins.remove(twin)
    return new


def same(one: AnyEvent, other: AnyEvent) -> bool:
    """Whether the two say the same, said by the same side at the same time."""
    match one, other:
        case (Message(), Message()) if one.author.role is other.author.role:
            alike = _said(one) == _said(other)
        case (Presence(), Presence()):
            alike = one.text == other.text
        case _:
            return False
    return alike and abs((one.at - other.at).total_seconds()) <= SAME


def _said(message: Message) -> tuple[object, ...]:
    return (*(part.kind for part in message.parts), words_of(message.parts))


def same_content(one: AnyEvent, other: AnyEvent) -> bool:
    """Whether two events with one id say the same. Times, addresses of files and white space do not count:
    they differ where a vendor only repeats itself."""
    return _content(one) == _content(other)


def revision_key(event: AnyEvent) -> str:
    """The delivery key of `event` as a revision: the same for the same words of the same time."""
    time = (event.at.isoformat(),) if event.dated else ()
    digest = hashlib.sha256("\0".join((*_content(event), *time)).encode()).hexdigest()
    return f"{event.id}:{digest}"


def _content(event: AnyEvent) -> tuple[str, ...]:
    match event:
        case Message():
            return _content_of(event)
        case Presence(text=text):
            return event.kind, wording(text)
        case UnknownEvent(type=type, problem=problem):
            return event.kind, type, problem or ""
    return (event.kind,)


def _content_of(message: Message) -> tuple[str, ...]:
    """The words, and which other parts there are. In how many pieces the words come does not count."""
    others = [part for part in message.parts if not isinstance(part, Text)]
    return (*(part.kind for part in others), words_of(message.parts), *map(_beside, others))


def _beside(part: AnyPart) -> str:
    """What a part has to read that is none of its message's words."""
    match part:
        case Audio(name=name, transcript=transcript):
            return wording(f"{name or ''} {transcript or ''}")
        case Image(name=name) | Video(name=name) | Webview(text=name):
            return wording(name or "")
        case Options(options=options):
            return wording(" ".join(option.text for option in options))
        case Carousel(cards=cards):
            return wording(" ".join(_on(card) for card in cards))
    return ""


def _on(card: Card) -> str:
    return " ".join((card.title or "", card.subtitle or "", *(button.text for button in card.buttons)))
