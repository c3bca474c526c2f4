"""/metrics and the store: not asked more often than it can bear, and never waited for in vain."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bridge import metrics, web
from bridge.control import Signal
from bridge.engine import measure
from bridge.engine.measure import Measure
from bridge.engine.work import (
    Again,
    Change,
    Done,
    Failed,
    Incoming,
    NewDelivery,
    Outcome,
    Owner,
    PutBack,
    Uncertain,
)
from bridge.errors import Unavailable
from bridge.model import ConversationKey, Direction, HandoffStarted
from bridge.store import Store
from tests.acts import CLAIM
from tests.stores import opened, receive, said


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    for gauge in metrics.STORED:
        gauge.clear()
    async with opened(database_url) as store:
        yield store


async def starts(store: Store, id: str, ago: float) -> None:
    key = ConversationKey(source="acme-ada", id=id)
    start = HandoffStarted(id=f"{id}:1", conversation=key, at=datetime.now(UTC) - timedelta(seconds=ago))
    await store.keep_events(Incoming("acme-ada", start.id, "", b"{}"), (start,))


async def claimed(store: Store) -> None:
    """The conversation that was met first."""
    act = NewDelivery.of(CLAIM, "a")
    assert await store.keep_reply(Incoming("@slack", "a", "", b"{}"), 1, act) == "queued"
    for turn in await store.claim(await store.join(), 30, 50):
        is_act = turn.direction is Direction.ACTS
        change = Change(happened=Signal.CLAIMED, by=Owner("Mina", "U0MINA")) if is_act else None
        await store.advance(turn, Done(change=change), keep_going=False)


async def shown(measured: Measure) -> dict[str, float]:
    """What /metrics says of handoffs, and of deliveries that do not get on."""

    async def slack_events(_request: Request) -> Response:
        return PlainTextResponse("")

    async def readiness() -> tuple[bool, Mapping[str, str]]:
        return True, {}

    unused: Any = None
    app = web.build({}, unused, slack_events, readiness, max_body=1, measure=measured)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bridge") as http:
        answer = await http.get("/metrics")
    assert answer.status_code == 200
    assert "bridge_lanes_held" in answer.text
    wanted = tuple(one._name for one in metrics.STORED)
    rows = [line.rsplit(" ", 1) for line in answer.text.splitlines() if line.startswith(wanted)]
    return {name.removeprefix("bridge_"): float(value) for name, value in rows}


async def test_the_gauges_are_the_stores(store: Store) -> None:
    for id, ago in (("c1", 100), ("c2", 50), ("old", 90_000)):
        await starts(store, id, ago)
    await claimed(store)

    told = await shown(Measure(store))
    assert (told['handoffs_open{control="waiting"}'], told['handoffs_open{control="human"}']) == (2, 1)
    assert told['handoffs_open_seconds{control="waiting"}'] == pytest.approx(90_000, abs=60)
    assert told['handoffs_open_seconds{control="human"}'] == pytest.approx(0, abs=60)
    day = {what: told[f'handoffs_day{{what="{what}"}}'] for what in ("started", "claimed", "answered")}
    assert day == {"started": 2, "claimed": 1, "answered": 0}
    assert told['handoff_claim_seconds{quantile="0.5"}'] == pytest.approx(100, abs=30)
    assert told['handoff_reply_seconds{quantile="0.9"}'] != told['handoff_reply_seconds{quantile="0.9"}']


async def test_lanes_that_do_not_get_on_are_counted(store: Store) -> None:
    for id in ("c1", "c2", "c3"):
        await receive(store, said(id, 1))
    clock = NewDelivery(Direction.CLOCKS, "digest", "d", "{}")
    await store.keep_clock(ConversationKey(source="@digest", id="C1"), clock)
    became: dict[str, Outcome] = {
        "c1": Again(60.0, "busy"),
        "c2": Failed("no"),
        "c3": Uncertain("perhaps"),
        "C1": PutBack(3600.0),
    }
    for turn in await store.claim(await store.join(), 30, 50):
        await store.advance(turn, became[turn.conversation.key.id], keep_going=False)
    await receive(store, said("c2", 2), said("c3", 2))
    await asyncio.sleep(0.05)

    told = await shown(Measure(store))
    waiting = {one: told[f'lanes_waiting{{direction="{one}"}}'] for one in Direction}
    assert waiting == {**dict.fromkeys(Direction, 0), Direction.SLACK: 3}  # one that sleeps waits for nothing
    assert told['lanes_waiting_seconds{direction="slack"}'] >= 0.05
    assert told['lanes_waiting_seconds{direction="clocks"}'] == 0
    assert (told['deliveries_day{state="failed"}'], told['deliveries_day{state="uncertain"}']) == (1, 1)


async def test_deliveries_under_way_are_counted_by_state_and_the_deepest_lane_is_known(store: Store) -> None:
    await receive(store, *[said("c1", number) for number in range(5)])
    await receive(store, said("c2", 1))
    assert len(await store.claim(await store.join(), 30, 50)) == 2

    told = await shown(Measure(store))
    under_way = {
        state: told[f'deliveries_waiting{{direction="slack",state="{state}"}}']
        for state in ("queued", "sending")
    }
    assert under_way == {"queued": 4, "sending": 2}
    assert told['lane_depth{direction="slack"}'] == 5
    assert told['lane_depth{direction="vendor"}'] == 0


async def test_the_store_is_not_asked_at_every_scrape(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = Measure(store)
    await starts(store, "c1", 1)
    await shown(measured)
    await starts(store, "c2", 1)
    assert (await shown(measured))['handoffs_open{control="waiting"}'] == 1
    monkeypatch.setattr(measure, "PAUSE", 0.0)
    again = Measure(store)
    for _ in range(2):
        assert (await shown(again))['handoffs_open{control="waiting"}'] == 2


@pytest.mark.parametrize("silent", [False, True])
async def test_without_the_store_the_other_metrics_are_shown(
    store: Store, monkeypatch: pytest.MonkeyPatch, silent: bool
) -> None:
    monkeypatch.setattr(measure, "PAUSE", 0.0)
    measured = Measure(store)
    await starts(store, "c1", 1)
    assert await shown(measured)

    async def away(_within: float) -> Mapping[str, int]:
        if silent:
            await asyncio.Event().wait()
        raise Unavailable("gone")

    with monkeypatch.context() as patched:
        patched.setattr(measure, "PATIENCE", 0.2)
        patched.setattr(store, "backlog", away)
        assert await shown(measured) == {}  # rather than numbers of some time ago
    assert await shown(measured)
