"""GPTBots' human service: a session is established, the user writes, the session is closed. Pure.

The console takes one address and appends the call to it, so the calls are told by how their paths end.
A session's id is its own: no document ties it to the Agent conversation of the message webhook.
gptbots.ai/docs/api-reference/conversation-api/human-handoff-service
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from adapters.gptbots.messages import is_probe, parts_of
from bridge.adapter import (
    Received,
    Unreadable,
    Webhook,
    mapping,
    mappings,
    moment,
    scalars,
    unread_in,
    word,
)
from bridge.errors import NotAllowed, NotFound
from bridge.model import (
    AnyEvent,
    Author,
    ConversationEnded,
    ConversationKey,
    Customer,
    HandoffStarted,
    Message,
    Quote,
    Role,
    UnknownEvent,
)

#: the documents name `message` here and `msg` for the message webhook; both satisfies either
ANSWER = {"code": 200, "message": "success", "msg": "success"}
#: seconds until GPTBots ends a session that nobody answered, unless its console says otherwise
WAIT = 60.0
#: stands in for the e-mail of a user who gave none
PLACEHOLDER = "support@gptbots.ai"

_READ = {"conversation_id", "timestamp"}
_ROLES = {"QUESTION": Role.CUSTOMER, "ANSWER": Role.BOT}
_ENDED_BY = {"TIMEOUT": Role.SYSTEM, "USER_CLOSED": Role.CUSTOMER}


def read(
    webhook: Webhook, path: Sequence[str], *, source: str, bot_ids: frozenset[str], wait: float
) -> Received:
    """`path` is what follows the token; after `wait` seconds GPTBots ends a session without an answer.

    No call has an id, so a call is the same if its body is.
    """
    ending = f"/{'/'.join(path)}"
    call = next((call for call in CALLS if ending.endswith(f"/{call}")), None)
    if call is None:
        raise NotFound("GPTBots' human service has no such call")
    body = webhook.json_object()
    key = f"{call}:{hashlib.sha256(webhook.body).hexdigest()}"
    if is_probe(body):
        return Received(key, answer=ANSWER, kept=False)
    if call == "conversation/establish" and word(body.get("bot_id")) not in bot_ids:
        raise NotAllowed("bot_id is not one of this source's", remedy="Add it to the source's bot_ids")
    conversation = word(body.get("conversation_id"))
    if conversation is None:
        return Received(key, answer=ANSWER, unread=(call,))
    at = moment(body.get("timestamp"))
    base: dict[str, Any] = {
        "id": key,
        "conversation": ConversationKey(source=source, id=conversation),
        "at": at or webhook.at,
        "dated": at is not None,
    }
    try:
        event = CALLS[call](body, base)
        if isinstance(event, HandoffStarted):
            event = event.model_copy(update={"wait": wait})
    except Unreadable as problem:
        details = scalars(body, without=_READ)
        event = UnknownEvent(**base, type=call, problem=str(problem), details=details)
    if isinstance(event, Message) and not event.parts:
        return Received(key, answer=ANSWER, unread=("empty message",))
    return Received(key, (event,), answer=ANSWER, unread=unread_in((event,)))


def call_of(body: Mapping[str, Any]) -> str | None:
    """Which call has such a body, where its address is not known; None for the message webhook's."""
    if "message_id" in body:
        return None
    if isinstance(body.get("body"), list) or "bot_id" in body:
        return "conversation/establish"
    if "body" in body:
        return "chat"
    return "conversation/close" if "type" in body else None


def _establish(body: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    user = mapping(body.get("user_info"))
    email = word(user.get("email")) or word(body.get("email"))
    return HandoffStarted(
        **base,
        customer=Customer(
            id=word(user.get("user_id")) or word(user.get("anonymous_id")),
            email=email if email and email.strip().lower() != PLACEHOLDER else None,
            phone=word(user.get("phone")),
        ),
        context=tuple(
            Quote(role=_ROLES.get(str(told.get("message_type")), Role.SYSTEM), text=text)
            for told in mappings(body.get("body"))
            if (text := word(told.get("text")))
        ),
        details=scalars(
            body, without={*_READ, "body", "email", "user_info.email", "user_info.phone", "user_info.user_id"}
        ),
    )


def _chat(body: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    if "body" not in body:
        raise Unreadable("body is missing")
    parts = tuple(parts_of(body["body"], None))
    details = scalars(body, without={*_READ, "body"})
    return Message(**base, author=Author(role=Role.CUSTOMER), parts=parts, details=details)


def _close(body: Mapping[str, Any], base: dict[str, Any]) -> AnyEvent:
    reason = word(body.get("type"))  # one that is added later closes as well
    role = _ENDED_BY.get(reason or "")
    return ConversationEnded(
        **base,
        by=Author(role=role) if role else None,
        reason=reason,
        details=scalars(body, without={*_READ, "type"}),
    )


#: how a call's path ends, and what reads it
CALLS: Mapping[str, Callable[[Mapping[str, Any], dict[str, Any]], AnyEvent]] = {
    "conversation/establish": _establish,
    "chat": _chat,
    "conversation/close": _close,
}
