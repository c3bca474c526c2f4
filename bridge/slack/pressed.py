"""Buttons that people press in threads of ours: which one, where, and what it asks for. Pure.

Workspace, channel, thread and person are the payload's own, which Slack signs; the button's value is what
we put there. https://docs.slack.dev/reference/interaction-payloads/block_actions-payload
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.engine.work import NewDelivery
from bridge.model import Direction, ThreadKey
from bridge.render.choices import SAY
from bridge.slack.api import Identity

CORRECT = "send_correction"


@dataclass(frozen=True)
class Pressed:
    """Something is to be carried to the vendor. `key` is the same if Slack tells it twice."""

    thread: ThreadKey
    key: str
    delivery: NewDelivery


def pressed(body: Mapping[str, Any], us: Identity) -> Pressed | None:
    """What a `block_actions` interaction asks for, if it is one of our buttons that ask for something."""
    actions = body.get("actions")
    action = _mapping(actions[0]) if isinstance(actions, list) and actions else {}
    message, channel = _mapping(body.get("message")), _mapping(body.get("channel")).get("id")
    thread_ts, user = message.get("thread_ts"), _mapping(body.get("user")).get("id")
    value = _json(action.get("value"))
    if _mapping(body.get("team")).get("id") != us.team or not (channel and thread_ts and user and value):
        return None
    name = str(action.get("action_id"))
    if name == CORRECT:
        kind, key = "correction", f"correction:{value.get('ts')}:{value.get('edit')}"
        payload = {"channel": channel, "ts": value.get("ts"), "thread_ts": thread_ts}
    elif name.startswith(SAY) and isinstance(value.get("say"), str):
        # Each press counts: the same thing may be chosen again later.
        kind, key = "choice", f"choice:{message.get('ts')}:{name}:{action.get('action_ts')}"
        label = _mapping(action.get("text")).get("text")
        payload = {"user": user, "text": value["say"], "label": label or value["say"]}
    else:
        return None
    delivery = NewDelivery(Direction.VENDOR, kind, key, json.dumps(payload))
    return Pressed(ThreadKey(team=us.team, channel=channel, ts=thread_ts), key, delivery)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _json(value: object) -> Mapping[str, Any]:
    try:
        return _mapping(json.loads(str(value)))
    except ValueError:
        return {}
