"""What a message says, as an agent reads it in Slack."""

from __future__ import annotations

from typing import Any

from bridge.model import Message
from bridge.render import SlackMessage, render
from tests.render.examples import view


def messages(event: Message) -> list[SlackMessage]:
    return [message for message in render(event, view()) if isinstance(message, SlackMessage)]


def in_blocks(event: Message) -> list[dict[str, Any]]:
    return [block for message in messages(event) for block in message.blocks]


def in_text(event: Message) -> str:
    """As the last rung says it, without the author: with the marks of lists, and unescaped."""
    words = "\n".join(message.text for message in messages(event))
    return words.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
