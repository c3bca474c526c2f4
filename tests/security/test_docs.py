"""docs/security.md is true: what it names is there, and its figures are the code's."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge import web
from bridge.bodies import BODIES, SMALL
from bridge.config.sections import Server
from bridge.protocol import ARRIVES, HEAD, PIECE, PROGRESS, UNREAD
from tests.security.test_secrets import SECRETS
from tests.vendors import VENDORS

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
FILES = sorted(set(re.findall(r"`((?:bridge|adapters|tests|\.ci)/[\w/.]+\.py(?:::\w+)?)`", PAGE)))


def rows(heading: str) -> list[list[str]]:
    """The cells of each row of the table whose first cell is `heading`."""
    table = PAGE.partition(f"\n| {heading} |")[2].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in table]


@pytest.mark.parametrize("name", FILES)
def test_what_it_names_is_there(name: str) -> None:
    file, _, test = name.partition("::")
    assert (ROOT / file).is_file()
    assert not test or re.search(rf"^(?:async )?def {test}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE)


def test_every_threat_has_its_place_and_its_test() -> None:
    found = rows("threat")
    assert len(found) > 20
    for cells in found:
        threat, _, where, shown = cells
        assert re.search(r"`(?:bridge|adapters|\.ci)/", where), threat
        assert "`tests/" in shown, threat


def test_no_test_of_security_is_left_out() -> None:
    for file in (ROOT / "tests" / "security").glob("test_*.py"):
        assert file == Path(__file__) or f"tests/security/{file.name}" in PAGE


def test_its_figures_are_the_codes() -> None:
    limits = {cells[0]: cells[1:] for cells in rows("of")}
    assert limits["a body"] == ["`[server] max_body` (1 MB)", "413"]
    assert Server().max_body == 1024**2
    bodies_of = limits[f"all bodies that are being read or kept, each without its first {SMALL // 1024} KB"]
    assert bodies_of[0] == f"{BODIES} times as much"
    assert limits["requests that wait on one connection for the one before them"][0].startswith(
        f"what {PIECE // 1024} KB holds"
    )
    assert limits["an answer that is not read"][0].startswith(f"{PROGRESS // 1024} KB in {UNREAD:g} s")
    assert limits["a request's line and headers, or what follows its body"][0].startswith(
        f"{HEAD // 1024} KB"
    )
    assert limits["the time until a request is here, from its first byte on"][0] == f"{ARRIVES:g} s"
    assert limits["a conversation's id"][0] == f"{web.LONGEST_ID} characters"


def test_every_secret_is_told_how_to_replace() -> None:
    told = {cells[0].strip("`"): cells[1] for cells in rows("variable")}
    secrets = {
        f"ACME_{vendor.upper()}_{field.upper()}"
        for vendor, adapter in VENDORS.items()
        for field in adapter.secrets.model_fields
    }
    assert told.keys() >= secrets | SECRETS.keys() | {"SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "DATABASE_URL"}
    assert {name for name, several in told.items() if several == "yes"} == SECRETS.keys()
