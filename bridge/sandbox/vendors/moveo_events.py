"""The bodies of Moveo's eleven events and nine response types, and the examples its pages print.

docs.moveo.ai/api/custom-integration/custom-integration-webhook-events.
"""

from __future__ import annotations

import copy
from typing import Any

Json = dict[str, Any]

BRAIN_SEND = "message:brain_send"

#: one of Moveo's own people
SARAH = {"author_id": "agent-123", "author_name": "Sarah Johnson", "author_type": "agent"}


def _example(event_type: str, number: int, **fields: Any) -> Json:
    return {
        "event_type": event_type,
        "request_id": f"req-{number}",
        "session_id": "sess-456",
        "external_session_id": "your-session-789",
        "integration_id": "intg-001",
        "desk_id": "desk-456",
        "context": {"user": {"user_id": "user-789"}},
        "timestamp": 1704067200000,
        **fields,
    }


def _responses(*responses: Json) -> Json:
    return _example(BRAIN_SEND, 123, output={"responses": list(responses)})


def _sent(text: str, *attachments: Json) -> Json:
    return _example(
        "message:send",
        456,
        **{
            "from": {
                "agent_id": "agent-123",
                "agent_name": "Sarah Johnson",
                "agent_avatar": "https://example.com/avatars/sarah.jpg",
                "team_id": "support-team",
            },
            "to": {"user_id": "user-789"},
            "body": {"text": text, "attachments": list(attachments)},
        },
    )


RESPONSES: dict[str, Json] = {
    "text": {
        "type": "text",
        "text": "Here's your order status.",
        "options": [{"label": "Track Order", "text": "Track my order"}],
    },
    "image": {"type": "image", "url": "https://example.com/image.jpg", "name": "Product Image"},
    "video": {"type": "video", "url": "https://example.com/video.mp4", "name": "Tutorial Video"},
    "audio": {"type": "audio", "url": "https://example.com/audio.mp3", "name": "Voice Message"},
    "file": {
        "type": "file",
        "url": "https://example.com/document.pdf",
        "name": "Invoice.pdf",
        "size": 102400,
    },
    "carousel": {
        "type": "carousel",
        "cards": [
            {
                "title": "Product A",
                "subtitle": "$29.99",
                "media": {"type": "image", "url": "https://example.com/product-a.jpg"},
                "buttons": [
                    {"type": "postback", "label": "Buy Now", "value": "buy_product_a"},
                    {"type": "url", "label": "Learn More", "url": "https://example.com/product-a"},
                ],
            }
        ],
    },
    "webview": {
        "type": "webview",
        "url": "https://example.com/form",
        "label": "Fill out form",
        "height": "full",
    },
    "handover": {
        "type": "handover",
        "text": "Transferring you to a human agent...",
        "desk_id": "desk-123",
        "department_id": "support",
    },
    # Its fields stand only on the pages of the WebSocket API and the editor: seconds, and whether to show it.
    "pause": {"type": "pause", "duration": 2, "show_typing": True},
}
# Known to the WebSocket API only; a bridge may meet them here too.
_SIBLINGS: dict[str, Json] = {
    "url": {"type": "url", "url": "https://example.com/help"},
    "survey": {"type": "survey", "url": "https://example.com/survey", "label": "Rate us", "height": "tall"},
    "close": {"type": "close"},
}

SAMPLES: dict[str, Json] = {
    BRAIN_SEND: _responses(
        {
            "type": "text",
            "text": "Hello! How can I help you today?",
            "options": [
                {"label": "Check Order", "text": "I want to check my order"},
                {"label": "Support", "text": "I need support"},
            ],
        }
    ),
    **{f"{BRAIN_SEND}/{type}": _responses(one) for type, one in {**RESPONSES, **_SIBLINGS}.items()},
    f"{BRAIN_SEND}/all": _responses(*RESPONSES.values()),
    f"{BRAIN_SEND}/empty": _responses(),
    "message:send": _sent("Hi! I'm Sarah from support. How can I help you?"),
    "message:send/attachments": _sent(
        "",
        {
            "type": "image",
            "mime_type": "image/jpeg",
            "url": "https://example.com/image.jpg",
            "filename": "image.jpg",
            "title": "Product Image",
        },
        {"type": "file", "mime_type": "application/pdf", "id": "file-123", "filename": "Invoice.pdf"},
    ),
    "message:compose": _example("message:compose", 789, **SARAH, action="start"),
    "message:compose/stop": _example("message:compose", 789, **SARAH, action="stop"),
    "message:read": _example("message:read", 101, author_type="agent"),
    "message:read/visitor": _example("message:read", 101, author_type="visitor"),
    "message:delivered": _example("message:delivered", 102, author_type="brain"),
    "conversation:member_join": _example("conversation:member_join", 103, **SARAH),
    "conversation:member_leave": _example("conversation:member_leave", 104, **SARAH),
    "conversation:closed": _example(
        "conversation:closed", 105, status="resolved", agent_id="agent-123", agent_name="Sarah Johnson"
    ),
    "conversation:reopened": _example("conversation:reopened", 106),
    "session:closed": _example("session:closed", 107, status="closed"),
    "session:expired": _example("session:expired", 108),
}


def sample(kind: str, at: float, base: Json | None) -> Json:
    """The example of `kind`, of now, since an old `timestamp` is a replay; with `base` about that session."""
    payload = copy.deepcopy(SAMPLES[kind])
    payload["timestamp"] = round(at * 1000)
    if base is not None:
        payload.update(base)
        if "to" in payload:
            payload["to"] = dict(base["context"]["user"])
    return payload
