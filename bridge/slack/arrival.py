"""When Slack delivers a message, and the delivery that it becomes then: pure.

A repeated or late event has the words that were written first, so the message is read from Slack before it
goes out.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt.request.async_request import AsyncBoltRequest

from bridge.delivery.kinds import SlackReply
from bridge.engine.age import SOON, is_late, is_stale
from bridge.engine.reread import reread
from bridge.engine.work import NewDelivery
from bridge.slack.asking import written
from bridge.slack.inbound import APP, Changed, Gone, Locked, Written
from bridge.slack.missed import unless_expired


@dataclass(frozen=True)
class Arrival:
    """A delivery attempt of Slack's: `at` by Slack's clock where it says so, after `retries` failed ones."""

    at: float
    retries: int = 0

    @classmethod
    def of(cls, request: AsyncBoltRequest) -> Arrival:
        """Over HTTP the time is signed. For Socket Mode, Bolt makes the same header of the retries."""
        sent = _header(request, "x-slack-request-timestamp")
        return cls(time.time() if sent is None else float(sent), _header(request, "x-slack-retry-num") or 0)

    def age(self, ts: object) -> float:
        """Seconds since something happened in Slack at `ts`."""
        return self.at - float(ts) if isinstance(ts, str) and ts else 0.0

    def is_stale(self, ts: object) -> bool:
        return is_stale(self.age(ts), self.retries)


def arrived(message: Written, arrival: Arrival) -> NewDelivery:
    """The delivery of a message that an event brought."""
    ts = message.message["ts"]
    if not arrival.is_stale(ts) or message.message.get(APP):  # what an app posted stays in, as it is now too
        return written(message.message, message.key)
    late = {"late": True} if is_late(float(ts), arrival.at - SOON) else {}
    reply = SlackReply.model_validate({**message.message, **late})
    return reread(NewDelivery.of(reply, message.key, message=ts))


def below_alert(message: Written, arrival: Arrival) -> NewDelivery | None:
    """The same below an alert, where only commands count; they are taken as written."""
    delivery = unless_expired(message, {}, arrival.age(message.message["ts"]))
    return None if delivery is None or isinstance(delivery.payload, SlackReply) else delivery


def kept_of(body: Mapping[str, Any], found: Written | Changed | Gone | Locked) -> Mapping[str, Any]:
    """What is kept of an event. `bridge forget` finds it by its thread; without one, no words are kept."""
    if not isinstance(found, Changed) or found.thread is not None:
        return body
    names = ("type", "subtype", "channel", "ts", "event_ts", "deleted_ts")
    event = {name: body["event"][name] for name in names if name in body["event"]}
    return {**body, "event": {**event, "message": {"ts": found.place.ts}}}


def _header(request: AsyncBoltRequest, name: str) -> int | None:
    value = next(iter(request.headers.get(name, ())), "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 16 else None
