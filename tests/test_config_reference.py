"""What is said of each key stands once, below it in its settings model; everything else is made of that.

The reference in docs/configuration.md and the comments in config.example.toml are golden files of it:
`UPDATE_GOLDEN=1 pytest tests/test_config_reference.py` writes both anew, and the diff is read.
"""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import BaseModel

from bridge.adapter import Settings
from bridge.config import Engine, Match, Media, Retry, Route, Server, Slack, Store
from bridge.registry import adapters

ROOT = Path(__file__).parent.parent
EXAMPLE, PAGE = ROOT / "config.example.toml", ROOT / "docs" / "configuration.md"
BEGIN, END = "<!-- reference -->\n", "\n<!-- end of reference -->"

#: the example's tables, and what reads them
TABLES: dict[str, type[BaseModel]] = {
    "[server]": Server,
    "[store]": Store,
    "[slack]": Slack,
    "[media]": Media,
    "[engine]": Engine,
    "[engine.to_slack]": Retry,
    "[[routes]]": Route,
    "[routes.match]": Match,
    **{f"[sources.acme-{name}]": adapter.settings for name, adapter in adapters().items()},
}


@dataclass(frozen=True)
class Line:
    """A line `key = value` of the example's, or `#key = value` with the default, and the words above it."""

    number: int
    model: type[BaseModel]
    key: str
    value: str
    is_default: bool
    words: tuple[str, ...]

    @property
    def description(self) -> list[str]:
        said = self.model.model_fields[self.key].description or ""
        return textwrap.wrap(said, 118, initial_indent="# ", subsequent_indent="# ")


def read(example: str) -> Iterator[Line]:
    model, words = None, list[str]()
    for number, line in enumerate(example.splitlines()):
        if line.startswith("["):
            model = TABLES.get(line)
        key = re.fullmatch(r"(#?)(\w+) = (.*)", line)
        if model and key and key[2] in model.model_fields:
            yield Line(number, model, key[2], key[3], key[1] == "#", tuple(words))
        words = [*words, line] if line.startswith("# ") else []


def first(example: str) -> list[Line]:
    """Of each key, the line where it stands for the first time."""
    lines = list(read(example))
    return [
        next(one for one in lines if (one.model, one.key) == key)
        for key in dict.fromkeys((one.model, one.key) for one in lines)
    ]


def described(example: str) -> str:
    """`example` with what is said of each key above its first line."""
    lines = example.splitlines()
    for one in sorted(first(example), key=lambda one: -one.number):
        lines[one.number - len(one.words) : one.number] = one.description
    return "\n".join(lines) + "\n"


def reference(example: str) -> str:
    """A table for each model, its defaults as `example` writes them."""
    defaults = {(one.model, one.key): one.value for one in read(example) if one.is_default}
    parts = list[str]()
    for table, model in TABLES.items():
        parts.append(f"### {_heading(table, model)}")
        if about := " ".join((model.__doc__ or "").split()):
            parts.append(about)
        rows = ["| key | default | |", "| --- | --- | --- |"]
        for key, field in model.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
                continue
            default = "" if field.is_required() or field.get_default() is None else defaults[model, key]
            said = " ".join((field.description or "").split()).replace("|", "\\|")
            rows.append(f"| `{key}` | {f'`{default}`' if default else ''} | {said} |")
        parts.append("\n".join(rows))
    return "\n\n".join(parts)


def _heading(table: str, model: type[BaseModel]) -> str:
    if issubclass(model, Settings):
        vendor = table.removeprefix("[sources.acme-").removesuffix("]")
        return f'`[sources.<name>]` with `vendor = "{vendor}"`'
    return "`[engine.to_slack]` and `[engine.to_vendor]`" if model is Retry else f"`{table}`"


@pytest.mark.parametrize("model", dict.fromkeys(TABLES.values()))
def test_every_key_is_described(model: type[BaseModel]) -> None:
    assert [key for key, field in model.model_fields.items() if not field.description] == []


def test_the_example_says_it() -> None:
    stands = EXAMPLE.read_text(encoding="utf-8")
    if os.environ.get("UPDATE_GOLDEN"):
        EXAMPLE.write_text(described(stands), encoding="utf-8")
        return

    assert stands == described(stands)


def test_the_page_says_it() -> None:
    made = f"\n{reference(EXAMPLE.read_text(encoding='utf-8'))}\n"
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    stands, _, after = rest.partition(END)
    if os.environ.get("UPDATE_GOLDEN"):
        PAGE.write_text(before + BEGIN + made + END + after, encoding="utf-8")
        return

    assert stands == made
