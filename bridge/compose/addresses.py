"""Addresses that lead into a Slack workspace, or are secret: no customer can open them, or should.

Every host below slack.com is a workspace or internal, except for the few that Slack publishes pages on. On
those and on slack.com itself, only some paths lead into the workspace of the person who is signed in.
"""

from __future__ import annotations

import html
import posixpath
import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import unquote

#: for a class of characters: soft hyphens, joiners, marks of direction, fillers, selectors of a variant
UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
_UNSEEN = re.compile(f"[{UNSEEN}]")
#: Slack's own domains; `slack-redir.net` sends on to what its query names
_HOSTS = r"slack(?:-gov)?\.com|slack-files(?:-gov)?\.com|slack-redir\.net"
#: such a host with its port and path, anywhere in a text; the path is a lookahead, as it may hold another
_OF_SLACK = re.compile(
    rf"""(?<![a-z0-9_-]) (?<![a-z0-9_-]\.) (?P<sub>(?:[\w-]+\.)*) (?P<host>{_HOSTS}) \.*
    (?![a-z0-9_@.-]) (?::\d*)? (?= (?P<path>[/\\?\#][^\s<>\"]{{0,500}})? )""",
    re.IGNORECASE | re.VERBOSE,
)
_SCHEME = re.compile(r"(?<![a-z0-9])slack(?:-gov)?://", re.IGNORECASE)
#: hosts that Slack publishes pages on: https://docs.slack.dev, https://slack.com/help
_PUBLIC = {"", "www", "api", "docs", "status", "get"}
#: the first part of a path there that leads into a workspace
_INSIDE = {
    "account",
    "admin",
    "app-redir",
    "app_redirect",
    "archives",
    "calls",
    "canvas",
    "checkcookie",
    "checkin",
    "client",
    "customize",
    "docs",
    "files",
    "files-pri",
    "files-tmb",
    "huddle",
    "invite",
    "join",
    "lists",
    "magic-login",
    "messages",
    "openid",
    "redir",
    "services",
    "share",
    "shared_invite",
    "shortcuts",
    "ssb",
    "t",
    "team",
    "triggers",
    "unfurl",
    "verify-yourself",
    "workflows",
}
#: begins the path of a link that signs its reader in
_MAGIC = "/z-app-"
#: the first part of a path to public pages that have ids of apps in it: https://slack.com/marketplace
_NAMES_APPS = {"apps", "help", "marketplace"}
_LOCALE = re.compile(r"/intl/[a-z]{2}(?:-[a-z]{2})?(?=/|$)")
#: as a mail filter writes `%3A` and `/`: https://urldefense.proofpoint.com/v2/url?u=https-3A__shop.example_a
_REWRITTEN = re.compile(r"-3A__", re.IGNORECASE)
_REWRITTEN_CODE = re.compile(r"-(?=[0-9A-F]{2})", re.IGNORECASE)
#: an id of a workspace, channel, person, file … https://docs.slack.dev/reference/objects
_ID = re.compile(r"(?<![A-Za-z0-9])[ABCDEFGSTUW](?=[A-Z]*[0-9])[A-Z0-9]{7,}(?![A-Za-z0-9])")
#: characters that browsers read as a dot: https://www.unicode.org/reports/tr46/#Notation
_DOTS = str.maketrans("\u3002\uff0e\uff61", "...")
_ENCODINGS = 10  # how often an address may be encoded within another


def private(url: str) -> bool:
    """Whether `url` is such an address, or has one in its path or query, also encoded."""
    return any(_SCHEME.search(text) or _leads_inside(text) for text in _decoded(url))


def _decoded(url: str) -> Iterator[str]:
    """`url` as a browser reads it, without invisible characters; then with each of its encodings undone."""
    for _ in range(_ENCODINGS):
        url = unicodedata.normalize("NFKC", _UNSEEN.sub("", url))
        yield url
        if not url.isascii():
            yield url.translate(_DOTS)
        if _REWRITTEN.search(url):
            yield unquote(_REWRITTEN_CODE.sub("%", url).replace("_", "/"))
        before, url = url, unquote(html.unescape(url))
        if url == before:
            return


def _leads_inside(text: str) -> bool:
    return any(
        _is_inside(found["sub"].lower().rstrip("."), found["host"].lower(), found["path"] or "")
        for found in _OF_SLACK.finditer(text)
    )


def _is_inside(subdomain: str, host: str, path: str) -> bool:
    if host == "slack-redir.net":
        return False  # what it sends on to is looked at by itself
    if host.startswith("slack-files") or subdomain not in _PUBLIC:
        return True
    way, _, query = path.partition("#")[0].replace("\\", "/").partition("?")
    way = _LOCALE.sub("", posixpath.normpath(re.sub("/+", "/", way or "/")).lower(), count=1)
    first = way.split("/")[1:2]
    if not _INSIDE.isdisjoint(first) or way.startswith(_MAGIC):
        return True
    if _ID.search(query if not _NAMES_APPS.isdisjoint(first) else path):
        return True
    return re.search(r"(?:^|[&;])redir(?:ect)?=", query, re.IGNORECASE) is not None
