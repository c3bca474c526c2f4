"""Slack's rows: what customers say is there once and in order, and what does not depend on it goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.sandbox.slack.app import Call
from tests.bridge.scene import SENT, thread_of
from tests.faults.books import Books, Talk
from tests.faults.ground import Ground, Look
from tests.faults.matrix import SLACK
from tests.faults.row import Alert, End, Others, Ready, Row, Tried

pytestmark = [pytest.mark.faults, pytest.mark.asyncio(loop_scope="package")]

#: what of the sandbox's `faults.next` a cause may name
FAULTS = ("status", "retry_after", "body", "ok_error", "drop", "reset", "delay")


def meets(row: Row, talk: Talk) -> Callable[[dict[str, Any]], bool]:
    """Which calls go wrong: all about the conversation, or those with the form that is not taken."""
    card = talk.scene.card

    def about(call: dict[str, Any]) -> bool:
        marked = call.get("timestamp") in {one.ts for one in card.replies}
        return marked or card.ts in (call.get("thread_ts"), call.get("ts"))

    match row.cause.get("form"):
        case "rich":
            return lambda call: about(call) and bool(call.get("blocks"))
        case "every":
            return lambda call: bool(talk.said) and f"said {talk.said[0]}" in str(call.get("text"))
        case "thread":
            return lambda call: call.get("thread_ts") == card.ts
        case _:
            return about


async def goes_wrong(ground: Ground, row: Row, talk: Talk) -> None:
    slack, cause = ground.stage.slack, row.cause
    if "token" in cause:
        slack.faults.token_error = cause["token"]
    elif "machine" in cause:
        await ground.resolves("slack", cause["machine"])
    elif "channel" in cause:
        channel = slack.state.channels[talk.scene.card.channel]
        if cause["channel"] == "is_archived":
            channel.is_archived = True
        else:
            channel.members.remove(slack.state.app.user)
    else:
        if "delay" in cause:
            ground.machine.set(patience=1.5)
        fault = {name: cause[name] for name in FAULTS if name in cause}
        method = "chat.postMessage" if "form" in cause else "*"
        slack.faults.next(method, times=1_000_000, when=meets(row, talk), **fault)


def posts(ground: Ground, number: int) -> list[Call]:
    calls = ground.stage.slack.calls.of("chat.postMessage")
    return [one for one in calls if f"said {number}" in str(one.args.get("text"))]


def lookups(ground: Ground, talk: Talk) -> int:
    calls = ground.stage.slack.calls.of("conversations.replies")
    return len([one for one in calls if one.args.get("ts") == talk.scene.card.ts])


async def is_tried(ground: Ground, row: Row, talk: Talk, first: int, since: Look) -> None:
    """Wait until it was, as the row says, while it goes on."""
    scene = talk.scene

    def tried() -> list[Call]:
        return posts(ground, first)

    match row.tried:
        case Tried.AGAIN if "machine" in row.cause:  # Slack hears nothing of it
            again = lambda: ground.tried_again("event to slack", talk, since)
            await scene.until(again, "a second try")
        case Tried.AGAIN:
            await scene.until(lambda: len(tried()) >= 2, "a second try")
        case Tried.AFTER:
            await scene.until(lambda: len(tried()) >= 2, "a second try")
            assert tried()[1].at - tried()[0].at >= 1.0
        case Tried.LOOKED:
            await scene.until(lambda: tried() and lookups(ground, talk), "a look into the thread")
            assert len(tried()) == 1
        case _:
            await scene.until(tried, "a try")


@pytest.mark.parametrize("row", [row for row in SLACK if not row.given_up], ids=str)
async def test_slack(ground: Ground, row: Row, books: Books) -> None:
    talk = await ground.talk(row.cause.get("at", "Ada"))
    asides = {Others.ALL: "Ada", Others.CHANNELS: "GPTBots", Others.ALERTS: "GPTBots"}
    aside = await ground.aside(asides[row.others]) if row.others in asides else None
    await talk.scene.carried()  # and so Slack has told who the agent is
    since = await ground.look(row)

    await goes_wrong(ground, row, talk)
    first, _ = talk.says(2)
    hears = "channel" not in row.cause  # nobody writes in an archived channel, and we hear no other
    reply = talk.writes() if hears else None
    await is_tried(ground, row, talk, first, since)
    if aside is not None:
        await aside.goes_on(books)
    if reply is not None:
        await talk.scene.until(lambda: talk.sent, "the reply at the vendor, meanwhile")
    newcomer = await alerted(ground, row) if row.others is Others.ALERTS else None
    if row.others is Others.INGEST:
        await ground.stage.ada.settled()
        assert {one.status for one in ground.stage.ada.deliveries} == {200}

    for told in row.told:
        if isinstance(told, Ready):  # it is over once it is mended
            await ground.told(told, since, talk)
    ground.mend()
    talk.says()
    await ended(ground, row, talk, since, books)
    await talk.scene.marked(reply or talk.writes(), SENT)
    books.close(talk.written, talk.sent)
    if newcomer is not None:
        await (await thread_of(ground.stage, newcomer)).tells("waits for a human")


async def alerted(ground: Ground, row: Row) -> str:
    """A customer whose thread cannot be opened now: who watches the alert channel sees them wait."""
    name = f"Nora of {row}"
    newcomer = ground.stage.ada.open(name)
    ground.stage.ada.say(newcomer.id, "I want a human")
    for told in row.told:
        if isinstance(told, Alert):
            await ground.alerted(name, *told.words)
    return newcomer.id


async def ended(ground: Ground, row: Row, talk: Talk, since: Look, books: Books) -> None:
    first = talk.said[0]
    failed = [first] if row.ends is End.FAILED else []
    await talk.arrived(books, but=failed)
    for told in row.told:
        of_newcomer = row.others is Others.ALERTS and isinstance(told, Alert)
        if not of_newcomer and not isinstance(told, Ready):
            await ground.told(told, since, talk)
    books.gone_through(failed=len(failed))
    assert len(talk.threads) == (2 if row.tried is Tried.ELSEWHERE else 1)
    if row.tried is Tried.PLAINER:
        (line,) = [one for one in talk.lines if f"said {first}" in one.text]
        assert line.blocks == []
    if row.tried is Tried.NEVER:
        assert len(posts(ground, first)) == 2  # each of its forms


@pytest.mark.parametrize("row", [row for row in SLACK if row.given_up], ids=str)
async def test_slack_for_too_long(impatient: Ground, row: Row, books: Books) -> None:
    talk = await impatient.talk()
    since = await impatient.look(row)
    faults = impatient.stage.slack.faults
    says_it = lambda call: bool(talk.said) and f"said {talk.said[0]}" in str(call.get("text"))
    faults.next("chat.postMessage", times=1_000_000, when=says_it, status=row.cause["status"])
    talk.says(3)
    await ended(impatient, row, talk, since, books)
    assert len(posts(impatient, talk.said[0])) > 1
