"""What is counted: its names and labels, its page, and what vendors' calls are counted as."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

from bridge import metrics
from bridge.adapter import call
from bridge.calls import Calls
from bridge.engine import lanes
from bridge.engine.work import WAS, Again, Conversation, Done, Kept, Outcome, PutBack, Turn
from bridge.errors import DeliveryError, Unavailable
from bridge.model import Control, ConversationKey, Direction
from bridge.sandbox.stage import HOST, free_port
from bridge.store import Store
from tests import signing
from tests.stores import opened
from tests.test_web import BODY, KEY, build

PAGE = (Path(__file__).parent.parent / "docs" / "metrics.md").read_text(encoding="utf-8")
OURS = [one for one in vars(metrics).values() if isinstance(one, MetricWrapperBase)]
SOURCE = "acme-counted"


def name_of(metric: MetricWrapperBase) -> str:
    return f"{metric._name}_total" if isinstance(metric, Counter) else str(metric._name)


def value(sample: str, **labels: str) -> float:
    return metrics.REGISTRY.get_sample_value(sample, labels) or 0.0


# ── names and the page ───────────────────────────────────────────────────────────────────────────


def test_names_are_prometheus_own_way() -> None:
    """https://prometheus.io/docs/practices/naming/"""
    assert OURS
    for metric in OURS:
        assert re.fullmatch(r"bridge(_[a-z]+)+", metric._name)
        assert not re.search(r"_(total|count|sum|bucket|ms|milliseconds|minutes|kb|mb)$", metric._name)
        if isinstance(metric, Histogram):
            assert metric._name.endswith("_seconds")
            assert len(metric._kwargs["buckets"]) <= 15
    assert {type(one) for one in metrics.STORED} == {Gauge}


def test_the_page_has_a_row_for_each_with_its_labels() -> None:
    table = dict(re.findall(r"^\| `([a-z_]+)` \|([^|]*)\| [^|]+ \|$", PAGE, re.MULTILINE))
    rows = {name: re.findall(r"`(\w+)`", labels) for name, labels in table.items()}
    ours = {name: labels for name, labels in rows.items() if name.startswith("bridge_")}

    assert ours == {name_of(metric): list(metric._labelnames) for metric in OURS}
    families = metrics.REGISTRY.collect()
    others = {one.name + "_total" * (one.type == "counter") for one in families if "process_" in one.name}
    if others:  # only Linux tells them
        assert rows.keys() - ours.keys() == others


def test_the_registry_has_no_others_and_the_stores_are_all_known() -> None:
    registered = {family.name for family in metrics.REGISTRY.collect() if "process_" not in family.name}

    assert registered == {metric._name for metric in OURS}


# ── what a vendor may call something ─────────────────────────────────────────────────────────────


def test_what_is_unread_is_counted_by_few_names() -> None:
    for number in range(3 * metrics.MOST_TYPES):
        metrics.count_unread(SOURCE, f"v1.{number}")
    for odd in ("", "Hello, I am Lena Vogt and want my money", "x" * 500, "müde", "a\nb"):
        metrics.count_unread(SOURCE, odd)
    metrics.count_unread(SOURCE, "v1.0")

    counted = {
        sample.labels["type"]: sample.value
        for sample in next(iter(metrics.unread.collect())).samples
        if sample.labels["source"] == SOURCE
    }
    assert len(counted) == metrics.MOST_TYPES + 1
    assert counted["v1.0"] == 2
    assert counted[metrics.OTHER] == 2 * metrics.MOST_TYPES + 5


def test_the_words_that_adapters_have_are_names() -> None:
    for type in ("empty message", "endless id", "v1.end_user.updated", "message:send", "/human/other"):
        metrics.count_unread("acme-words", type)
        assert value("bridge_unread_total", source="acme-words", type=type) == 1


# ── calls of vendors ─────────────────────────────────────────────────────────────────────────────


