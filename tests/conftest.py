"""What every test can ask for: both databases, real ones. And what the books of all come to in the end."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.postgres import Postgres, find
from tests.stores import migrate


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A Postgres of this test process' own, started when the first test asks for it."""
    with Postgres(find()) as server:
        yield server


@pytest.fixture(scope="session")
def migrated_template(postgres: Postgres) -> str:
    """The name of a database with the newest schema. A copy takes a fifth of the time of the migrations."""
    url = postgres.create_database()
    asyncio.run(migrate(url))
    return url.rpartition("/")[2]


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without rows, once on each side; dropped afterwards. Postgres' has its tables already."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/bridge.sqlite3"
        return
    server: Postgres = request.getfixturevalue("postgres")
    url = server.create_database(request.getfixturevalue("migrated_template"))
    yield url
    server.drop_database(url)


@pytest.fixture(autouse=True)
def logging_stays_as_it_is() -> Iterator[None]:
    """Else a later test in the same process misses the lines it looks for."""
    before = _loggers()
    yield
    assert _loggers() == before, "configure a server with log_config=None and without log_level"


def _loggers() -> dict[str, tuple[int, bool, bool]]:
    loggers = (logging.getLogger(name) for name in ("uvicorn", "uvicorn.error", "bridge"))
    return {one.name: (one.level, one.propagate, one.disabled) for one in loggers}


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failure: it would look like a pass."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("\nCI: a test was skipped, which counts as a failure", red=True)
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Here, and not where the books are kept: xdist's controller, which writes it, knows only this file."""
    totals: dict[str, Counter[str]] = {}
    takeovers: list[float] = []
    for name, value in _told(terminalreporter):
        if name == "counts" and value:  # empty where its test failed early
            what = next(iter(value))
            total = totals.setdefault(what, Counter())
            for counted, count in value.items():
                total[counted] += count
        elif name == "takeovers":
            takeovers += value
    for total in totals.values():
        terminalreporter.write_line("")
        terminalreporter.write_line(", ".join(f"{counted} {count}" for counted, count in total.items()))
    if takeovers:
        low, middle, high = min(takeovers), median(takeovers), max(takeovers)
        terminalreporter.write_line(
            f"taken over by another worker {len(takeovers)} times, "
            f"after {low:.1f} / {middle:.1f} / {high:.1f} s (least, median, most)"
        )


def _told(reporter: pytest.TerminalReporter) -> Iterator[tuple[str, Any]]:
    for outcome in ("passed", "failed"):
        for report in reporter.stats.get(outcome, ()):
            if getattr(report, "when", "") == "call":
                yield from report.user_properties
