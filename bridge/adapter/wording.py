"""What a text says, however a vendor writes it down: for knowing our own words when it reports them."""

from __future__ import annotations

import html
import re
import unicodedata

#: select how a character looks, or are not seen at all
_UNSEEN = re.compile("[\u200b-\u200d\u2060\ufe00-\ufe0f\ufeff\U000e0100-\U000e01ef]")
#: an entity may have been typed, and is escaped once more; what becomes visible may be changed as well
PASSES = 4
_QUOTES = str.maketrans({"‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "‟": '"'})


def wording(text: str) -> str:
    """`text` without what vendors change in it: HTML entities, composed characters, variation selectors, the
    form of quotation marks, and the kind and number of spaces."""
    for _ in range(PASSES):
        before, text = text, _plain(text)
        if text == before:
            break
    return text


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFKC", html.unescape(text))
    return " ".join(_UNSEEN.sub("", plain).translate(_QUOTES).split())
