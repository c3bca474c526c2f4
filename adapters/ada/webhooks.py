"""What Ada tells of its own accord: events signed in Svix's scheme. Pure.

They come at least once, in no order, up to a day late; fields and kinds are added without notice
(docs.ada.cx, "Webhooks" and "Versioning"). No event says that a handoff began: see `handoff`. What we
send comes back as a human agent's message; that its `message_id` is the `id` which our POST was given is
not documented, so the engine knows it by its words.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import standardwebhooks
from pydantic import SecretStr
from standardwebhooks.webhooks import EmptyWebhookSecretError

from bridge.adapter import (
    Received,
    Unreadable,
    Webhook,
    address,
    mapping,
    moment,
    scalars,
    text_of,
    unread_in,
    word,
)
from bridge.errors import NotAuthentic
from bridge.model import (
    AnyEvent,
    AnyPart,
    Author,
    Channel,
    ConversationEnded,
    ConversationKey,
    ConversationStarted,
    Customer,
    File,
    HandoffEnded,
    Link,
    Message,
    Presence,
    Role,
    Text,
    UnknownEvent,
    UnknownPart,
)

#: seconds between a signature's timestamp and our clock, either way, as in Svix's own libraries
TOLERANCE = 300

_MESSAGE = "v1.conversation.message"
_HEADERS = ("id", "timestamp", "signature")
_ROLES = {
    "end_user": Role.CUSTOMER,
    "ai_agent": Role.BOT,
    "human_agent": Role.AGENT,
    "system": Role.SYSTEM,
}


# ── is it Ada's ──────────────────────────────────────────────────────────────────────────────────


def signers_for(secrets: Sequence[SecretStr]) -> tuple[standardwebhooks.Webhook, ...]:
    try:
        return tuple(standardwebhooks.Webhook(secret.get_secret_value()) for secret in secrets)
    except (ValueError, EmptyWebhookSecretError):
        raise ValueError("is no signing secret; one reads whsec_ and then base64") from None


def verify(webhook: Webhook, signers: Sequence[standardwebhooks.Webhook]) -> str:
    """The id of a message that one of `signers` signed within `TOLERANCE` of `webhook.at`.

    The library signs and we compare: its own `verify` reads the clock itself, and lets a malformed
    entry beside a good one out as a ValueError. Whole entries are compared, so one of another version
    or without a comma is only a different text.
    """
    for family in ("svix", "webhook"):  # Svix sends either; nothing says which of them Ada uses
        id, stamp, signatures = (webhook.headers.get(f"{family}-{name}", "") for name in _HEADERS)
        if id and stamp and signatures:
            break
    else:
        raise NotAuthentic("the signature headers are missing")
    if not re.fullmatch(r"[0-9]{1,11}", stamp) or abs(webhook.at.timestamp() - int(stamp)) > TOLERANCE:
        raise NotAuthentic("the signature is too old or too new")
    genuine = False
    try:
        body, at = webhook.body.decode(), datetime.fromtimestamp(int(stamp), UTC)
        for signer in signers:
            expected = signer.sign(id, at, body).encode()
            for given in signatures.split():
                genuine |= hmac.compare_digest(expected, given.encode())
    except UnicodeError:
        raise NotAuthentic("what was signed is not UTF-8") from None
    if not genuine:
        raise NotAuthentic("no signature fits")
    return id


# ── events ───────────────────────────────────────────────────────────────────────────────────────


def read(webhook: Webhook, key: str, *, source: str, label: str | None) -> Received:
    """The event in a verified webhook; `label` is that of our own handoffs, where it is known."""
    body = webhook.json_object()
    kind = word(body.get("type")) or "untyped"
    data = mapping(body.get("data"))
    conversation = word(data.get("conversation_id"))
    if conversation is None and kind in PROFILES and (known := profile(data)) is not None:
        return Received(key, customers=(known,))
    if conversation is None:  # the audit log, samples from the dashboard
        return Received(key, unread=(kind,))
    message_id = word(data.get("message_id"))
    at = moment(body.get("timestamp")) or moment(data.get("created_at"))
    base: dict[str, Any] = {
        # a message may come under two Svix ids; anything else has no id but that of its webhook
        "id": f"message:{message_id}" if message_id else key,
        "conversation": ConversationKey(source=source, id=conversation),
        "at": at or webhook.at,
        "dated": at is not None,
    }
    event = _event(kind, data, base)
    if isinstance(event, Message) and label not in (None, event.handoff):
        event = event.model_copy(update={"handoff": None})  # somebody else's; the details name it
    return Received(key, (event,), unread=unread_in((event,)))


def past(entry: Mapping[str, Any], conversation: ConversationKey) -> AnyEvent | None:
    """The event that told, or was to tell, an entry of a conversation's messages; None where it has no time.

    That an entry's `message_id` is that of its webhook is not documented. What else a webhook says of the
    conversation an entry does not.
    """
    at = moment(entry.get("created_at"))
    if at is None:
        return None
    told = {name: entry.get(name) for name in ("message_id", "created_at", "author", "content")}
    envelope = {"type": _MESSAGE, "data": {**told, "conversation_id": conversation.id}}
    body = json.dumps(envelope, sort_keys=True).encode()
    key = f"history:{hashlib.sha256(body).hexdigest()}"
    (event,) = read(Webhook("", {}, body, at), key, source=conversation.source, label=None).events
    by_customer = isinstance(event, Message) and event.author.role is Role.CUSTOMER
    return event.model_copy(update={"channel": None} if by_customer else {"channel": None, "customer": None})


def _event(kind: str, data: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    problem = None
    try:
        if reader := EVENTS.get(kind):
            return reader(data, base)
    except Unreadable as found:
        problem = str(found)
    details = scalars(data, without=_READ)
    return UnknownEvent(**base, type=kind, problem=problem, customer=_customer(data), details=details)


def _created(data: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    return ConversationStarted(
        **base,
        customer=_customer(data),
        channel=Channel(id=word(data.get("channel_id"))),
        start_page=word(mapping(data.get("metadata")).get("initial_url")),
        details=scalars(data, without={*_READ, "channel_id", "metadata.initial_url"}),
    )


def _ended(data: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    by = mapping(data.get("ended_by"))
    return ConversationEnded(
        **base,
        customer=_customer(data),
        channel=Channel(id=word(data.get("channel_id"))),
        by=_author(by) if by else None,
        details=scalars(data, without={*_READ, "channel_id", "ended_by.id", "ended_by.role"}),
    )


def _handoff_ended(data: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    return HandoffEnded(**base, customer=_customer(data), details=scalars(data, without=_READ))


def _message(data: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    said_by, content = mapping(data.get("author")), mapping(data.get("content"))
    author = _author(said_by)
    customer, channel = _customer(data), mapping(data.get("channel"))
    if author.role is Role.CUSTOMER:
        customer = customer.model_copy(update={"name": author.name, "avatar": author.avatar})
    base = base | {
        "customer": customer,
        "channel": Channel(**{name: word(channel.get(name)) for name in ("id", "name", "type", "modality")}),
        "details": scalars(data, without=_READ_OF_MESSAGE),
    }
    if content.get("type") == "presence":  # in Ada's own samples, though not in its schema
        return Presence(**base, author=author, text=_body(content))
    # Ada's page shows {} where there is no label
    handoff = word(data.get("handoff_integration"))
    return Message(**base, author=author, parts=(_part(content, _format(author, channel)),), handoff=handoff)


def _format(author: Author, channel: Mapping[str, Any]) -> Literal["plain", "markdown"] | None:
    """A custom channel is sent the AI agent's text as Markdown where it asks for it, else as plain text.

    docs.ada.cx, release notes, "opt-in Markdown formatting for custom channels"
    """
    wanted = mapping(channel.get("capabilities")).get("markdown")
    if author.role is not Role.BOT or channel.get("type") != "custom" or not isinstance(wanted, bool):
        return None
    return "markdown" if wanted else "plain"


def _part(content: Mapping[str, Any], format: Literal["plain", "markdown"] | None) -> AnyPart:
    kind, url = word(content.get("type")), address(content.get("url"))
    if kind is None:
        raise Unreadable("data.content has no type")
    if kind == "text" and (text := text_of(content.get("body"))) is not None:
        return Text(text=text, format=format)
    if kind == "text":
        raise Unreadable("data.content.body is not a text")
    if kind == "link" and url:
        return Link(url=url, text=word(content.get("link_text")))
    if kind == "file" and url:
        return File(url=url, name=word(content.get("filename")), mime_type=word(content.get("mime_type")))
    return UnknownPart(type=kind, data=dict(content))


def _body(content: Mapping[str, Any]) -> str:
    if (body := word(content.get("body"))) is None:
        raise Unreadable("data.content.body is not a text")
    return body


def _author(value: Mapping[str, Any]) -> Author:
    role = word(value.get("role"))  # one that Ada adds later stands in for the name
    return Author(
        role=_ROLES.get(role or "", Role.SYSTEM),
        id=word(value.get("id")),
        name=word(value.get("display_name")) or (None if role in _ROLES else role),
        avatar=address(value.get("avatar")),
    )


def _customer(data: Mapping[str, Any]) -> Customer:
    language = word(mapping(data.get("metadata")).get("locale"))
    return Customer(id=word(data.get("end_user_id")), language=language)


def profile(data: Mapping[str, Any]) -> Customer | None:
    """An end user as Ada's API and its webhooks have it. None without an id.

    https://docs.ada.cx/reference/end-users/get-end-user; what the webhooks' `data` holds is not documented.
    """
    if (id := word(data.get("end_user_id"))) is None:
        return None
    told = mapping(data.get("profile"))
    names = (word(told.get("first_name")), word(told.get("last_name")))
    return Customer(
        id=id,
        name=word(told.get("display_name")) or " ".join(name for name in names if name) or None,
        email=word(told.get("email")),
        avatar=address(told.get("avatar")),
        language=word(told.get("language")),
    )


#: events about an end user
PROFILES = frozenset({"v1.end_user.created", "v1.end_user.updated"})

_READ = {"conversation_id", "end_user_id", "metadata.locale"}
_READ_OF_MESSAGE = {
    *_READ,
    *(f"author.{name}" for name in ("id", "role", "display_name", "avatar")),
    *(f"channel.{name}" for name in ("id", "name", "type", "modality")),
    *(f"content.{name}" for name in ("type", "body", "url", "link_text", "filename", "mime_type")),
}

#: every kind of event that is about a conversation, and what reads it
EVENTS: Mapping[str, Callable[[Mapping[str, Any], dict[str, Any]], AnyEvent]] = {
    "v1.conversation.created": _created,
    _MESSAGE: _message,
    "v1.conversation.ended": _ended,
    "v1.conversation.handoff.ended": _handoff_ended,
}
