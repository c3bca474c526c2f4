"""What is counted, under the design's own words; `/metrics` shows it. Labels never hold customers' text."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

webhooks = Counter(
    "bridge_webhooks",
    "Webhooks by source and what became of them (kept, duplicate, probe, or the refusal's code)",
    ("source", "result"),
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
deliveries = Counter(
    "bridge_deliveries",
    "Outcomes of attempts at deliveries",
    ("direction", "kind", "outcome"),
    registry=REGISTRY,
)
delivery_seconds = Histogram(
    "bridge_attempt_seconds",
    "Duration of one attempt at a delivery",
    ("direction",),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
slack_calls = Counter(
    "bridge_slack_calls",
    "Calls of Slack's Web API by method and outcome",
    ("method", "outcome"),
    registry=REGISTRY,
)
slack_rungs = Counter(
    "bridge_slack_rungs",
    "Messages that Slack refused in their richest form, by the rung that it took",
    ("rung",),
    registry=REGISTRY,
)
lanes_held = Gauge("bridge_lanes_held", "Lanes this process is working on", registry=REGISTRY)
handoffs_open = Gauge(
    "bridge_handoffs_open", "Handoffs under way: waiting, or with a human", ("control",), registry=REGISTRY
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
#: what the store tells, while it can be asked
STORED = (
    handoffs_open,
    handoffs_day,
    handoff_claim_seconds,
    handoff_reply_seconds,
    lanes_waiting,
    lanes_waiting_seconds,
    deliveries_day,
)
