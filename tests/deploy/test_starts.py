"""How the Procfile's processes start where a platform starts them, and what they say where they do not."""

from __future__ import annotations

import asyncio
import contextlib
import random

import asyncpg
import pytest

from tests.crash.books import until
from tests.crash.talking import Traffic
from tests.deploy.dynos import PATIENCE, Platform
from tests.deploy.plan import LIMIT, REFUSED, Plan
from tests.stores import migrate

SEED = 6
pytestmark = [pytest.mark.deploy, pytest.mark.asyncio(loop_scope="package")]

SEEN = """
import importlib.util, os, pathlib, bridge
print(bridge.__file__, *(importlib.util.find_spec(name) for name in ("pytest", "honcho")))
print(sorted(os.environ))
pathlib.Path(os.environ["TMPDIR"], "mine").write_text("may be written")
pathlib.Path("bridge/mine").write_text("may not")
"""


async def test_a_process_has_what_a_dyno_has(heroku: Platform) -> None:
    code, told = await heroku.one_off("python", "-c", SEEN)

    assert code == 1
    assert told.startswith(f"{heroku.slug.app}/bridge/__init__.py None None\n")
    for ours in ("VIRTUAL_ENV", "PYTEST", "PYTHONPATH", "LD_", "BRIDGE_"):
        assert ours not in told
    assert "PermissionError" in told
    assert heroku.slug.changed() == []


async def test_the_release_migrates_once(heroku: Platform) -> None:
    assert "(was at nothing)" in await heroku.release()

    again = await heroku.release()

    assert "the schema is at " in again
    assert "was at" not in again


async def test_the_release_says_which_variables_are_missing(heroku: Platform) -> None:
    missing = ("SLACK_SIGNING_SECRET", "ACME_MOVEO_API_KEY")
    code, told = await heroku.only("release", dict.fromkeys(missing))

    assert code == 2
    assert all(f"{name} is not set" in told for name in missing)


async def test_nothing_starts_on_a_disk_that_will_be_thrown_away(heroku: Platform) -> None:
    names = ("release", "web", "worker")
    ended = await asyncio.gather(*(heroku.only(name, {"DATABASE_URL": None}) for name in names))

    for code, told in ended:
        assert code == 2
        assert "DYNO is set and DATABASE_URL is not" in told
        assert "heroku addons:create heroku-postgresql" in told


async def test_nothing_serves_before_the_release(heroku: Platform) -> None:
    for code, told in await asyncio.gather(heroku.only("web"), heroku.only("worker")):
        assert code == 2
        assert "python -m bridge migrate" in told


async def test_an_older_version_does_not_touch_a_newer_schema(heroku: Platform, plan: Plan) -> None:
    """`heroku rollback` runs the older version's release."""
    await migrate(plan.url)
    plan.server.sql("UPDATE alembic_version SET version_num = '9999'", plan.role)

    for code, told in await asyncio.gather(heroku.only("release"), heroku.only("web")):
        assert code == 2
        assert "the database's schema is at 9999" in told
        assert "newer version" in told
        assert "Traceback" not in told


async def test_who_gets_no_more_connections_does_with_what_it_has(heroku: Platform, plan: Plan) -> None:
    """As the old processes of a deploy do: what vendors and Slack tell is taken."""
    await migrate(plan.url)
    dynos = await heroku.start(web=1)
    others: list[asyncpg.Connection] = []
    with contextlib.suppress(asyncpg.TooManyConnectionsError):
        while True:
            others.append(await asyncpg.connect(plan.url))
    before = heroku.router.answers.copy()

    traffic = Traffic(heroku.stage, random.Random(SEED))  # noqa: S311
    traffic.told_by = {"ada", "gptbots"}
    await traffic.begin(5)
    talking = asyncio.create_task(traffic.goes_on())
    await until(lambda: (heroku.router.answers - before).total() > 100, PATIENCE, "a hundred answers")
    traffic.over = True
    await talking

    assert not [status for status in heroku.router.answers - before if status >= 300]
    await asyncio.gather(*(one.close() for one in others))
    await heroku.stop(dynos)


async def test_who_starts_while_others_have_every_connection_waits_for_theirs(
    heroku: Platform, plan: Plan
) -> None:
    """As the new processes of a deploy do: Heroku starts them at the same moment as it ends the old ones."""
    await migrate(plan.url)
    others = [await asyncpg.connect(plan.url) for _ in range(LIMIT)]
    dynos = await heroku.boot(web=1, worker=1)
    await until(lambda: dynos.log.count(REFUSED) >= 2, PATIENCE, "both refused")

    await asyncio.gather(*(one.close() for one in others))
    await heroku.up(dynos)

    await heroku.stop(dynos)
