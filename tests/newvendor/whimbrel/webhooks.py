"""What Whimbrel tells: one event a webhook, each under an id that its retries repeat. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from bridge.adapter import (
    Received,
    Unreadable,
    Webhook,
    address,
    mapping,
    mappings,
    moment,
    scalars,
    unread_in,
    word,
)
from bridge.errors import NotAuthentic
from bridge.model import (
    AnyEvent,
    AnyPart,
    Author,
    ConversationEnded,
    ConversationKey,
    ConversationStarted,
    Customer,
    File,
    HandoffEnded,
    HandoffStarted,
    Image,
    Message,
    Option,
    Options,
    Role,
    Text,
    Typing,
    UnknownEvent,
    UnknownPart,
)

from .api import OURS

# ── who sent it ──────────────────────────────────────────────────────────────────────────────────

_SIGNED = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


def verify(webhook: Webhook, accepted: Iterable[SecretStr], max_age: float) -> None:
    """`Whimbrel-Signature: t=<seconds>,v1=<hex of HMAC-SHA256 over "<seconds>.<body>">`."""
    given = _SIGNED.fullmatch(webhook.headers.get("whimbrel-signature", ""))
    if given is None:
        raise NotAuthentic("the signature is missing or malformed")
    seconds, signature = given.groups()
    genuine = False
    for secret in accepted:
        genuine |= hmac.compare_digest(signed(webhook.body, seconds, secret), signature)
    if not genuine:
        raise NotAuthentic("no signature fits")
    if abs(webhook.at.timestamp() - int(seconds)) > max_age:
        raise NotAuthentic("it was signed too long ago, or too far ahead", remedy="Check the clock")


def signed(body: bytes, seconds: str, secret: SecretStr) -> str:
    told = seconds.encode() + b"." + body
    return hmac.new(secret.get_secret_value().encode(), told, hashlib.sha256).hexdigest()


# ── what it says ─────────────────────────────────────────────────────────────────────────────────


def read(webhook: Webhook, source: str) -> Received:
    """The event in a verified webhook. Whatever is missing or odd, it is kept as far as it can be read."""
    body = webhook.json_object()
    key = word(body.get("id")) or hashlib.sha256(webhook.body).hexdigest()
    kind = word(body.get("type")) or "untyped"
    if kind == "ping":  # Account > Webhook > Test
        return Received(key, kept=False)
    id = word(mapping(body.get("conversation")).get("id"))
    if id is None:
        return Received(key, unread=(kind,))
    if kind == "message.created" and str(mapping(body.get("message")).get("client_id")).startswith(OURS):
        return Received(key, unread=("echo",))
    base: dict[str, Any] = {
        "id": key,
        "conversation": ConversationKey(source=source, id=id),
        "at": moment(body.get("created")) or webhook.at,
        "customer": _customer(body),
    }
    event = _event(kind, body, base)
    if isinstance(event, Message) and not event.parts:
        return Received(key, unread=("empty message",))
    return Received(key, (event,), unread=unread_in((event,)))


def _event(kind: str, body: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    problem = None
    try:
        if reader := EVENTS.get(kind):
            return reader(body, {**base, "details": scalars(body, without=_READ | _READ_OF.get(kind, set()))})
    except Unreadable as found:
        problem = str(found)
    return UnknownEvent(**base, details=scalars(body, without=_READ), type=kind, problem=problem)


def _opened(body: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    return ConversationStarted(**base, start_page=address(mapping(body.get("conversation")).get("page")))


def _message(body: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    message = mapping(body.get("message"))
    if not isinstance(message.get("content"), list):
        raise Unreadable("message.content is not a list")
    parts = tuple(_part(one) for one in mappings(message["content"]))
    return Message(**base, author=_author(message.get("from")), parts=parts)


def _typing(body: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    if not isinstance(active := body.get("active"), bool):
        raise Unreadable("active is neither true nor false")
    return Typing(**base, author=_author(body.get("from")), active=active)


def _wanted(body: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    told = mapping(body.get("handoff"))
    return HandoffStarted(**base, reason=word(told.get("reason")), department=word(told.get("team")))


def _returned(body: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    return HandoffEnded(**base)


def _closed(body: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    by = _author(body.get("from")) if mapping(body.get("from")) else None
    return ConversationEnded(**base, by=by, reason=word(body.get("reason")))


#: every kind that Whimbrel's page lists, and what reads it
EVENTS: Mapping[str, Callable[[Mapping[str, Any], dict[str, Any]], AnyEvent]] = {
    "conversation.opened": _opened,
    "message.created": _message,
    "typing": _typing,
    "handoff.requested": _wanted,
    "handoff.returned": _returned,
    "conversation.closed": _closed,
}


def _part(content: Mapping[str, Any]) -> AnyPart:
    """What is of a new type, or lacks what it is about, is shown as a part that could not be read."""
    url, name = address(content.get("url")), word(content.get("name"))
    match content.get("type"):
        case "text" if text := word(content.get("text")):
            return Text(text=text)
        case "image" if url:
            return Image(url=url, name=name)
        case "file" if url:
            return File(url=url, name=name)
        case "choices" if options := tuple(_options(content.get("choices"))):
            return Options(options=options)
    return UnknownPart(type=word(content.get("type")) or "untyped", data=dict(content))


def _options(choices: object) -> Iterator[Option]:
    for choice in mappings(choices):
        if label := word(choice.get("label")):
            yield Option(text=label, value=word(choice.get("say")))


_ROLES = {"customer": Role.CUSTOMER, "assistant": Role.BOT, "operator": Role.AGENT}


def _author(told: object) -> Author:
    kind = word(mapping(told).get("kind"))  # one that is added later stands in for the name
    return Author(
        role=_ROLES.get(kind or "", Role.SYSTEM),
        id=word(mapping(told).get("id")),
        name=word(mapping(told).get("name")) or (None if kind in _ROLES else kind),
        avatar=address(mapping(told).get("picture")),
    )


def _customer(body: Mapping[str, Any]) -> Customer | None:
    told = mapping(mapping(body.get("conversation")).get("customer"))
    known = {name: value for name in _CUSTOMER if (value := word(told.get(name)))}
    return Customer(**known) if known else None


_WHO = ("kind", "id", "name", "picture")
_CUSTOMER = ("id", "name", "email", "language")
#: what is read above; all else goes into the event's details, under its own name
_READ = {"id", "type", "created", "conversation.id", *(f"conversation.customer.{name}" for name in _CUSTOMER)}
_READ_OF: Mapping[str, set[str]] = {
    "conversation.opened": {"conversation.page"},
    "message.created": {"message.id", "message.content", *(f"message.from.{name}" for name in _WHO)},
    "typing": {"active", *(f"from.{name}" for name in _WHO)},
    "handoff.requested": {"handoff.reason", "handoff.team"},
    "conversation.closed": {"reason", *(f"from.{name}" for name in _WHO)},
}

# ── once more ────────────────────────────────────────────────────────────────────────────────────


def replayed(body: bytes, at: datetime, secret: SecretStr, *, fresh: bool) -> Webhook:
    """A recorded payload as Whimbrel would send it now."""
    told = Webhook("", {}, body, at).json_object()
    if fresh:
        told |= {"id": f"evt_{secrets.token_hex(8)}", "created": at.astimezone(UTC).isoformat()}
        body = json.dumps(told, ensure_ascii=False).encode()
    seconds = str(int(at.timestamp()))
    return Webhook("", {"whimbrel-signature": f"t={seconds},v1={signed(body, seconds, secret)}"}, body, at)
