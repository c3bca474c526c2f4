"""One platform for all tests, and a database for each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
import pytest_asyncio

from bridge.sandbox.stage import Stage
from tests.crash.bridges import RETRIES, ROUTE
from tests.deploy.dynos import Platform, platform
from tests.deploy.plan import Plan, smallest
from tests.faults.books import Books, kept_for
from tests.postgres import Postgres

DRAIN = 'drain = "5s"\n'  # of the sandbox; here it is what it is by default


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def one_platform(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    folder = tmp_path_factory.mktemp("platform")
    async with Stage(folder / "stage", channel_rate=0, route=ROUTE) as stage:
        stage.slack.events.retry_delays = RETRIES
        stage.moveo._manner = replace(stage.moveo._manner, retry_delays=RETRIES)
        text = stage.config.read_text()
        assert DRAIN in text
        stage.config.write_text(text.replace(DRAIN, ""))
        async with platform(stage, folder / "slug") as one:
            yield one


@pytest.fixture
def plan(postgres: Postgres) -> Iterator[Plan]:
    """An empty database."""
    with smallest(postgres) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="package")
async def heroku(one_platform: Platform, plan: Plan) -> AsyncIterator[Platform]:
    """The platform with that database. What still runs at the end is killed."""
    one_platform.database_url = plan.url
    yield one_platform
    await one_platform.clear()


@pytest.fixture
def books(request: pytest.FixtureRequest) -> Books:
    return kept_for(request, "processes replaced")
