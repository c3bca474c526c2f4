"""The day's numbers in the alert channel: once, also where nobody was up at their time; and on /metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from sqlalchemy import Connection, select, update

from bridge.engine.work import Incoming
from bridge.model import (
    Author,
    ConversationEnded,
    ConversationKey,
    HandoffEnded,
    HandoffStarted,
    MemberJoined,
    Role,
)
from bridge.sandbox.seen import words
from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from bridge.slack.digest import SOURCE, Daily
from bridge.store import Store
from bridge.store.tables import conversation, delivery, handoff, lane
from tests.bridge.running import in_process
from tests.bridge.scene import PATIENCE, SENT, later, opened, waiting
from tests.crash.books import until
from tests.handoffs.ops import ALERTS, alerts, markers, told
from tests.stores import migrate
from tests.stores import opened as store_at

ROUTE = f'reply_mode = "confirm"\nalert_channel = "{ALERTS}"\n'
CHART = "data_visualization"


@dataclass
class Yesterday:
    """A stage whose digest, about `day`, is due since this minute, and was arranged before."""

    stage: Stage
    due: datetime

    @property
    def day(self) -> date:
        return self.due.date() - timedelta(days=1)

    def at(self, hour: int, minute: int = 0, *, days: int = 0) -> datetime:
        return datetime.combine(self.day + timedelta(days=days), time(hour, minute), UTC)

    def posted(self) -> list[Message]:
        return [one for one in told(self.stage, ALERTS) if markers([one], "digest")]

    async def post(self) -> Message:
        """Wait for the digest; it is one, and about that day."""
        await until(lambda: bool(self.posted()), PATIENCE, "the digest")
        (found,) = self.posted()
        assert markers([found], "digest") == [self.day.isoformat()]
        assert f"Handoffs on {self.day:%A}, {self.day.day} {self.day:%B %Y} (UTC)" in words(found)
        return found


@pytest.fixture
async def stage(tmp_path: Path, database_url: str) -> AsyncIterator[Stage]:
    due = datetime.now(UTC)
    url = None if database_url.startswith("sqlite") else database_url
    route = f'{ROUTE}digest_at = "{due:%H:%M}"\n'
    async with Stage(tmp_path, channel_rate=0, database_url=url, route=route) as stage:
        if url:
            await migrate(url)
        yield stage


@pytest.fixture
async def yesterday(stage: Stage, database_url: str) -> Yesterday:
    at = stage.config.read_text().rpartition("digest_at = ")[2][1:6]
    now = datetime.now(UTC)
    due = datetime.combine(now.date(), time.fromisoformat(at), UTC)
    made = Yesterday(stage, due if due <= now else due - timedelta(days=1))
    async with store_at(database_url) as store:
        await arrange(store, made)
        await handoffs(store, made)
    return made


async def arrange(store: Store, made: Yesterday) -> None:
    """As a bridge does that was up before the digest was due, and is not any more."""
    daily = Daily(ALERTS, made.due.time(), ZoneInfo("UTC"))
    before = made.due.timestamp() - 3600
    assert daily.next(before) == made.day
    await store.keep_clock(ConversationKey(source=SOURCE, id=ALERTS), daily.clock(made.day, before))


async def handoffs(store: Store, made: Yesterday) -> None:
    """Four on that day, one on the day before, and one on the day after."""
    mina = Author(role=Role.AGENT, name="Mina")

    async def tell(source: str, id: str, at: datetime, kind: type[Any], **more: Any) -> None:
        event = kind(
            id=f"{id}:{kind.__name__}", conversation=ConversationKey(source=source, id=id), at=at, **more
        )
        await store.keep_events(Incoming(source, event.id, "", b"{}"), (event,))

    for number, at, claim, answer in (
        (1, made.at(9, 10), 60, 120),
        (2, made.at(9, 50), 120, 300),
        (3, made.at(23, 59, days=-1), 1, 1),
        (4, made.at(0, 0, days=1), 1, 1),
    ):
        await tell("acme-ada", f"c{number}", at, HandoffStarted)
        await tell("acme-ada", f"c{number}", at + timedelta(seconds=10), MemberJoined, author=mina)
        await tell("acme-ada", f"c{number}", at + timedelta(seconds=20), HandoffEnded)
        since = at.timestamp()
        went = {"first_claimed_at": since + claim, "answered_at": since + answer}
        await store._database.run(_set, since, went)
    await tell("acme-moveo", "c5", made.at(14), HandoffStarted)
    await tell("acme-moveo", "c5", made.at(14, 5), ConversationEnded, reason="expired")
    await store._database.run(_set, made.at(14).timestamp(), {"breached_at": made.at(14, 2).timestamp()})
    await tell("acme-gptbots", "c6", made.at(22, 30), HandoffStarted, wait=60.0)


def _set(connection: Connection, since: float, values: dict[str, float]) -> None:
    connection.execute(update(handoff).where(handoff.c.started_at == since).values(**values))


def _clocks(connection: Connection) -> list[tuple[str, str, float | None]]:
    """The digests' deliveries, oldest first: what, in which state, and when their lane is due."""
    found = (
        select(delivery.c.key, delivery.c.state, lane.c.due)
        .join(lane, lane.c.id == delivery.c.lane_id)
        .join(conversation, conversation.c.id == lane.c.conversation_id)
        .where(conversation.c.source == SOURCE)
        .order_by(delivery.c.id)
    )
    return [(row.key, row.state, row.due) for row in connection.execute(found)]


