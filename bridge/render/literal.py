"""Words of others made literal: whatever they hold, Slack shows it and does nothing else with it.

rich_text `text` elements and plain_text objects are never parsed; nothing here makes mrkdwn.
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from urllib.parse import urlsplit

from bridge.render import limits

Block = dict[str, Any]
Element = dict[str, Any]

_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]")
_LIKE_AN_ADDRESS = re.compile(r"://|@|\w[.。．｡]\w")


def escape(text: str) -> str:
    """For `text`: https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def one_line(text: str | None, limit: int = limits.LABEL) -> str:
    """A name or a label: on one line, without characters that hide or reorder, cut with "…"."""
    line = " ".join(_NOT_SHOWN.sub(" ", text or "").split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


# ── inline elements ──────────────────────────────────────────────────────────────────────────────


def text(words: str, *, bold: bool = False, italic: bool = False, code: bool = False) -> Element:
    style = {"bold": bold, "italic": italic, "code": code}
    chosen = {name: True for name, on in style.items() if on}
    return {"type": "text", "text": words, **({"style": chosen} if chosen else {})}


def is_web(address: str | None) -> bool:
    """Whether `address` may become something to press: http(s), a host, nothing hidden, not too long."""
    if not address or len(escape(address)) > limits.ADDRESS or re.search(r"[\s\\]", address):
        return False
    if _NOT_SHOWN.search(address):
        return False
    try:
        parts = urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def link(address: str, label: str | None = None) -> list[Element]:
    """A link; the address is shown beside a label that reads like another address.

    What is no http(s) address is shown as text.
    """
    label = one_line(label)
    if not is_web(address):
        shown = one_line(address, 500) or "(no address)"
        return [text(f"{label} ({shown})" if label and label != shown else shown)]
    if not label or _same(label, address):
        return [{"type": "link", "url": address}]
    if _LIKE_AN_ADDRESS.search(unicodedata.normalize("NFKC", label)):
        return [text(f"{label} ("), {"type": "link", "url": address}, text(")")]
    return [{"type": "link", "url": address, "text": label}]


def _same(label: str, address: str) -> bool:
    bare = address.split("://", 1)[1]
    return label.rstrip("/") in (address.rstrip("/"), bare.rstrip("/"))


def date(at: int, pattern: str, fallback: str) -> Element:
    """A time as each reader's own clock shows it."""
    return {"type": "date", "timestamp": at, "format": pattern, "fallback": fallback}


def emoji(name: str) -> Element:
    return {"type": "emoji", "name": name}


# ── containers and blocks ────────────────────────────────────────────────────────────────────────


def section(*elements: Element) -> Element:
    return {"type": "rich_text_section", "elements": list(elements)}


def quote(*elements: Element) -> Element:
    return {"type": "rich_text_quote", "elements": list(elements)}


def preformatted(words: str) -> Element:
    return {"type": "rich_text_preformatted", "elements": [text(words)]}


def bullets(*items: list[Element]) -> Element:
    return {"type": "rich_text_list", "style": "bullet", "elements": [section(*item) for item in items]}


def rich_text(*containers: Element) -> Block:
    return {"type": "rich_text", "elements": list(containers)}


def plain(words: str) -> Element:
    """A plain_text object; without emoji, so that `:name:` stays as it was written."""
    return {"type": "plain_text", "text": words, "emoji": False}


def context(words: str) -> Block:
    """The small grey line that notices are."""
    return {"type": "context", "elements": [plain(words)]}
