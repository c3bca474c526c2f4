"""The bodies of Ada's events, and the examples its reference pages print.

docs.ada.cx/reference/conversations, pages "Webhook: Conversation created", "message", "ended" and
"handoff ended"; the three user and audit events from Ada's OpenAPI.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


def moment(at: float) -> str:
    """Ada's own form, in milliseconds, with an offset."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def envelope(type: str, at: float, data: Json) -> Json:
    return {"type": type, "timestamp": moment(at), "data": data}


_OLD = "2020-09-20T00:00:00+00:00"
_DOMAIN = "acme.ada.support"
_METADATA = {"pass": "example_string_value", "initial_url": "https://example.com", "locale": "en-CA"}
_CUSTOM_CHANNEL = {
    "type": "custom",
    "description": "A custom messaging channel for my AI Agent",
    "id": "5f7e0e2c1e7c7e000f0f9c3a",
    "modality": "messaging",
    "name": "My Custom Channel",
    "created_at": _OLD,
    "metadata": {"example_key1": "example_string_value", "example_key2": True, "example_key3": 123},
}
_END_USER_AUTHOR = {
    "id": "5df263b7db5a7e6ea03fae9b",
    "role": "end_user",
    "avatar": "https://www.gravatar.com",
    "display_name": "Ada Lovelace",
}
_AI_AUTHOR = {"id": None, "role": "ai_agent", "avatar": None, "display_name": "Ada"}
_HUMAN_AUTHOR = {"id": None, "role": "human_agent", "avatar": None, "display_name": "Grace Hopper"}


def _event(type: str, data: Json) -> Json:
    return {"type": type, "timestamp": _OLD, "data": data}


def _message(author: Json, content: Json) -> Json:
    return _event(
        "v1.conversation.message",
        {
            "message_id": "61f46e0b-fa39-4e44-850b-c1ca8f958dd3",
            "conversation_id": "5f7e0e2c1e7c7e000f0f9c3a",
            "end_user_id": "5f7e0e2c1e7c7e000f0f9c3a",
            # An object is what the page prints, though the field is a string or null.
            "handoff_integration": {},
            "channel": _CUSTOM_CHANNEL,
            "created_at": _OLD,
            "author": author,
            "content": content,
            "ai_agent_domain": _DOMAIN,
        },
    )


def _ended(ended_by: Json) -> Json:
    return _event(
        "v1.conversation.ended",
        {
            "conversation_id": "5df263b7db5a7e6ea03fae9b",
            "channel_id": "5df263b7db5a7e6ea03fae9b",
            "end_user_id": "5f7e0e2c1e7c7e000f0f9c3a",
            "created_at": _OLD,
            "updated_at": _OLD,
            "ended_by": ended_by,
            "metadata": _METADATA,
            "ai_agent_domain": _DOMAIN,
        },
    )


def end_user(id: str, name: str, at: str) -> Json:
    """An end user as `GET /v2/end-users/{id}` shows it."""
    first, _, last = name.partition(" ")
    return {
        "end_user_id": id,
        "external_id": None,
        "profile": {
            "first_name": first,
            "last_name": last or None,
            "display_name": name,
            "avatar": None,
            "email": f"{first.lower()}@example.com",
            "language": "en",
            "metadata": {},
        },
        "created_at": at,
        "updated_at": at,
    }


_PROFILE = end_user("5f7e0e2c1e7c7e000f0f9c3a", "Ada Lovelace", _OLD)

START = "handoff.start"  # our name for the Request block's call, which is no event of Ada's

# Where the pages print one example, variants of its documented fields stand beside it.
SAMPLES: dict[str, Json] = {
    "v1.conversation.created": _event(
        "v1.conversation.created",
        {
            "conversation_id": "5df263b7db5a7e6ea03fae9b",
            "channel_id": "5df263b7db5a7e6ea03fae9b",
            "created_at": _OLD,
            "end_user_id": "5f7e0e2c1e7c7e000f0f9c3a",
            "metadata": _METADATA,
            "ai_agent_domain": _DOMAIN,
        },
    ),
    "v1.conversation.message": _message(
        _END_USER_AUTHOR, {"type": "text", "body": "I need help with my order"}
    ),
    "v1.conversation.message/ai_agent": _message(
        _AI_AUTHOR, {"type": "text", "body": "Could you tell me your order number?"}
    ),
    "v1.conversation.message/human_agent": _message(
        _HUMAN_AUTHOR, {"type": "text", "body": "Looking into it now"}
    ),
    "v1.conversation.message/link": _message(
        _AI_AUTHOR,
        {"type": "link", "url": "https://example.com/survey", "link_text": "How did we do?"},
    ),
    "v1.conversation.message/link_without_text": _message(
        _AI_AUTHOR, {"type": "link", "url": "https://example.com/survey", "link_text": None}
    ),
    "v1.conversation.message/file": _message(
        _END_USER_AUTHOR,
        {
            "type": "file",
            "url": "https://example.com/files/receipt.pdf?X-Amz-Signature=0123abcd",
            "mime_type": "application/pdf",
            "filename": "receipt.pdf",
        },
    ),
    # Not in the published schema; both of Ada's own demos read it.
    "v1.conversation.message/presence": _message(
        _HUMAN_AUTHOR, {"type": "presence", "body": "Grace Hopper joined the conversation"}
    ),
    "v1.conversation.ended": _ended({"id": "5df263b7db5a7e6ea03fae9b", "role": "end_user"}),
    "v1.conversation.ended/system": _ended({"id": None, "role": "system"}),
    "v1.conversation.ended/human_agent": _ended({"id": None, "role": "human_agent"}),
    "v1.conversation.handoff.ended": _event(
        "v1.conversation.handoff.ended",
        {
            "conversation_id": "5df263b7db5a7e6ea03fae9b",
            "end_user_id": "5f7e0e2c1e7c7e000f0f9c3a",
            "handoff_integration": "custom-handoff",
            "ai_agent_domain": _DOMAIN,
        },
    ),
    "v1.end_user.created": _event("v1.end_user.created", _PROFILE),
    "v1.end_user.updated": _event("v1.end_user.updated", _PROFILE),
    "v1.audit_log.emitted": {**_event("v1.audit_log.emitted", {}), "tags": ["settings"]},
    START: {"ada_conversation_id": "5f7e0e2c1e7c7e000f0f9c3a", "end_user_id": "5f7e0e2c1e7c7e000f0f9c3a"},
}


def sample(kind: str, now: float, values: Json | None) -> Json:
    """The example of `kind`; with `values` (ids of a conversation) it is about that one, and new."""
    payload = copy.deepcopy(SAMPLES[kind])
    if values is None:
        return payload
    if kind == START:
        return {"ada_conversation_id": values["conversation_id"], "end_user_id": values["end_user_id"]}
    payload["timestamp"] = moment(now)
    fresh = {**values, "created_at": moment(now), "updated_at": moment(now)}
    payload["data"].update({key: value for key, value in fresh.items() if key in payload["data"]})
    return payload
