"""Characters that a reader does not see."""

from __future__ import annotations

import re

#: controls, characters that change the reading direction, and letters that are drawn as nothing
NOT_SHOWN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b\u200e\u200f"
    r"\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\U000e0000-\U000e0fff]"
)
#: drawn as nothing by themselves, though they shape a word or an emoji they are part of; and a blank pattern
_BLANK_ALONE = re.compile(r"[\u200c\u200d\ufe00-\ufe0f\u2800]")


def is_blank(words: str) -> bool:
    """Whether a reader sees nothing of `words`."""
    return not _BLANK_ALONE.sub("", NOT_SHOWN.sub("", words)).strip()
