"""By Socket Mode every connection follows a gap, and what was written in it is looked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from bridge.slack import socket
from tests.bridge.running import in_process
from tests.bridge.scene import SENT, counted, waiting
from tests.catchup.absence import LATE, absence, lines

MALFORMED = 'bridge_slack_events_total{result="malformed"}'


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(socket, "LOOK", 0.1)
    async with Stage(tmp_path, channel_rate=0, socket_mode=True) as stage:
        yield stage


async def test_what_was_written_while_the_connection_was_lost(stage: Stage) -> None:
    async with in_process(stage) as bridge:
        scene = await waiting(stage)
        await scene.marked(scene.writes("before"), SENT)
        async with absence(stage):
            stage.slack.faults.next("apps.connections.open", status=503, times=1)
            await stage.slack.sockets.disconnect()
            first, second = scene.writes("one"), scene.writes("two", user="U0JO")
        await scene.marked(second, SENT)
        assert list(first.reactions) == [SENT]
        assert scene.sent == ["before", "one", "two"]
        await scene.tells(LATE)
        await scene.until(lambda: bridge.workspaces.problems() == {}, "that nothing is wrong any more")


async def test_nothing_comes_before_what_was_missed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a new connection Slack tells at once what it could not tell, and not what it gave up telling."""
    monkeypatch.setattr(socket, "LOOK", 5.0)
    async with in_process(stage):
        scene = await waiting(stage)
        await scene.marked(scene.writes("before"), SENT)
        async with absence(stage):
            await stage.slack.sockets.disconnect()
            scene.writes("one")
        stage.slack.events.retry_delays = (0.02,) * 500
        await scene.marked(scene.writes("two"), SENT)
        assert scene.sent == ["before", "one", "two"]


async def test_what_was_written_before_the_first_connection(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
    async with absence(stage):
        scene.writes("one")
        stage.slack.faults.next("apps.connections.open", status=503, times=1)
    async with in_process(stage):
        reply = scene.writes("two")
        await scene.marked(reply, SENT)
        await scene.carried("three")
        assert [words.split()[0] for words in scene.sent] == ["one", "two", "three"]
        await scene.tells(LATE)
        assert len(lines(scene, LATE)) == 1


async def test_what_slack_repeats_goes_out_as_it_reads_now(stage: Stage) -> None:
    async with in_process(stage):
        scene = await waiting(stage)
        await scene.marked(scene.writes("before"), SENT)
        for now in ("// oops", "It is blue"):
            message = Message(scene.card.channel, stage.slack.state.next_ts(), text=now, user="U0MINA")
            message.thread_ts = scene.card.ts
            stage.slack.state.channel(message.channel).messages[message.ts] = message
            scene.card.replies.append(message)
            event = {**message.as_json(), "channel": message.channel, "text": "oops"}
            assert (await stage.slack.sockets.event(stage.slack.events._envelope(event), 1, "timeout")).ok
        await scene.carried("after")
        assert scene.sent[:2] == ["before", "It is blue"] and len(scene.sent) == 3


async def test_nonsense_is_acknowledged_and_counted(stage: Stage) -> None:
    async with in_process(stage):
        await waiting(stage)
        before = await counted(stage, MALFORMED)
        envelope = {"type": "event_callback", "team_id": stage.slack.state.team_id}
        for event in ([], {"type": "message", "ts": "1\x00"}, {"type": "message", "subtype": []}):
            assert (await stage.slack.sockets.event({**envelope, "event": event}, 0, None)).ok
        action = {"type": "block_actions", "actions": [{}], "user": {"id": "U0MINA"}}
        assert (await stage.slack.sockets.interaction({**action, "team": {"id": "T0SANDBOX"}})).ok
        assert await counted(stage, MALFORMED) == before + 4
