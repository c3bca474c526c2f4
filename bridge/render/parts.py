"""Parts -> pieces. Everything the customer can press is shown; what agents may press for them is below it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from bridge.model import (
    AnyPart,
    Audio,
    Carousel,
    File,
    Image,
    Link,
    Options,
    Role,
    Text,
    UnknownPart,
    Video,
    Webview,
)
from bridge.render.carousel import carousel, link_button, pressable
from bridge.render.choices import with_choices
from bridge.render.files import Attached, attached
from bridge.render.invisible import is_blank
from bridge.render.literal import context, link, linked, one_line, section, text
from bridge.render.markdown import markdown
from bridge.render.pieces import Piece, flow
from bridge.render.words import options_words, unknown_words, web_view, webview_words

#: shown where a message has nothing that a reader sees
EMPTY = "(an empty message)"
#: GPTBots marks a citation `$[1]$` in its text
_CITATION = re.compile(r"\$\[(\d{1,4})\]\$")


def pieces(parts: Iterable[AnyPart], by: Role, *, can_choose: bool = False) -> list[Piece | Attached]:
    """The pieces of a message's parts, in order; each branch of a flow named once."""
    found: list[Piece | Attached] = []
    label = None
    buttons = 0
    for part in parts:
        shown = list(_pieces(part, by))
        if can_choose and by is Role.BOT and shown and isinstance(shown[-1], Piece):
            shown[-1], buttons = with_choices(shown[-1], part, buttons)
        if shown and part.label != label:
            label = part.label
            if one_line(label):
                found += flow([section(text(one_line(label), bold=True))])
        found += shown
    return found or [*flow([section(text(EMPTY, italic=True))])]


def _pieces(part: AnyPart, by: Role) -> Sequence[Piece | Attached]:
    match part:
        case Text():
            return _text(part, by)
        case Image() | Video() | Audio() | File():
            return attached(part)
        case Link():
            return flow([section(*link(part.url, part.text))])
        case Webview():
            return _webview(part)
        case Options():
            return flow(options_words(part))
        case Carousel():
            return carousel(part.cards)
        case UnknownPart():
            return flow(unknown_words(part))


def _text(part: Text, by: Role) -> list[Piece]:
    """People type words, not markup: theirs are Markdown only where the vendor says so."""
    if is_blank(part.text):
        return []
    if (part.format or ("markdown" if by is Role.BOT else "plain")) == "plain":
        return flow([section(*linked(part.text))])
    return markdown(_CITATION.sub(r"[\1]", part.text))


def _webview(part: Webview) -> list[Piece]:
    """A button, and below it where it leads, since a button does not say."""
    plainer = flow([webview_words(part)])
    label = one_line(part.text, None) or "Open"
    if not pressable(label, part.url):
        return plainer
    button = {"type": "actions", "elements": [link_button(label, part.url, "open")]}
    where = context(f"{urlsplit(part.url).hostname}{web_view(part.height)}")
    return [Piece((button, where), plainer[0].plainer)]
