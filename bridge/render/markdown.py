"""Markdown -> rich text. AI agents and vendors' consoles write it; what it cannot hold stays text.

CommonMark with tables and strikethrough. HTML, link definitions and indented code are no markup
here: plain text of a vendor looks like them by accident, and it has to arrive as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import takewhile
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from bridge.render import limits
from bridge.render.literal import Element, link, linked, preformatted, quote, section, text
from bridge.render.pieces import Piece, flow
from bridge.render.said import inline as words_of
from bridge.render.table import table

_NESTING = 30
_PARSER = (
    MarkdownIt("commonmark", {"maxNesting": _NESTING})
    .enable(["table", "strikethrough"])
    .disable(["code", "lheading", "reference", "html_block", "html_inline"])
)
_LANGUAGE = re.compile(r"[\w+#.-]{0,20}")
_STYLES = {"strong": "bold", "em": "italic", "s": "strike"}


def markdown(words: str) -> list[Piece]:
    """The pieces of a text, each table one of its own."""
    tokens = _PARSER.parse(words) if len(words) <= limits.MARKDOWN else []
    if not tokens or max(token.level for token in tokens) >= _NESTING - 1:
        return flow([section(*linked(words))])  # the parser leaves out what is nested deeper
    found: list[Piece] = []
    containers: list[Element] = []
    for node in SyntaxTreeNode(tokens).children:
        if node.type == "table":
            found += flow(containers) + table(_cells(node), _alignment(node))
            containers = []
        else:
            containers += _block(node)
    found += flow(containers)
    return found or flow([section(*linked(words))])


# ── blocks ───────────────────────────────────────────────────────────────────────────────────────


def _block(node: SyntaxTreeNode, indent: int = 0) -> list[Element]:
    match node.type:
        case "bullet_list" | "ordered_list" if _start(node) < 1000:
            return _list(node, indent)
        case "blockquote":
            return _filled(quote(*_flat(node.children)))
        case "fence":
            return [preformatted(_code(node))] if _code(node).strip() else []
        case "heading":
            return _filled(section(*_inline(node.children, {"bold": True})))
    return _filled(section(*_flat([node])))


def _list(node: SyntaxTreeNode, indent: int) -> list[Element]:
    """Slack's lists hold words only: what else an item has comes after it, and then the list goes on."""
    style = "ordered" if node.type == "ordered_list" else "bullet"
    found: list[Element] = []
    open_items: list[Element] | None = None
    for number, item in enumerate(node.children, _start(node) - 1):
        words = list(takewhile(lambda child: child.type == "paragraph", item.children))
        if open_items is None:
            offset = {"offset": number} if style == "ordered" and number else {}
            depth = {"indent": min(indent, limits.INDENT)} if indent else {}
            open_items = []
            found.append(
                {"type": "rich_text_list", "style": style, **depth, **offset, "elements": open_items}
            )
        open_items.append(section(*(_flat(words, "\n") or [text(" ")])))
        for child in item.children[len(words) :]:
            found += _block(child, indent + 1)
            open_items = None
    return found


def _code(node: SyntaxTreeNode) -> str:
    """What is fenced, with what stands beside the fence unless it names a language."""
    info = "" if _LANGUAGE.fullmatch(node.info.strip()) else node.info + "\n"
    return (info + node.content).rstrip("\n")


def _start(node: SyntaxTreeNode) -> int:
    return int(node.attrs.get("start", 1))


def _flat(nodes: Iterable[SyntaxTreeNode], between: str = "\n\n") -> list[Element]:
    """Blocks as words, where Slack allows nothing else: in a quote, or below a list's depth."""
    found: list[Element] = []
    for node in nodes:
        words = _flat_block(node)
        if words:
            found += [text(between), *words] if found else words
    return _merged(found)


def _flat_block(node: SyntaxTreeNode) -> list[Element]:
    match node.type:
        case "bullet_list" | "ordered_list":
            items: list[Element] = []
            for number, item in enumerate(node.children, _start(node)):
                mark = f"{number}. " if node.type == "ordered_list" else "• "
                items += [text("\n" + mark if items else mark), *_flat(item.children, "\n")]
            return items
        case "blockquote":
            return [text("> "), *_flat(node.children)]
        case "fence":
            return [text(_code(node), code=True)] if _code(node).strip() else []
        case "table":
            rows = [" | ".join("".join(map(words_of, cell)) for cell in row) for row in _cells(node)]
            return [text("\n".join(rows))]
        case "hr":
            return [text("———")]
        case "heading":
            return _inline(node.children, {"bold": True})
    return _inline(node.children, {})


def _filled(container: Element) -> list[Element]:
    return [container] if container["elements"] else []


def _cells(node: SyntaxTreeNode) -> list[list[list[Element]]]:
    rows = [row for part in node.children for row in part.children]
    return [[_inline(cell.children, {}) for cell in row.children] for row in rows]


def _alignment(node: SyntaxTreeNode) -> list[str]:
    head = node.children[0].children[0]
    return [
        str(cell.attrs.get("style", "text-align:left")).removeprefix("text-align:") for cell in head.children
    ]


# ── words ────────────────────────────────────────────────────────────────────────────────────────


def _inline(nodes: Iterable[SyntaxTreeNode], style: dict[str, Any]) -> list[Element]:
    return _merged([element for node in nodes for element in _word(node, style)])


def _word(node: SyntaxTreeNode, style: dict[str, Any]) -> list[Element]:
    match node.type:
        case "text":
            return linked(node.content, **style)
        case "softbreak" | "hardbreak":
            return [text("\n", **style)]
        case "code_inline":
            return [text(node.content, code=True, **style)]
        case "link":
            label = "".join(words_of(one) for one in _inline(node.children, {}))
            return link(str(node.attrs["href"]), label, **style)
        case "image":
            return link(str(node.attrs["src"]), node.content or "image", **style)
    return _inline(node.children, {**style, **({_STYLES[node.type]: True} if node.type in _STYLES else {})})


def _merged(elements: Iterable[Element]) -> list[Element]:
    """Neighbours of one style in one element; none without words."""
    found: list[Element] = []
    for one in elements:
        if one["type"] == "text" and not one["text"]:
            continue
        last = found[-1] if found else {}
        if one["type"] == "text" == last.get("type") and one.get("style") == last.get("style"):
            found[-1] = {**last, "text": last["text"] + one["text"]}
        else:
            found.append(one)
    return found
