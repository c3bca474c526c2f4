"""What people press, choose from a message's menu or send in a modal: what it asks for, and where. Pure.

Workspace, channel, thread and person are the payload's own, which Slack signs; a button's value and a modal's
private_metadata are what we put there. https://docs.slack.dev/reference/interaction-payloads
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from bridge.actions import ACTIONS
from bridge.delivery.kinds import Correction, OptionPressed
from bridge.engine.work import NewDelivery
from bridge.model import Act, HeldChoice, ThreadKey
from bridge.render.acts import ACT, HELD, RETRY
from bridge.render.choices import SAY
from bridge.render.home import REFRESH
from bridge.render.modals import ACT_MODAL, COLLEAGUE
from bridge.slack.api import Identity
from bridge.slack.asking import act
from bridge.slack.payloads import check

CORRECT = "send_correction"
#: the callback_id of the shortcut that asks again what shall become of a held reply; the others are acts
ASK_AGAIN = "ask_again"

_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True)
class Pressed:
    """Something is to be carried: about the thread or conversation `where`. `key` is the same if Slack tells
    it twice."""

    where: ThreadKey | int
    key: str
    delivery: NewDelivery


@dataclass(frozen=True)
class Decided:
    """`user` says what becomes of a held reply, or without a `choice` that a failed one is sent again."""

    where: ThreadKey
    key: str
    delivery: int
    user: str
    choice: HeldChoice | None


@dataclass(frozen=True)
class AskedAgain:
    """`user` wants to decide about the held reply in the message `ts`."""

    where: ThreadKey
    key: str
    user: str
    ts: str


@dataclass(frozen=True)
class Opened:
    """`user` wants an act before which a modal asks; `trigger` opens one, within three seconds.

    `place` is where they are told about it; see `asking.act`.
    """

    act: Act
    where: ThreadKey | int
    trigger: str
    user: str
    place: Mapping[str, str]


@dataclass(frozen=True)
class Refreshed:
    """`user` wants their App Home anew."""

    user: str


@dataclass(frozen=True)
class Incomplete:
    """A modal that lacks something: what, by block."""

    errors: Mapping[str, str]


Found = Pressed | Decided | AskedAgain | Opened | Refreshed


def pressed(body: Mapping[str, Any], us: Identity) -> Found | Incomplete | None:
    """What an interaction asks for, if it is one of ours that asks for something."""
    user = _mapping(body.get("user")).get("id")
    if team_of(body) != us.team or not isinstance(user, str):
        return None
    match body.get("type"):
        case "block_actions":
            return _button(body, us, user)
        case "message_action":
            return _shortcut(body, us, user)
        case "view_submission":
            return _submitted(_mapping(body.get("view")), us, user)
    return None


def _button(body: Mapping[str, Any], us: Identity, user: str) -> Found | None:
    """https://docs.slack.dev/reference/interaction-payloads/block_actions-payload"""
    actions = body.get("actions")
    action = _mapping(actions[0]) if isinstance(actions, list) and actions else {}
    name, value, where = str(action.get("action_id")), _json(action.get("value")), _place(body, us)
    # Each press counts: the same thing may be pressed again later.
    press = f"{user}:{action.get('action_ts')}"
    if name == REFRESH:
        return Refreshed(user)
    if name.startswith(ACT):
        about = _number(value.get("conversation"))
        return _act(name.removeprefix(ACT), body, where if about is None else about, us, user, press)
    if where is None or not value:
        return None
    if name == RETRY or name.startswith(HELD):
        return _decided(name, value, where, user, press)
    message = _mapping(body.get("message"))
    if name == CORRECT:
        key = f"correction:{value.get('ts')}:{value.get('edit')}"
        ts = value.get("ts")
        payload: Correction | OptionPressed = Correction(
            user=user, channel=where.channel, ts=ts if isinstance(ts, str) else None, thread_ts=where.ts
        )
    elif name.startswith(SAY) and isinstance(value.get("say"), str):
        key = f"choice:{message.get('ts')}:{name}:{action.get('action_ts')}"
        label = _mapping(action.get("text")).get("text")
        shown = label if isinstance(label, str) and label else value["say"]
        payload = OptionPressed(user=user, team=where.team, text=value["say"], label=shown)
    else:
        return None
    return Pressed(where, key, NewDelivery.of(payload, key))


