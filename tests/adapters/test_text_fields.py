"""Texts and sizes that are empty, invisible or odd come out alike from all three vendors."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.ada import webhooks as ada
from adapters.gptbots import human_service, messages
from adapters.moveo import webhooks as moveo
from bridge.adapter import Received, Webhook
from bridge.model import File, Message, Text
from bridge.render import SlackMessage, render
from tests.render.examples import view
from tests.render.slack_rules import check

AT = datetime(2026, 5, 4, 9, 15, tzinfo=UTC)


def webhook(body: dict[str, Any]) -> Webhook:
    return Webhook("", {}, json.dumps(body).encode(), AT)


def from_ada(text: str, role: str = "end_user", channel: dict[str, Any] | None = None) -> Received:
    data = {
        "conversation_id": "c",
        "message_id": "m",
        "author": {"role": role},
        "channel": channel or {},
        "content": {"type": "text", "body": text},
    }
    return ada.read(webhook({"type": "v1.conversation.message", "data": data}), "k", source="a", label=None)


def from_gptbots_chat(text: str) -> Received:
    body = {"conversation_id": "c", "body": text}
    return human_service.read(webhook(body), ["chat"], source="g", bot_ids=frozenset(), wait=60.0)


def from_gptbots_v1(text: str) -> Received:
    body = {"conversation_id": "c", "message_id": "m", "message_type": "QUESTION", "text": text}
    return messages.read(webhook(body), source="g")


def from_gptbots_v2(text: str) -> Received:
    body = {"conversation_id": "c", "message_id": "m", "output": [{"content": {"text": text}}]}
    return messages.read(webhook(body), source="g")


def from_moveo_agent(text: str) -> Received:
    body = {
        "event_type": "message:send",
        "session_id": "s",
        "from": {"agent_id": "x"},
        "body": {"text": text},
    }
    return moveo.read(webhook(body), source="m", max_age=300)


def from_moveo_ai(text: str) -> Received:
    responses = [{"type": "text", "text": text}]
    body = {"event_type": "message:brain_send", "session_id": "s", "output": {"responses": responses}}
    return moveo.read(webhook(body), source="m", max_age=300)


VENDORS = [from_ada, from_gptbots_chat, from_gptbots_v1, from_gptbots_v2, from_moveo_agent, from_moveo_ai]


def words(received: Received) -> list[str]:
    assert received.unread == ()
    shown = [message for event in received.events for message in render(event, view())]
    for message in shown:
        check(message)
    return [message.text for message in shown if isinstance(message, SlackMessage)]


@pytest.mark.parametrize("read", VENDORS, ids=lambda read: read.__name__)
@pytest.mark.parametrize("text", ["", "   \n ", "\u200b", "\u3164", "\u2800"], ids=ascii)
def test_an_empty_text_is_shown_as_one(read: Any, text: str) -> None:
    assert words(read(text)) == ["(an empty message)"]


@pytest.mark.parametrize("read", VENDORS, ids=lambda read: read.__name__)
def test_half_a_character_is_shown_as_one_that_is_missing(read: Any) -> None:
    (shown,) = words(read("half \ud800 a character"))
    assert shown.split() == ["half", *shown.split()[1:-2], "a", "character"]
    assert set(shown.split()[1]) == {"\ufffd"}


@pytest.mark.parametrize("size", [10**400, -1, 1.5, True, "12"])
def test_a_size_is_what_it_is_or_unknown(size: Any) -> None:
    response = {"type": "file", "url": "https://x.example/a.pdf", "name": "a.pdf", "size": size}
    output = {"responses": [response]}
    body = {"event_type": "message:brain_send", "session_id": "s", "output": output}
    (event,) = moveo.read(webhook(body), source="m", max_age=300).events
    assert isinstance(event, Message)
    (file,) = event.parts
    assert isinstance(file, File)
    assert file.size == (size if size == 10**400 else None)
    for message in render(event, view()):
        check(message)


@pytest.mark.parametrize(
    ("role", "channel", "format"),
    [
        ("ai_agent", {"type": "custom", "capabilities": {"markdown": True}}, "markdown"),
        ("ai_agent", {"type": "custom", "capabilities": {"markdown": False}}, "plain"),
        ("ai_agent", {"type": "custom"}, None),
        ("ai_agent", {"type": "native", "capabilities": {"markdown": False}}, None),
        ("human_agent", {"type": "custom", "capabilities": {"markdown": True}}, None),
        ("end_user", {"type": "custom", "capabilities": {"markdown": True}}, None),
    ],
)
def test_ada_says_whether_a_custom_channel_has_markdown(
    role: str, channel: dict[str, Any], format: str | None
) -> None:
    (event,) = from_ada("**hello**", role, channel).events
    assert isinstance(event, Message)
    assert event.parts == (Text(text="**hello**", format=format),)  # type: ignore[arg-type]
    (shown,) = words(from_ada("**hello**", role, channel))
    assert shown == ("**hello**" if role != "ai_agent" or format == "plain" else "hello")
