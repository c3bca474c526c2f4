"""Killed between a send and its record: looked for and not sent again, or the human is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Process, Stage
from tests.crash.books import cards, until

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

LATE = 5.0  # seconds that the other side takes to answer: time to kill in


@pytest.fixture
async def stage(tmp_path: Path, database_url: str) -> AsyncIterator[Stage]:
    url = None if database_url.startswith("sqlite") else database_url
    async with Stage(tmp_path, channel_rate=0, database_url=url) as stage:
        if url:
            await stage.run("migrate")
        yield stage


async def restarted(stage: Stage, bridge: Process) -> Process:
    await bridge.kill()
    return await stage.serve()


def root(stage: Stage) -> Message:
    (card,) = cards(stage)
    return card


def texts(message: Message) -> list[str]:
    return [reply.text for reply in message.replies]


async def test_a_message_that_stands_in_the_thread_is_found_by_its_marker(stage: Stage) -> None:
    bridge = await stage.serve()
    lena = stage.ada.open("Lena")
    await until(lambda: len(cards(stage)) == 1 and len(root(stage).replies) == 1, 15, "card and greeting")
    stage.slack.faults.next("chat.postMessage", delay=LATE)
    stage.ada.say(lena.id, "where is my order?")
    await until(lambda: len(root(stage).replies) == 2, 15, "the message booked, its answer outstanding")
    await restarted(stage, bridge)
    await until(lambda: len(root(stage).replies) >= 3, 30, "the answer after it")
    await stage.ada.settled()
    assert texts(root(stage))[1] == "where is my order?"
    assert texts(root(stage)).count("where is my order?") == 1


async def test_a_card_that_stands_in_the_channel_is_found(stage: Stage) -> None:
    bridge = await stage.serve()
    stage.slack.faults.next("chat.postMessage", delay=LATE)
    stage.ada.open("Lena")
    await until(lambda: len(cards(stage)) == 1, 15, "the card booked, its answer outstanding")
    await restarted(stage, bridge)
    await until(lambda: len(root(stage).replies) >= 1, 30, "the greeting below it")
    assert len(cards(stage)) == 1


async def test_a_reply_that_ada_has_is_found_in_its_history(stage: Stage) -> None:
    bridge = await stage.serve()
    lena = stage.ada.open("Lena")
    stage.ada.say(lena.id, "I want a human")
    await until(
        lambda: bool(cards(stage)) and "waits for a human" in str(texts(root(stage))), 15, "the alert"
    )
    stage.ada.faults.next("*/messages/", method="POST", delay=LATE)
    reply = stage.slack.post_as("U0MINA", "C0SUPPORT", "Hello Lena", thread_ts=root(stage).ts)
    sent = lambda: [m.text for m in stage.ada.conversations[lena.id].messages if m.role == "agent"]
    await until(lambda: sent() == ["Hello Lena"], 15, "the reply at the vendor, its answer outstanding")
    await restarted(stage, bridge)
    await until(lambda: "white_check_mark" in reply.reactions, 30, "the mark on the agent's message")
    assert sent() == ["Hello Lena"]


async def test_where_nobody_can_be_asked_the_agent_is(stage: Stage) -> None:
    bridge = await stage.serve()
    tom = stage.gptbots.open("Tom")
    stage.gptbots.say(tom.id, "I want a human")
    await until(lambda: any("waits for a human" in str(texts(one)) for one in cards(stage)), 15, "the alert")
    (card,) = [one for one in cards(stage) if "waits for a human" in str(texts(one))]
    stage.gptbots.faults.next("*/human/message/receive", delay=LATE)
    reply = stage.slack.post_as("U0MINA", "C0SUPPORT", "Hello Tom", thread_ts=card.ts)
    sent = lambda: [m.text for m in stage.gptbots.conversations[tom.id].messages if m.role == "agent"]
    await until(lambda: sent() == ["Hello Tom"], 15, "the reply at the vendor, its answer outstanding")
    await restarted(stage, bridge)
    await until(lambda: "grey_question" in reply.reactions, 30, "the mark on the agent's message")
    assert sent() == ["Hello Tom"]
    await until(lambda: "Nobody knows whether this reply arrived" in texts(card)[-1], 15, "the question")


async def test_what_was_not_begun_is_sent_once(stage: Stage) -> None:
    """Slack is away while messages come in; the bridge dies; another takes over."""
    bridge = await stage.serve()
    lena = stage.ada.open("Lena")
    await until(lambda: len(cards(stage)) == 1 and len(root(stage).replies) == 1, 15, "card and greeting")
    stage.slack.faults.next("chat.postMessage", status=503, times=3)
    for number in range(5):
        stage.ada.say(lena.id, f"order {number}")
    await stage.ada.settled()
    await restarted(stage, bridge)
    asked = [f"order {number}" for number in range(5)]
    await until(lambda: sum(text in asked for text in texts(root(stage))) >= 5, 30, "all five")
    assert [text for text in texts(root(stage)) if text in asked] == asked
