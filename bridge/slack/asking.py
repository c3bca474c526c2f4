"""What people ask about a conversation, as the delivery that carries it: written, pressed or chosen. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bridge.compose import ACTS, Command, command
from bridge.engine.acts import lane_of
from bridge.engine.work import NewDelivery
from bridge.model import Act, Direction
from bridge.slack.inbound import APP

#: the kind of delivery that says to a person that what an app posts for them stays in
BY_APP = "by_app"


def written(message: Mapping[str, Any], key: str) -> NewDelivery:
    """A message in a thread: a command, or else what its lane makes a reply of, a note or a question. What an
    app posted is none of these: it stays in."""
    if message.get(APP):
        author = {name: message[name] for name in ("user", "team", "channel", "thread_ts", "ts")}
        return NewDelivery(Direction.MARKS, BY_APP, f"{BY_APP}:{key}", json.dumps(author))
    said = command(message)
    if not isinstance(said, Command) or said.word == "note":
        return NewDelivery(Direction.VENDOR, "reply", key, json.dumps(dict(message)), message=message["ts"])
    asker = {name: message[name] for name in ("user", "team", "channel", "thread_ts", "ts")}
    key = f"act:{key}"  # not the message's own: who changes the message changes no act
    if said.word in ACTS:
        return act(ACTS[said.word], key, **asker, to=said.user)
    return NewDelivery(Direction.ACTS, said.word, key, json.dumps(asker))


def act(
    wanted: Act,
    key: str,
    *,
    user: str,
    team: str | None,
    channel: str | None = None,
    thread_ts: str | None = None,
    ts: str | None = None,
    to: str | None = None,
) -> NewDelivery:
    """`user` of `team` wants an act, and is told of it in `channel`, in `thread_ts`; on the App Home there is
    neither.

    `ts` is the message in which they wrote it; nothing that is pressed has one.
    """
    asker = {"user": user, "team": team, "channel": channel, "thread_ts": thread_ts, "ts": ts}
    return NewDelivery(lane_of(wanted), "act", key, json.dumps({"act": wanted, **asker, "to": to}))
