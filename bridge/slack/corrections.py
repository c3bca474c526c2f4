"""Replies that were changed or deleted too late: what the agent is told, and the correction that is offered.

No vendor here can change or take back what a customer has. Pure.
"""

from __future__ import annotations

import dataclasses
import json

from bridge.delivery.kinds import ChangedTooLate
from bridge.engine.work import NewDelivery
from bridge.render import SlackMessage, notice
from bridge.slack.inbound import Changed
from bridge.slack.pressed import CORRECT


def too_late(changed: Changed, event_id: str) -> NewDelivery:
    """For the thread: somebody changed a reply that has gone out."""
    late = ChangedTooLate(ts=changed.message["ts"] if changed.message else None, edit=event_id)
    return NewDelivery.of(late, f"too_late:{event_id}")


def offer(changed: ChangedTooLate, vendor: str) -> SlackMessage:
    """What the thread says of it; a change comes with the button that sends it."""
    if changed.ts is None:
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
        "action_id": CORRECT,
        "text": {"type": "plain_text", "text": "Send correction"},
        "value": json.dumps({"ts": changed.ts, "edit": changed.edit}),
    }
    return dataclasses.replace(message, blocks=(*message.blocks, {"type": "actions", "elements": [button]}))
