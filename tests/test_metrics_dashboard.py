"""The dashboard and the alerts ask for what `/metrics` shows, once customers and agents of all vendors have
talked; and nothing of what they said is in it, and no id of theirs."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import promql_parser as promql
import pytest
import pytest_asyncio
import yaml
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from bridge import metrics, web
from bridge.engine import lanes
from bridge.model import Control, DeliveryState, Direction
from bridge.sandbox import tour
from bridge.sandbox.stage import Stage
from bridge.slack import codes
from tests import signing
from tests.bridge.scene import SENT, waiting

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

FOLDER = Path(__file__).parent.parent / "docs" / "grafana"
PAGE = (FOLDER.parent / "metrics.md").read_text(encoding="utf-8")
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
QUERIES = {
    **{
        f"{one['id']} {one['title']} {target['refId']}": target["expr"]
        for one in PANELS
        for target in one["targets"]
    },
    **{rule["alert"]: rule["expr"] for rule in RULES},
}
ADDED = {"instance", "job"}  # by Prometheus, at every scrape
#: what a label may say though nobody has made it say so in the tour
WORDS = {
    *web.RESULTS,
    *lanes._OUTCOMES.values(),
    *DeliveryState,
    *Direction,
    *Control,
    *codes.RATE_LIMITED,
    "429",
}
MOST = 400  # series of one metric, in the tour of three sources

Series = dict[str, list[dict[str, str]]]


@dataclass
class Scraped:
    series: Series  # by the name of the sample: its labels
    nobodys: list[str]  # ids, words and secrets that no label may hold


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scraped(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scraped]:
    told: list[str] = []
    async with Stage(tmp_path_factory.mktemp("stage"), channel_rate=0, route=tour.ROUTE) as stage:
        seen = tour.Seen(stage, 40.0)
        seen.bridge = await stage.serve()
        for number, vendor in enumerate(stage.vendors, 1):
            trip = tour.Trip(seen, vendor, number * 1000)
            assert await tour.travel(trip, told.append), "\n".join(told)
        await trouble(stage)
        async with httpx.AsyncClient(trust_env=False) as http:
            shown = (await http.get(f"{stage.bridge_url}/metrics")).text
        nobodys = list(everybodys(stage))
    series: Series = defaultdict(list)
    for family in text_string_to_metric_families(shown):
        for sample in family.samples:
            series[sample.name].append(sample.labels)
    yield Scraped(series, nobodys)


async def trouble(stage: Stage) -> None:
    """What goes wrong now and then, so that there is something to show of it."""
    scene = await waiting(stage)
    for fault in ({"ok_error": "invalid_blocks"}, {"status": 429, "retry_after": 1}):
        scene.fault(**fault)
        scene.says(text := f"Is it {next(iter(fault))}?")
        await scene.tells(text)
    stage.ada.faults.next("*/messages/", method="POST", status=503)
    await scene.marked(scene.writes("I am here"), SENT)
    body = json.dumps({"type": "v9.something.new", "timestamp": "2026-01-01T00:00:00Z", "data": {}}).encode()
    headers = signing.ada(body, stage.environ["ACME_ADA_WEBHOOK_SECRET"], id="msg_unknown")
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{stage.bridge_url}/webhooks/acme-ada", content=body, headers=headers)
    assert answer.status_code == 200


def everybodys(stage: Stage) -> Iterator[str]:
    """Who talked, what was said, where it stands, and what is secret."""
    for vendor in stage.vendors:
        for id, conversation in vendor.conversations.items():
            yield id
            yield from (message.text for message in conversation.messages)
    for id, channel in stage.slack.state.channels.items():
        yield id
        yield from (text for one in channel.messages.values() for text in (one.ts, one.text))
    yield from stage.slack.state.users
    names = ("SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", "ACME_GPTBOTS_PATH_TOKEN", "ACME_ADA_WEBHOOK_SECRET")
    yield from (stage.environ[name] for name in names)


# ── /metrics ─────────────────────────────────────────────────────────────────────────────────────


async def test_labels_are_few_and_nobodys(scraped: Scraped) -> None:
    assert len(scraped.nobodys) > 100
    values = {value for series in scraped.series.values() for labels in series for value in labels.values()}
    held = {(value, one) for value in values for one in scraped.nobodys if len(one) > 3 and one in value}

    assert held == set()
    assert [value for value in values if len(value) > 80] == []
    assert {name: len(series) for name, series in scraped.series.items() if len(series) > MOST} == {}


async def test_what_was_carried_is_there(scraped: Scraped) -> None:
    def seen(name: str, label: str) -> set[str]:
        return {labels[label] for labels in scraped.series[name]}

    sources = {"acme-ada", "acme-gptbots", "acme-moveo"}
    assert seen("bridge_ingest_seconds_count", "source") == {*sources, web.SLACK}
    assert seen("bridge_vendor_calls_total", "source") == sources
    operations = {
        "POST messages",
        "POST end-handoff",
        "POST /v1/human/message/receive",
        "POST messages/agent",
    }
    assert operations <= seen("bridge_vendor_calls_total", "operation")
    assert {"chat.postMessage", "chat.update"} <= seen("bridge_slack_call_seconds_count", "method")
    lag = seen("bridge_delivery_lag_seconds_count", "direction")
    assert {Direction.SLACK, Direction.VENDOR} <= lag <= set(Direction) - {Direction.CLOCKS}
    assert {"process_cpu_seconds_total", "process_resident_memory_bytes"} <= scraped.series.keys()


# ── what asks it ─────────────────────────────────────────────────────────────────────────────────


def parsed(query: str) -> promql.Expr:
    return promql.parse(query.replace("$__rate_interval", "5m"))


def parts(query: str) -> list[Any]:
    """All that a query is made of, from above."""
    found: list[Any] = []
    promql.walk(parsed(query), lambda node: found.append(node))
    return found


def selectors(query: str) -> list[promql.VectorSelector]:
    return [part for part in parts(query) if isinstance(part, promql.VectorSelector)]


def named(query: str) -> set[str]:
    """The labels that are kept, or joined by."""
    labels: set[str] = set()
    for part in parts(query):
        if isinstance(part, promql.AggregateExpr) and part.modifier is not None:
            labels |= set(part.modifier.labels)
        elif isinstance(part, promql.BinaryExpr) and part.modifier is not None:
            matching = part.modifier.matching
            labels |= {*(matching.labels if matching else ()), *(part.modifier.group_labels or ())}
    return labels


async def test_every_query_asks_for_what_is_there(scraped: Scraped) -> None:
    asked = set()
    for of, query in QUERIES.items():
        assert selectors(query), of
        known = set(ADDED)
        for selector in selectors(query):
            assert selector.name in scraped.series, of
            asked.add(selector.name)
            there = scraped.series[selector.name]
            labels = set.intersection(*(set(one) for one in there))
            known |= labels
            for matcher in selector.matchers.matchers:
                assert matcher.name in labels, of
                for word in matcher.value.split("|"):
                    assert word in {"", *(one[matcher.name] for one in there), "ok", *WORDS}, (of, word)
        assert named(query) <= known, of
    ours = {metric._name for metric in vars(metrics).values() if isinstance(metric, MetricWrapperBase)}
    assert ours - {re.sub(r"_(total|bucket)$", "", name) for name in asked} == {"bridge_swept"}


async def test_every_curve_of_a_histogram_is_made_of_its_buckets() -> None:
    for of, query in QUERIES.items():
        for selector in selectors(query):
            if str(selector.name).endswith("_bucket"):
                assert "histogram_quantile" in query, of
                assert "le" in named(query), of
            elif re.search(r"_(total)$", str(selector.name)):
                assert re.search(rf"(rate|increase)\({selector.name}", query), of


async def test_the_dashboard_can_be_imported() -> None:
    """https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/"""
    assert DASHBOARD["id"] is None
    assert [one["type"] for one in DASHBOARD["templating"]["list"]] == ["datasource"]
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert taken.isdisjoint(cells), panel["title"]
        assert all(x < 24 for x, _ in cells)
        taken |= cells
    for panel in PANELS:
        assert {panel["datasource"]["uid"], *(one["datasource"]["uid"] for one in panel["targets"])} == {
            "${datasource}"
        }
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows[0] == "Is anybody waiting?"


async def test_every_alert_says_what_to_do_and_so_does_the_page() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        for label in re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"]):
            assert label in named(rule["expr"]), rule["alert"]
    table = [
        f"| `{rule['alert']}` | {rule['labels']['severity']} | {rule['annotations']['action']} |"
        for rule in RULES
    ]
    assert "\n".join(table) in PAGE
