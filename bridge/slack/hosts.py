"""Which addresses are Slack's own: whatever a payload says, what is ours goes to no other."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_HOSTS = re.compile(r"(?:.+\.)?slack(?:-gov)?\.com")
#: where Slack itself keeps profile pictures. A person without one has Gravatar's, whose address is a hash of
#: their e-mail address.
_PICTURES = re.compile(r"(?:[\w-]+\.)*slack-edge\.com")

Origin = tuple[str, str, int | None]


def origin(url: str) -> Origin:
    """Scheme, host and port; nothing of that where it is no address."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        return "", "", None


def is_public_picture(url: str) -> bool:
    """Whether `url` is a profile picture that Slack keeps, and says nothing but which: its address may go to
    others. A query may hold another address."""
    scheme, host, port = origin(url)
    plain = url.isascii() and not set(url) & set("?#@\\")
    return scheme == "https" and port is None and plain and bool(_PICTURES.fullmatch(host))


def is_slacks(url: str, api_url: str) -> bool:
    """Whether it is https at one of Slack's hosts, or where its Web API is."""
    scheme, host, _ = found = origin(url)
    return found == origin(api_url) or (scheme == "https" and bool(_HOSTS.fullmatch(host)))
