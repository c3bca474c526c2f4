"""docs/crashes.md has the table's rows. `UPDATE_GOLDEN=1` writes them anew."""

from __future__ import annotations

import os
from pathlib import Path

from tests.crash.table import HEAD, ROWS, table

PAGE = Path(__file__).parent.parent.parent / "docs" / "crashes.md"


def test_the_page_has_every_row() -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, head, rest = text.partition(f"| {HEAD[0]} | ")
    assert head
    wanted = f"{before}{table()}\n\n{rest.partition(chr(10) * 2)[2]}"
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(wanted, encoding="utf-8")
        text = wanted
    assert text == wanted


def test_every_step_is_named_once() -> None:
    steps = [(row.vendor, row.step) for row in ROWS]
    assert len(set(steps)) == len(steps)
