"""What people ask about a conversation, as the delivery that carries it: written, pressed or chosen. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.actions import OWN
from bridge.compose import ACTS, Command, command
from bridge.delivery.kinds import Help, OwnAct, PostedByApp, SlackReply, VendorAct, Who
from bridge.engine.work import NewDelivery
from bridge.model import Act
from bridge.slack.inbound import APP

#: the kind of delivery that says to a person that what an app posts for them stays in
BY_APP = PostedByApp.kind.name


def written(message: Mapping[str, Any], key: str) -> NewDelivery:
    """A message in a thread: a command, or else what its lane makes a reply of, a note or a question. What an
    app posted is none of these: it stays in."""
    if message.get(APP):
        return NewDelivery.of(PostedByApp(**_author(message)), f"{BY_APP}:{key}")
    said = command(message)
    if not isinstance(said, Command) or said.word == "note":
        return NewDelivery.of(SlackReply.model_validate(message), key, message=message["ts"])
    key = f"act:{key}"  # not the message's own: who changes the message changes no act
    if said.word in ACTS:
        return act(ACTS[said.word], key, **_author(message), to=said.user)
    asked = Who if said.word == "who" else Help
    return NewDelivery.of(asked(**_author(message)), key)


def _author(message: Mapping[str, Any]) -> dict[str, Any]:
    return {name: message[name] for name in ("user", "team", "channel", "thread_ts", "ts")}


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
    payload = OwnAct if wanted in OWN else VendorAct
    asked = payload(act=wanted, user=user, team=team, channel=channel, thread_ts=thread_ts, ts=ts, to=to)
    return NewDelivery.of(asked, key)
