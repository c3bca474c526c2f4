"""Parts -> pieces. Everything a customer can press is shown, and nothing of it can be pressed for them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from bridge.model import (
    AnyPart,
    Audio,
    Button,
    Card,
    Carousel,
    File,
    Image,
    Link,
    Option,
    Options,
    Text,
    UnknownPart,
    Video,
    Webview,
)
from bridge.render.literal import Element, bullets, link, one_line, preformatted, quote, section, text
from bridge.render.pieces import Piece, flow


def pieces(parts: Iterable[AnyPart]) -> list[Piece]:
    """The pieces of a message's parts, in order; each branch of a flow named once."""
    found: list[Piece] = []
    label = None
    for part in parts:
        shown = flow(_containers(part))
        if shown and part.label != label:
            label = part.label
            if one_line(label):
                found += flow([section(text(one_line(label), bold=True))])
        found += shown
    return found


def _containers(part: AnyPart) -> list[Element]:
    match part:
        case Text():
            return [section(text(part.text))] if part.text.strip() else []
        case Image():
            return [_media("Image", part.url, part.name)]
        case Video():
            return [_media("Video", part.url, part.name)]
        case Audio():
            said = [quote(text(part.transcript))] if part.transcript and part.transcript.strip() else []
            return [_media("Audio", part.url, part.name), *said]
        case File():
            return [_file(part)]
        case Link():
            return [section(*link(part.url, part.text))]
        case Webview():
            height = f" (web view, {one_line(part.height)})" if part.height else " (web view)"
            return [section(*link(part.url, part.text), text(height, italic=True))]
        case Options():
            return _options(part)
        case Carousel():
            return [one for number, card in enumerate(part.cards, 1) for one in _card(card, number)]
        case UnknownPart():
            return _unknown(part)


def _media(what: str, url: str, name: str | None) -> Element:
    return section(text(f"{what}: "), *link(url, name))


def _file(part: File) -> Element:
    name = one_line(part.name)
    size = f" ({_size(part.size)})" if part.size is not None else ""
    if part.url:
        return (
            section(text("File: "), *link(part.url, name), text(size))
            if size
            else _media("File", part.url, name)
        )
    return section(
        text(f"File: {name or 'without a name'}{size}"), text(" (the vendor keeps it)", italic=True)
    )


def _size(size: int) -> str:
    for unit in ("bytes", "KB", "MB"):
        if size < 1024:
            return f"{size} {unit}"
        size = round(size / 1024)
    return f"{size} GB"


def _options(part: Options) -> list[Element]:
    if not part.options:
        return []
    return [section(text("Offered to the customer:", italic=True)), bullets(*map(_option, part.options))]


def _option(option: Option) -> list[Element]:
    value = option.value or ""
    says = [text(f" → says “{value}”", italic=True)] if value.strip() and value != option.text else []
    return [text(option.text), *says] if option.text.strip() else says or [text("(blank)", italic=True)]


def _card(card: Card, number: int) -> list[Element]:
    title = (card.title or "").strip()
    head = [text(f"{number}. "), text(title or "Card", bold=True)]
    if card.subtitle and card.subtitle.strip():
        head.append(text(f"\n{card.subtitle.strip()}"))
    items = [_button(button) for button in card.buttons]
    if card.media:
        what = one_line(card.media.type).capitalize() or "Media"
        items.insert(0, [text(f"{what}: "), *link(card.media.url)])
    return [section(*head), bullets(*items)] if items else [section(*head)]


def _button(button: Button) -> list[Element]:
    if button.url:
        height = [text(f" (web view, {one_line(button.height)})", italic=True)] if button.height else []
        return [*link(button.url, button.text), *height]
    return _option(Option(text=button.text, value=button.value))


def _unknown(part: UnknownPart) -> list[Element]:
    head = section(text(f"A part of a kind the bridge does not know: {one_line(part.type)}", italic=True))
    data = json.dumps(part.data, ensure_ascii=False, indent=2, default=str) if part.data else ""
    return [head, preformatted(data)] if data else [head]
