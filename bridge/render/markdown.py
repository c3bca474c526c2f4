"""Markdown -> rich text. AI agents write it; what Slack's blocks cannot hold stays text, to the letter."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from markdown_it.token import Token

from bridge.render import limits
from bridge.render.data_uris import without_data_uris
from bridge.render.dialect import NESTING, depth, parser
from bridge.render.literal import Element, bare, link, linked, preformatted, quote, section, text
from bridge.render.pieces import Piece, flow
from bridge.render.said import inline as words_of
from bridge.render.table import table

_PARSER = parser(tables=True)
_WITHOUT_TABLES = parser(tables=False)
_LANGUAGE = re.compile(r"[\w+#.-]{0,20}")
_STYLES = {"strong": "bold", "em": "italic", "s": "strike"}


def markdown(words: str) -> list[Piece]:
    """The pieces of a text, each table one of its own."""
    words = without_data_uris(words)
    tokens = _parsed(words)
    if not tokens or depth(tokens) >= NESTING - 1:
        return flow([section(*linked(words))])  # the parser leaves out what is nested deeper
    found: list[Piece] = []
    containers: list[Element] = []
    for node in _tree(tokens):
        if node.kind == "table":
            found += flow(containers) + table(_cells(node), _alignment(node))
            containers = []
        else:
            containers += _block(node)
    found += flow(containers)
    return found or flow([section(*linked(words))])


def _parsed(words: str) -> list[Token]:
    if len(words) > limits.MARKDOWN:
        return []
    return (_PARSER if _most_cells(words) <= limits.TABLE_CELLS else _WITHOUT_TABLES).parse(words)


def _most_cells(words: str) -> int:
    """At most so many cells are in the tables: each row is filled up to the width of its header."""
    cells = rows = widest = 0
    for line in [*words.splitlines(), ""]:
        if line.strip():
            rows, widest = rows + 1, max(widest, line.count("|") + 1)
        else:
            cells += rows * widest if widest > 1 else 0
            rows = widest = 0
    return cells


@dataclass
class Node:
    """A block with the blocks in it. That of kind `inline` has its words in `token.children`."""

    kind: str
    token: Token
    inside: list[Node] = field(default_factory=list)


def _tree(tokens: Iterable[Token]) -> list[Node]:
    open_nodes: list[list[Node]] = [[]]
    for token in tokens:
        if token.nesting < 0:
            open_nodes.pop()
            continue
        node = Node(token.type.removesuffix("_open"), token)
        open_nodes[-1].append(node)
        if token.nesting:
            open_nodes.append(node.inside)
    return open_nodes[0]


# ── blocks ───────────────────────────────────────────────────────────────────────────────────────


def _block(node: Node, indent: int = 0) -> list[Element]:
    match node.kind:
        case "bullet_list" | "ordered_list":
            return _as_written(node, indent) if _loses_marks(node, indent) else _list(node, indent)
        case "blockquote":
            words = _flat(node.inside)
            return [quote(*words) if words else section(text(node.token.markup))]
        case "fence":
            return [preformatted(_code(node))] if _code(node).strip() else []
    return _filled(section(*_flat([node])))


def _list(node: Node, indent: int) -> list[Element]:
    """Slack's lists hold words only: what else an item has comes after it, and then the list goes on."""
    style = "ordered" if node.kind == "ordered_list" else "bullet"
    found: list[Element] = []
    open_items: list[Element] | None = None
    for number, item in enumerate(node.inside, _start(node) - 1):
        words, others = _item(item)
        if open_items is None:
            offset = {"offset": number} if style == "ordered" and number else {}
            nested = {"indent": min(indent, limits.INDENT)} if indent else {}
            open_items = []
            found.append(
                {"type": "rich_text_list", "style": style, **nested, **offset, "elements": open_items}
            )
        open_items.append(section(*(words or [text(" ")])))
        for child in others:
            found += _block(child, indent + 1)
            open_items = None
    return found


def _as_written(node: Node, indent: int) -> list[Element]:
    """A list as lines of text, each with its own mark."""
    found: list[Element] = []
    lines: list[Element] = []
    for item in node.inside:
        words, others = _item(item)
        mark = "    " * indent + _mark(item)
        lines += [text(f"\n{mark}" if lines else mark), *([text(" "), *words] if words else [])]
        for child in others:
            found += [*_filled(section(*_merged(lines))), *_block(child, indent + 1)]
            lines = []
    return [*found, *_filled(section(*_merged(lines)))]


def _item(item: Node) -> tuple[list[Element], list[Node]]:
    """The words that an item begins with, and the blocks after them."""
    words = list(takewhile(lambda child: child.kind == "paragraph", item.inside))
    return _flat(words, "\n"), item.inside[len(words) :]


def _mark(item: Node) -> str:
    return item.token.info + item.token.markup


