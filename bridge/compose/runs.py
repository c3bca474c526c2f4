"""Runs: what a Slack message says, piece by piece, each knowing what it was.

The kinds decide what counts: only `said` and `emoji` are words for the customer, `mention` and
`channel` are addresses, `mark` is what we add (a bullet, a quote mark, a fence).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

#: addresses for people of the workspace only, or secret ones, also inside another address
_PRIVATE = re.compile(
    r"""slack://
    | (?<![\w.-]) (?: (?:files|app|hooks|edgeapi)\.slack\.com | slack-files\.com ) (?= [/:?#] | $ )
    | (?<![\w.-]) (?:[\w-]+\.)+ slack(?:-gov)?\.com (?: :\d+ )? /
      (?: archives | app_redirect | canvas | client | docs | files | files-pri | files-tmb | huddle
        | lists | messages | services | shortcuts | team | unfurl ) (?= [/?#] | $ )""",
    re.IGNORECASE | re.VERBOSE,
)


class Run(NamedTuple):
    kind: Literal["said", "mention", "channel", "emoji", "mark"]
    text: str
    alias: str = ""  # an emoji's `:name:`, whatever it is shown as
    user: str = ""  # the id of the member who is mentioned


def said(text: str) -> Run:
    return Run("said", text)


def private(url: str) -> bool:
    """Whether `url` leads into somebody's Slack: no customer can, or should, open it."""
    return bool(_PRIVATE.search(url))


def link(url: str, label: str) -> Run:
    """`label (url)`, or the one where they are the same; a private address is never shown."""
    if private(url):
        shown = label if label and not private(label) and not same(url, label) else "(a private link)"
        return said(shown)
    if not label or same(url, label):
        return said(label or url)
    return said(f"{label} ({url})")


def same(url: str, label: str) -> bool:
    """Whether the label is the address: Slack links `example.com` to `http://example.com`."""
    bare = url.split(":", 1)[1].removeprefix("//") if ":" in url else url
    return label.rstrip("/") in (url.rstrip("/"), bare.rstrip("/"))


def date(timestamp: Any, fallback: Any) -> Run:
    """What Slack shows where it cannot show the reader's own time, else the time in UTC."""
    if isinstance(fallback, str) and fallback:
        return said(fallback)
    try:
        at = datetime.fromtimestamp(int(timestamp), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return said("")
    return said(f"{at:%Y-%m-%d %H:%M} UTC")
