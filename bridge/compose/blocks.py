"""A message's blocks as runs: https://docs.slack.dev/reference/block-kit/blocks

The composer sends rich_text and `table` blocks; an app that posts for a person may send any. A block without
words does not go out, and holds the reply.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bridge.compose.mrkdwn import read_text
from bridge.compose.names import Names
from bridge.compose.rich_text import mappings, new_line, read_rich_text, text_of
from bridge.compose.runs import Run, said, unsent
from bridge.compose.tables import TABLES, read_table

_NAMED: Final[Mapping[str, str]] = {
    "actions": "buttons",
    "context": "small print",
    "file": "a file that is not kept in Slack",
    "image": "an image",
    "video": "a video",
}


def read_blocks(blocks: Any, names: Names) -> list[Run]:
    """The runs of all blocks, from top to bottom."""
    runs: list[Run] = []
    for block in mappings(blocks):
        runs = joined(runs, _block(block, names))
    return runs


def joined(before: list[Run], after: list[Run]) -> list[Run]:
    """`before`, and `after` on a new line below it."""
    runs = list(before)
    if any(run.kind != "unsent" and run.text for run in after):
        new_line(runs)
    return runs + after


def _block(block: Mapping[str, Any], names: Names) -> list[Run]:
    match text_of(block, "type"):
        case "rich_text":
            return read_rich_text(block, names)
        case "section":
            fields = block.get("fields")
            runs = _text(block.get("text"), names)
            for field in fields if isinstance(fields, list) else ():
                runs = joined(runs, _text(field, names))
            return runs + [unsent_block(accessory) for accessory in mappings([block.get("accessory")])]
        case "header":
            return _text(block.get("text"), names)
        case "markdown":
            return [said(text_of(block, "text"))]
        case "divider":
            return []
        case kind if kind in TABLES:
            return read_table(block, names)
    return [unsent_block(block)]


def _text(text: Any, names: Names) -> list[Run]:
    """Of a text object: https://docs.slack.dev/reference/block-kit/composition-objects/text-object"""
    if not isinstance(text, Mapping):
        return []
    words = text_of(text, "text")
    return [said(words)] if text.get("type") == "plain_text" else read_text(words, names)


def unsent_block(block: Mapping[str, Any]) -> Run:
    """In place of a block, or an accessory, that cannot go out."""
    kind = text_of(block, "type") or "unknown"
    label = _NAMED.get(kind, f"a block of type “{kind}”")
    title = block.get("title")
    name = text_of(title, "text") if isinstance(title, Mapping) else text_of(block, "title")
    name = name or text_of(block, "alt_text")
    return unsent(kind, f"{label} ({name})" if name else label)