@contextlib.asynccontextmanager
async def vendor(answer: bytes) -> AsyncIterator[str]:
    """Somebody who answers all with these bytes, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    async with server:
        yield f"http://{HOST}:{server.sockets[0].getsockname()[1]}"


def http(status: str) -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}".encode()


async def calls(url: str, operation: str | None) -> None:
    async with Calls(SOURCE, ssl.create_default_context(), 1) as client:
        with contextlib.suppress(DeliveryError):
            await call(client, client.build_request("POST", f"{url}/v1/talks/lena-vogt/say"), operation)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (http("200 OK"), "ok"),
        (http("204 No Content"), "ok"),
        (http("302 Found"), "302"),
        (http("401 Unauthorized"), "401"),
        (http("429 Too Many Requests"), "429"),
        (http("503 Service Unavailable"), "503"),
        (b"", "no_answer"),
    ],
)
async def test_a_call_is_counted_by_its_outcome_and_timed(answer: bytes, outcome: str) -> None:
    labels = {"source": SOURCE, "operation": "POST say", "outcome": outcome}
    before, timed = (
        value("bridge_vendor_calls_total", **labels),
        value("bridge_vendor_call_seconds_count", source=SOURCE),
    )
    async with vendor(answer) as url:
        await calls(url, "POST say")

    assert value("bridge_vendor_calls_total", **labels) == before + 1
    assert value("bridge_vendor_call_seconds_count", source=SOURCE) == timed + 1


async def test_nobody_there_and_a_call_without_a_name() -> None:
    """An adapter that does not say what its calls are has them counted by method: there are ids in a path."""
    await calls(f"http://{HOST}:{free_port()}", None)

    labels = {"source": SOURCE, "operation": "POST", "outcome": "no_connection"}
    assert value("bridge_vendor_calls_total", **labels) == 1
    shown = str([sample for family in metrics.REGISTRY.collect() for sample in family.samples])
    assert "lena-vogt" not in shown


async def test_one_that_is_cut_off_is_counted_too() -> None:
    labels = {"source": "acme-cut", "operation": "GET", "outcome": "no_answer"}
    asked = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, HOST, 0)
    async with server, Calls("acme-cut", ssl.create_default_context(), 1) as client:
        port = server.sockets[0].getsockname()[1]
        calling = asyncio.create_task(client.get(f"http://{HOST}:{port}/"))
        await asked.wait()
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
    assert value("bridge_vendor_calls_total", **labels) == 1


# ── what comes in, and how long it takes to be carried ───────────────────────────────────────────


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with opened(f"sqlite:///{tmp_path}/bridge.sqlite3") as store:
        yield store


@pytest.mark.parametrize(
    ("error", "result"), [(None, "kept"), (Unavailable("gone"), "unavailable"), (KeyError("words"), "fault")]
)
async def test_a_webhook_is_counted_and_timed_also_where_it_was_not_kept(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception | None, result: str
) -> None:
    async def fail(*_: object) -> bool:
        assert error is not None
        raise error

    if error is not None:
        monkeypatch.setattr(store, "keep_events", fail)
    timed = value("bridge_ingest_seconds_count", source="acme-ada")
    async with build(store, tmp_path) as client:
        before = value("bridge_webhooks_total", source="acme-ada", result=result)
        answer = await client.post("/webhooks/acme-ada", content=BODY, headers=signing.ada(BODY, KEY))

    assert answer.status_code == (503 if error else 200)
    assert value("bridge_webhooks_total", source="acme-ada", result=result) == before + 1
    assert value("bridge_ingest_seconds_count", source="acme-ada") == timed + 1


async def test_whoever_asks_for_a_source_that_is_none_makes_no_label(store: Store, tmp_path: Path) -> None:
    async with build(store, tmp_path) as client:
        answer = await client.post("/webhooks/lena-vogt", content=b"{}")

    assert answer.status_code == 404
    assert value("bridge_webhooks_total", source="", result="not_found") >= 1
    shown = str([sample for family in metrics.REGISTRY.collect() for sample in family.samples])
    assert "lena-vogt" not in shown
    assert "'source': 'acme-moveo', 'result': 'kept'" in shown  # also while nothing has come from there


@pytest.mark.parametrize(
    ("direction", "outcome", "refs", "lag"),
    [
        (Direction.SLACK, Done(), {}, 2.5),
        (Direction.VENDOR, Done("m1"), {}, 2.5),
        (Direction.VENDOR, Done("m1"), {WAS: "held"}, None),
        (Direction.CLOCKS, Done(), {}, None),
        (Direction.SLACK, Again(1.0, "busy"), {}, None),
        (Direction.SLACK, PutBack(1.0), {}, None),
        (Direction.VENDOR, Kept("note"), {}, None),
    ],
)
def test_the_lag_is_that_of_what_was_sent(
    direction: Direction, outcome: Outcome, refs: dict[str, str], lag: float | None
) -> None:
    key = ConversationKey(source="acme-ada", id="c1")
    about = Conversation(1, key, Control.BOT, None, created_at=0.0)
    turn = Turn(1, 1, direction, about, 1, "event", "{}", 1, 0.0, 0.0, False, refs, waited=2.0, key="m1")
    name, labels = "bridge_delivery_lag_seconds", {"direction": direction.value}
    count, seconds = value(f"{name}_count", **labels), value(f"{name}_sum", **labels)
    tried = value("bridge_attempt_seconds_count", **labels)

    lanes._note(turn, outcome, 0.5)

    assert value(f"{name}_count", **labels) - count == (lag is not None)
    assert value(f"{name}_sum", **labels) - seconds == pytest.approx(lag or 0.0)
    assert value("bridge_attempt_seconds_count", **labels) == tried + 1
