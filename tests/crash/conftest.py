"""The bridges of each database, and the books of every test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.crash.bridges import Bridges, bridges
from tests.faults.books import Books, kept_for
from tests.postgres import Postgres


@pytest_asyncio.fixture(scope="package", loop_scope="package", params=["SQLite", "Postgres"])
async def all_bridges(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridges]:
    server: Postgres | None = request.getfixturevalue("postgres") if request.param == "Postgres" else None
    async with bridges(tmp_path_factory.mktemp("bridges"), server) as both:
        yield both


@pytest_asyncio.fixture(loop_scope="package")
async def both(all_bridges: Bridges) -> Bridges:
    """The database's bridges, all of them up, and nobody is to be killed."""
    all_bridges.knife.sheathe()
    await all_bridges.up()
    return all_bridges


@pytest.fixture
def books(request: pytest.FixtureRequest) -> Books:
    return kept_for(request, "kills")