async def test_the_numbers_of_the_day_with_a_chart(yesterday: Yesterday) -> None:
    async with in_process(yesterday.stage):
        found = await yesterday.post()
    for line in (
        "Handoffs: 4",
        "Claimed: 2, half within 1 min, nine in ten within 2 min",
        "Answered: 2, half within 2 min, nine in ten within 5 min",
        "Expired: 1",
        "Still open: 1",
        "Breaches: 1",
        "By source: acme-ada 2, acme-gptbots 1, acme-moveo 1",
    ):
        assert line in words(found)
    (chart,) = [block for block in found.blocks if block["type"] == CHART]
    (series,) = chart["chart"]["series"]
    bars = {point["label"]: point["value"] for point in series["data"] if point["value"]}
    assert bars == {"08–10": 2, "14–16": 1, "22–24": 1}

    async with in_process(yesterday.stage):  # there is nothing more to be told today
        await (await opened(yesterday.stage)).tells("How can I help you")
        assert len(yesterday.posted()) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_where_slack_refuses_the_chart_it_is_drawn(yesterday: Yesterday) -> None:
    stage = yesterday.stage
    stage.slack.faults.next(
        "chat.postMessage", ok_error="invalid_blocks", when=lambda call: CHART in str(call)
    )
    async with in_process(stage):
        found = await yesterday.post()
    assert CHART not in str(found.blocks)
    assert "Handoffs: 4" in words(found)
    assert "08–10 ████████████████████ 2\n" in words(found)


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_of_several_processes_one_posts_it(yesterday: Yesterday, database_url: str) -> None:
    stage = yesterday.stage
    for _ in range(2):
        await stage.spawn("work")
    await stage.serve()
    await yesterday.post()
    await (await waiting(stage)).carried()
    assert len(yesterday.posted()) == 1

    async with store_at(database_url) as store:

        async def written_down() -> bool:
            first, *posted, last = await store._database.run(_clocks)
            sent = {state for _, state, _ in (first, *posted)} == {"sent"}
            return first[0] == f"digest:{yesterday.day}" and sent and last[1] == "queued"

        await later(written_down, "that it was posted, and when the next one is due")
        *_, (following, state, due) = await store._database.run(_clocks)
    assert (following, state) == (f"digest:{yesterday.day + timedelta(days=1)}", "queued")
    assert due == pytest.approx((yesterday.due + timedelta(days=1)).timestamp(), abs=5)


@pytest.mark.crash
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_killed_when_slack_had_it_and_nobody_knew(yesterday: Yesterday) -> None:
    stage = yesterday.stage
    digest = lambda call: "digest" in call["metadata"]["event_payload"]
    stage.slack.faults.next("chat.postMessage", delay=5.0, when=digest)
    bridge = await stage.serve()
    await yesterday.post()
    await bridge.kill()
    looked = stage.slack.calls.count("conversations.history")
    await stage.serve()
    await until(lambda: stage.slack.calls.count("conversations.history") > looked, PATIENCE, "a look for it")
    await (await waiting(stage)).carried()
    assert len(yesterday.posted()) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_first_one_comes_after_the_first_day(stage: Stage, database_url: str) -> None:
    """At the very first start there is nothing to tell yet, whatever the time is."""
    async with in_process(stage):
        await (await waiting(stage)).carried()
        assert markers(told(stage, ALERTS), "digest") == []
    async with store_at(database_url) as store:
        *_, (_, state, due) = await store._database.run(_clocks)
    assert state == "queued" and due is not None
    assert 0 < due - datetime.now(UTC).timestamp() <= 24 * 3600


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_same_numbers_are_on_metrics(stage: Stage) -> None:
    async with in_process(stage):
        claimed, left = await waiting(stage), await waiting(stage, stage.gptbots)
        await waiting(stage, stage.moveo)
        claimed.writes("!claim")
        await claimed.marked(claimed.writes("Hello Lena"), SENT)
        stage.gptbots.time_out(left.talk)
        await alerts(left, "expired")
        async with httpx.AsyncClient(trust_env=False) as http:
            shown = (await http.get(f"{stage.bridge_url}/metrics")).text
    lines = dict(line.rsplit(" ", 1) for line in shown.splitlines() if line.startswith("bridge_handoff"))
    assert {name: float(value) for name, value in lines.items() if "seconds" not in name} == {
        'bridge_handoffs_open{control="waiting"}': 1,
        'bridge_handoffs_open{control="human"}': 1,
        'bridge_handoffs_day{what="started"}': 3,
        'bridge_handoffs_day{what="claimed"}': 1,
        'bridge_handoffs_day{what="answered"}': 1,
        'bridge_handoffs_day{what="expired"}': 1,
        'bridge_handoffs_day{what="breached"}': 0,
    }
    for name in ("claim", "reply"):
        half, most = (
            float(lines[f'bridge_handoff_{name}_seconds{{quantile="{q}"}}']) for q in ("0.5", "0.9")
        )
        assert 0 < half == most < 60
