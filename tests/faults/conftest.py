"""One bridge for each database, the books of every test, and what they come to at the end of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.books import COUNTED, Books
from tests.faults.ground import Ground, new_server
from tests.faults.ground import ground as set_up
from tests.faults.machine import STUCK

FAST = '["100ms", "200ms", "400ms"]'
INSTEAD = (('["200ms", "500ms", "1s", "2s"]', FAST),)


@pytest_asyncio.fixture(scope="package", loop_scope="package", params=["SQLite", "Postgres"])
async def one_ground(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Ground]:
    folder = tmp_path_factory.mktemp("ground")
    if request.param == "SQLite":
        async with set_up(folder, instead=INSTEAD) as ground:
            yield ground
        return
    with new_server() as server:
        async with set_up(folder, server, INSTEAD) as ground:
            yield ground


@pytest_asyncio.fixture(loop_scope="package")
async def ground(one_ground: Ground) -> AsyncIterator[Ground]:
    """The database's bridge; whatever a row broke, the next one finds whole."""
    yield one_ground
    one_ground.mend()
    await one_ground.is_ready()


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def impatient(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    """A bridge that gives up after a second, and says much earlier that something waits."""
    sections = ("[engine.to_slack]", "[engine.to_vendor]")
    soon = tuple((one, f'{one}\ngive_up_after = "1s"') for one in sections)
    folder = tmp_path_factory.mktemp("impatient")
    async with set_up(folder, instead=INSTEAD + soon, environ={STUCK: "0.2"}) as ground:
        yield ground


@pytest.fixture
def books(request: pytest.FixtureRequest) -> Books:
    kept = Books()
    request.node.user_properties.append(("faults", kept.counts))
    return kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    total: Counter[str] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, ()):
            for name, value in getattr(report, "user_properties", ()):
                if name == "faults" and report.when == "call":
                    total.update(value)
    if total["faults"]:
        terminalreporter.write_line("")
        terminalreporter.write_line(", ".join(f"{name} {total[name]}" for name in COUNTED))
