"""Moveo's custom integration: Moveo is the brain, and the customer's channel is an app of one's own.

So no webhook ever carries what the customer typed (here `say` stands for that app), and a person's
reply given to `messages/agent` is recorded, not delivered: it is marked `recorded`, and the app has to
show it.
"""

from __future__ import annotations

import hashlib
import hmac
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bridge.sandbox.vendors import brain, moveo_api, moveo_events
from bridge.sandbox.vendors.conversation import Conversation, Message
from bridge.sandbox.vendors.delivery import Delivery, Manner
from bridge.sandbox.vendors.moveo_events import BRAIN_SEND, SARAH
from bridge.sandbox.vendors.vendor import Vendor

# Moveo tries up to five times more, 250 ms to 2 s apart, exponentially: short enough to be kept.
RETRY_DELAYS = (0.25, 0.5, 1.0, 2.0, 2.0)
TIMEOUT = 30.0
_BRAIN = {"author_id": "brain-001", "author_name": brain.NAME, "author_type": "brain"}


@dataclass
class MoveoConversation(Conversation):
    """A session. `ended` with `alive` is a resolved conversation, which may be reopened."""

    external_session_id: str | None = None
    context: dict[str, Any] = field(default_factory=dict)
    alive: bool = True
    unread: bool = False


def _is_temporary(status: int | None) -> bool:
    """5xx and time-outs are tried again; a 4xx is permanent, and what is undocumented is taken as such."""
    return status is None or status >= 500


