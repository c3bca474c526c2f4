"""A message's attachments as runs: pasted tables, forwarded messages, previews of links.

Slack documents the attachments of apps only. Its own are known from public reports:

- A pasted table is a `table` block below `blocks` (https://github.com/vercel/chat/issues/803).
- A forwarded message has `is_share`, with `is_msg_unfurl` or without, and often no words beside it
  (https://github.com/slackapi/slack-skills-plugin/issues/149).
- The preview of a link has its address as `from_url` or `original_url`, and for a link to a message also
  `is_msg_unfurl` (https://docs.slack.dev/messaging/unfurling-links-in-messages). The author did not write it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from bridge.compose.blocks import joined, read_blocks, unsent_block
from bridge.compose.names import Names
from bridge.compose.rich_text import mappings, text_of
from bridge.compose.runs import Run, unsent
from bridge.compose.tables import TABLES

_OF_A_MESSAGE = ("is_msg_unfurl", "is_reply_unfurl", "is_thread_root_unfurl")
_ADDRESSES = ("from_url", "original_url", "app_unfurl_url")
#: fields that show something, beside `blocks` and the images
_CONTENT = (
    "pretext",
    "title",
    "text",
    "fields",
    "author_name",
    "video_html",
    "video_url",
    "files",
    "actions",
)
_CHANNEL = re.compile(r"#[^\s#]+")


def read_attachments(message: Mapping[str, Any], names: Names) -> list[Run]:
    """Tables go out, previews of links count for nothing, and everything else holds the reply."""
    runs: list[Run] = []
    for attachment in authored(message):
        runs = joined(runs, _attachment(attachment, names))
    return runs


def authored(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The attachments that its author put there."""
    links = list(_links(message))
    edited = bool(message.get("edited"))
    attachments = mappings(message.get("attachments"))
    return [attachment for attachment in attachments if not _is_preview(attachment, links, edited)]


def content(message: Mapping[str, Any]) -> tuple[Any, ...]:
    """What its author put into a message: not the previews that Slack makes of its links."""
    blocks = [{**block, "block_id": None} for block in mappings(message.get("blocks"))]
    files = [file.get("id") for file in mappings(message.get("files"))]
    return message.get("text"), blocks, authored(message), files


def _attachment(attachment: Mapping[str, Any], names: Names) -> list[Run]:
    if is_forward(attachment):
        return [_forward(attachment)]
    runs: list[Run] = []
    for block in mappings(attachment.get("blocks")):
        sent = text_of(block, "type") in {*TABLES, "divider"}
        runs = joined(runs, read_blocks([block], names) if sent else [unsent_block(block)])
    name = text_of(attachment, "title") or text_of(attachment, "fallback")
    if attachment.get("image_url") or attachment.get("thumb_url"):
        return [*runs, unsent("image", f"an image ({name})" if name else "an image")]
    if not runs or any(attachment.get(key) for key in _CONTENT):
        return [*runs, unsent("attachment", f"an attachment ({name})" if name else "an attachment")]
    return runs


def is_forward(attachment: Mapping[str, Any]) -> bool:
    """A message from elsewhere. The preview of a link to a message looks the same but for `is_share`."""
    return any(attachment.get(key) for key in ("is_share", *_OF_A_MESSAGE))


def _forward(attachment: Mapping[str, Any]) -> Run:
    channel = text_of(attachment, "channel_name").lstrip("#")
    found = _CHANNEL.search(text_of(attachment, "footer"))
    channel = f"#{channel}" if channel else found[0] if found else ""
    return unsent(
        "forwarded_message", f"a forwarded message from {channel}" if channel else "a forwarded message"
    )


def _is_preview(attachment: Mapping[str, Any], links: list[str], edited: bool) -> bool:
    """Whether Slack, or an app, made it of a link in the words. An edit may have removed the link, and the
    preview may still be there (not verified)."""
    if attachment.get("is_share"):
        return False
    addresses = [address for key in _ADDRESSES if (address := text_of(attachment, key))]
    if any(attachment.get(key) for key in _OF_A_MESSAGE):
        # Not every forwarded message may have `is_share`: then the words have no link to it.
        places = [_path(address) for address in addresses]
        return any(place and place in link for place in places for link in links)
    return (bool(links) or edited) and (bool(addresses) or attachment.get("is_app_unfurl") is True)


def _path(address: str) -> str:
    try:
        return urlsplit(address).path
    except ValueError:
        return ""


def _links(message: Mapping[str, Any]) -> Iterator[str]:
    """Addresses in the words."""
    yield from re.findall(r"\w+://[^\s<>|]+", str(message.get("text") or ""))
    waiting = mappings(message.get("blocks"))
    while waiting:
        element = waiting.pop()
        if url := text_of(element, "url"):
            yield url
        yield from re.findall(r"\w+://[^\s<>|]+", text_of(element, "text"))
        waiting += mappings(element.get("elements"))
        waiting += mappings([element.get("text")])
