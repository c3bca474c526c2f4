"""chat.*: posting, changing and deleting messages.

https://docs.slack.dev/reference/methods/chat.postMessage and its neighbours.
"""

from __future__ import annotations

from typing import Any

from bridge.sandbox.slack.arguments import ApiError, Arguments, is_ts
from bridge.sandbox.slack.blocks import check_blocks, finish
from bridge.sandbox.slack.state import Channel, Json, Message
from bridge.sandbox.slack.workspace import Workspace

TEXT = 40_000  # chat.postMessage cuts what is longer, and warns
UPDATE_TEXT = 4_000  # chat.update refuses it
MARKDOWN_TEXT = 12_000
ATTACHMENTS = 100
EVENT_TYPE = 255


async def post_message(args: Arguments) -> Json:
    channel = writable(args)
    args.workspace.pace.take(channel.id)
    kept, warning = content(args)
    message = ours(args, channel, **kept)
    message.metadata = _metadata(args)
    if args.flag("reply_broadcast") and message.is_reply:
        message.broadcast = True
        message.subtype = "thread_broadcast"
    args.workspace.post(message)
    body = {"ok": True, "channel": channel.id, "ts": message.ts, "message": _shown(message)}
    if warning:
        body |= {"warning": warning, "response_metadata": {"warnings": [warning]}}
    return body


async def post_ephemeral(args: Arguments) -> Json:
    channel = writable(args)
    user = args.needed("user")
    if user not in channel.members:
        raise ApiError("user_not_in_channel")
    kept, _ = content(args)
    message = ours(args, channel, **kept)
    message.ephemeral_to = user
    # "Ephemeral messages in threads are only shown if there is already an active thread":
    # https://docs.slack.dev/reference/methods/chat.postEphemeral
    if message.thread_ts is None or channel.messages[message.thread_ts].replies:
        args.workspace.show(message)
    return {"ok": True, "message_ts": message.ts}


async def update(args: Arguments) -> Json:
    """Whatever it asks for, the author stays: there is no `username` here."""
    channel = args.channel()
    message = args.message(channel, "ts")
    if not _is_ours(args.workspace, message):
        raise ApiError("cant_update_message")
    if channel.is_archived:
        raise ApiError("is_inactive")
    if len(args.text("text") or "") > UPDATE_TEXT:
        raise ApiError("msg_too_long")
    broadcast = args.flag("reply_broadcast") and message.is_reply and not message.broadcast
    changes: dict[str, Any] = {}
    if any(name in args for name in ("text", "markdown_text", "blocks", "attachments")):
        if broadcast:
            raise ApiError("no_dual_broadcast_content_update")
        kept, _ = content(args)
        # Text without blocks takes the blocks away; what else is left out stays.
        words = "text" in args or "markdown_text" in args
        replaced = {"text": words, "blocks": words or "blocks" in args, "attachments": "attachments" in args}
        changes = {name: value for name, value in kept.items() if replaced[name]}
    elif broadcast:
        changes = {"broadcast": True, "subtype": "thread_broadcast"}
    elif "metadata" not in args:
        raise ApiError("no_text")
    if "metadata" in args:
        changes["metadata"] = _metadata(args)
    args.workspace.replace(message, **changes)
    return {
        "ok": True,
        "channel": channel.id,
        "ts": message.ts,
        "text": message.text,
        "message": _shown(message),
    }


async def delete(args: Arguments) -> Json:
    channel = args.channel()
    message = args.message(channel, "ts")
    if not _is_ours(args.workspace, message):
        raise ApiError("cant_delete_message")
    args.workspace.delete(message)
    return {"ok": True, "channel": channel.id, "ts": message.ts}


async def get_permalink(args: Arguments) -> Json:
    channel = args.channel()
    message = args.message(channel, "message_ts")
    return {"ok": True, "channel": channel.id, "permalink": args.workspace.permalink(message)}


# ── what the calls have in common ────────────────────────────────────────────────────────────────


def writable(args: Arguments, name: str = "channel") -> Channel:
    channel = args.channel(name)
    if channel.is_archived:
        raise ApiError("is_archived")
    if args.workspace.app.user not in channel.members:
        raise ApiError("not_in_channel")
    return channel


def _is_ours(workspace: Workspace, message: Message) -> bool:
    return message.bot_id == workspace.app.bot_id


