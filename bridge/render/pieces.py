"""Pieces: the smallest things a message is made of, and messages made of as many as fit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bridge.render import limits
from bridge.render.fitting import ROOM, fitting, weight
from bridge.render.literal import Block, Element, context, escape, rich_text, text
from bridge.render.message import Face, SlackMessage, ladder
from bridge.render.said import container as words_of
from bridge.render.said import inline, said


@dataclass(frozen=True)
class Piece:
    """Blocks that stay together; `plainer` says the same with nothing in it that Slack could refuse."""

    blocks: tuple[Block, ...]
    plainer: tuple[Block, ...]

    @property
    def size(self) -> int:
        return len(escape(said(self.plainer)))


def messages(pieces: Iterable[Piece], by: Face) -> tuple[SlackMessage, ...]:
    """All pieces in order, in as few messages as Slack's limits allow."""
    filled: list[list[Piece]] = []
    size = 0
    for piece in pieces:
        together = [*filled[-1], piece] if filled else []
        if filled and size + 1 + piece.size <= limits.MESSAGE and _fit(together):
            filled[-1].append(piece)
            size += 1 + piece.size
        else:
            filled.append([piece])
            size = piece.size
    return tuple(_message(one, by) for one in filled)


def _fit(pieces: list[Piece]) -> bool:
    """Whether they may stand in one message, on every rung."""
    native = [block for piece in pieces for block in piece.blocks]
    plainer = [block for piece in pieces for block in piece.plainer]
    tables = sum(block["type"] == "table" for block in native)
    return max(len(native), len(plainer)) <= limits.BLOCKS and tables <= limits.TABLES


def _message(pieces: list[Piece], by: Face) -> SlackMessage:
    native = tuple(block for piece in pieces for block in piece.blocks)
    plainer = tuple(block for piece in pieces for block in piece.plainer)
    rungs = (
        [SlackMessage("", native)]
        if native == plainer
        else [SlackMessage("", native), SlackMessage("", plainer)]
    )
    return ladder(rungs, by, said(plainer))


def line(words: str) -> list[Piece]:
    """A notice as a context line, or several where it is long."""
    blocks = [(context(one),) for one in fitting(words, limits.TEXT_OBJECT) if one.strip()]
    return [Piece(block, block) for block in blocks]


# ── rich text of any length ──────────────────────────────────────────────────────────────────────


def flow(containers: Iterable[Element]) -> list[Piece]:
    """Rich text as one piece, or as several where it is too long for one message."""
    filled: list[list[Element]] = []
    size = 0
    for container in containers:
        for one in _split(container):
            length = _size(one) + len(_GAP["text"])
            if not filled or size + length > ROOM:
                filled.append([])
                size = 0
            filled[-1].append(one)
            size += length
    blocks = [(rich_text(*_joined(one)),) for one in filled]
    return [Piece(block, block) for block in blocks]


#: paragraphs are sections of their own while they are split; Slack shows no gap between sections
_GAP = text("\n\n")


def _joined(containers: list[Element]) -> list[Element]:
    found: list[Element] = []
    for one in containers:
        if found and one["type"] == found[-1]["type"] == "rich_text_section":
            found[-1] = {**one, "elements": [*found[-1]["elements"], _GAP, *one["elements"]]}
        else:
            found.append(one)
    return found


def _split(container: Element) -> list[Element]:
    """`container`, or several of its kind that each fit a message."""
    if _size(container) <= ROOM:
        return [container]
    if container["type"] == "rich_text_list":
        return _split_list(container)
    return [{**container, "elements": elements} for elements in _split_inline(container["elements"])]


def _split_list(container: Element) -> list[Element]:
    """One list an item; the rest of an item that is too long by itself goes on below it without a mark."""
    first = container.get("offset", 0)
    lists: list[Element] = []
    for number, item in enumerate(container["elements"], first):
        start, *rest = _split_inline(item["elements"]) or [item["elements"]]
        offset = {"offset": number} if container["style"] == "ordered" and number else {}
        lists.append({**container, **offset, "elements": [{**item, "elements": start}]})
        lists += [{"type": "rich_text_section", "elements": elements} for elements in rest]
    return lists


def _split_inline(elements: Iterable[Element]) -> list[list[Element]]:
    filled: list[list[Element]] = []
    size = 0
    for element in elements:
        for one in _split_words(element):
            length = weight(inline(one))
            if not filled or size + length > ROOM:
                filled.append([])
                size = 0
            filled[-1].append(one)
            size += length
    return [group for group in filled if "".join(map(inline, group)).strip()]


def _split_words(element: Element) -> list[Element]:
    if element["type"] != "text":
        return [element]
    return [{**element, "text": words} for words in fitting(element["text"])]


def _size(container: Element) -> int:
    """As the pieces of a split container weigh, so that two of them never share a message."""
    return weight(words_of(container))
