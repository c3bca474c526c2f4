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
    pieces = []
    while weight(words) > room:
        end = _bound(words, _reach(words, room))
        pieces.append(words[:end])
        words = words[end:]
    return [*pieces, words]


def _reach(words: str, room: int) -> int:
    """How many characters of `words` stay within `room`."""
    used = 0
    for index, char in enumerate(words):
        used += weight(char)
        if used > room:
            return max(1, index)
    return len(words)


def _bound(words: str, stop: int) -> int:
    """The best place to cut up to `stop`: not in the first half, or pieces would be tiny."""
    for separator in ("\n\n", "\n", " "):
        found = words.rfind(separator, stop // 2, stop)
        if found >= 0:
            return found + len(separator)
    return stop
