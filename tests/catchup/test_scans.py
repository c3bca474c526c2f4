"""Where somebody wrote is found in every thread of a channel, however many there are."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.delivery.kinds import Scan
from bridge.engine.work import Conversation, PutBack, Turn
from bridge.model import Control, ConversationKey, Direction
from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from bridge.slack import scans
from bridge.store import catchup
from tests.bridge.running import in_process
from tests.bridge.scene import SENT, Scene, opened, waiting
from tests.catchup.absence import LATE, absence, lines, looks


@pytest.fixture(autouse=True)
def paced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scans, "INTERVAL", 0.05)


@pytest.fixture
def no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """All threads are beyond those that are looked into at once."""
    monkeypatch.setattr(catchup, "MOST", 0)


def pages(scene: Scene) -> list[Any]:
    """The calls that looked through its channel, page by page."""
    calls = scene.stage.slack.calls.of("conversations.history")
    return [call for call in calls if call.args["channel"] == scene.card.channel and "limit" in call.args]


async def scanned(scene: Scene) -> None:
    await scene.until(lambda: pages(scene), "a look through the channel")


@pytest.mark.usefixtures("no_looks")
async def test_what_was_written_in_any_thread_is_found_and_late(stage: Stage) -> None:
    async with in_process(stage):
        scene, quiet = await waiting(stage), await opened(stage, name="Tom")
        await scene.marked(scene.writes("before"), SENT)
    async with absence(stage):
        first, second = scene.writes("one"), scene.writes("two", user="U0JO")
    async with in_process(stage):
        await scene.marked(second, SENT)
        assert list(first.reactions) == [SENT]
        assert scene.sent == ["before", "one", "two"]
        await scene.tells(LATE)
        assert len(looks(scene)) == 1
        await quiet.carried()
    assert lines(scene, LATE) and lines(quiet, LATE) == []


@pytest.mark.usefixtures("no_looks")
async def test_it_is_found_on_the_last_page_as_well(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    channel = stage.slack.state.channels[scene.card.channel]
    began = float(scene.card.ts)
    for number in range(450):  # what else stands in the channel, and is none of ours
        other = Message(channel=channel.id, ts=f"{began + 1 + number / 1000:.6f}", text="lunch?", user="U0JO")
        stage.slack.state.post(other)
    async with absence(stage):
        reply = scene.writes("one")
    async with in_process(stage):
        await scene.marked(reply, SENT)
        assert len(pages(scene)) == 3


@pytest.mark.usefixtures("no_looks")
async def test_a_start_that_heard_nothing_does_not_stand_for_the_next_one(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    async with in_process(stage):
        await scanned(scene)
    async with absence(stage):
        reply = scene.writes("one")
    async with in_process(stage):
        await scene.marked(reply, SENT)


async def test_what_is_looked_into_at_once_is_not_looked_into_again(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    async with absence(stage):
        reply = scene.writes("one")
    async with in_process(stage):
        await scene.marked(reply, SENT)
        await scanned(scene)
        await scene.carried()
        assert len(looks(scene)) == 1


async def test_another_process_does_not_begin_before_the_looks_of_that_start_are_there() -> None:
    nobody: Any = None  # is asked
    about = ConversationKey(source=scans.SOURCE, id="C1")
    channel = Conversation(1, about, Control.BOT, None, created_at=0.0, facts={})
    scan = Scan(channel="C1", since=0.0)
    turn = Turn(1, 1, Direction.CLOCKS, channel, 1, "scan", scan.write(), 1, 0.0, 0.0, False, {}, waited=0.01)
    became = await scans.Scans(nobody, nobody, ()).carry(turn, scan)
    assert became == PutBack(scans.INTERVAL - turn.waited)


@pytest.mark.usefixtures("no_looks")
@pytest.mark.parametrize("fault", [{"status": 500}, {"status": 429, "retry_after": 1}, {"reset": True}])
async def test_slack_is_asked_again(stage: Stage, fault: dict[str, Any]) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    stage.slack.faults.next("conversations.history", times=4, **fault)
    async with absence(stage):
        reply = scene.writes("one")
    async with in_process(stage):
        await scene.marked(reply, SENT)


@pytest.mark.usefixtures("no_looks")
async def test_a_channel_that_is_away_holds_nobody_up(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    stage.slack.faults.next("conversations.history", ok_error="channel_not_found", times=100)
    async with in_process(stage):
        await scanned(scene)
        await scene.carried()
        assert looks(scene) == []
