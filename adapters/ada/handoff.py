"""The call that starts a handoff: a Request block in the operator's Handoff flow. Pure.

Nothing signs it and it has no id; its body is what the operator made it. Ada counts the handoff as
begun once it is answered with 2xx, and else tells the customer so (docs.ada.cx, "Request block").
"""

from __future__ import annotations

import hashlib

from pydantic import SecretStr

from bridge.adapter import Received, Webhook, same_secret, scalars, token_of, word
from bridge.errors import Malformed, NotAuthentic
from bridge.model import ConversationKey, Customer, HandoffStarted

#: seconds of the clock within which the same call again is a retry
SAME_CALL = 10

_READ = {"end_user_id", "name", "email", "phone", "language", "reason", "department"}


def start(webhook: Webhook, tokens: tuple[SecretStr, ...], *, source: str) -> Received:
    """The handoff, from `ada_conversation_id` or `conversation_id` and whatever else the operator sends.

    Without a conversation it is refused, so that Ada tells the customer and nobody waits unseen.
    The same conversation may hand off twice with the same words, so only the same body within the
    same ten seconds is taken for a retry, and only until that handoff is over (`unnamed`). A retry that comes
    later is one more event: that says again what is so already, while a second handoff taken for a retry
    would be lost.
    """
    if not same_secret(token_of(webhook.headers, "bearer"), tokens):
        raise NotAuthentic("the token of the handoff call is missing or wrong")
    return read(webhook, source=source)


def read(webhook: Webhook, *, source: str) -> Received:
    """The start in an authentic call."""
    body = webhook.json_object()
    name = next((name for name in ("ada_conversation_id", "conversation_id") if word(body.get(name))), None)
    if name is None:
        raise Malformed(
            "the handoff call names no conversation",
            remedy="Give the Request block's body the key ada_conversation_id, set to @conversation_id",
        )
    span = int(webhook.at.timestamp() // SAME_CALL)
    key = f"handoff:{hashlib.sha256(f'{span}.'.encode() + webhook.body).hexdigest()}"
    customer = Customer(
        id=word(body.get("end_user_id")),
        name=word(body.get("name")),
        email=word(body.get("email")),
        phone=word(body.get("phone")),
        language=word(body.get("language")),
    )
    event = HandoffStarted(
        id=key,
        conversation=ConversationKey(source=source, id=str(body[name])),
        at=webhook.at,
        dated=False,  # the call names no time, and Ada's clock may be another
        customer=customer,
        reason=word(body.get("reason")),
        department=word(body.get("department")),
        unnamed=True,
        details=scalars(body, without={name, *_READ}),
    )
    return Received(key, (event,))
