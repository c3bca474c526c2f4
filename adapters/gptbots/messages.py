"""GPTBots' message webhook, V1 and V2: what the AI answered, and what a human did. Pure.

V2 has `output` and V1 has not; nothing else says which it is. Neither says who answered, and both
carry human replies too, without an id that our own POST would have returned: so a reply of ours that
comes back cannot be told here from the AI's words, and this module does not guess.
gptbots.ai/docs/api-reference/conversation-api/webhook-receives-messages and …-v2
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from bridge.adapter import (
    Received,
    Unreadable,
    Webhook,
    address,
    mapping,
    mappings,
    moment,
    scalars,
    text_of,
    unread_in,
    without_blank_texts,
    word,
)
from bridge.model import (
    AnyEvent,
    AnyPart,
    Audio,
    Author,
    ConversationKey,
    Customer,
    File,
    Image,
    Message,
    Role,
    Text,
    UnknownEvent,
    UnknownPart,
    Video,
)

ANSWER = {"code": 200, "msg": "success"}

_ROLES = {"ANSWER": Role.BOT, "QUESTION": Role.CUSTOMER}
_READ = {"conversation_id", "create_time"}
#: what the parts of a message were read from
_READ_OF_MESSAGE = {*_READ, "text", "message_type", "flow_output", "output"}


def is_probe(body: Mapping[str, Any]) -> bool:
    """GPTBots tests the address: answered like anything else, and nothing is kept."""
    return body.get("istest") in (True, "true")


def read(webhook: Webhook, *, source: str) -> Received:
    body = webhook.json_object()
    digest = hashlib.sha256(webhook.body).hexdigest()
    if is_probe(body):
        return Received(f"probe:{digest}", answer=ANSWER, kept=False)
    conversation, message_id = word(body.get("conversation_id")), word(body.get("message_id"))
    if conversation is None:
        return Received(f"message:{digest}", answer=ANSWER, unread=("message",))
    # a message's id is unique in its conversation only
    key = f"message:{conversation}:{message_id}" if message_id else f"message:{digest}"
    at = moment(body.get("create_time"))
    base: dict[str, Any] = {
        "id": key,
        "conversation": ConversationKey(source=source, id=conversation),
        "at": at or webhook.at,
        "dated": at is not None,
        "customer": _customer(body),
    }
    event: AnyEvent
    try:
        event = _v2(body, base) if "output" in body else _v1(body, base)
    except Unreadable as problem:
        details = scalars(body, without=_READ)
        event = UnknownEvent(**base, type="message", problem=str(problem), details=details)
    once = _once(key, event) if message_id else key
    if isinstance(event, Message) and not event.parts:
        return Received(once, answer=ANSWER, unread=("empty message",))
    return Received(once, (event,), answer=ANSWER, unread=unread_in((event,)))


def _once(key: str, event: AnyEvent) -> str:
    """The key of the webhook: the same while the message under this id says the same at the same time. At a
    later time it may take back what it said between: the store knows.

    It outlives a customer who is forgotten, so it names none.
    """
    parts = [part.model_dump_json() for part in event.parts] if isinstance(event, Message) else []
    time = [event.at.isoformat()] if event.dated else []
    return f"message:{hashlib.sha256(chr(0).join([key, *parts, *time]).encode()).hexdigest()}"


def _customer(body: Mapping[str, Any]) -> Customer | None:
    """No page shows a customer here; it is read if it comes under the names that the human service has."""
    for told in (body, mapping(body.get("user_info"))):
        if id := word(told.get("user_id")) or word(told.get("anonymous_id")):
            return Customer(id=id)
    return None


def _v1(body: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    kind = word(body.get("message_type"))
    if kind is None:
        raise Unreadable("message_type is missing")
    if kind not in _ROLES:
        return UnknownEvent(**base, type=kind, details=scalars(body, without=_READ))
    if isinstance(body.get("text"), dict | list):
        raise Unreadable("text is not a text")
    branches = [
        part
        for branch in mappings(body.get("flow_output"))
        for part in parts_of(branch.get("content"), _label(branch, "branch"))
    ]
    text = text_of(body.get("text"))
    said = [_squashed(part.text) for part in branches if isinstance(part, Text)]
    told = text is not None and _squashed(text) in (*said, "".join(said))  # by the flow, with its label
    if text is not None and not (told and said):
        branches.insert(0, Text(text=text))
    details = scalars(body, without=_READ_OF_MESSAGE)
    return Message(
        **base, author=Author(role=_ROLES[kind]), parts=without_blank_texts(branches), details=details
    )


def _v2(body: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    if not isinstance(body.get("output"), list):
        raise Unreadable("output is not a list")
    parts = without_blank_texts(
        part
        for branch in mappings(body["output"])
        for part in parts_of(branch.get("content"), _label(branch, "from_component_branch"))
    )
    details = scalars(body, without=_READ_OF_MESSAGE)
    return Message(**base, author=Author(role=Role.BOT), parts=parts, details=details)


def parts_of(content: object, label: str | None) -> Iterator[AnyPart]:
    """V1's content is a text; V2's has a key for each kind, of which `text` and `audio` are documented."""
    for kind, value in (content if isinstance(content, dict) else {"text": content}).items():
        if kind == "text" and (text := text_of(value)) is not None:
            yield Text(label=label, text=text)
        elif kind in ("audio", "image", "video", "document", "file"):
            for item in value if isinstance(value, list) else [value]:
                if item:
                    yield _media(kind, item if isinstance(item, dict) else {"url": item}, label)
        elif value:
            yield UnknownPart(label=label, type=kind, data={kind: value})


def _media(kind: str, item: Mapping[str, Any], label: str | None) -> AnyPart:
    url = address(item.get("url")) or address(item.get(kind))  # an audio's address is under `audio`
    if url is None:
        return UnknownPart(label=label, type=kind, data=dict(item))
    name = word(item.get("name"))
    if kind == "audio":
        return Audio(label=label, url=url, name=name, transcript=word(item.get("transcript")))
    if kind == "image":
        return Image(label=label, url=url, name=name)
    if kind == "video":
        return Video(label=label, url=url, name=name)
    return File(label=label, url=url, name=name)


def _label(branch: Mapping[str, Any], key: str) -> str | None:
    number = word(branch.get(key))
    told = (word(branch.get("from_component_name")), f"branch {number}" if number else None)
    return " · ".join(one for one in told if one) or None


def _squashed(text: str) -> str:
    return "".join(text.split())
