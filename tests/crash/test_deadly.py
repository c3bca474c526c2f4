"""One delivery ends every process that carries it: it is given up, that is said, and the rest goes on."""

from __future__ import annotations

import pytest

from tests.bridge.scene import FAILED, SENT
from tests.crash.bridges import Bridges
from tests.crash.knife import DEADLY
from tests.crash.test_found import kept_up
from tests.faults.books import Books, Talk, talk

pytestmark = [pytest.mark.crash, pytest.mark.asyncio(loop_scope="package"), pytest.mark.timeout(300)]

ENDED = "the bridge's process ended each time that it was tried"


async def given_up(ill: Talk) -> None:
    """Some processes later."""
    said_so = lambda: any(ENDED in line.text for line in ill.lines)
    await ill.scene.until(said_so, "that it is given up", 150)


async def test_a_message_that_cannot_be_rendered(both: Bridges, books: Books) -> None:
    ill, well = await talk(both.stage, both.vendor("Ada")), await talk(both.stage, both.vendor("Ada"))
    async with kept_up(both):
        ill.scene.says(DEADLY)
        ill.says(2)
        well.says(2)
        reply = well.writes()
        await given_up(ill)
        await ill.scene.tells("A message of this conversation could not be shown here", ENDED)
        await ill.arrived(books)
        await well.arrived(books)
        await well.scene.marked(reply, SENT)
    await ill.goes_on(books)
    await well.goes_on(books)
    books.gone_through(failed=1)


async def test_a_reply_that_cannot_be_composed(both: Bridges, books: Books) -> None:
    ill, well = await talk(both.stage, both.vendor("Ada")), await talk(both.stage, both.vendor("Moveo"))
    async with kept_up(both):
        deadly, after = ill.scene.writes(DEADLY), ill.writes()
        ill.says(2)
        reply = well.writes()
        await given_up(ill)
        await ill.scene.marked(deadly, FAILED)
        await ill.scene.tells("A reply was not sent to the customer", ENDED)
        for one, written in ((ill, after), (well, reply)):
            await one.scene.marked(written, SENT)
        await ill.arrived(books)
    assert DEADLY not in "".join(ill.scene.sent)
    await ill.goes_on(books)
    books.gone_through(failed=1)
