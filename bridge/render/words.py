"""Parts in words and links, as the lower rungs show them and, for most, the first; and durations in words."""

from __future__ import annotations

import json
from itertools import pairwise

from bridge.model import Button, Card, File, Option, Options, UnknownPart, Webview
from bridge.render.data_uris import without_data_uris
from bridge.render.literal import Element, bullets, link, linked, one_line, preformatted, section, text


def lasting(seconds: float) -> str:
    """As "45 s", "1 min 20 s", "2 h 5 min", "3 d 4 h". A vendor's clock ahead of ours makes it "0 s"."""
    left = max(0, round(seconds))
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    for (unit, size), (below, smaller) in pairwise(units):
        if left >= size:
            rest = left % size // smaller
            return f"{left // size} {unit} {rest} {below}" if rest else f"{left // size} {unit}"
    return f"{left} s"


def media_words(what: str, url: str, name: str | None = None) -> Element:
    return section(text(f"{what}: "), *link(url, name))


def file_words(part: File) -> Element:
    name = one_line(part.name, None)
    size = [text(f" ({_size(part.size)})")] if part.size is not None else []
    if part.url:
        return section(text("File: "), *link(part.url, name), *size)
    kept = text(" (the vendor keeps it)", italic=True)
    return section(text(f"File: {name or 'without a name'}"), *size, kept)


def _size(size: int) -> str:
    """In whole numbers, which have no largest: a vendor may send any."""
    shown = size
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if shown < 1024:
            return f"{shown} {unit}"
        shown = (shown + 512) // 1024
    return f"{size} bytes"


def webview_words(part: Webview) -> Element:
    return section(*link(part.url, part.text), text(web_view(part.height), italic=True))


def web_view(height: str | None) -> str:
    """ " (web view, full height)" """
    shown = one_line(height).replace("_", " ")
    if not shown:
        return " (web view)"
    return f" (web view, {shown if shown == 'new window' else f'{shown} height'})"


def options_words(part: Options) -> list[Element]:
    """What the customer was offered; for agents there is nothing to press."""
    if not part.options:
        return []
    return [section(text("Offered to the customer:", italic=True)), bullets(*map(_option, part.options))]


def _option(option: Option) -> list[Element]:
    value = option.value or ""
    says = [text(f" → says “{value}”", italic=True)] if value.strip() and value != option.text else []
    return [text(option.text if option.text.strip() else "(blank)"), *says]


def card_words(card: Card, number: int) -> list[Element]:
    title = (card.title or "").strip()
    head = [text(f"{number}. "), text(title or "Card", bold=True)]
    if card.subtitle and card.subtitle.strip():
        head += linked(f"\n{card.subtitle.strip()}")
    items = [_button(button) for button in card.buttons]
    if card.media:
        what = one_line(card.media.type).capitalize() or "Media"
        items.insert(0, [text(f"{what}: "), *link(card.media.url)])
    return [section(*head), bullets(*items)] if items else [section(*head)]


def _button(button: Button) -> list[Element]:
    if not button.url:
        return _option(Option(text=button.text, value=button.value))
    view = _view(button)
    return [*link(button.url, button.text), *([text(view, italic=True)] if view else [])]


def button_label(button: Button) -> str:
    return one_line(button.text, None) + _view(button)


def _view(button: Button) -> str:
    return web_view(button.height) if button.height or button.type == "webview" else ""


def unknown_words(part: UnknownPart) -> list[Element]:
    head = section(text(f"A part of a kind the bridge does not know: {one_line(part.type)}", italic=True))
    data = json.dumps(part.data, ensure_ascii=False, indent=2, default=str) if part.data else ""
    return [head, preformatted(without_data_uris(data))] if data else [head]
