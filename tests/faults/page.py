"""The rows as docs/faults.md shows them."""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults.matrix import CLOCKS, SLACK, STORE, VENDOR
from tests.faults.row import Row

TABLES = {"Slack": SLACK, "Vendors": VENDOR, "The store": STORE, "Clocks": CLOCKS}
HEAD = ("where", "fault", "tried again", "told", "ends as", "meanwhile")


def table(rows: Sequence[Row]) -> str:
    """Without the first column where it would say the same in every row."""
    first = 0 if len({row.sides for row in rows}) > 1 else 1
    lines = [HEAD, ["---"] * len(HEAD), *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(cells[first:])} |" for cells in lines)


def with_tables(page: str) -> str:
    """`page` with the table below each heading as it has to be."""
    for heading, rows in TABLES.items():
        before, found, rest = page.partition(f"\n## {heading}\n")
        words, _, after = rest.partition("\n| ")
        _, _, after = after.partition("\n\n")
        page = f"{before}{found}{words}\n{table(rows)}\n\n{after}"
    return page


def _cells(row: Row) -> list[str]:
    told = "; ".join(map(str, row.told)) or "nobody: nothing is amiss"
    return [", ".join(row.sides), row.fault, row.tried, told, row.ends, row.others]
