"""What came in and was kept, read once more: which events a webhook told, and what Slack told of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.adapter import Previews, Webhook
from bridge.config import Source
from bridge.errors import Refused
from bridge.model import AnyEvent
from bridge.slack.inbound import INBOX as SLACK

__all__ = ["SLACK", "Again", "again", "of_slack"]


@dataclass(frozen=True, slots=True)
class Again:
    """`events` under the ids that they were kept with; `unread` is what their adapter did not understand."""

    events: tuple[AnyEvent, ...] = ()
    unread: tuple[str, ...] = ()
    problem: str | None = None


def again(row: Any, source: Source | None) -> Again:
    """A vendor's webhook, as its adapter reads it now."""
    if source is None:
        return Again(problem="its source is no longer configured")
    if not isinstance(source.adapter, Previews):
        return Again(problem=f"the adapter of {source.adapter.vendor} cannot read what was kept")
    webhook = Webhook(path="", headers={}, body=row.body, at=datetime.fromtimestamp(row.received_at, UTC))
    try:
        received = source.adapter.preview(webhook, row.source)
    except Refused as refusal:
        return Again(problem=refusal.problem)
    # What has no id of its own has that of its webhook, which a header told.
    events = tuple(
        event.model_copy(update={"id": row.key}) if event.id == received.key else event
        for event in received.events
    )
    return Again(events, received.unread)


def of_slack(body: bytes) -> tuple[str, str | None, tuple[str, ...]]:
    """What Slack told of, by whom, and the ids under which it is queued."""
    told = _mapping(json.loads(body))
    event, actions = _mapping(told.get("event")), told.get("actions")
    action = _mapping(actions[0]) if isinstance(actions, list) and actions else {}
    user = event.get("user") or _mapping(told.get("user")).get("id")
    message = _mapping(event.get("message")) or _mapping(event.get("previous_message")) or event
    kind = [str(one) for one in (event.get("type"), event.get("subtype")) if one]
    name = action.get("action_id") or told.get("callback_id") or _mapping(told.get("view")).get("callback_id")
    kind = kind or [str(one) for one in (told.get("type"), name) if one]
    ids = (
        message.get("client_msg_id"),
        f"{event.get('channel')}:{message.get('ts')}" if message.get("ts") else None,
        action.get("action_ts") or told.get("action_ts"),
        _mapping(told.get("view")).get("id"),
    )
    return " ".join(kind), user if isinstance(user, str) else None, tuple(str(one) for one in ids if one)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
