"""The results as a table: on the terminal, and in the page that keeps the last ones."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import quantiles

from benchmarks.report import Result
from tests.postgres import NoPostgres, find

BEGIN, END = "<!-- results -->", "<!-- end of results -->"
FOOTER = (
    "Processes that are killed are counted by a test, not by a benchmark: `pytest -m crash` prints kills, "
    "deliveries, lost, duplicated, out of order."
)
_PACKAGES = (
    "uvicorn",
    "uvloop",
    "httptools",
    "sqlalchemy",
    "asyncpg",
    "aiohttp",
    "slack-bolt",
    "procrastinate",
)


def environment() -> list[str]:
    """What it ran on, a line for each kind of thing."""
    with_versions = []
    for name in _PACKAGES:
        try:
            with_versions.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    machine = f"{_cpu()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before"
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, {machine}, {platform.system()} {platform.release()}",
        f"{python}, SQLite {sqlite3.sqlite_version}, {_postgres()}, {_disk()}",
        ", ".join(with_versions),
    ]


def _cpu() -> str:
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.processor() or platform.machine()


def _postgres() -> str:
    try:
        told = subprocess.run([find() / "postgres", "--version"], capture_output=True, text=True, check=True)
    except NoPostgres:
        return "no Postgres"
    return " ".join(told.stdout.replace("(PostgreSQL) ", "").split()[:2])


def _disk() -> str:
    """How long a commit waits for the disk, where databases are made."""
    took = []
    with tempfile.TemporaryFile() as file:
        for _ in range(500):
            file.write(b"0" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fsync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
            time.sleep(0.002)
    parts = quantiles(took, n=100)
    return f"fsync {parts[49]:.2f} ms (p99 {parts[98]:.1f} ms)"


def value(result: Result) -> str:
    return f"{_number(result.value)}{result.unit if result.unit[:1] in '/ ' else ' ' + result.unit}"


def budget(result: Result) -> str:
    if result.budget is None:
        return ""
    return f"{'≥' if result.wanted == 'at least' else '≤'} {_number(result.budget)}"


def verdict(result: Result) -> str:
    return {True: "met", False: "**short of**", None: ""}[result.met]


def _number(number: float) -> str:
    if number >= 1000:
        return f"{number:,.0f}"
    if number == int(number):
        return f"{number:.0f}"
    return f"{number:.1f}" if number >= 100 else f"{number:.2f}"


def summary(results: Sequence[Result]) -> str:
    held = [one for one in results if one.met is not None]
    short = [one for one in held if not one.met]
    return f"{len(held) - len(short)} of {len(held)} budgets met" + (
        f", {len(short)} short of" if short else ""
    )


def text(results: Sequence[Result]) -> str:
    """For a terminal: each result on a line, and what it comes from below."""
    lines = []
    for one in results:
        told = f"{value(one):>12}  {budget(one):>9}  {verdict(one).strip('*'):8}  {one.what}"
        lines += [told, f"{'':35}{one.figures}"]
    return "\n".join(lines)


def markdown(about: Sequence[str], results: Sequence[Result]) -> str:
    rows = [
        f"| {one.what} | {value(one)} | {budget(one)} | {verdict(one)} | {one.figures} |" for one in results
    ]
    head = ["| what | found | budget | | medians |", "| --- | ---: | ---: | --- | --- |"]
    return "\n".join(
        [*(f"- {line}" for line in about), "", *head, *rows, "", f"{summary(results)}. {FOOTER}"]
    )


def replaced(page: str, table: str) -> str:
    """`page` with `table` between its two marks. Raises `ValueError` where it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page has no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"