def _loses_marks(node: Node, indent: int) -> bool:
    """Whether a character of the marks would not be seen in a list of Slack's.

    That is where a sentence, an amount or a phone number looks like an item, and where a list is numbered
    otherwise than Slack numbers one. `1. 1. 1.` is Markdown's own way to have a list numbered.
    """
    if node.kind == "ordered_list":
        first, marks = _start(node), [item.token.info for item in node.inside]
        numbered = marks == [str(number) for number in range(first, first + len(marks))]
        if node.token.markup != "." or not 0 < first < 1000 or not (numbered or set(marks) == {"1"}):
            return True
    elif node.token.markup in "+-" and any(map(_begins_with_an_amount, node.inside)):
        return True
    return not indent and len(node.inside) == 1 and not _item(node.inside[0])[1]


def _begins_with_an_amount(item: Node) -> bool:
    words = item.inside[0].inside if item.inside else []
    first = words[0].token.content[:1] if words else ""
    return first.isdigit() or (bool(first) and unicodedata.category(first) == "Sc")


def _code(node: Node) -> str:
    """What is fenced, with what stands beside the fence unless it names a language."""
    info = node.token.info
    return ("" if _LANGUAGE.fullmatch(info.strip()) else info + "\n") + node.token.content.rstrip("\n")


def _start(node: Node) -> int:
    return int(node.token.attrs.get("start", 1))


def _flat(nodes: Iterable[Node], between: str = "\n\n") -> list[Element]:
    """Blocks as words, where Slack allows nothing else: in a quote, or below a list's depth."""
    found: list[Element] = []
    for node in nodes:
        words = _flat_block(node)
        if words:
            found += [text(between), *words] if found else words
    return _merged(found)


def _flat_block(node: Node) -> list[Element]:
    match node.kind:
        case "bullet_list" | "ordered_list":
            return _flat_list(node)
        case "blockquote":
            return [text("> "), *_flat(node.inside)]
        case "fence":
            return [text(_code(node), code=True)] if _code(node).strip() else []
        case "table":
            rows = [" | ".join("".join(map(words_of, cell)) for cell in row) for row in _cells(node)]
            return [text("\n".join(rows))]
        case "hr":
            marks = node.token.content
            return [text("———" if marks == "---" else marks)]
        case "heading":
            return _heading(node)
    return [element for child in node.inside for element in _words(child.token.children or [])]


def _flat_list(node: Node) -> list[Element]:
    plain = node.kind == "ordered_list" or _loses_marks(node, 1)
    found: list[Element] = []
    for item in node.inside:
        mark = f"{_mark(item) if plain else '•'} "
        found += [text("\n" + mark if found else mark), *_flat(item.inside, "\n")]
    return found


def _heading(node: Node) -> list[Element]:
    """In bold; to the letter where it may be a number, as in `# 1234`."""
    [words] = node.inside
    written, marks = words.token.content, node.token.markup
    if not any(map(str.isalpha, written)) or (marks == "#" and written[0].isdigit()):
        return [text(f"{marks} " if written else marks), *_words(words.token.children or [])]
    return _words(words.token.children or [], bold=True)


def _filled(container: Element) -> list[Element]:
    return [container] if container["elements"] else []


def _cells(node: Node) -> list[list[list[Element]]]:
    rows = [row for part in node.inside for row in part.inside]
    return [[_words(cell.inside[0].token.children or []) for cell in row.inside] for row in rows]


def _alignment(node: Node) -> list[str]:
    head = node.inside[0].inside[0]
    styles = [str(cell.token.attrs.get("style", "text-align:left")) for cell in head.inside]
    return [style.removeprefix("text-align:") for style in styles]


# ── words ────────────────────────────────────────────────────────────────────────────────────────


def _words(tokens: Sequence[Token], **style: bool) -> list[Element]:
    """Emphasis of any depth: it is counted, not nested."""
    found: list[Element] = []
    depths = dict.fromkeys(_STYLES, 0)
    opened: list[tuple[Token, int]] = []  # the link that is open, and where its label begins
    for token in tokens:
        if (kind := token.type.rpartition("_")[0]) in depths:
            depths[kind] += token.nesting
        elif token.type == "link_open":
            opened.append((token, len(found)))
        else:
            styles = style | {_STYLES[name]: True for name, count in depths.items() if count}
            if token.type == "link_close":
                target, start = opened.pop()
                label = "".join(words_of(one) for one in found[start:])
                found[start:] = _target(str(target.attrs["href"]), label, target, styles)
            else:
                found += _word(token, styles)
    return _merged(found)


def _word(token: Token, style: dict[str, bool]) -> list[Element]:
    match token.type:
        case "softbreak" | "hardbreak":
            return [text("\n", **style)]
        case "code_inline":
            return [text(token.content, **{**style, "code": True})]
        case "image":
            return _target(str(token.attrs["src"]), token.content or "image", token, style)
        case "address":
            return bare(token.content, **style)
    return linked(token.content, **style)


def _target(address: str, label: str, token: Token, style: dict[str, bool]) -> list[Element]:
    title = str(token.attrs.get("title") or "")
    return [*link(address, label, **style), *([text(f" “{title}”", **style)] if title else [])]


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
