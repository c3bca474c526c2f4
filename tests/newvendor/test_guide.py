"""docs/new-vendor.md says what the adapter is: every block it quotes stands in the file that it names."""

from __future__ import annotations

import re
import textwrap
from importlib.metadata import entry_points
from typing import Any

import pytest

import bridge.adapter
import bridge.model
from bridge import adapter as port
from bridge.adapter import Adapter
from bridge.registry import GROUP, adapters
from tests.newvendor.conftest import HERE
from tests.test_boundaries import imports, objection_to_adapter
from tests.test_docs import PAGES, ROOT, rows

GUIDE = PAGES["docs/new-vendor.md"]
QUOTED = re.findall(r"^```\w+ (\S+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("file", "block"), QUOTED, ids=lambda text: text.partition("\n")[0][:60])
def test_what_is_quoted_is_there(file: str, block: str) -> None:
    """To the letter, but for how far all of it is indented."""
    text = (ROOT / file).read_text(encoding="utf-8")

    assert any(f"\n{textwrap.indent(block, ' ' * by)}" in f"\n{text}" for by in (0, 4))


def test_every_file_of_the_adapter_is_quoted_from() -> None:
    files = {str(path.relative_to(ROOT)) for path in (HERE / "whimbrel").glob("*.py")}

    assert files <= {file for file, _ in QUOTED}


def test_no_block_of_python_is_quoted_from_nowhere() -> None:
    assert "```python\n" not in GUIDE


# ── the port ─────────────────────────────────────────────────────────────────────────────────────


def has(protocol: Any) -> list[str]:
    """What an adapter needs for `protocol`."""
    return [name for name in {**protocol.__annotations__, **vars(protocol)} if not name.startswith("_")]


PROTOCOLS = {
    name: one
    for name in port.__all__
    if getattr(one := getattr(port, name), "_is_protocol", False) and one is not Adapter
}


def test_every_optional_protocol_is_explained() -> None:
    listed = {
        name.strip("`"): told.split("|")[0].strip()
        for name, told in rows("docs/new-vendor.md", "protocol").items()
    }
    order = [name for name, one in vars(port.port).items() if one in PROTOCOLS.values()]

    assert list(listed) == order
    assert listed == {
        name: ", ".join(f"`{method}`" for method in has(one)) for name, one in PROTOCOLS.items()
    }


def test_what_the_answers_become_is_in_the_code() -> None:
    for cells in rows("docs/new-vendor.md", "ask").values():
        named = re.findall(r"`([\w.]+)`", cells.split("|")[0])
        for name in named:
            whole, _, field = name.partition(".")
            one = (
                getattr(bridge.model, whole, None)
                or getattr(bridge.adapter, whole, None)
                or getattr(Adapter, whole)
            )
            assert not field or field in dir(one) or field in known_of(one), name


def known_of(one: Any) -> set[str]:
    """The fields of a model or of a dataclass."""
    return {*getattr(one, "model_fields", ()), *getattr(one, "__dataclass_fields__", ())}


# ── the package ──────────────────────────────────────────────────────────────────────────────────


def test_it_is_found_as_an_installed_package_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [entry for entry in entry_points(group=GROUP) if entry.name == "whimbrel"]
    monkeypatch.syspath_prepend(str(HERE))

    (entry,) = [entry for entry in entry_points(group=GROUP) if entry.name == "whimbrel"]
    found = adapters()["whimbrel"]
    assert (entry.dist and entry.dist.name) == "bridge-whimbrel"
    assert (found.__module__, found.__name__) == ("whimbrel", "Whimbrel")


def test_it_imports_what_an_adapter_may() -> None:
    found = list(imports(HERE, "whimbrel"))

    assert found
    assert [one for one in found if objection_to_adapter("whimbrel", one.name)] == []
