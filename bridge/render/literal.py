"""Words of others made literal: whatever they hold, Slack shows it and does nothing else with it.

rich_text `text` elements and plain_text objects are never parsed; nothing here makes mrkdwn.
https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any
from urllib.parse import unquote, urlsplit

from bridge.render import limits
from bridge.render.addresses import end_of
from bridge.render.data_uris import without_data_uris
from bridge.render.invisible import NOT_SHOWN

Block = dict[str, Any]
Element = dict[str, Any]

_NOT_IN_ADDRESS = re.compile(rf"[\s<>\"`\\]|{NOT_SHOWN.pattern}")
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_HOST = re.compile(r"(?=.*\w)[\w.\[\]:-]+")
_LIKE_AN_ADDRESS = re.compile(r"://|@|\w[.。．｡]\w")


def escape(text: str) -> str:
    """For `text`: https://docs.slack.dev/messaging/formatting-message-text#escaping"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def one_line(text: str | None, limit: int | None = limits.LABEL) -> str:
    """A name or a label: on one line, without characters that hide or reorder, cut with "…"."""
    line = " ".join(NOT_SHOWN.sub(" ", without_data_uris(text or "")).split())
    return line if limit is None or len(line) <= limit else line[: limit - 1].rstrip() + "…"


# ── inline elements ──────────────────────────────────────────────────────────────────────────────


def text(words: str, **style: bool) -> Element:
    """`style`: bold, italic, strike, code."""
    return _styled({"type": "text", "text": words}, style)


def _styled(element: Element, style: dict[str, bool]) -> Element:
    return {**element, "style": style} if style else element


def linked(words: str, **style: bool) -> list[Element]:
    """`words`, with the addresses in it to press, each shown as what it is."""
    words = without_data_uris(words)
    found, start = [], 0
    while match := _SCHEME.search(words, start):
        end = end_of(words, match.start(), match.end())
        shown = bare(words[match.start() : end], **style)
        found += [text(words[start : match.start()], **style), *shown]
        start = end
    found.append(text(words[start:], **style))
    return [one for one in found if one.get("text") != ""]


def bare(address: str, **style: bool) -> list[Element]:
    """An address that stands in words by itself, to the letter."""
    return link(address, None, **style) if is_web(address) else [text(address, **style)]


def is_web(address: str | None) -> bool:
    """Whether `address` may become something to press: http(s), a host, nothing hidden, not too long."""
    if not address or len(escape(address)) > limits.ADDRESS or _NOT_IN_ADDRESS.search(address):
        return False
    try:
        parts = urlsplit(address)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(_HOST.fullmatch(host or ""))


def link(address: str, label: str | None = None, **style: bool) -> list[Element]:
    """A link; the address is shown beside a label that reads like another one, or is long.

    What is no http(s) address is shown as text.
    """
    label = one_line(label, None)
    if not is_web(address):
        shown = one_line(address, 500) or "(no address)"
        if label and not _same(label, shown):
            shown = f"{label} {shown}" if shown.startswith("(") else f"{label} ({shown})"
        return [text(shown, **style)]
    if not label or _same(label, address):
        return [_styled({"type": "link", "url": address}, style)]
    if like_an_address(label) or len(label) > limits.LABEL:
        return [
            text(f"{label} (", **style),
            _styled({"type": "link", "url": address}, style),
            text(")", **style),
        ]
    return [_styled({"type": "link", "url": address, "text": label}, style)]


def like_an_address(label: str) -> bool:
    """Whether it reads as if it led somewhere by itself."""
    return bool(_LIKE_AN_ADDRESS.search(unicodedata.normalize("NFKC", label)))


def _same(label: str, address: str) -> bool:
    bare = address.partition(":")[2].removeprefix("//")
    return label.rstrip("/") in {one.rstrip("/") for one in (address, bare, unquote(address))}


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
