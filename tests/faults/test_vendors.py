"""The vendors' rows: a reply arrives once and in order, or its author is told that it did not, or asked."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.vendors.faults import Fault
from tests.bridge.scene import FAILED, SENT, UNCERTAIN
from tests.faults.books import Books, Talk
from tests.faults.ground import Ground, Look
from tests.faults.matrix import VENDOR, each
from tests.faults.row import End, Mark, Row, Tried

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="package")]

PATIENT = [pytest.param(row, side, id=f"{side}-{row}") for row, side in each(VENDOR) if not row.given_up]
GIVEN_UP = [pytest.param(row, side, id=f"{side}-{row}") for row, side in each(VENDOR) if row.given_up]
FOREVER = 1_000_000
#: what each vendor says in its own form where something is wrong
SAYS: dict[str, dict[str, Any]] = {
    "Ada": {"errors": [{"type": "wrong", "message": "Something broke", "details": None}]},
    "GPTBots": {"message": "Something broke"},
    "Moveo": {"error_code": "wrong", "error_message": "Something broke"},
}


def plan(ground: Ground, row: Row, side: str, talk: Talk) -> Fault:
    """Every call about the conversation goes wrong, until it is mended; those that send a reply."""
    cause, id = dict(row.cause), talk.scene.id
    if (kind := cause.pop("says", None)) is not None:
        code = {"code": 50000 if kind == "internal" else 40000} if side == "GPTBots" else {}
        cause["body"] = SAYS[side] | code
    if cause.get("status") == 302:
        cause["location"] = f"{ground.stage.base}/elsewhere"
    if "delay" in cause:
        ground.machine.set(patience=1.5)

    def add(path: str, **more: Any) -> Fault:
        return ground.vendor(side).faults.next(path, times=FOREVER, **cause, **more)

    match side:
        case "Ada":
            add(f"*/{id}/messages/", method="GET")  # where it looks
            return add(f"*/{id}/messages/", method="POST")
        case "GPTBots":
            return add("*/human/message/receive", when=lambda body: id.encode() in body)
        case _:
            return add(f"*/{id}/messages/agent")


def marks(talk: Talk, message: Message) -> tuple[str, ...]:
    """Every mark that `message` was given, in order, also those that were taken away again."""
    calls = talk.scene.stage.slack.calls.of("reactions.add")
    return tuple(call.args["name"] for call in calls if call.args["timestamp"] == message.ts)


@pytest.mark.parametrize(("row", "side"), PATIENT)
async def test_vendor(ground: Ground, row: Row, side: str, books: Books) -> None:
    by_name = "machine" in row.cause  # then it is away for everybody
    talk, aside = await ground.talk(side), await ground.aside(side)
    since = await ground.look(row)

    fault = None
    if by_name:
        await ground.resolves("vendors", row.cause["machine"])
    else:
        fault = plan(ground, row, side, talk)
    replies = [talk.writes(), talk.writes()]
    await is_tried(ground, row, talk, fault, replies, since)
    talk.says()
    await talk.arrived(books)  # what goes to Slack does not wait
    if not by_name:
        await aside.goes_on(books)

    ground.mend()
    replies.append(talk.writes())
    await ended(ground, row, side, talk, replies, since, books)


async def is_tried(
    ground: Ground, row: Row, talk: Talk, fault: Fault | None, replies: list[Message], since: Look
) -> None:
    """Wait until it was, as the row says, while it goes on."""
    match row.tried, row.ends:
        case Tried.NEVER, End.FAILED:
            await talk.scene.marked(replies[0], FAILED)
            await talk.scene.marked(replies[1], FAILED)
            assert fault is not None
            assert len(fault.met) == 2  # each of them once
        case Tried.NEVER, _:
            await talk.scene.marked(replies[0], UNCERTAIN)
            await talk.scene.marked(replies[1], UNCERTAIN)
            assert fault is not None
            assert len(fault.met) == 2
        case Tried.LOOKED, _:
            looks = ground.stage.ada.faults.planned[0]
            await talk.scene.until(lambda: looks.met, "a look at what Ada has")
            assert fault is not None
            assert len(fault.met) == 1
        case _ if fault is None:
            again = lambda: ground.tried_again("reply to vendor", talk, since)
            await talk.scene.until(again, "a second attempt")
        case _:
            await talk.scene.until(lambda: len(fault.met) >= 2, "a second try")
            if row.tried is Tried.AFTER:
                assert fault.met[1] - fault.met[0] >= 1.0


async def ended(
    ground: Ground, row: Row, side: str, talk: Talk, replies: list[Message], since: Look, books: Books
) -> None:
    first, second, third = talk.written
    await talk.scene.marked(replies[2], SENT)
    for told in row.told:
        if isinstance(told, Mark):
            await talk.scene.marked(replies[0], told.names[-1])
            assert marks(talk, replies[0]) == told.names
        else:
            await ground.told(told, since, talk, key=f"ACME_{side.upper()}_API_KEY")
    match row.ends:
        case End.SENT:
            await talk.scene.marked(replies[1], SENT)
            books.close(talk.written, talk.sent)
            books.gone_through()
        case End.FAILED:
            books.close([third], talk.sent)
            books.gone_through(failed=2)
            await sent_again(talk, replies[0])
            assert talk.sent == [third, first]
        case End.UNCERTAIN:
            books.close([third], talk.sent, maybe=[first, second])
            books.gone_through(uncertain=2)
            taken = "reset" in row.cause or "delay" in row.cause
            assert talk.sent == ([first, second, third] if taken else [third])
    assert ground.elsewhere == []


async def sent_again(talk: Talk, reply: Message) -> None:
    """*Retry* on what the thread says of the first that failed."""
    told = [line for line in talk.lines if "A reply was not sent" in line.text]
    await talk.scene.presses(told[0], "retry")
    await talk.scene.marked(reply, SENT)


@pytest.mark.parametrize(("row", "side"), GIVEN_UP)
async def test_vendor_for_too_long(impatient: Ground, row: Row, side: str, books: Books) -> None:
    talk = await impatient.talk(side)
    since = await impatient.look(row)
    fault = plan(impatient, row, side, talk)
    replies = [talk.writes(), talk.writes()]
    for reply in replies:
        await talk.scene.marked(reply, FAILED if row.ends is End.FAILED else UNCERTAIN)
    assert row.tried is Tried.LOOKED or len(fault.met) > 2
    impatient.mend()
    replies.append(talk.writes())
    await ended(impatient, row, side, talk, replies, since, books)