class MoveoSandbox(Vendor[MoveoConversation]):
    name = "moveo"
    samples = tuple(moveo_events.SAMPLES)

    def __init__(
        self,
        *,
        api_key: str,
        webhook_secret: str,
        webhook_url: str | None = None,
        integration_id: str = "5d0f3c1e-8a52-4a56-9a9c-6d3f0f1f7a10",
        desk_id: str = "desk-456",
        clock: Callable[[], float] = time.time,
        retry_delays: Sequence[float] = RETRY_DELAYS,
        timeout: float = TIMEOUT,
        in_order: bool = True,
    ) -> None:
        self._api = moveo_api.MoveoApi(self, api_key=api_key, integration_id=integration_id)
        super().__init__(routes=self._api.routes(), clock=clock, timeout=timeout, in_order=in_order)
        self.webhook_url = webhook_url
        self.integration_id = integration_id
        self.desk_id = desk_id
        self._secret = webhook_secret.encode()
        self._manner = Manner(self._signed, retry_delays, _is_temporary)

    # ── the customer ──────────────────────────────────────────────────────────────────────────────

    def open(self, customer_name: str) -> MoveoConversation:
        """The customer's app creates a session; the AI agent greets."""
        first = customer_name.partition(" ")[0].lower()
        user = {"user_id": f"user-{first}", "display_name": customer_name, "language": "en"}
        context = {"user": user, "tags": ["web"], "global": {"client_url": f"{brain.SHOP}/"}}
        conversation = self.create(f"app-{uuid.uuid4()}", context)
        self._turns.put(conversation.id, lambda: self._answer(conversation, brain.GREETING))
        return conversation

    def create(self, external_session_id: str | None, context: dict[str, Any]) -> MoveoConversation:
        user = context.get("user")
        name = user.get("display_name") if isinstance(user, dict) else None
        return self._opened(
            MoveoConversation(
                str(uuid.uuid4()),
                name if isinstance(name, str) else "Visitor",
                self._now(),
                external_session_id=external_session_id,
                context=context,
            )
        )

    def end(self, conversation_id: str) -> None:
        """The customer leaves for good: the app closes the session."""
        conversation = self.conversations[conversation_id]

        async def leave() -> None:
            self.close_session(conversation)

        self._turns.put(conversation_id, leave)

    def expire(self, conversation_id: str) -> None:
        """The session's inactivity time-out is reached."""
        self._end_session(self.conversations[conversation_id], "session:expired")

    # ── what Moveo's own people, the app and the API do ───────────────────────────────────────────

    def end_handoff(self, conversation_id: str) -> None:
        """Moveo's desk resolves the conversation; when the customer writes again, the AI agent is back."""
        conversation = self.conversations[conversation_id]
        if conversation.state != "handoff":
            raise ValueError("the conversation was not handed over")
        self.resolve(conversation, agent_id=SARAH["author_id"], agent_name=SARAH["author_name"])

    def member_joins(self, conversation_id: str) -> None:
        """One of Moveo's own people joins, so the AI agent leaves it to them."""
        conversation = self.conversations[conversation_id]
        self.hand_over(conversation)
        self._emit(conversation, "conversation:member_join", **SARAH)

    def member_leaves(self, conversation_id: str) -> None:
        """They leave again; the AI agent does not come back for that."""
        self._emit(self.conversations[conversation_id], "conversation:member_leave", **SARAH)

    def hand_over(self, conversation: MoveoConversation) -> None:
        """The AI agent leaves; a person has to take it. No event of its own tells so."""
        if conversation.state == "bot":
            self._enter(conversation, "handoff")

    def resolve(self, conversation: MoveoConversation, **agent: str) -> None:
        if conversation.state != "ended":
            self._enter(conversation, "ended")
            self._emit(conversation, "conversation:closed", status="resolved", **agent)

    def reopen(self, conversation: MoveoConversation) -> None:
        if conversation.state == "ended":
            self._enter(conversation, "bot")
            self._emit(conversation, "conversation:reopened")

    def close_session(self, conversation: MoveoConversation) -> None:
        self._end_session(conversation, "session:closed", status="closed")

    def receipt(self, conversation: MoveoConversation, state: str) -> None:
        """The app reports what the customer has `read` or has been `delivered`."""
        conversation.unread = conversation.unread and state != "read"
        self._emit(conversation, f"message:{state}", author_type="visitor")

    def record(
        self,
        conversation: MoveoConversation,
        name: str,
        avatar: str | None,
        text: str,
        attachments: list[dict[str, Any]],
    ) -> None:
        """Keep a person's message in the history. Moveo does not carry it to the customer."""
        self._add(conversation, "agent", name, text, attachments, avatar=avatar, recorded=True)
        conversation.unread = True

    def file(self, message: Message) -> bytes:
        """The bytes of the file that an agent's message brings."""
        return self._api.file(message.parts[0]["id"])

    def send_sample(self, kind: str, conversation_id: str | None = None) -> Delivery:
        """One documented event: its example with a time of now, or also with the ids of a session."""
        if self.webhook_url is None:
            raise ValueError(f"there is no address to send {kind} to")
        conversation = None if conversation_id is None else self.conversations[conversation_id]
        base = None if conversation is None else self._base(conversation)
        payload = moveo_events.sample(kind, self._now(), base)
        return self._deliver(conversation_id or "samples", kind, self.webhook_url, payload, self._manner)

    # ── turns ─────────────────────────────────────────────────────────────────────────────────────

    def _can_say(self, conversation: MoveoConversation) -> bool:
        return conversation.alive

    async def _hear(self, conversation: MoveoConversation, text: str) -> None:
        self.reopen(conversation)
        self._add(conversation, "customer", conversation.customer_name, text)
        if conversation.unread:  # whoever answers has read
            self.receipt(conversation, "read")
        self._emit(conversation, "message:delivered", author_type="brain")
        if conversation.state == "bot":
            self._emit(conversation, "message:read", author_type="brain")
            await self._answer(conversation, brain.answer(text))

    async def _answer(self, conversation: MoveoConversation, answer: brain.Answer) -> None:
        self._compose(conversation, "start")
        responses: list[dict[str, Any]] = [{"type": "pause", "duration": 1, "show_typing": True}]
        if answer.hands_over:
            responses += [
                {"type": "text", "text": "That is one for our people."},
                {"type": "handover", "text": answer.text, "department_id": "support"},
            ]
        else:
            if answer.cards:
                responses.append({"type": "carousel", "cards": [_card(card) for card in answer.cards]})
            if answer.audio:
                responses.append({"type": "audio", "url": answer.audio, "name": "Opening hours"})
            text: dict[str, Any] = {"type": "text", "text": answer.text}
            if answer.options:
                text["options"] = [{"label": option.label, "text": option.text} for option in answer.options]
            responses.append(text)
        self._add(conversation, "bot", brain.NAME, answer.text, responses)
        self._emit(conversation, BRAIN_SEND, output={"responses": responses})
        self._compose(conversation, "stop")
        if answer.hands_over:
            self.hand_over(conversation)

    def _end_session(self, conversation: MoveoConversation, event_type: str, **fields: str) -> None:
        if conversation.alive:
            conversation.alive = False
            self._enter(conversation, "ended")
            self._emit(conversation, event_type, **fields)

    def _compose(self, conversation: MoveoConversation, action: str) -> None:
        self._publish(conversation, "typing", name=brain.NAME, on=action == "start")
        self._emit(conversation, "message:compose", **_BRAIN, action=action)

    # ── on the wire ───────────────────────────────────────────────────────────────────────────────

    def _base(self, conversation: MoveoConversation) -> dict[str, Any]:
        """What every event holds; `external_session_id` only where the app has given one."""
        user = conversation.context.get("user")
        base: dict[str, Any] = {"request_id": f"req-{uuid.uuid4()}", "session_id": conversation.id}
        if conversation.external_session_id is not None:
            base["external_session_id"] = conversation.external_session_id
        return {
            **base,
            "integration_id": self.integration_id,
            "desk_id": self.desk_id,
            "context": {**conversation.context, "user": user if isinstance(user, dict) else {}},
        }

    def _emit(self, conversation: MoveoConversation, event_type: str, **fields: Any) -> None:
        if self.webhook_url is None:
            return
        payload = {
            "event_type": event_type,
            **self._base(conversation),
            "timestamp": round(self._now() * 1000),
            **fields,
        }
        self._deliver(conversation.id, event_type, self.webhook_url, payload, self._manner)

    def _signed(self, delivery: Delivery, now: float) -> dict[str, str]:
        digest = hmac.new(self._secret, delivery.body, hashlib.sha256).hexdigest()
        return {"x-moveo-signature": digest}


def _card(card: brain.Card) -> dict[str, Any]:
    return {
        "title": card.title,
        "subtitle": card.subtitle,
        "media": {"type": "image", "url": card.image},
        "buttons": [
            {"type": "postback", "label": "Tell me more", "value": f"Tell me about the {card.title}"},
            {"type": "url", "label": "Open in the shop", "url": card.page},
            {"type": "webview", "label": "Reserve", "url": f"{card.page}/reserve"},
        ],
    }
