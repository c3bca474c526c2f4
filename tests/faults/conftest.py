"""One bridge for each database, and the books of every test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.faults.books import Books, kept_for
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
    """A bridge that gives up after two seconds, and says much earlier that something waits: whatever keeps it
    from trying for a while, it tries between the two."""
    sections = ("[engine.to_slack]", "[engine.to_vendor]")
    soon = tuple((one, f'{one}\ngive_up_after = "2s"') for one in sections)
    folder = tmp_path_factory.mktemp("impatient")
    async with set_up(folder, instead=INSTEAD + soon, environ={STUCK: "0.2"}) as ground:
        yield ground


@pytest.fixture
def books(request: pytest.FixtureRequest) -> Books:
    return kept_for(request, "faults")