def _decided(name: str, value: Mapping[str, Any], where: ThreadKey, user: str, press: str) -> Decided | None:
    """The thread is the value's, if it has one: what one person alone is shown comes without its message."""
    choice = _of(HeldChoice, name.removeprefix(HELD))
    delivery, thread_ts = _number(value.get("delivery")), value.get("thread_ts", where.ts)
    if delivery is None or not isinstance(thread_ts, str) or (choice is None and name != RETRY):
        return None
    thread = where.model_copy(update={"ts": thread_ts})
    return Decided(thread, f"{name}:{delivery}:{press}", delivery, user, choice)


def _shortcut(body: Mapping[str, Any], us: Identity, user: str) -> Found | None:
    """https://docs.slack.dev/reference/interaction-payloads/shortcuts-interaction-payload"""
    name, where = str(body.get("callback_id")), _place(body, us)
    ts, press = _mapping(body.get("message")).get("ts"), f"{user}:{body.get('action_ts')}"
    if name == ASK_AGAIN and where is not None and isinstance(ts, str):
        return AskedAgain(where, f"{ASK_AGAIN}:{ts}:{press}", user, ts)
    return _act(name, body, where, us, user, press)


def _act(
    name: str, body: Mapping[str, Any], where: ThreadKey | int | None, us: Identity, user: str, press: str
) -> Pressed | Opened | None:
    wanted = _of(Act, name)
    if wanted is None or where is None:
        return None
    channel = _mapping(body.get("channel")).get("id")
    place = {"channel": channel} if isinstance(channel, str) else {}  # on the Home there is none
    # What one person is told in a thread that nobody has begun is not shown at all:
    # https://docs.slack.dev/reference/methods/chat.postEphemeral
    if place and (thread_ts := thread_of(body)):
        place["thread_ts"] = thread_ts
    if ACTIONS[wanted].asks:
        return Opened(wanted, where, str(body.get("trigger_id")), user, place)
    key = f"act:{wanted}:{press}"
    return Pressed(where, key, act(wanted, key, user=user, team=us.team, **place))


def _submitted(view: Mapping[str, Any], us: Identity, user: str) -> Pressed | Incomplete | None:
    """https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload"""
    about = _json(view.get("private_metadata"))
    wanted, where = _of(Act, str(about.get("act"))), _number(about.get("conversation"))
    if view.get("callback_id") != ACT_MODAL or wanted is None or where is None:
        return None
    values = _mapping(_mapping(view.get("state")).get("values"))
    to = _mapping(_mapping(values.get(COLLEAGUE)).get(COLLEAGUE)).get("selected_user")
    if ACTIONS[wanted].names_colleague and not isinstance(to, str):
        return Incomplete({COLLEAGUE: "Choose who takes the conversation"})
    place = {name: about[name] for name in ("channel", "thread_ts") if name in about}
    key = f"act:{view.get('id')}"  # one modal is one act, also where it is sent twice
    return Pressed(where, key, act(wanted, key, user=user, team=us.team, to=to, **place))


def team_of(body: Mapping[str, Any]) -> object:
    """The workspace that the app is installed in; a modal's own `team` is its sender's.

    https://github.com/slackapi/bolt-js/issues/1614
    """
    installed = _mapping(body.get("view")).get("app_installed_team_id")
    return installed or _mapping(body.get("team")).get("id")


def _place(body: Mapping[str, Any], us: Identity) -> ThreadKey | None:
    """The thread in which something was pressed, or the message that may begin one."""
    channel = _mapping(body.get("channel")).get("id")
    ts = thread_of(body) or _told(body, "ts", "message_ts")
    if not isinstance(channel, str) or ts is None:
        return None
    return ThreadKey(team=us.team, channel=channel, ts=ts)


def thread_of(body: Mapping[str, Any]) -> str | None:
    """The thread, where something was pressed in one."""
    return _told(body, "thread_ts", "thread_ts")


def _told(body: Mapping[str, Any], of_message: str, of_container: str) -> str | None:
    """What one person alone is shown comes as its container only."""
    message, container = _mapping(body.get("message")), _mapping(body.get("container"))
    told = message.get(of_message) or container.get(of_container)
    return told if isinstance(told, str) else None


def _of(kind: type[_Word], name: str) -> _Word | None:
    try:
        return kind(name)
    except ValueError:
        return None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _number(value: object) -> int | None:
    """A row's, if it can be one."""
    return value if type(value) is int and 0 < value < 2**63 else None


def _json(value: object) -> Mapping[str, Any]:
    """What a button or a modal has of ours. Raises `Malformed`."""
    try:
        found = _mapping(json.loads(str(value)))
    except ValueError:
        return {}
    check(found)
    return found
