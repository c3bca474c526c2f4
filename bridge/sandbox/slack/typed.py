"""What Slack's composer makes of what a person types: the event's `text`, and its `rich_text` block.

Understood: @mentions and the like as `<@U…>`, `<#C…|name>`, `<!here>`; addresses, bare or as `<url|label>`;
:emoji:; *bold*, _italic_, ~struck~ and `code`; fences and lines of quote. The rest is literal, and `&`, `<`
and `>` in it arrive escaped (https://docs.slack.dev/messaging/formatting-message-text).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bridge.sandbox.slack.state import Json

_FENCE = re.compile(r"```\n?(.*?)\n?```\n?", re.DOTALL)
_TOKEN = re.compile(
    r"<@(?P<user>[UW][A-Z0-9]+)(?:\|[^<>]*)?>"
    r"|<#(?P<channel>C[A-Z0-9]+)(?:\|[^<>]*)?>"
    r"|<!subteam\^(?P<group>S[A-Z0-9]+)(?:\|[^<>]*)?>"
    r"|<!(?P<range>here|channel|everyone)>"
    r"|<(?P<link>(?:https?://|mailto:)[^|<>\s]+)(?:\|(?P<label>[^<>]+))?>"
    r"|(?P<bare>https?://[^\s<>]+)"
    r"|:(?P<emoji>[a-z0-9_+-]+):"
)
_STYLED = re.compile(r"(?<!\w)(?P<mark>[*_~`])(?P<inner>\S(?:[^\n]*?\S)?)(?P=mark)(?!\w)")
_STYLES = {"*": "bold", "_": "italic", "~": "strike", "`": "code"}


def escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def typed(text: str) -> tuple[str, list[Json]]:
    """The text as events carry it, and its blocks."""
    elements = list(_elements(text))
    return _escaped(text), [{"type": "rich_text", "elements": elements}] if elements else []


def _escaped(text: str) -> str:
    out, end = "", 0
    for found in _TOKEN.finditer(text):
        whole = found[0] if found["bare"] is None else f"<{escape(found[0])}>"
        out, end = f"{out}{escape(text[end : found.start()])}{whole}", found.end()
    return out + escape(text[end:])


def _elements(text: str) -> Iterator[Json]:
    end = 0
    for fence in _FENCE.finditer(text):
        yield from _paragraphs(text[end : fence.start()])
        if fence[1]:
            yield {
                "type": "rich_text_preformatted",
                "elements": [{"type": "text", "text": fence[1]}],
                "border": 0,
            }
        end = fence.end()
    yield from _paragraphs(text[end:])


def _paragraphs(text: str) -> Iterator[Json]:
    """Runs of quoted and of plain lines."""
    for run in re.finditer(r"(?:^> ?[^\n]*(?:\n|\Z))+|(?:^(?!>)[^\n]*(?:\n|\Z))+", text, re.MULTILINE):
        quoted = run[0].startswith(">")
        words = re.sub(r"^> ?", "", run[0], flags=re.MULTILINE) if quoted else run[0]
        if words := words.removesuffix("\n"):
            yield {
                "type": "rich_text_quote" if quoted else "rich_text_section",
                "elements": list(_inline(words, {})),
            }


def _inline(text: str, style: Json) -> Iterator[Json]:
    end = 0
    for found in _TOKEN.finditer(text):
        yield from _words(text[end : found.start()], style)
        yield _token(found, style)
        end = found.end()
    yield from _words(text[end:], style)


def _words(text: str, style: Json) -> Iterator[Json]:
    end = 0
    for found in _STYLED.finditer(text):
        yield from _plain(text[end : found.start()], style)
        name, end = _STYLES[found["mark"]], found.end()
        inner = _plain if name == "code" else _words
        yield from inner(found["inner"], {**style, name: True})
    yield from _plain(text[end:], style)


def _plain(text: str, style: Json) -> Iterator[Json]:
    if text:
        yield {"type": "text", "text": text, **({"style": style} if style else {})}


def _token(found: re.Match[str], style: Json) -> Json:
    element: Json
    if found["user"]:
        element = {"type": "user", "user_id": found["user"]}
    elif found["channel"]:
        element = {"type": "channel", "channel_id": found["channel"]}
    elif found["group"]:
        element = {"type": "usergroup", "usergroup_id": found["group"]}
    elif found["range"]:
        element = {"type": "broadcast", "range": found["range"]}
    elif found["emoji"]:
        element = {"type": "emoji", "name": found["emoji"]}
    else:
        element = {"type": "link", "url": found["link"] or found["bare"]}
        if found["label"]:
            element["text"] = found["label"]
    return {**element, "style": style} if style else element
