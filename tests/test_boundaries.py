"""The picture of the parts, held against what the files import.

model, errors  <-  adapter, control  <-  actions  <-  routing, delivery, render, compose  <-  engine
engine  <-  slack, store, web
errors  <-  hours  <-  config, render, engine, slack, store
slack, store, web  <-  app  <-  __main__
media (files from vendors' addresses) <- slack
adapters -> model, errors, adapter (and httpx)
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent

BASE = {"model", "errors"}
RULES = BASE | {"adapter", "actions", "config", "routing", "control", "render", "compose", "delivery"}

#: part of bridge/ -> the parts it may import, beside itself
ALLOWED = {
    "model": set(),
    "errors": set(),
    "adapter": BASE,
    "hours": {"errors"},
    "config": BASE | {"adapter", "hours"},
    "routing": BASE | {"config"},
    "control": BASE,
    "actions": BASE | {"adapter", "control"},
    "render": BASE | {"actions", "hours"},
    "compose": BASE | {"actions"},
    "metrics": set(),
    "telemetry": {"errors", "logs"},
    "calls": {"adapter", "metrics", "telemetry"},
    "server": {"errors", "protocol"},
    "protocol": set(),
    "logs": set(),
    "media": BASE | {"config"},
    "delivery": BASE,
    "engine": RULES | {"hours", "metrics", "logs", "telemetry"},
    "slack": RULES | {"hours", "metrics", "logs", "telemetry", "media", "engine"},
    "store": RULES | {"hours", "metrics", "engine"},
    "bodies": {"errors", "metrics"},
    "web": RULES | {"metrics", "logs", "telemetry", "engine", "bodies"},
    "descriptors": set(),
    "app": RULES
    | {"metrics", "logs", "telemetry", "calls", "media", "engine", "slack", "store", "web", "descriptors"},
    "deadletters": BASE | {"delivery", "engine", "store"},
    "encrypt": BASE | {"store"},
    "forget": BASE | {"config", "slack", "store"},
    "manifest": BASE | {"actions"},
    "doctor": BASE | {"adapter", "config", "manifest", "store", "telemetry"},
    "received": BASE | {"adapter", "config", "slack"},
    "trace": RULES | {"engine", "slack", "store", "received"},
    "scrub": set(),
    "record": BASE | {"adapter", "config", "received", "scrub", "store", "trace"},
    "replay": BASE | {"adapter", "config"},
    "registry": BASE | {"adapter"},
    "preview": RULES | {"engine", "slack"},
    "sandbox": set(),
    "sandbox.demo": {"errors", "config", "registry", "app"},
    "sandbox.tour": {"errors", "config"},
    "sandbox.show": set(),
    "__main__": RULES
    | {"logs", "metrics", "telemetry", "engine", "slack", "store", "protocol", "web", "app", "registry"}
    | {
        "encrypt",
        "forget",
        "deadletters",
        "doctor",
        "server",
        "record",
        "replay",
        "trace",
        "manifest",
        "preview",
        "sandbox",
    },
}
PURE = {"model", "errors", "actions", "delivery", "hours", "routing", "control", "render", "compose"} | {
    "manifest",
    "scrub",
}
EFFECTS = {
    "aiohttp",
    "asyncio",
    "httpx",
    "logging",
    "slack_bolt",
    "slack_sdk",
    "socket",
    "sqlalchemy",
    "starlette",
}
KNOWS_ADAPTERS = {"registry"}
#: they play the other side, so they know nothing of ours: an error in one shows in the other
FAKES = ("sandbox.slack", "sandbox.vendors")

#: what an adapter may import beside the standard library and its own folder
PORT = ("bridge.model", "bridge.errors", "bridge.adapter", "httpx", "pydantic", "standardwebhooks")


COMPUTED = "a computed name"


class Import(NamedTuple):
    file: Path
    line: int
    name: str  # absolute and dotted, down to what is taken from the module


def imports(tree: Path, package: str) -> Iterator[Import]:
    """Every import below `tree/package`: at the top, in a function, for type checking, by name."""
    for path in sorted((tree / package).rglob("*.py")):
        file = path.relative_to(tree)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(file))):
            for name in imported(node, file):
                yield Import(file, node.lineno, name)


def imported(node: ast.AST, file: Path) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (one.name for one in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            above = file.parts[: len(file.parts) - level] if level else ()
            base = ".".join((*above, *([module] if module else [])))
            yield from (f"{base}.{one.name}" for one in names)
        case ast.Call(func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module")):
            for argument in node.args[:1]:
                yield argument.value if isinstance(argument, ast.Constant) else COMPUTED


def within(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


def objection(module: str, name: str, parts: set[str]) -> str | None:
    """Why `module`, a dotted name below bridge/, may not import `name`."""
    own = module.partition(".")[0]
    if name == COMPUTED:
        return "nobody can check it"
    if within(name, "adapters"):
        return None if own in KNOWS_ADAPTERS else "only the registry knows adapters"
    if not within(name, "bridge"):
        return f"{own} is pure" if own in PURE and name.partition(".")[0] in EFFECTS else None
    for fake in FAKES:
        if within(module, fake):
            known = within(name, f"bridge.{fake}") or within(name, "bridge.sandbox.feed")
            return None if known else "a fake knows only itself"
    part = name.split(".")[1] if "." in name else ""
    if part not in parts or part in {own} | ALLOWED.get(module, ALLOWED.get(own, set())):
        return None  # `bridge.__version__` is the package's own
    return f"{module} may not import it"


def objection_to_adapter(folder: str, name: str) -> str | None:
    if name.partition(".")[0] in sys.stdlib_module_names or any(within(name, one) for one in (folder, *PORT)):
        return None
    return "an adapter may not import it"


def faults(tree: Path) -> list[str]:
    """Every import that goes against the picture, as `file:line: what`."""
    parts = {path.stem for path in (tree / "bridge").iterdir() if path.suffix == ".py" or path.is_dir()}
    parts = parts - {"__init__", "__pycache__"} | ALLOWED.keys()
    found = [f"bridge/{part}: has no place in the picture" for part in sorted(parts - ALLOWED.keys())]
    for package in ("bridge", "adapters"):
        for file, line, name in imports(tree, package):
            path = file.with_suffix("").parts
            if package == "bridge":
                problem = objection(".".join(path[1:]), name, parts)
            else:
                problem = objection_to_adapter(".".join(path[:2]), name)
            if problem:
                found.append(f"{file}:{line}: {name}: {problem}")
    return found


def test_no_arrow_turns() -> None:
    assert faults(ROOT) == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("bridge/model.py", "from bridge.adapter import Webhook"),
        ("bridge/model.py", "import logging"),
        ("bridge/errors.py", "from . import model"),
        ("bridge/control.py", "import asyncio"),
        ("bridge/config.py", "from bridge.registry import adapters"),
        ("bridge/hours.py", "from bridge.config import Route"),
        ("bridge/compose/reply.py", "from bridge.hours import Hours"),
        ("bridge/render/text.py", "from bridge.engine.work import Delivery"),
        ("bridge/render/text.py", "from sqlalchemy.ext import asyncio"),
        ("bridge/compose/reply.py", "from bridge.render import text"),
        ("bridge/compose/reply.py", "async def compose():\n    import httpx"),
        ("bridge/engine/lanes.py", "from ..store import database"),
        ("bridge/engine/lanes.py", "from bridge import store"),
        ("bridge/engine/lanes.py", "def wake():\n    from bridge.store.database import Database"),
        (
            "bridge/engine/lanes.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import bridge.store.database",
        ),
        ("bridge/slack/out.py", "from bridge.store.lanes import claim"),
        ("bridge/store/lanes.py", "import bridge.web as web"),
        ("bridge/web.py", "from bridge.slack import people"),
        ("bridge/web.py", "from adapters.ada import Ada"),
        ("bridge/engine/lanes.py", "import importlib\nimportlib.import_module('adapters.ada')"),
        ("bridge/engine/lanes.py", "from importlib import import_module\nimport_module(vendor)"),
        ("bridge/web.py", "from bridge.__main__ import main"),
        ("bridge/web.py", "from bridge.sandbox import demo"),
        ("bridge/sandbox/slack/blocks.py", "from bridge.render import text"),
        ("bridge/sandbox/vendors/ada.py", "from adapters.ada import Ada"),
        ("bridge/sandbox/vendors/ada.py", "from bridge.sandbox.slack import app"),
        ("bridge/sandbox/slack/blocks.py", "from bridge import __version__"),
        ("bridge/sandbox/demo.py", "from bridge.store import database"),
        ("bridge/helpers.py", ""),
        ("adapters/ada/receive.py", "from adapters.moveo import Moveo"),
        ("adapters/ada/receive.py", "from ..moveo import Moveo"),
        ("adapters/ada/receive.py", "from bridge.config import Source"),
        ("adapters/ada/receive.py", "from bridge import store"),
        ("adapters/ada/receive.py", "import bridge"),
        ("adapters/ada/receive.py", "from slack_sdk import WebClient"),
        ("adapters/ada/receive.py", "import starlette.responses"),
    ],
)
def test_a_turned_arrow_is_caught(tmp_path: Path, file: str, source: str) -> None:
    straight(tmp_path)
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(source)

    assert [fault for fault in faults(tmp_path) if fault.startswith(file.removesuffix(".py"))]


def test_straight_arrows_are_not(tmp_path: Path) -> None:
    straight(tmp_path)

    assert faults(tmp_path) == []


def straight(tree: Path) -> None:
    """A tree as it should be."""
    for file, source in {
        "bridge/__init__.py": "__version__ = '1'",
        "bridge/model.py": "import pydantic",
        "bridge/errors.py": "",
        "bridge/adapter.py": "import httpx\nfrom bridge.model import Event\nfrom .errors import BridgeError",
        "bridge/config.py": "from bridge.adapter import Adapter",
        "bridge/registry.py": "from adapters.ada import Ada",
        "bridge/engine/work.py": "import asyncio\nfrom bridge import __version__, control",
        "bridge/engine/lanes.py": "from . import work",
        "bridge/control.py": "from bridge.model import Event",
        "bridge/store/lanes.py": "from bridge.engine.work import Delivery\nfrom ..errors import Unavailable",
        "bridge/web.py": "import starlette\nfrom bridge.engine import work",
        "bridge/sandbox/demo.py": "from bridge.config import load\nfrom bridge.sandbox.slack import app",
        "bridge/sandbox/slack/app.py": "import starlette",
        "bridge/__main__.py": "from bridge import registry, slack, web\nfrom bridge.sandbox import demo",
        "bridge/slack/out.py": "from bridge.engine import work",
        "adapters/__init__.py": "",
        "adapters/ada/__init__.py": "import json, httpx\nfrom .receive import read\nfrom bridge import model",
        "adapters/ada/receive.py": "from standardwebhooks import Webhook\nfrom adapters.ada import quirks",
    }.items():
        (tree / file).parent.mkdir(parents=True, exist_ok=True)
        (tree / file).write_text(source)


@pytest.mark.parametrize("package", ["bridge", "adapters"])
def test_one_idea_a_file(package: str) -> None:
    files = [path for path in (ROOT / package).rglob("*") if path.suffix in {".py", ".html", ".css", ".js"}]
    lengths = {str(path.relative_to(ROOT)): len(path.read_text("utf-8").splitlines()) for path in files}

    assert lengths
    assert {file: length for file, length in lengths.items() if length > 400} == {}


def test_what_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = chain.from_iterable(project["optional-dependencies"].values())
    declared = {re.split(r"[^a-z0-9-]", line)[0] for line in (*project["dependencies"], *extras)}
    used = {
        one.name.partition(".")[0] for package in ("bridge", "adapters") for one in imports(ROOT, package)
    }
    origins = packages_distributions()
    undeclared = {
        name
        for name in used - sys.stdlib_module_names - {"bridge", "adapters"}
        if declared.isdisjoint(one.lower().replace("_", "-") for one in origins.get(name, ()))
    }

    assert undeclared == set()


PIN = re.compile(r"[a-z0-9-]+(\[[a-z0-9,-]+\])?==[\w.!+]+( ; [^/@]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def pins(file: str) -> list[str]:
    return [line for line in (ROOT / file).read_text("utf-8").splitlines() if not HASH.fullmatch(line)]


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt", "requirements-bench.txt"])
def test_requirements_hold_pins_and_hashes_and_no_address(file: str) -> None:
    assert pins(file)
    assert [line for line in pins(file) if not PIN.fullmatch(line)] == []


def test_what_is_tested_is_what_runs() -> None:
    tested = {line.split()[0] for line in pins("requirements-dev.txt")}

    assert {line.split()[0] for line in pins("requirements.txt")} <= tested
