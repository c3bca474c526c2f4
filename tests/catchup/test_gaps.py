"""What is refused when Slack tells it, though we listen, has its place once more of its thread is kept."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.app import Bridge
from bridge.errors import Unavailable
from bridge.model import ThreadKey
from bridge.sandbox.stage import Stage
from bridge.slack.gaps import MOST, Gaps
from bridge.store import catchup
from tests.bridge.running import in_process
from tests.bridge.scene import SENT, Scene, waiting
from tests.catchup.absence import LATE, lines

THREAD = ThreadKey(team="T1", channel="C1", ts="1000.000100")


def away(bridge: Bridge, monkeypatch: pytest.MonkeyPatch, words: str, times: int) -> list[str]:
    """The store cannot be reached so many times when somebody writes this; what came of each of them."""
    keep, told = bridge.store.keep_reply, list[str]()

    async def keeps(incoming: Any, where: Any, delivery: Any) -> str:
        if words in delivery.body and len(told) < times:
            told.append(delivery.key)
            raise Unavailable("no connection")
        return await keep(incoming, where, delivery)

    monkeypatch.setattr(bridge.store, "keep_reply", keeps)
    return told


async def refuses(scene: Scene, told: list[str], times: int) -> None:
    await scene.until(lambda: len(told) == times, f"{times} refusals")


async def test_it_goes_out_before_what_was_written_after_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.slack.events.retry_delays = (30.0,)
    async with in_process(stage) as bridge:
        scene = await waiting(stage)
        told = away(bridge, monkeypatch, "first", 1)
        first = scene.writes("the first")
        await refuses(scene, told, 1)
        second = scene.writes("the second")
        await scene.marked(second, SENT)
        assert list(first.reactions) == [SENT]
        assert scene.sent == ["the first", "the second"]
        assert lines(scene, LATE) == []
        await scene.carried()
        assert len(scene.sent) == 3


async def test_what_waited_for_long_is_called_late(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catchup, "SOON", 0.0)
    stage.slack.events.retry_delays = (30.0,)
    async with in_process(stage) as bridge:
        scene = await waiting(stage)
        told = away(bridge, monkeypatch, "first", 1)
        scene.writes("the first")
        await refuses(scene, told, 1)
        await scene.marked(scene.writes("the second"), SENT)
        await scene.tells(LATE)
        assert scene.sent == ["the first", "the second"]


async def test_it_is_refused_as_long_as_nobody_can_look(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.slack.events.retry_delays = (0.5,) * 40
    async with in_process(stage) as bridge:
        scene = await waiting(stage)
        look, tried = bridge.store.look_into, list[float]()

        async def looks(where: ThreadKey, since: float) -> bool:
            tried.append(since)
            if len(tried) < 3:
                raise Unavailable("no connection")
            return await look(where, since)

        monkeypatch.setattr(bridge.workspaces.gaps, "_look_into", looks)
        told = away(bridge, monkeypatch, "first", 1)
        scene.writes("the first")
        await refuses(scene, told, 1)
        await scene.marked(scene.writes("the second"), SENT)
        assert scene.sent == ["the first", "the second"]
        assert len(tried) >= 3


def message(ts: str, **more: Any) -> dict[str, Any]:
    event = {"type": "message", "channel": "C1", "thread_ts": THREAD.ts, "ts": ts, **more}
    return {"team_id": "T1", "event": event}


async def test_it_is_looked_for_once_and_since_the_first_of_them() -> None:
    looked: list[tuple[ThreadKey, float]] = []

    async def look_into(where: ThreadKey, since: float) -> None:
        looked.append((where, since))

    gaps = Gaps(look_into)
    await gaps.close_before(message("1003.000000"))
    gaps.open_at(message("1002.000000"))
    gaps.open_at(message("1001.000000"))
    await gaps.close_before(message("1003.000000", thread_ts="1.0"))
    assert looked == []
    await gaps.close_before(message("1003.000000"))
    await gaps.close_before(message("1004.000000"))
    assert looked == [(THREAD, 1000.0)]


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"type": "view_submission", "team": {"id": "T1"}},
        {"team_id": "T1", "event": "none"},
        message("soon"),
        message("1.2.3"),
        message("1001.0", thread_ts=None),
        message("1001.0", type="reaction_added"),
        {**message("1001.0"), "team_id": 7},
    ],
)
async def test_what_is_no_message_in_a_thread_arranges_nothing(told: dict[str, Any]) -> None:
    async def look_into(where: ThreadKey, since: float) -> None:
        raise AssertionError(where)

    gaps = Gaps(look_into)
    gaps.open_at(told)
    await gaps.close_before(told)


async def test_no_more_threads_are_remembered_than_a_machine_has_room_for() -> None:
    looked: list[ThreadKey] = []

    async def look_into(where: ThreadKey, since: float) -> None:
        looked.append(where)

    gaps = Gaps(look_into)
    for number in range(MOST + 5):
        gaps.open_at(message("1001.0", channel=f"C{number}"))
    for number in range(MOST + 5):
        await gaps.close_before(message("1002.0", channel=f"C{number}"))
    assert len(looked) == MOST
