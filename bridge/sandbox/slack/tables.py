"""Blocks that show data: table, data_table, data_visualization.

https://docs.slack.dev/reference/block-kit/blocks/table-block, …/data-table-block,
…/data-visualization-block.
"""

from __future__ import annotations

from typing import Any

from bridge.sandbox.slack.rich_text import BLOCK_ID, RICH_TEXT
from bridge.sandbox.slack.schema import Findings, Record, any_of, flag, items, number, one_of, string, whole

TABLE_CHARACTERS = 10_000  # of all tables in a message
DATA_TABLE_CHARACTERS = 20_000
COLUMNS = 20

_RAW_TEXT = Record("raw_text", {"text": string()}, need=("text",))
_RAW_NUMBER = Record("raw_number", {"value": number, "text": string()}, need=("value",))
_CELL = any_of(_RAW_TEXT, _RAW_NUMBER, RICH_TEXT)
_COLUMN = Record(None, {"align": one_of("left", "center", "right"), "is_wrapped": flag})

TABLE = Record(
    "table",
    {
        "rows": items(items(_CELL, COLUMNS), 100),
        "column_settings": items(_COLUMN, COLUMNS),
        "block_id": BLOCK_ID,
    },
    need=("rows",),
)


def characters(rows: Any) -> int:
    """The text in a table's cells, however deep it lies in their rich text."""
    if isinstance(rows, dict):
        own = rows.get("text")
        return (len(own) if isinstance(own, str) else 0) + characters(list(rows.values()))
    return sum(map(characters, rows)) if isinstance(rows, list) else 0


def _even_rows(value: dict[str, Any], at: str, found: Findings) -> None:
    header = value["rows"][0]
    for index, row in enumerate(value["rows"]):
        if len(row) != len(header):
            found.add(f"must have {len(header)} columns", f"{at}/rows/{index}")
    for index, cell in enumerate(header):
        if cell["type"] == "rich_text":
            found.add("unsupported type: rich_text", f"{at}/rows/0/{index}/type")
    if value.get("row_header_column_index", 0) >= len(header):
        found.add("must be the index of a column", f"{at}/row_header_column_index")


DATA_TABLE = Record(
    "data_table",
    {
        "rows": items(items(_CELL, COLUMNS), 201, least=2),
        "caption": string(),
        "page_size": whole(1, 100),
        "row_header_column_index": whole(0),
        "block_id": BLOCK_ID,
    },
    need=("rows", "caption"),
    also=_even_rows,
)


def _points_match(value: dict[str, Any], at: str, found: Findings) -> None:
    names = [series["name"] for series in value["series"]]
    if len(set(names)) != len(names):
        found.add("series names must be unique", f"{at}/series")
    categories = value["axis_config"]["categories"]
    if len(set(categories)) != len(categories):
        found.add("categories must be unique", f"{at}/axis_config/categories")
    for index, series in enumerate(value["series"]):
        if sorted(point["label"] for point in series["data"]) != sorted(categories):
            found.add("must have one point for each category", f"{at}/series/{index}/data")


def _positive(value: Any, at: str, found: Findings) -> None:
    number(value, at, found)
    if isinstance(value, int | float) and value <= 0:
        found.add("must be greater than 0", at)


#: of segments too; one copy of the documentation says 6, another one 12: the smaller figure is safe
SERIES = 6

_LABEL = string(20)
_SEGMENT = Record(None, {"label": _LABEL, "value": _positive}, need=("label", "value"))
_POINT = Record(None, {"label": _LABEL, "value": number}, need=("label", "value"))
_SERIES = Record(None, {"name": _LABEL, "data": items(_POINT, 20)}, need=("name", "data"))
_AXIS = Record(
    None,
    {"categories": items(_LABEL, 20), "x_label": string(50), "y_label": string(50)},
    need=("categories",),
)
_CHART = any_of(
    Record("pie", {"segments": items(_SEGMENT, SERIES)}, need=("segments",)),
    *(
        Record(
            kind,
            {"series": items(_SERIES, SERIES), "axis_config": _AXIS},
            ("series", "axis_config"),
            _points_match,
        )
        for kind in ("bar", "area", "line")
    ),
)

DATA_VISUALIZATION = Record(
    "data_visualization",
    {"title": string(50), "chart": _CHART, "block_id": BLOCK_ID},
    need=("title", "chart"),
)
