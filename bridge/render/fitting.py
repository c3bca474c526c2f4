"""Words in pieces that fit: counted as they weigh in `text`, escaped and quoted."""

from __future__ import annotations

from bridge.render import limits
from bridge.render.literal import escape

#: what a run of words may weigh, so that the marks and names around it still fit the message
ROOM = limits.MESSAGE - 100


def weight(words: str) -> int:
    return len(escape(words)) + len("&gt; ") * words.count("\n")


def fitting(words: str, room: int = ROOM) -> list[str]:
    """`words`, or pieces of at most `room` that join to it, cut after a paragraph, a line or a word."""
    pieces, start = [], 0
    # No word weighs less than its length: of what is long, only as much is weighed as fits.
    while len(words) - start > room or weight(words[start:]) > room:
        end = _bound(words, start, _reach(words, start, room))
        pieces.append(words[start:end])
        start = end
    return [*pieces, words[start:]]


def _reach(words: str, start: int, room: int) -> int:
    """Up to where the characters of `words` stay within `room`."""
    used = 0
    for index in range(start, len(words)):
        used += weight(words[index])
        if used > room:
            return max(start + 1, index)
    return len(words)


def _bound(words: str, start: int, stop: int) -> int:
    """The best place to cut up to `stop`: not in the first half, or pieces would be tiny."""
    for separator in ("\n\n", "\n", " "):
        found = words.rfind(separator, (start + stop) // 2, stop)
        if found >= 0:
            return found + len(separator)
    return stop