def ours(args: Arguments, channel: Channel, **kept: Any) -> Message:
    """A message of our app. Under a name of its own it is a `bot_message` and has no user.

    `client_msg_id` is taken and ignored: whether it makes a second post a duplicate for bot tokens is
    unverified, and nothing may depend on it.
    """
    workspace = args.workspace
    message = Message(channel=channel.id, ts=workspace.next_ts(), **kept)
    message.bot_id, message.app_id = workspace.app.bot_id, workspace.app.id
    message.thread_ts = _thread(args, channel)
    emoji, icon, username = (args.text(name) for name in ("icon_emoji", "icon_url", "username"))
    if emoji or icon or username:
        if "chat:write.customize" not in workspace.app.scopes:
            raise ApiError(
                "missing_scope",
                needed="chat:write.customize",
                provided=",".join(sorted(workspace.app.scopes)),
            )
        message.subtype = "bot_message"
        message.username = username or workspace.app.name
        message.icons = {"emoji": emoji} if emoji else {"image_48": icon} if icon else None
    else:
        message.user = workspace.app.user
    for name in ("unfurl_links", "unfurl_media", "link_names", "mrkdwn"):
        if name in args:
            message.options[name] = args.flag(name)
    if parse := args.text("parse"):
        message.options["parse"] = parse
    return message


def _thread(args: Arguments, channel: Channel) -> str | None:
    thread_ts = args.text("thread_ts")
    if not thread_ts:
        return None
    if not is_ts(thread_ts):
        raise ApiError("invalid_thread_ts")
    root = channel.messages.get(thread_ts)
    if root is None:
        # Unverified which error a deleted root gives; this is the only documented one that fits.
        raise ApiError("cannot_reply_to_message")
    return root.root_ts


def content(args: Arguments) -> tuple[dict[str, Any], str | None]:
    """Text, blocks and attachments, each as Slack would keep it, and its warning if it cut something."""
    text = args.text("text") or ""
    markdown = args.text("markdown_text")
    blocks = args.list("blocks", "invalid_blocks_format") or []
    attachments = args.list("attachments", "invalid_attachments") or []
    if markdown is not None:
        if text or blocks:
            raise ApiError("markdown_text_conflict")
        if len(markdown) > MARKDOWN_TEXT:
            raise ApiError("msg_too_long")
        text, blocks = markdown, [{"type": "markdown", "text": markdown}] if markdown else []
    if not text.strip() and not blocks and not attachments:
        raise ApiError("no_text")
    check(args.workspace, blocks, "/blocks", "invalid_blocks")
    if len(attachments) > ATTACHMENTS:
        raise ApiError("too_many_attachments")
    for index, attachment in enumerate(attachments):
        if not isinstance(attachment, dict) or not isinstance(attachment.get("blocks", []), list):
            raise ApiError("invalid_attachments")
        inner = attachment.get("blocks", [])
        check(args.workspace, inner, f"/attachments/{index}/blocks", "invalid_attachments")
    kept = {
        "text": text[:TEXT],
        "blocks": finish(blocks),
        "attachments": [
            {"id": index, **one, **({"blocks": finish(one["blocks"])} if "blocks" in one else {})}
            for index, one in enumerate(attachments, start=1)
        ],
    }
    return kept, "message_truncated" if len(text) > TEXT else None


def check(workspace: Workspace, blocks: list[Any], at: str, error: str) -> None:
    problems = check_blocks(
        blocks,
        at=at,
        dead_images=workspace.dead_images,
        unfurl_domains=workspace.app.unfurl_domains,
        slack_files=workspace.images(),
    )
    if problems:
        raise ApiError(error, problems)


def _metadata(args: Arguments) -> Json | None:
    """https://docs.slack.dev/messaging/message-metadata; an empty object is none."""
    metadata = args.json("metadata", "invalid_metadata_format")
    if metadata is None or metadata == {}:
        return None
    if not isinstance(metadata, dict):
        raise ApiError("invalid_metadata_format")
    kind, payload = metadata.get("event_type"), metadata.get("event_payload")
    if not isinstance(kind, str) or not 0 < len(kind) <= EVENT_TYPE or not isinstance(payload, dict):
        raise ApiError("invalid_metadata_schema")
    return {"event_type": kind, "event_payload": payload}


def _shown(message: Message) -> Json:
    return message.as_json(metadata=True)
