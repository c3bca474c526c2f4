"""A message that Slack may have in other words by now: its delivery asks Slack before it is carried. Pure."""

from __future__ import annotations

import json

from bridge.engine.work import NewDelivery
from bridge.model import Direction

#: in the payload of a reply: what it says, and whether it is a reply at all, is read from Slack
REREAD = "reread"


def reread(new: NewDelivery) -> NewDelivery:
    """The delivery of a message, reply or command, to be read from Slack when its turn comes. Anything else
    stays as it is."""
    message = json.loads(new.payload)
    if message.get("ts") is None or message.get("thread_ts") is None:
        return new
    payload = {name: value for name, value in message.items() if name not in ("act", "to", "handoff")}
    key = new.key.removeprefix("act:")
    return NewDelivery(
        Direction.VENDOR, "reply", key, json.dumps({**payload, REREAD: True}), message=message["ts"]
    )
