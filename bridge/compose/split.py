"""Long text in pieces: cut where a reader would pause, and nothing lost on the way."""

from __future__ import annotations

_FENCE = "```"


def split_text(text: str, limit: int) -> tuple[str, ...]:
    """Pieces of at most `limit` characters that join to exactly `text`.

    Cut after a paragraph, else a line, else a word, else where it must be; outside a code fence
    where there is such a place.
    """
    if limit < 1:
        raise ValueError("limit must be at least 1")
    pieces = []
    start, fenced = 0, False
    while len(text) - start > limit:
        end = _bound(text, start, start + limit, fenced)
        fenced ^= text.count(_FENCE, start, end) % 2 == 1
        pieces.append(text[start:end])
        start = end
    if start < len(text):
        pieces.append(text[start:])
    return tuple(pieces)


def _bound(text: str, start: int, stop: int, fenced: bool) -> int:
    """Where the piece from `start` ends: the best place up to `stop`.

    A place in the first quarter is only taken where there is no other, or pieces would be tiny.
    """
    for inside in (False, True):
        for least in (start + (stop - start) // 4, start):
            for separator in ("\n\n", "\n", " "):
                end = _after(text, separator, least, stop)
                while end and not inside and fenced ^ (text.count(_FENCE, start, end) % 2 == 1):
                    end = _after(text, separator, least, end - 1)
                if end:
                    return end
    return stop


def _after(text: str, separator: str, least: int, stop: int) -> int:
    """The end of the last `separator` in `text[least:stop]`, or 0."""
    found = text.rfind(separator, least, stop)
    return found + len(separator) if found >= 0 else 0
