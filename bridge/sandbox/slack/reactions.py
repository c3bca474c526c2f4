"""reactions.* and assistant.threads.setStatus: the marks on messages and under threads."""

from __future__ import annotations

import re

from bridge.sandbox.slack.arguments import ApiError, Arguments, is_ts
from bridge.sandbox.slack.state import Json, Message

_NAME = re.compile(r"[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?")

#: https://docs.slack.dev/reference/methods/assistant.threads.setStatus
LOADING_MESSAGES = 10
LOADING_MESSAGE = 50


async def add(args: Arguments) -> Json:
    message, name = _message(args), _name(args)
    if args.workspace.channels[message.channel].is_archived:
        raise ApiError("is_archived")
    me = args.workspace.app.user
    if me in message.reactions.get(name, ()):
        raise ApiError("already_reacted")
    args.workspace.react(message, me, name)
    return {"ok": True}


async def remove(args: Arguments) -> Json:
    message, name = _message(args), _name(args)
    me = args.workspace.app.user
    if me not in message.reactions.get(name, ()):
        raise ApiError("no_reaction")
    args.workspace.react(message, me, name, added=False)
    return {"ok": True}


async def get(args: Arguments) -> Json:
    message = _message(args)
    return {
        "ok": True,
        "type": "message",
        "channel": message.channel,
        "message": {**message.as_json(), "permalink": args.workspace.permalink(message)},
    }


async def set_status(args: Arguments) -> Json:
    """Goes away after two minutes, with an empty status, or with the app's next message in the thread."""
    channel = args.channel("channel_id")
    message = channel.messages.get(args.needed("thread_ts"))
    if message is None:
        raise ApiError("invalid_thread_ts")
    status = args.text("status")
    if status is None:
        raise ApiError("invalid_arguments", ["missing required field: status"])
    loading = args.list("loading_messages", "invalid_arguments")
    if loading is not None and not (
        1 <= len(loading) <= LOADING_MESSAGES
        and all(isinstance(one, str) and 1 <= len(one) <= LOADING_MESSAGE for one in loading)
    ):
        raise ApiError(
            "invalid_arguments", ["1 to 10 of 1 to 50 characters [json-pointer:/loading_messages]"]
        )
    args.workspace.set_status(
        channel.id,
        message.root_ts,
        status,
        loading_messages=loading or [],
        username=args.text("username"),
    )
    return {"ok": True}


def _message(args: Arguments) -> Message:
    if "channel" not in args or "timestamp" not in args:
        raise ApiError("no_item_specified")
    channel = args.channel()
    if not is_ts(args.needed("timestamp")):
        raise ApiError("bad_timestamp")
    return args.message(channel, "timestamp")


def _name(args: Arguments) -> str:
    name = args.text("name") or ""
    if not _NAME.fullmatch(name):
        raise ApiError("invalid_name")
    return name
