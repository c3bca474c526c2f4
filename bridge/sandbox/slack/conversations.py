"""conversations.*, users.info, usergroups.list: reading the workspace.

https://docs.slack.dev/apis/web-api/pagination: `limit` and an opaque `cursor`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from bridge.sandbox.slack.arguments import ApiError, Arguments, is_ts
from bridge.sandbox.slack.state import Json, Message


async def replies(args: Arguments) -> Json:
    channel = args.channel()
    message = channel.messages.get(args.needed("ts"))
    root = channel.messages.get(message.root_ts) if message else None
    if root is None:
        raise ApiError("thread_not_found")
    # Unverified: the thread's first message comes whatever `oldest` and `latest` say.
    found = [root, *_within(args, root.replies)]
    page, more = _page(args, found, default=1000, most=1000)
    return _messages(args, page, more)


async def history(args: Arguments) -> Json:
    """Newest first, without the replies in threads unless they were broadcast."""
    channel = args.channel()
    found = _within(args, args.workspace.messages(channel.id))[::-1]
    page, more = _page(args, found, default=100, most=999)
    return _messages(args, page, more)


async def info(args: Arguments) -> Json:
    channel = args.channel().as_json(args.workspace.app.user)
    if not args.flag("include_num_members"):
        del channel["num_members"]
    return {"ok": True, "channel": channel}


async def list_(args: Arguments) -> Json:
    types = (args.text("types") or "public_channel").split(",")
    me = args.workspace.app.user
    found = [
        channel.as_json(me)
        for channel in args.workspace.channels.values()
        if ("private_channel" if channel.is_private else "public_channel") in types
        and (me in channel.members or not channel.is_private)
        and not (channel.is_archived and args.flag("exclude_archived"))
    ]
    page, more = _page(args, found, default=100, most=1000)
    return {"ok": True, "channels": page, **more}


async def members(args: Arguments) -> Json:
    page, more = _page(args, args.channel().members, default=100, most=1000)
    return {"ok": True, "members": page, **more}


async def user_info(args: Arguments) -> Json:
    user = args.workspace.users.get(args.needed("user"))
    if user is None:
        raise ApiError("user_not_found")
    return {"ok": True, "user": user.as_json()}


async def usergroups(args: Arguments) -> Json:
    groups = [
        group if args.flag("include_users") else {key: group[key] for key in group if key != "users"}
        for group in args.workspace.usergroups
    ]
    return {"ok": True, "usergroups": groups}


def _within(args: Arguments, messages: Sequence[Message]) -> list[Message]:
    """Between `oldest` and `latest`, those two left out unless `inclusive`."""
    oldest, latest = _moment(args, "oldest"), _moment(args, "latest")
    closed = args.flag("inclusive")
    return [
        message
        for message in messages
        if (oldest is None or message.ts > oldest or (closed and message.ts == oldest))
        and (latest is None or message.ts < latest or (closed and message.ts == latest))
    ]


def _moment(args: Arguments, name: str) -> str | None:
    """As a ts that compares as text; Slack also takes whole and shorter fractions of seconds."""
    value = args.text(name)
    if value in (None, "", "0"):
        return None
    seconds, _, fraction = str(value).partition(".")
    moment = f"{seconds}.{fraction:0<6}"
    if not is_ts(moment):
        raise ApiError(f"invalid_ts_{name}")
    return moment


def _page(args: Arguments, found: Sequence[Any], *, default: int, most: int) -> tuple[list[Any], Json]:
    limit = args.number("limit", default, most=most)
    start = 0
    if cursor := args.text("cursor"):
        try:
            start = int(base64.b64decode(cursor, validate=True).decode().removeprefix("next:"))
        except (binascii.Error, ValueError):
            raise ApiError("invalid_cursor") from None
    end = start + limit
    following = base64.b64encode(f"next:{end}".encode()).decode() if end < len(found) else ""
    return list(found[start:end]), {"response_metadata": {"next_cursor": following}}


def _messages(args: Arguments, page: list[Message], more: Json) -> Json:
    metadata = args.flag("include_all_metadata")
    return {
        "ok": True,
        "messages": [message.as_json(metadata=metadata) for message in page],
        "has_more": bool(more["response_metadata"]["next_cursor"]),
        **more,
    }
