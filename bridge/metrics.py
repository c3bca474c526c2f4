"""What is counted, under the design's own words; `/metrics` shows it. Labels never hold customers' text.

Base units, and `_total` where it only grows. docs/metrics.md says what each is for.
"""

from __future__ import annotations

import platform
import re

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

from bridge import __version__

# A second series beside each, which nobody asks for.
disable_created_metrics()  # type: ignore[no-untyped-call]
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

ANSWER = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)  # Slack waits for three seconds
CALL = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
ATTEMPT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
LAG = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)

build = Gauge(
    "bridge_build_info",
    "Always 1: which version this process is, on which Python",
    ("version", "python"),
    registry=REGISTRY,
)
build.labels(__version__, platform.python_version()).set(1)

# ── what comes in ────────────────────────────────────────────────────────────────────────────────

webhooks = Counter(
    "bridge_webhooks",
    "Webhooks by source and what became of them (kept, duplicate, probe, or why there was no 200)",
    ("source", "result"),
    registry=REGISTRY,
)
bodies_refused = Counter(
    "bridge_bodies_refused",
    "Large bodies that were refused, as too much was being sent at once",
    registry=REGISTRY,
)
ingest_seconds = Histogram(
    "bridge_ingest_seconds",
    "From a webhook, or a request of Slack's (@slack), to its answer",
    ("source",),
    buckets=ANSWER,
    registry=REGISTRY,
)
events = Counter("bridge_events", "Events kept, by source and kind", ("source", "kind"), registry=REGISTRY)
unread = Counter(
    "bridge_unread",
    "What a vendor sent that this version does not know, or has no conversation for, by type",
    ("source", "type"),
    registry=REGISTRY,
)
slack_events = Counter(
    "bridge_slack_events",
    "Events from Slack: queued, duplicate, or why ignored; and what was missed and found",
    ("result",),
    registry=REGISTRY,
)

# ── what is carried ──────────────────────────────────────────────────────────────────────────────

deliveries = Counter(
    "bridge_deliveries",
    "Outcomes of attempts at deliveries",
    ("direction", "kind", "outcome"),
    registry=REGISTRY,
)
attempt_seconds = Histogram(
    "bridge_attempt_seconds",
    "Duration of one attempt at a delivery",
    ("direction",),
    buckets=ATTEMPT,
    registry=REGISTRY,
)
lag_seconds = Histogram(
    "bridge_delivery_lag_seconds",
    "From a delivery's being queued to its being sent",
    ("direction",),
    buckets=LAG,
    registry=REGISTRY,
)
slack_calls = Counter(
    "bridge_slack_calls",
    "Calls of Slack's Web API by method and outcome",
    ("method", "outcome"),
    registry=REGISTRY,
)
slack_known = Gauge(
    "bridge_slack_known",
    "1 while Slack takes the token of a workspace, else 0: it stands still",
    ("workspace",),
    registry=REGISTRY,
)
slack_call_seconds = Histogram(
    "bridge_slack_call_seconds",
    "Duration of a call of Slack's Web API, whatever its outcome",
    ("method",),
    buckets=CALL,
    registry=REGISTRY,
)
slack_rungs = Counter(
    "bridge_slack_rungs",
    "Messages that Slack refused in their richest form, by the rung that it took",
    ("rung",),
    registry=REGISTRY,
)
render_failures = Counter(
    "bridge_render_failures",
    "Events that could not be rendered, and are shown in plain words",
    registry=REGISTRY,
)
vendor_calls = Counter(
    "bridge_vendor_calls",
    "Calls of vendors' APIs by source, operation and outcome",
    ("source", "operation", "outcome"),
    registry=REGISTRY,
)
vendor_call_seconds = Histogram(
    "bridge_vendor_call_seconds",
    "Duration of a call of a vendor's API, whatever its outcome",
    ("source",),
    buckets=CALL,
    registry=REGISTRY,
)
lanes_held = Gauge("bridge_lanes_held", "Lanes this process is working on", registry=REGISTRY)
swept = Counter(
    "bridge_swept", "Rows deleted, since they were kept for long enough", ("what",), registry=REGISTRY
)

# ── what the store tells ─────────────────────────────────────────────────────────────────────────

handoffs_open = Gauge(
    "bridge_handoffs_open", "Handoffs under way: waiting, or with a human", ("control",), registry=REGISTRY
)
handoffs_open_seconds = Gauge(
    "bridge_handoffs_open_seconds", "How long the first of them has been so", ("control",), registry=REGISTRY
)
handoffs_day = Gauge(
    "bridge_handoffs_day",
    "Handoffs that started in the last 24 hours, and how many of them were claimed, answered …",
    ("what",),
    registry=REGISTRY,
)
handoff_claim_seconds = Gauge(
    "bridge_handoff_claim_seconds",
    "Of those: from the start to the first claim",
    ("quantile",),
    registry=REGISTRY,
)
handoff_reply_seconds = Gauge(
    "bridge_handoff_reply_seconds",
    "Of those: from the start to the first reply",
    ("quantile",),
    registry=REGISTRY,
)
deliveries_waiting = Gauge(
    "bridge_deliveries_waiting",
    "Deliveries that are queued, or being sent",
    ("direction", "state"),
    registry=REGISTRY,
)
lane_depth = Gauge(
    "bridge_lane_depth",
    "How many of them are in the lane that has the most",
    ("direction",),
    registry=REGISTRY,
)
lanes_waiting = Gauge(
    "bridge_lanes_waiting",
    "Lanes that are due, or were tried and are to be tried again",
    ("direction",),
    registry=REGISTRY,
)
lanes_waiting_seconds = Gauge(
    "bridge_lanes_waiting_seconds",
    "How long the first of them has been waiting",
    ("direction",),
    registry=REGISTRY,
)
deliveries_day = Gauge(
    "bridge_deliveries_day",
    "Deliveries that failed or became uncertain in the last 24 hours",
    ("state",),
    registry=REGISTRY,
)
#: these, while it can be asked
STORED = (
    handoffs_open,
    handoffs_open_seconds,
    handoffs_day,
    handoff_claim_seconds,
    handoff_reply_seconds,
    deliveries_waiting,
    lane_depth,
    lanes_waiting,
    lanes_waiting_seconds,
    deliveries_day,
)

# ── what others name ─────────────────────────────────────────────────────────────────────────────

OTHER = "other"
MOST_TYPES = 50  # of a source: a vendor may well put an id into a name
_NAME = re.compile(r"[\w.:/-]{1,60}( [\w.:/-]{1,20})?", re.ASCII)  # a word or two, no sentence
_types: dict[str, set[str]] = {}


def count_unread(source: str, type: str) -> None:
    """Count what nobody could read, by the vendor's own name for it; not too many names, and only names."""
    known = _types.setdefault(source, set())
    if type not in known and len(known) < MOST_TYPES and _NAME.fullmatch(type):
        known.add(type)
    unread.labels(source, type if type in known else OTHER).inc()
