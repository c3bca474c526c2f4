"""What people wrote in a thread, as Slack gives it some time later, and what becomes of it: pure."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

from bridge.compose import Command, command
from bridge.delivery.kinds import Notice, SlackReply
from bridge.engine.age import RETRIES, is_expired, is_late
from bridge.engine.work import Found, Incoming, NewDelivery
from bridge.model import ThreadKey
from bridge.render.words import lasting
from bridge.slack.api import Identity
from bridge.slack.asking import BY_APP, written
from bridge.slack.inbound import APP, INBOX, Written, found
from bridge.slack.marks import MARKS
from bridge.slack.payloads import edited_at

#: with one of these from us a message has been taken care of, whether or not the store remembers it
_TAKEN = (MARKS["sent"], MARKS["recorded"], MARKS["uncertain"])


def since(heard: float) -> float:
    """From when on something may have been missed, where anything came in last at `heard`."""
    return heard - RETRIES


def missed(
    messages: Iterable[Mapping[str, Any]],
    thread: ThreadKey,
    us: Identity,
    *,
    look: int,
    until: float,
    now: float,
) -> list[Found]:
    """What people wrote among a thread's messages, oldest first, as the delivery `look` found it. What was
    written after `until` is not late: somebody listened."""
    there = []
    for message in sorted(messages, key=lambda one: float(one["ts"])):
        one, reactions = found(message, thread.channel, us), _reactions(message)
        if one is None or any(us.user in reactions.get(mark, ()) for mark in _TAKEN):
            continue
        at = float(one.message["ts"])
        late = {"late": True, "look": look} if is_late(at, until) else {}
        delivery = unless_expired(one, late, now - at)
        if delivery is None:
            continue
        place = ThreadKey(team=us.team, channel=thread.channel, ts=one.message["ts"])
        incoming = Incoming(
            INBOX, f"found:{us.team}:{one.key}", "replies", json.dumps(dict(message)).encode()
        )
        # That its client_msg_id is that of the event is not documented; where it is another, the ts tells.
        keys = (one.key, f"{place.channel}:{place.ts}")
        locked = reactions.get("lock", {us.user}) != {us.user}
        known_as = [f"{prefix}{key}" for prefix in ("", "act:", f"{BY_APP}:") for key in keys]
        there.append(Found(place, incoming, delivery, tuple(known_as), locked))
    return there


def message_now(
    message: Mapping[str, Any], thread: ThreadKey, us: Identity, *, look: int, now: float
) -> Found | None:
    """A single message, as the delivery `look` read it from Slack; None where nothing comes of it."""
    there = missed([message], thread, us, look=look, until=float("-inf"), now=now)
    if not there or there[0].locked:
        return None
    found, edited = there[0], edited_at(message)
    reply = found.delivery.payload
    if not edited or not isinstance(reply, SlackReply):
        return found
    body = reply.model_copy(update=edited).write()
    return dataclasses.replace(found, delivery=dataclasses.replace(found.delivery, body=body))


def unless_expired(one: Written, late: Mapping[str, Any], age: float) -> NewDelivery | None:
    """What carries it. A command that has expired may not be wanted any more: it is not carried out, and the
    thread says so."""
    said = None if one.message.get(APP) else command(one.message)
    word = said.word if isinstance(said, Command) and said.word != "note" else None
    if word is None or not is_expired(age):
        return written({**one.message, **late}, one.key)
    if word in ("who", "help"):
        return None
    text = (
        f"“!{word}” was written here {lasting(age)} ago, while the bridge was away, and was not done. "
        "Write it again if it still holds."
    )
    return NewDelivery.of(Notice(text=text), f"not_done:{one.key}")


def _reactions(message: Mapping[str, Any]) -> dict[str, set[str]]:
    """Who reacted, and how. https://docs.slack.dev/reference/methods/reactions.get: not all may be named."""
    told = [one for one in message.get("reactions") or () if isinstance(one, Mapping)]
    return {str(one.get("name")): set(one.get("users") or ()) for one in told}
