"""A message that Slack may have in other words by now: its delivery asks Slack before it is carried. Pure."""

from __future__ import annotations

from bridge.delivery.kinds import InSlack, SlackReply
from bridge.engine.work import NewDelivery


def reread(new: NewDelivery) -> NewDelivery:
    """The delivery of a message, reply or command, to be read from Slack when its turn comes. Anything else
    stays as it is."""
    wanted = new.payload
    if not isinstance(wanted, InSlack) or wanted.ts is None or wanted.thread_ts is None:
        return new
    message = wanted.model_dump(exclude_unset=True, exclude={"act", "to", "handoff"})
    reply = SlackReply.model_validate({**message, "reread": True})
    return NewDelivery.of(reply, new.key.removeprefix("act:"), message=wanted.ts)
