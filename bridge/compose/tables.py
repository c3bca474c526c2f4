"""Tables as rows of text: https://docs.slack.dev/reference/block-kit/blocks/table-block

One line a row, ` | ` between its cells: it reads the same in any font, in a narrow window, and where a vendor
shows Markdown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.compose.names import Names
from bridge.compose.rich_text import read_rich_text, text_of
from bridge.compose.runs import Run, unsent

#: https://docs.slack.dev/reference/block-kit/blocks/data-table-block
TABLES = {"table", "data_table"}


def read_table(block: Mapping[str, Any], names: Names) -> list[Run]:
    """Its caption and its rows, the header first; then what stays in of its cells."""
    rows = block.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        return [unsent("table", "a table")]
    cells = [[_cell(cell, names) for cell in row] for row in rows]
    texts = [[_one_line(cell) for cell in row] for row in cells]
    width = max((_width(row) for row in texts), default=0)
    lines = [text_of(block, "caption"), *(_line(row, width) for row in texts)]
    table = [Run("table", f"{line}\n") for line in lines if line]
    return table + [run for row in cells for cell in row for run in cell if run.left_out]


def _width(row: Sequence[str]) -> int:
    return max((number for number, text in enumerate(row, 1) if text), default=0)


def _line(row: Sequence[str], width: int) -> str:
    """A cell without words keeps its place."""
    if not any(row):
        return ""
    return " | ".join([*row, *[""] * (width - len(row))][:width]).rstrip(" ")


def _cell(cell: Any, names: Names) -> list[Run]:
    kind = text_of(cell, "type") if isinstance(cell, Mapping) else ""
    match kind:
        case "rich_text":
            return read_rich_text(cell, names)
        case "raw_text":
            return [Run("table", text_of(cell, "text"))]
        case "raw_number":
            number = cell.get("value")
            shown = "" if number is None or isinstance(number, bool) else str(number)
            return [Run("table", text_of(cell, "text") or shown)]
    if not cell:
        return []
    return [unsent(kind or "cell", f"a cell of type “{kind}”" if kind else "a cell of a table")]


def _one_line(cell: Sequence[Run]) -> str:
    return " ".join("".join(run.text for run in cell if run.kind != "unsent").split())
