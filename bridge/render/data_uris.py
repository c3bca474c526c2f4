"""Files inside a text, as `data:` URIs: named, since their characters say nothing to a reader.

https://datatracker.ietf.org/doc/html/rfc2397
"""

from __future__ import annotations

import re

_MEDIA = {"image": "(a picture)", "audio": "(a recording)", "video": "(a video)"}
_FILE = "(a file)"
#: alone, or as the target of a Markdown link or picture; every repetition is bounded, or ends at a character
#: that no other part begins with
_DATA = re.compile(
    r"(?:!?\[(?P<label>[^\[\]\n]{0,300})\]\([ \t]{0,3}<?)?"
    r"(?<![A-Za-z0-9_])data:(?:(?P<media>image|audio|video)/[\w.+-]{1,80}(?:;[\w.+=-]{1,80}){0,5}"
    r"|(?:[\w.+-]{1,80}/[\w.+-]{1,80})?(?:;[\w.+=-]{1,80}){0,5};base64),"
    r"[!#-&(*-;=?-\\^_a-~]*(?<![,.;:!?])"  # of ASCII, without <>"'`)]
    r"(?P<end>>?(?:[ \t]{1,3}\"[^\"\n]{0,300}\")?\))?",
    re.IGNORECASE,
)


def without_data_uris(words: str) -> str:
    """`words` with "(a picture)", "(a file)" … where a file was written into them."""
    return _DATA.sub(_named, words) if "data:" in words.lower() else words


def _named(found: re.Match[str]) -> str:
    name = _MEDIA.get((found["media"] or "").lower(), _FILE)
    if found["label"] is None:
        return name + (found["end"] or "")
    return f"{found['label']} {name}".strip()
