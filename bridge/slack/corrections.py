"""Replies that were changed or deleted too late: what the agent is told, and the correction that is offered.

No vendor here can change or take back what a customer has. Pure.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.engine.work import NewDelivery
from bridge.model import Direction, ThreadKey
from bridge.render import SlackMessage, notice
from bridge.slack.api import Identity
from bridge.slack.inbound import Changed

SEND = "send_correction"  # the button's action_id


def too_late(changed: Changed, event_id: str) -> NewDelivery:
    """For the thread: somebody changed a reply that has gone out."""
    told = {"ts": changed.message["ts"] if changed.message else None, "edit": event_id}
    return NewDelivery(Direction.SLACK, "too_late", f"too_late:{event_id}", json.dumps(told))


def offer(told: Mapping[str, Any], vendor: str) -> SlackMessage:
    """What the thread says of it; a change comes with the button that sends it."""
    if told["ts"] is None:
        return notice(
            f"A reply was deleted here after it had gone out. {vendor} cannot take it back: "
            "the customer still has it."
        )
    message = notice(
        f"A reply was changed here after it had gone out. {vendor} cannot change it: "
        "the customer still has the earlier words."
    )
    button = {
        "type": "button",
        "action_id": SEND,
        "text": {"type": "plain_text", "text": "Send correction"},
        "value": json.dumps({"ts": told["ts"], "edit": told["edit"]}),
    }
    return dataclasses.replace(message, blocks=(*message.blocks, {"type": "actions", "elements": [button]}))


@dataclass(frozen=True)
class Pressed:
    """Somebody asked for the correction to be sent."""

    thread: ThreadKey
    key: str
    delivery: NewDelivery


def pressed(body: Mapping[str, Any], us: Identity) -> Pressed | None:
    """What a `block_actions` interaction asks for, if it is a correction.

    Channel and thread are the payload's own, which Slack signs; the button's value says only which message.
    """
    actions, message, channel = body.get("actions"), body.get("message"), body.get("channel")
    if not (isinstance(actions, list) and isinstance(message, Mapping) and isinstance(channel, Mapping)):
        return None
    team, action = body.get("team"), actions[0] if actions else {}
    if not isinstance(team, Mapping) or team.get("id") != us.team or action.get("action_id") != SEND:
        return None
    told = json.loads(action["value"])
    thread_ts = message.get("thread_ts")
    payload = {"channel": channel["id"], "ts": told["ts"], "thread_ts": thread_ts}
    key = f"correction:{told['ts']}:{told['edit']}"
    delivery = NewDelivery(Direction.VENDOR, "correction", key, json.dumps(payload))
    return Pressed(ThreadKey(team=us.team, channel=channel["id"], ts=thread_ts), key, delivery)
