"""docs/faults.md says what the rows say. `UPDATE_GOLDEN=1` writes its tables anew."""

from __future__ import annotations

import os
from pathlib import Path

from tests.faults.matrix import BLIND, DATABASES, VENDORS
from tests.faults.page import TABLES, with_tables

PAGE = Path(__file__).parent.parent.parent / "docs" / "faults.md"


def test_the_page_has_every_row() -> None:
    text = PAGE.read_text(encoding="utf-8")
    if os.environ.get("UPDATE_GOLDEN"):
        text = with_tables(text)
        PAGE.write_text(text, encoding="utf-8")
    assert with_tables(text) == text


def test_every_fault_is_named_once_at_each_place() -> None:
    for rows in TABLES.values():
        places = [(side, row.fault) for row in rows for side in row.sides]
        assert len(set(places)) == len(places)
        assert {side for side, _ in places} <= {"Slack", *VENDORS, *DATABASES}
    assert set(BLIND) < set(VENDORS)
