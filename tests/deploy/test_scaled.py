"""Scaled to two web and two worker processes, deployed, and scaled back, under traffic; nothing is lost.

    pytest -m deploy        # ends with what was lost, twice there or out of order

Customers and agents of all three vendors talk through the router the whole time. What the router refuses is
sent again by whoever does so: Slack, Ada and Moveo. GPTBots does not, so its customers are silent while a
deploy may leave nobody to take what they say.
"""

from __future__ import annotations

import asyncio
import random
from functools import partial

import pytest

from tests.crash.books import carried_by
from tests.crash.talking import Traffic
from tests.deploy.dynos import PATIENCE, Dynos, Platform
from tests.deploy.plan import REFUSED, Plan
from tests.faults.books import Books
from tests.soak.audit import under_way
from tests.stores import connect

pytestmark = [pytest.mark.deploy, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(600)]

CUSTOMERS = 8
SEED = 6


async def test_scaled_and_deployed_under_traffic(heroku: Platform, plan: Plan, books: Books) -> None:
    stage, router = heroku.stage, heroku.router
    await heroku.release()
    async with plan.watched():
        one = await heroku.start(web=1)
        traffic = Traffic(stage, random.Random(SEED))  # noqa: S311
        await traffic.begin(CUSTOMERS)
        talking = asyncio.create_task(traffic.goes_on())
        try:
            traffic.told_by = {"ada", "gptbots"}
            four = await scaled(heroku, books, one, web=2, worker=2)
            for port in four.ports:
                await more(router.passed, port, talking)
            plan.most = 0
            assert "the schema is at" in await heroku.release()  # of a deploy, beside all that runs
            for port in four.ports:
                await more(router.passed, port, talking)
            books.counts["connections of two and two and a release"] = plan.most
            assert REFUSED not in four.log
            assert not router.refused

            traffic.told_by = {"ada"}
            await stage.gptbots.settled()
            slow(heroku)
            four = await deployed(heroku, books, four, web=2, worker=2)
            for port in four.ports:
                await more(router.passed, port, talking)

            traffic.told_by = {"ada", "gptbots"}
            refused = router.refused.copy()
            slow(heroku)
            one = await scaled(heroku, books, four, web=1)
            await more(router.passed, one.ports[0], talking)
            assert router.refused == refused
        finally:
            traffic.over = True
        await talking
        for talk in traffic.talks:
            await traffic.closed(talk, books)
    books.counts["refused by the router"] = router.refused.total()
    doubts = [line for dynos in heroku.started for line in dynos.log.splitlines() if "uncertain" in line]
    assert not books.counts["uncertain"], "\n".join(doubts)
    await at_rest(plan.url)
    assert len(await carried_by(plan.url)) > 1 + 2  # all but one of them are workers, or were web processes
    await heroku.stop(one)
    assert heroku.slug.changed() == []
    assert [path for dynos in heroku.started for path in dynos.disk.rglob("*") if path.is_file()] == []


async def scaled(heroku: Platform, books: Books, old: Dynos, **formation: int) -> Dynos:
    """Others are started, and once they serve the old ones are ended."""
    new = await heroku.start(**formation)
    await heroku.stop(old)
    books.counts[books.what] += len(old.pids)
    return new


async def deployed(heroku: Platform, books: Books, old: Dynos, **formation: int) -> Dynos:
    """As Heroku does: it ends the old ones, whose requests may still be on their way, and starts the new ones
    at once. There are too few connections for both."""
    heroku.terminate(old)
    new = await heroku.boot(**formation)
    await asyncio.gather(heroku.ended(old), heroku.up(new))
    books.counts[books.what] += len(old.pids)
    return new


def slow(heroku: Platform) -> None:
    """Let something be under way for seconds, whoever is ended."""
    for _ in range(2):
        heroku.stage.slack.faults.next("chat.postMessage", delay=2.0)
        for vendor in heroku.stage.vendors:
            vendor.faults.next("*", delay=2.0)


async def more(passed: dict[int, int], port: int, talking: asyncio.Task[None], count: int = 5) -> None:
    """Wait until a web process has answered so many more requests."""
    wanted = passed.get(port, 0) + count
    async with asyncio.timeout(PATIENCE):
        while passed.get(port, 0) < wanted:
            assert not talking.done(), talking.exception()
            await asyncio.sleep(0.05)


async def at_rest(url: str) -> None:
    """Nothing is left to be carried."""
    store = connect(url)
    try:
        async with asyncio.timeout(PATIENCE):
            while await store._database.run(partial(under_way)):
                await asyncio.sleep(0.1)
    finally:
        await store.close()
