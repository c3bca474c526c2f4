"""Runs: what a Slack message says, piece by piece, each knowing what it was.

The kinds decide what counts: only `said` and `emoji` are words for the customer, `mention` and
`channel` are addresses, `mark` is what we add (a bullet, a quote mark, a fence), `table` the rows of a table.
The text of an `unsent` run does not go out: it only counts where a note or a command may begin.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from bridge.compose.addresses import private


class Unsendable(NamedTuple):
    """A part of a message that no vendor can take, or that must not go out by itself.

    `kind` is its type. `label` names it to the author; it may quote the message, so it is never logged.
    """

    kind: str
    label: str


_KIND = 60  # characters


class Run(NamedTuple):
    kind: Literal["said", "mention", "channel", "emoji", "mark", "table", "unsent"]
    text: str
    alias: str = ""  # an emoji's `:name:`, whatever it is shown as
    user: str = ""  # the id of the member who is mentioned
    left_out: Unsendable | None = None  # which an `unsent` run is in place of


def said(text: str) -> Run:
    return Run("said", text)


def unsent(kind: str, label: str, text: str = "") -> Run:
    return Run("unsent", text, left_out=Unsendable("_".join(kind.split())[:_KIND] or "unknown", label))


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
