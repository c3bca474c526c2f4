"""One list of the kinds of deliveries: complete, and what `bridge trace` takes for an id is one."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from bridge.engine.kinds import KINDS, Key, queued_by
from bridge.engine.work import MEANT
from bridge.model import Direction
from bridge.trace.why import vendor_ids

BRIDGE = Path(__file__).parent.parent.parent / "bridge"


def queued() -> Iterator[str]:
    """The kinds that the program queues, as it writes them."""
    for path in BRIDGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or len(node.args) < 3:
                continue
            named = getattr(node.func, "id", "")
            kind = node.args[1] if named == "NewDelivery" else node.args[2] if named == "_new" else None
            if isinstance(kind, ast.Constant):
                yield str(kind.value)


def test_every_kind_that_is_queued_is_in_the_list() -> None:
    found = set(queued())
    assert {"event", "mark", "clock", "greeting", "whisper"} <= found
    assert found <= set(KINDS)


def test_what_a_clock_queues_is_found_by_its_number_or_its_handoff() -> None:
    begin, full = queued_by(7, 3)
    assert {"reminder:7", "escalation:7", "clock:7", "greeting:3", "alert:greeting:3"} <= set(full)
    assert "mark:7:" in begin
    assert not any(
        one.startswith(("greeting", "too_late", "clock")) for one in begin
    )  # clock:7:1 is handoff 7's
    assert "greeting:3" not in queued_by(7, None)[1]
    assert KINDS["greeting"] is Key.HANDOFF


@pytest.mark.parametrize(
    ("refs", "ids"),
    [
        ({MEANT: "12"}, []),  # a handoff's row
        ({MEANT: "12", "": "66aa"}, ["66aa"]),
        ({"0": "a", "1": "b", "": "c"}, ["a", "b", "c"]),
        ({"": "away"}, []),
        ({"": "not told"}, []),
        ({"": "3 found"}, []),
        ({"": "not needed"}, []),
    ],
)
def test_what_is_called_a_vendors_id_is_one(refs: dict[str, str], ids: list[str]) -> None:
    row = SimpleNamespace(direction=Direction.VENDOR, refs=json.dumps(refs))
    assert vendor_ids(row) == ids
