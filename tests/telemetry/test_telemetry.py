"""What a real `serve` tells Sentry and OpenTelemetry, by their own SDKs: enough, and nobody's words."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from bridge import telemetry
from bridge.errors import ConfigError
from bridge.sandbox.stage import Stage
from bridge.telemetry import faults
from bridge.telemetry.traces import trace_id
from tests.bridge.scene import SENT, Scene, waiting
from tests.crash.books import until
from tests.telemetry import breaking
from tests.telemetry.collectors import PROJECT, Collector, Sentry, values

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 60.0
NAME = "Lena Vogtmann"
WORDS = ("zucchini", "persimmon", "rutabaga", "artichoke")  # what is said, and where it would be known again


@dataclass
class Watched:
    stage: Stage
    scene: Scene
    sentry: Sentry
    collector: Collector
    said: str  # the id of something that the customer said

    def secrets(self) -> Iterator[str]:
        """What must not leave, beside words."""
        for name, value in self.stage.environ.items():
            if name.startswith(("SLACK_", "ACME_")):
                yield value

    def leaked(self, raw: list[bytes]) -> list[str]:
        sent = b"\n".join(raw)
        held = (*WORDS, NAME, "Vogtmann", "/webhooks/", "/slack/api", "/ada/", *self.secrets())
        return [one for one in held if one.encode() in sent]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Watched]:
    """A talk in which a webhook and a lane break, and after which the bridge has ended."""
    sentry, collector = Sentry(), Collector()
    routes = [sentry.route, collector.route]
    async with Stage(tmp_path_factory.mktemp("stage"), channel_rate=0, routes=routes) as stage:
        address = stage.base.removeprefix("http://")
        stage.environ |= {
            **breaking.ENVIRON,
            "SENTRY_DSN": f"http://nobody@{address}/{PROJECT}",
            "OTEL_EXPORTER_OTLP_ENDPOINT": stage.base,
            "OTEL_BSP_SCHEDULE_DELAY": "600000",  # milliseconds: so all is handed over at the end
        }
        bridge = await stage.serve()
        scene = await waiting(stage, name=NAME)
        scene.fault(ok_error="invalid_blocks")
        scene.says(f"I want my {WORDS[0]}")
        await scene.tells(WORDS[0])
        reply = scene.writes(f"Here is your {WORDS[1]}")
        await scene.marked(reply, SENT)
        scene.writes(f"{breaking.REPLY} about {WORDS[2]}")
        scene.says(f"{breaking.WEBHOOK} about {WORDS[3]}")
        for where in ("breaking_send", "breaking_receive"):
            await breaks(sentry, where)
        assert await bridge.terminate() in (0, -15)
        assert "Sentry" not in bridge.tail(200)
        said = next(one for one in scene.vendor.conversations[scene.talk].messages if WORDS[0] in one.text)
        yield Watched(stage, scene, sentry, collector, f"message:{said.id}")


def broken(sentry: Sentry, where: str) -> list[dict[str, Any]]:
    """The faults in this function."""

    def functions(event: dict[str, Any]) -> set[str]:
        return {frame["function"] for frame in event["exception"]["values"][-1]["stacktrace"]["frames"]}

    return [event for event in sentry.events if where in functions(event)]


async def breaks(sentry: Sentry, where: str) -> None:
    await until(lambda: bool(broken(sentry, where)), PATIENCE, f"a fault in {where}")


# ── Sentry ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_fault_is_told_by_its_class_and_place_without_words(watched: Watched) -> None:
    assert watched.leaked(watched.sentry.raw) == []
    assert watched.sentry.kinds <= {"event", "client_report"}
    for event in watched.sentry.events:
        inner, outer = event["exception"]["values"]
        assert (inner["type"], outer["type"]) == ("KeyError", "Broken")
        assert "value" not in {**inner, **outer}
        frames = outer["stacktrace"]["frames"]
        assert frames[-1]["function"] == "_break"
        assert "raise Broken" in frames[-1]["context_line"]
        assert not any("vars" in frame for frame in frames)
        assert event.keys() <= {*faults._KEPT, "exception"}
        assert event["release"].startswith("slack-handoff-bridge@")


async def test_a_fault_in_a_lane_has_the_ids_that_the_log_has(watched: Watched) -> None:
    lane, webhook = (broken(watched.sentry, where)[0] for where in ("breaking_send", "breaking_receive"))

    assert lane["tags"]["conversation"] == f"acme-ada/{watched.scene.id}"
    assert lane["tags"]["logger"] == "bridge.engine.lanes"
    assert lane["tags"]["id"]
    assert int(lane["tags"]["delivery"])
    assert webhook["tags"] == {"logger": "bridge.web"}


# ── OpenTelemetry ────────────────────────────────────────────────────────────────────────────────


async def test_no_words_no_secrets_and_no_addresses_are_in_spans(watched: Watched) -> None:
    assert len(watched.collector.spans) > 20
    assert watched.leaked(watched.collector.raw) == []
    for span in watched.collector.spans:
        assert not span.events
        assert not span.status.message
        assert all(name.startswith("bridge.") or name == "error.type" for name in values(span))


async def test_what_a_customer_said_is_one_trace(watched: Watched) -> None:
    found = watched.collector.of(trace_id(watched.said))
    (webhook,) = (span for span in found if span.name == "webhook")
    (delivery,) = (span for span in found if span.name == "delivery")
    calls = [span for span in found if span.name == "slack call"]

    assert f"{trace_id(watched.said):032x}" == hashlib.sha256(watched.said.encode()).hexdigest()[:32]
    assert values(webhook)["bridge.id"] == values(delivery)["bridge.id"] == watched.said
    assert values(webhook)["bridge.outcome"] == "kept"
    told = values(delivery)
    assert told["bridge.conversation"] == f"acme-ada/{watched.scene.id}"
    assert (told["bridge.direction"], told["bridge.kind"], told["bridge.outcome"]) == (
        "slack",
        "event",
        "sent",
    )
    assert not webhook.parent_span_id
    assert not delivery.parent_span_id
    assert {span.parent_span_id for span in calls} == {delivery.span_id}
    outcomes = [values(span)["bridge.outcome"] for span in calls]
    assert outcomes[0] == "invalid_blocks"  # and then a plainer form
    assert values(calls[0])["error.type"] == "SlackRejected"
    assert outcomes[-1] == "ok"


async def test_a_reply_is_one_trace(watched: Watched) -> None:
    (trace,) = {
        span.trace_id
        for span in watched.collector.spans
        if span.name == "vendor call" and values(span)["bridge.operation"] == "POST messages"
    }
    found = {span.name: span for span in watched.collector.spans if span.trace_id == trace}
    event, delivery, call = found["slack event"], found["delivery"], found["vendor call"]

    assert int.from_bytes(trace) == trace_id(values(event)["bridge.id"])
    assert values(event)["bridge.outcome"] == "queued"
    assert values(event)["bridge.id"] == values(delivery)["bridge.id"]
    assert values(call)["bridge.source"] == "acme-ada"
    assert values(call)["bridge.outcome"] == "ok"
    assert call.parent_span_id == delivery.span_id


async def test_the_collector_knows_who_tells_it(watched: Watched) -> None:
    for resource in watched.collector.resources:
        assert resource["service.name"] == "slack-handoff-bridge"
        assert resource["service.version"]


# ── at the start ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("variable", "package", "module", "extra"),
    [
        ("SENTRY_DSN", "sentry_sdk", "faults", "sentry"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "opentelemetry", "traces", "opentelemetry"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "opentelemetry.sdk.trace", "traces", "opentelemetry"),
    ],
)
async def test_what_is_asked_for_and_not_installed_is_an_error(
    variable: str, package: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not there
    monkeypatch.delitem(sys.modules, f"bridge.telemetry.{module}", raising=False)
    monkeypatch.delattr(telemetry, module, raising=False)

    with pytest.raises(ConfigError) as raised:
        telemetry.start({variable: "http://nobody@127.0.0.1:9/1"})
    assert variable in raised.value.problem
    assert f"pip install 'slack-handoff-bridge[{extra}]'" in raised.value.remedy
    assert "requirements.txt" in raised.value.remedy


async def test_an_address_that_is_none_is_an_error(watched: Watched) -> None:
    process = await watched.stage.spawn("serve", {"SENTRY_DSN": "nonsense"})

    assert await process.wait() == 2
    assert "SENTRY_DSN is no address of a Sentry project" in process.tail()


async def test_nobody_pays_for_what_is_not_asked_for() -> None:
    program = "import sys, bridge.__main__; print(*{one.partition('.')[0] for one in sys.modules})"
    loaded = subprocess.run(  # noqa: ASYNC221
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )

    assert {"sentry_sdk", "opentelemetry"}.isdisjoint(loaded.stdout.split())
    telemetry.start({})
    with telemetry.span("webhook", "m1", role="server", source="acme-ada") as span:
        span.tell(outcome="kept")
    assert span is telemetry._NOTHING
