"""Knowing our own words when a vendor tells them back.

A vendor that reports what agents said reports our replies too, sometimes before it has answered the
call that sent them, and without an id both sides know. So the digest of a reply is kept before it is sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from bridge.model import AnyPart, Author, Link, Text

SENDING = "sending"  # the step of a reply whose ref is its digest: from here on the vendor may have it


def digest(author: Author, parts: Sequence[AnyPart]) -> str:
    """The same for what we sent and for its echo: who, and the words, whatever their white space."""
    said = [
        part.text if isinstance(part, Text) else part.url for part in parts if isinstance(part, Text | Link)
    ]
    words = " ".join(" ".join(said).split())
    return hashlib.sha256(f"{author.name or ''}\0{words}".encode()).hexdigest()[:32]
