"""Killed at every step of the table, in both directions: nothing lost, out of order or there twice."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.crash.bridges import Bridges
from tests.crash.rounds import ROUNDS
from tests.crash.table import KILLS, Row
from tests.faults.books import Books

pytestmark = [pytest.mark.crash, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(300)]


def killed(database: str, kills: Sequence[tuple[Row, str]]) -> pytest.MarkDecorator:
    names = [f"{row}, {when}" for row, when in kills]
    rows = [(database, *kill) for kill in kills]
    return pytest.mark.parametrize(("all_bridges", "row", "when"), rows, ids=names, indirect=["all_bridges"])


@killed("SQLite", KILLS)
async def test_one_process(both: Bridges, row: Row, when: str, books: Books) -> None:
    await gone_through(both, row, when, books)


@killed("Postgres", KILLS)
async def test_one_of_two_workers(both: Bridges, row: Row, when: str, books: Books) -> None:
    await gone_through(both, row, when, books)


async def gone_through(both: Bridges, row: Row, when: str, books: Books) -> None:
    going_on = ROUNDS[row.on](both, both.vendor(row.vendor))
    await going_on.prepare()
    both.knife.arm(row.step, when)
    for _ in range(20):
        going_on.act()
        if (at := await both.died(within=5)) is not None:
            break
    assert at is not None, f"nobody came by {row.step}"
    if both.server is not None and row.interrupts(when):
        books.takeovers.append(await both.taken_over(at))
    await both.up()
    await going_on.settle(books, row.then(when))
    books.gone_through()
