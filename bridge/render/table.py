"""A table as Slack's own block, with its rows in plain columns as the rung below.

https://docs.slack.dev/reference/block-kit/blocks/table-block
"""

from __future__ import annotations

from typing import NamedTuple

from bridge.render import limits
from bridge.render.fitting import ROOM, weight
from bridge.render.literal import Block, Element, preformatted, rich_text, section
from bridge.render.pieces import Piece, flow
from bridge.render.said import inline

Cell = list[Element]


class Row(NamedTuple):
    cells: list[Cell]
    words: list[str]  # of each cell, on one line


def table(rows: list[list[Cell]], alignment: list[str]) -> list[Piece]:
    """`rows` with their header first, as one table, or as several that each have the header."""
    head, *body = [
        Row(cells, ["".join(map(inline, cell)).replace("\n", " ") for cell in cells]) for cells in rows
    ]
    found: list[Piece] = []
    kept: list[Row] = []
    for row in body:
        if kept and not _fit([head, *kept, row]):
            found += _table([head, *kept], alignment)
            kept = []
        kept.append(row)
    return found + _table([head, *kept], alignment)


def _on_one_line(cell: Cell) -> str:
    return "".join(map(inline, cell)).replace("\n", " ")


def _fit(rows: list[Row]) -> bool:
    return len(rows) <= limits.TABLE_ROWS and weight(_columns(rows)) <= ROOM


def _table(rows: list[Row], alignment: list[str]) -> list[Piece]:
    plainer = flow([preformatted(_columns(rows))])
    if len(plainer) != 1 or len(alignment) > limits.TABLE_COLUMNS:
        return plainer
    block = {
        "type": "table",
        "column_settings": [{"align": side, "is_wrapped": True} for side in alignment],
        "rows": [[_cell(cell) for cell in row.cells] for row in rows],
    }
    return [Piece((block,), plainer[0].plainer)]


def _cell(cell: Cell) -> Block:
    """A raw_text cell is literal; only a styled or linked one needs rich text."""
    if all(one["type"] == "text" and "style" not in one for one in cell):
        return {"type": "raw_text", "text": "".join(one["text"] for one in cell) or " "}
    return rich_text(section(*cell))


def _columns(rows: list[Row]) -> str:
    """Padded, so that they stand below each other in a fixed-width font."""
    columns = zip(*(row.words for row in rows), strict=True)
    widths = [min(max(map(len, column)), limits.COLUMN) for column in columns]
    lines = (
        " | ".join(cell.ljust(width) for cell, width in zip(row.words, widths, strict=True)) for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
