"""Knowing our own words when a vendor tells them back.

A vendor that reports what agents said reports our replies too, sometimes before it has answered the
call that sent them, and without an id both sides know. So digests of a reply are kept before it is sent;
each takes away one echo.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence

from bridge.adapter import wording
from bridge.control import WHOLE_SECOND
from bridge.model import AnyEvent, AnyPart, File, HandoffStarted, Link, Message, Reply, Role, Text

ECHO = 86_400.0  # seconds in which an agent's words may come back as theirs
SHORT_ECHO = 300.0  # and as the bot's, which may well say the same by itself


def digests(reply: Reply) -> tuple[str, str]:
    """What an echo of `reply` may be known by: as this agent's in its conversation, or by its words alone."""
    key = reply.conversation
    return _of(key.source, key.id, wording(reply.author.name or ""), words_of(reply.parts)), _of(
        key.source, words_of(reply.parts)
    )


def digest(message: Message, *, tells_humans_apart: bool) -> str | None:
    """What `message` would be known by if it were an echo; None where it cannot be one.

    Where a vendor tells a human's words as the bot's, and in another conversation, only the words are left:
    it is an echo in a conversation of the same customer (`was_handed_over_from`).
    """
    key, words = message.conversation, words_of(message.parts)
    if message.author.role is Role.AGENT:
        return _of(key.source, key.id, wording(message.author.name or ""), words)
    if message.author.role is Role.BOT and not tells_humans_apart:
        return _of(key.source, words)
    return None


def was_handed_over_from(start: HandoffStarted, events: Iterable[AnyEvent]) -> bool:
    """Whether `events`, the newest first, are of the conversation from which the AI agent handed over.

    Then the answers that `start` quotes are its last ones before `start`. Neither has to name a customer. The
    last answer alone is no proof: many customers hear the same one before a person comes. An answer may be
    missing in between, since a webhook can be lost; then the one before it has to be another than the first
    of all, which many customers hear as well.
    """
    quoted = [answer for quote in start.context if quote.role is Role.BOT and (answer := wording(quote.text))]
    skipped = found = gaps = 0
    for event in events:
        if not quoted:
            break
        if not isinstance(event, Message) or event.author.role is not Role.BOT or event.at > start.at:
            continue
        words, answers = {words_of(event.parts), *(words_of([part]) for part in event.parts)}, len(quoted)
        for _ in event.parts:  # each may be quoted by itself
            if quoted and quoted[-1] in words:
                quoted.pop()
        if len(quoted) == answers and found and (at := _last_of(quoted, words)) is not None:
            del quoted[at:]  # the answers between may not have reached us
            gaps += 1
        if len(quoted) < answers:
            found += 1
        elif found:  # what a person said in a handoff before may not be quoted
            skipped += 1
        elif (start.at - event.at).total_seconds() > WHOLE_SECOND:  # what is nearer may be later: cut times
            return False
    # Where no more is known of the conversation, the quotes go back further.
    return found > 0 and (not skipped or not (quoted or gaps))


def _last_of(quoted: Sequence[str], words: Collection[str]) -> int | None:
    """The place of the last answer that is among `words`, but for the first answer of all."""
    return next((at for at in range(len(quoted) - 1, 0, -1) if quoted[at] in words), None)


def _of(*told: str) -> str:
    return hashlib.sha256("\0".join(told).encode()).hexdigest()


def words_of(parts: Sequence[AnyPart]) -> str:
    """The words, however they are written down; a file's are its name, since its address changes."""
    return wording(" ".join(map(_said, parts)))


def _said(part: AnyPart) -> str:
    match part:
        case Text(text=text):
            return text
        case Link(url=url, text=text):
            return f"{text or ''} {url}"
        case File(name=name):
            return name or ""
    return ""
