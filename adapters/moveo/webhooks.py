"""What Moveo tells: eleven kinds of events, none of which is the customer's own message. Pure.

A 4xx loses the event for good and five retries span a few seconds, so only what is not Moveo's is
refused. No event and no message has an id; the body is the only thing that a retry repeats.
docs.moveo.ai/api/custom-integration/custom-integration-webhook-events and …-webhook-security
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from pydantic import SecretStr

from adapters.moveo.api import OURS
from adapters.moveo.responses import events_of
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
from bridge.errors import NotAuthentic
from bridge.model import (
    AnyEvent,
    AnyPart,
    Audio,
    Author,
    ConversationEnded,
    ConversationKey,
    ConversationReopened,
    Customer,
    File,
    Image,
    MemberJoined,
    MemberLeft,
    Message,
    Receipt,
    Role,
    Text,
    Typing,
    UnknownEvent,
    UnknownPart,
    Video,
)

_ROLES = {"agent": Role.AGENT, "brain": Role.BOT, "visitor": Role.CUSTOMER}


def verify(webhook: Webhook, secrets: Iterable[SecretStr]) -> None:
    """Lower-case hex of HMAC-SHA256 over the raw body; `sha256=` before it and upper case are let pass."""
    given = webhook.headers.get("x-moveo-signature", "").strip().lower().removeprefix("sha256=")
    if not re.fullmatch(r"[0-9a-f]{64}", given):
        raise NotAuthentic("the signature is missing or malformed")
    genuine = False
    for secret in secrets:
        genuine |= hmac.compare_digest(signature(webhook.body, secret), given)
    if not genuine:
        raise NotAuthentic("no signature fits")


def signature(body: bytes, secret: SecretStr) -> str:
    return hmac.new(secret.get_secret_value().encode(), body, hashlib.sha256).hexdigest()


def replayed(body: bytes, at: datetime, secret: SecretStr, *, fresh: bool) -> Webhook:
    """A recorded payload as Moveo would send it now: nothing but its body tells it from another."""
    if fresh:
        told = {**Webhook("", {}, body, at).json_object(), "timestamp": round(at.timestamp() * 1000)}
        body = json.dumps(told, ensure_ascii=False).encode()
    return Webhook("", {"x-moveo-signature": signature(body, secret)}, body, at)


def read(webhook: Webhook, *, source: str, max_age: float) -> Received:
    """The events in a verified webhook. One that says no time is no replay either: its key is kept."""
    body = webhook.json_object()
    stamp = body.get("timestamp")
    at = moment(stamp)
    other_age = (
        type(stamp) in (int, float) if at is None else abs((webhook.at - at).total_seconds()) > max_age
    )
    if other_age:
        raise NotAuthentic("the event is too old or too new", remedy="Check the clock, and max_age")
    # not request_id: whether several events share one, or a retry has another, is not documented
    key = hashlib.sha256(webhook.body).hexdigest()
    kind = word(body.get("event_type")) or "untyped"
    session = word(body.get("session_id"))
    if session is None:
        return Received(key, unread=(kind,))
    if kind == "message:send" and str(mapping(body.get("from")).get("agent_id")).startswith(OURS):
        return Received(key, unread=("echo",))
    base: dict[str, Any] = {
        "id": key,
        "conversation": ConversationKey(source=source, id=session),
        "at": at or webhook.at,
        "dated": at is not None,
        "customer": _customer(body),
        "details": scalars(body, without=_READ | _READ_OF.get(kind, set())),
    }
    events = tuple(
        event.model_copy(update={"id": f"{key}:{n}"}) for n, event in enumerate(_events(kind, body, base))
    )
    return Received(key, events, unread=unread_in(events) if events else ("empty message",))


def _events(kind: str, body: Mapping[str, Any], base: dict[str, Any]) -> list[AnyEvent]:
    problem = None
    try:
        if reader := EVENTS.get(kind):
            return list(reader(body, base))
    except Unreadable as found:
        problem = str(found)
    base = base | {"details": scalars(body, without=_READ)}
    return [UnknownEvent(**base, type=kind, problem=problem)]


# ── messages ─────────────────────────────────────────────────────────────────────────────────────


def _brain_send(body: Mapping[str, Any], base: dict[str, Any]) -> Iterable[AnyEvent]:
    responses = mapping(body.get("output")).get("responses")
    if not isinstance(responses, list):
        raise Unreadable("output.responses is not a list")
    return events_of(responses, base)


def _send(body: Mapping[str, Any], base: dict[str, Any]) -> Iterable[AnyEvent]:
    sender, said = mapping(body.get("from")), body.get("body")
    if not isinstance(said, dict):
        raise Unreadable("body is not an object")
    if isinstance(said.get("text"), dict | list):
        raise Unreadable("body.text is not a text")
    author = Author(
        role=Role.AGENT,
        id=word(sender.get("agent_id")),
        name=word(sender.get("agent_name")),
        avatar=address(sender.get("agent_avatar")),
    )
    text = text_of(said.get("text"))
    parts: list[AnyPart] = [] if text is None else [Text(text=text)]
    parts += map(_attachment, mappings(said.get("attachments")))
    return [Message(**base, author=author, parts=without_blank_texts(parts))] if parts else []


def _attachment(attachment: Mapping[str, Any]) -> AnyPart:
    """At `url`, or under an `id` for which Moveo gives an address on request."""
    kind, url, id = word(attachment.get("type")), address(attachment.get("url")), word(attachment.get("id"))
    name = word(attachment.get("filename")) or word(attachment.get("title"))
    if url and kind == "image":
        return Image(url=url, name=name)
    if url and kind == "video":
        return Video(url=url, name=name)
    if url and kind == "audio":
        return Audio(url=url, name=name)
    if url or id:
        return File(url=url, id=id, name=name, mime_type=word(attachment.get("mime_type")))
    return UnknownPart(type=kind or "attachment", data=dict(attachment))


# ── what else happens ────────────────────────────────────────────────────────────────────────────


def _compose(body: Mapping[str, Any], base: dict[str, Any]) -> Iterable[AnyEvent]:
    action = body.get("action")
    if action not in ("start", "stop"):
        raise Unreadable("action is neither start nor stop")
    yield Typing(**base, author=_author(body), active=action == "start")


def _read_by(body: Mapping[str, Any], base: dict[str, Any]) -> Iterable[AnyEvent]:
    yield Receipt(**base, state="read", by=_by(body))


def _delivered(body: Mapping[str, Any], base: dict[str, Any]) -> Iterable[AnyEvent]:
    yield Receipt(**base, state="delivered", by=_by(body))


def _by(body: Mapping[str, Any]) -> str:
    if (by := word(body.get("author_type"))) is None:
        raise Unreadable("author_type is missing")
    return _ROLES[by].value if by in _ROLES else by


def _joined(body: Mapping[str, Any], base: dict[str, Any]) -> Iterable[AnyEvent]:
    yield MemberJoined(**base, author=_author(body))


def _left(body: Mapping[str, Any], base: dict[str, Any]) -> Iterable[AnyEvent]:
    yield MemberLeft(**base, author=_author(body))


def _resolved(body: Mapping[str, Any], base: dict[str, Any]) -> Iterable[AnyEvent]:
    id, name = word(body.get("agent_id")), word(body.get("agent_name"))
    by = Author(role=Role.AGENT, id=id, name=name) if id or name else None
    yield ConversationEnded(**base, by=by, reason=word(body.get("status")) or "resolved")


def _reopened(body: Mapping[str, Any], base: dict[str, Any]) -> Iterable[AnyEvent]:
    yield ConversationReopened(**base)


def _closed(body: Mapping[str, Any], base: dict[str, Any]) -> Iterable[AnyEvent]:
    yield ConversationEnded(**base, reason=word(body.get("status")) or "closed")


def _expired(body: Mapping[str, Any], base: dict[str, Any]) -> Iterable[AnyEvent]:
    yield ConversationEnded(**base, reason="expired")


def _author(body: Mapping[str, Any]) -> Author:
    kind = word(body.get("author_type"))  # one that Moveo adds later stands in for the name
    return Author(
        role=_ROLES.get(kind or "", Role.SYSTEM),
        id=word(body.get("author_id")),
        name=word(body.get("author_name")) or (None if kind in _ROLES else kind),
    )


def _customer(body: Mapping[str, Any]) -> Customer | None:
    user = mapping(mapping(body.get("context")).get("user"))
    told = {field: word(user.get(name)) for field, name in _USER.items()}
    known = {field: value for field, value in told.items() if value and "***" not in value}  # masked
    return Customer(**known) if known else None


_USER = {
    "id": "user_id",
    "name": "display_name",
    "email": "email",
    "phone": "phone",
    "language": "language",
}
_READ = {"event_type", "session_id", "timestamp", *(f"context.user.{name}" for name in _USER.values())}
_AUTHOR = {"author_id", "author_name", "author_type"}
_READ_OF: Mapping[str, set[str]] = {
    "message:brain_send": {"output.responses"},
    "message:send": {
        "from.agent_id",
        "from.agent_name",
        "from.agent_avatar",
        "body.text",
        "body.attachments",
    },
    "message:compose": {*_AUTHOR, "action"},
    "message:read": {"author_type"},
    "message:delivered": {"author_type"},
    "conversation:member_join": _AUTHOR,
    "conversation:member_leave": _AUTHOR,
    "conversation:closed": {"status", "agent_id", "agent_name"},
    "session:closed": {"status"},
}

#: the published list of events, and what reads them
EVENTS: Mapping[str, Callable[[Mapping[str, Any], dict[str, Any]], Iterable[AnyEvent]]] = {
    "message:brain_send": _brain_send,
    "message:send": _send,
    "message:compose": _compose,
    "message:read": _read_by,
    "message:delivered": _delivered,
    "conversation:member_join": _joined,
    "conversation:member_leave": _left,
    "conversation:closed": _resolved,
    "conversation:reopened": _reopened,
    "session:closed": _closed,
    "session:expired": _expired,
}
