"""Clocks and transcripts over a kill, and with several processes: told once, by whoever lives."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from bridge.sandbox.seen import words
from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from bridge.store.tables import handoff, lane
from tests.bridge.scene import Scene, thread_of, waiting
from tests.handoffs.ops import ALERTS, LEADS, alerts, told
from tests.handoffs.test_quiet import quiet
from tests.stores import migrate
from tests.stores import opened as store_at

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

LATE = 5.0  # seconds that Slack takes to answer: time to kill in
ROUTE = f'reply_mode = "confirm"\nalert_channel = "{ALERTS}"\n'
WAITED, NOBODY_CLAIMED = "has waited", "nobody has claimed"


@pytest.fixture
async def stage(request: pytest.FixtureRequest, tmp_path: Path, database_url: str) -> AsyncIterator[Stage]:
    """With the route that the test is parametrized with."""
    url = None if database_url.startswith("sqlite") else database_url
    async with Stage(tmp_path, channel_rate=0, database_url=url, route=ROUTE + request.param) as stage:
        if url:
            await migrate(url)
        yield stage


def route(lines: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("stage", [lines], indirect=True, ids=[""])


def clocks(remind_after: str, escalate_after: str) -> pytest.MarkDecorator:
    return route(
        f'remind_after = {remind_after}\nescalate_after = "{escalate_after}"\nescalate_channel = "{LEADS}"\n'
    )


def reminders(scene: Scene) -> list[Message]:
    """Below any alert; or in the thread, where whoever reminds has not heard yet that the alert stands."""
    below = [one for above in told(scene.stage, ALERTS) for one in above.replies]
    return [one for one in (*below, *scene.thread) if WAITED in words(one)]


def escalations(scene: Scene) -> list[Message]:
    return [one for one in told(scene.stage, LEADS) if NOBODY_CLAIMED in words(one)]


async def pass_by(database_url: str, seconds: float) -> None:
    """So long nobody was here: whoever waits has waited longer, and what is due is so much nearer."""

    def age(connection: Connection) -> None:
        since = {name: handoff.c[name] - seconds for name in ("started_at", "waiting_since")}
        connection.execute(update(handoff).values(**since))
        connection.execute(update(lane).values(due=lane.c.due - seconds))

    async with store_at(database_url) as store:
        await store._database.run(age)


async def rang(scene: Scene, reminded: int) -> None:
    """Wait until so many reminders and one escalation were told; once somebody has come, it is no more."""
    await scene.until(lambda: len(reminders(scene)) >= reminded and escalations(scene), "all that is due", 30)
    scene.writes("!claim")
    await alerts(scene, "is talking with Mina Park")
    assert (len(reminders(scene)), len(escalations(scene))) == (reminded, 1)


@clocks('["1m"]', "61s")
async def test_killed_before_it_rings(stage: Stage, database_url: str) -> None:
    bridge = await stage.serve()
    scene = await waiting(stage)
    await alerts(scene, "waits for a human")
    await bridge.kill()
    assert (reminders(scene), escalations(scene)) == ([], [])
    await pass_by(database_url, 55.0)
    await stage.serve()
    await rang(scene, 1)


@pytest.mark.parametrize("what", ["reminder", "escalation"])
@clocks('["2s", "5s"]', "2500ms")
async def test_killed_when_slack_had_it_and_nobody_knew(stage: Stage, what: str) -> None:
    bridge = await stage.serve()
    words_of = NOBODY_CLAIMED if what == "escalation" else WAITED
    found = escalations if what == "escalation" else reminders
    stage.slack.faults.next("chat.postMessage", delay=LATE, when=lambda call: words_of in str(call))
    scene = await waiting(stage)
    await scene.until(lambda: found(scene), f"the {what}, its answer outstanding")
    await bridge.kill()
    await stage.serve()
    await rang(scene, 2)  # the second reminder comes after whatever was in doubt


@clocks('["1m", "2m", "3m"]', "150s")
async def test_what_was_overdue_when_it_came_back_is_one_reminder(stage: Stage, database_url: str) -> None:
    bridge = await stage.serve()
    scene = await waiting(stage)
    await alerts(scene, "waits for a human")
    await bridge.kill()
    assert reminders(scene) == []
    await pass_by(database_url, 200.0)
    await stage.serve()
    await rang(scene, 1)


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
@clocks('["3s", "12s"]', "5s")
async def test_of_three_processes_one_tells_it(stage: Stage) -> None:
    """And one of them is killed meanwhile."""
    count = 6
    await stage.serve()
    first, _ = await stage.spawn("work"), await stage.spawn("work")
    customers = [stage.ada.open(f"Customer {number}") for number in range(1, count)]
    for one in customers:
        stage.ada.say(one.id, "I want a human")
    scene = await waiting(stage)
    await scene.until(lambda: len(told(stage, ALERTS)) == count, "all alerts")
    await scene.until(lambda: reminders(scene), "the first reminders")
    await first.kill()
    all_told = lambda: len(reminders(scene)) >= 2 * count and len(escalations(scene)) >= count
    await scene.until(all_told, "all reminders and escalations", 30)
    scene.writes("!claim")
    await alerts(scene, "is talking with Mina Park")
    each = [len(above.replies) for above in told(stage, ALERTS)]
    assert (each, len(escalations(scene))) == ([2] * count, count)


@route("")
async def test_killed_when_the_alert_stood_and_nobody_knew(stage: Stage) -> None:
    bridge = await stage.serve()
    alert = lambda call: "alert" in call["metadata"]["event_payload"]
    stage.slack.faults.next("chat.postMessage", delay=LATE, when=alert)
    scene = await waiting(stage)
    await scene.until(lambda: told(stage, ALERTS), "the alert, its answer outstanding")
    await bridge.kill()
    await stage.serve()
    scene.writes("!claim")
    await alerts(scene, "is talking with Mina Park")  # one in the thread, one here
    assert len(told(stage, ALERTS)) == 1


@route('mirror = "handoff"\n')
async def test_killed_in_the_middle_of_what_was_said_before(stage: Stage) -> None:
    """It comes in several messages: each stands once, in its order, and the alert after them."""
    bridge = await stage.serve()
    lena = stage.ada.open("Lena")
    remarks = [f"remark {number:02} {'and so on ' * 45}" for number in range(24)]
    for remark in remarks:
        stage.ada.bot_says(lena.id, remark)
    await quiet(stage)
    stage.ada.say(lena.id, "I want a human")
    stage.slack.faults.next("chat.postMessage", delay=LATE, when=lambda call: "remark 10" in str(call))
    scene = await thread_of(stage, lena.id)
    await scene.until(lambda: "remark 10" in str(scene.texts), "a part of it, the answer outstanding")
    assert remarks[-1] not in "".join(scene.texts)
    await bridge.kill()
    await stage.serve()
    await alerts(scene, "waits for a human")
    assert [one.blocks[0]["type"] for one in scene.thread[:3]] == ["container"] * 3
    told_once = re.findall(r"remark \d\d", "".join(words(one) for one in scene.thread))
    assert told_once == [remark[:9] for remark in remarks]
    assert "waits for a human" in scene.texts[-1]
