"""Ada: a native web chat whose Handoff flow calls the bridge, and whose webhooks Svix sends.

What Ada does not document is decided here so that a bridge that relies on a guess fails: the id that
POST messages answers is not the `message_id` of the webhook, and nothing tells that a handoff began
but the Request block's call and the label on later messages.
"""

from __future__ import annotations

import secrets
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from bridge.sandbox.vendors import ada_api, ada_events, brain
from bridge.sandbox.vendors.conversation import Conversation, Message, Role
from bridge.sandbox.vendors.delivery import Delivery, Manner
from bridge.sandbox.vendors.vendor import Vendor

# Svix tries at once, then after 5 s, 5 min, 30 min, 2 h, 5 h, 10 h and 10 h; here the same count, in seconds.
RETRY_DELAYS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 10.0)
TIMEOUT = 15.0  # docs.ada.cx, Webhooks overview

_ROLES = {"customer": "end_user", "bot": "ai_agent", "agent": "human_agent", "system": "ai_agent"}


@dataclass
class AdaConversation(Conversation):
    end_user_id: str = field(default_factory=lambda: secrets.token_hex(12))
    channel_id: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    updated_at: float = 0.0


class AdaSandbox(Vendor[AdaConversation]):
    """`retry_delays` are the waits after the first attempt; `rate_limit` holds pairs of (calls, seconds),
    Ada's own being (10, 1), (100, 60) and (10000, 86400) for a whole instance."""

    name = "ada"
    samples = tuple(ada_events.SAMPLES)

    def __init__(
        self,
        *,
        api_key: str,
        webhook_secret: str,
        handoff_token: str,
        webhook_url: str | None = None,
        handoff_url: str | None = None,
        handoff_label: str = "slack-bridge",
        ai_agent_domain: str = "acme.ada.support",
        clock: Callable[[], float] = time.time,
        retry_delays: Sequence[float] = RETRY_DELAYS,
        timeout: float = TIMEOUT,
        in_order: bool = True,
        rate_limit: Sequence[tuple[int, float]] = (),
    ) -> None:
        self._api = ada_api.AdaApi(self, api_key=api_key, rate_limit=rate_limit, clock=clock)
        super().__init__(routes=self._api.routes(), clock=clock, timeout=timeout, in_order=in_order)
        self.webhook_url = webhook_url
        self.webhook_secret = webhook_secret
        self.webhook_enabled = True
        self.event_filters: tuple[str, ...] = ()  # none: all events
        self.handoff_url = handoff_url
        self.handoff_label = handoff_label
        self.ai_agent_domain = ai_agent_domain
        #: whether messages have other ids in the transcript than in webhooks, which Ada's pages leave open
        self.transcript_has_own_ids = False
        self._signer = Webhook(webhook_secret)
        # Any answer but a 2xx is a failure to Svix, also a 4xx or a redirect.
        self._events = Manner(self._signed, retry_delays)
        # The Request block's call is not signed and not tried again: no 2xx, no handoff.
        self._start_call = Manner(lambda delivery, now: {"authorization": f"Bearer {handoff_token}"})
        self._channel = {
            "type": "native",
            "id": secrets.token_hex(12),
            "name": "Chat",
            "description": "The chat on our website",
            "modality": "messaging",
        }

    # ── the customer ──────────────────────────────────────────────────────────────────────────────

    def open(self, customer_name: str) -> AdaConversation:
        """A customer opens the chat; the AI agent greets."""
        now = self._now()
        conversation = self._opened(
            AdaConversation(
                secrets.token_hex(12),
                customer_name,
                now,
                channel_id=self._channel["id"],
                metadata={"initial_url": f"{brain.SHOP}/", "locale": "en-CA"},
                updated_at=now,
            )
        )
        self._emit(
            conversation,
            "v1.conversation.created",
            now,
            {
                "channel_id": conversation.channel_id,
                "created_at": ada_events.moment(now),
                "metadata": conversation.metadata,
            },
        )
        self._turns.put(conversation.id, lambda: self._answer(conversation, brain.GREETING))
        return conversation

    def end(self, conversation_id: str) -> None:
        """The customer closes the chat."""
        conversation = self.conversations[conversation_id]

        async def leave() -> None:
            self.finish(conversation, {"id": conversation.end_user_id, "role": "end_user"})

        self._turns.put(conversation_id, leave)

    # ── what the customer and the API can both do ─────────────────────────────────────────────────

    def end_handoff(self, conversation_id: str) -> None:
        """The handoff is over and the AI agent goes on: Ada's flow runs its remaining blocks."""
        conversation = self.conversations[conversation_id]
        self._leave_handoff(conversation)
        self._enter(conversation, "bot")
        self._turns.put(conversation_id, lambda: self._answer(conversation, brain.BACK_AGAIN))

    def finish(self, conversation: AdaConversation, ended_by: Mapping[str, str | None]) -> None:
        """The conversation is over; its handoff, if there is one, ends before it."""
        if conversation.state == "ended":
            return
        if conversation.state == "handoff":
            self._leave_handoff(conversation)
        self._enter(conversation, "ended")
        now = conversation.updated_at = self._now()
        self._emit(
            conversation,
            "v1.conversation.ended",
            now,
            {
                "channel_id": conversation.channel_id,
                "created_at": ada_events.moment(conversation.opened_at),
                "updated_at": ada_events.moment(now),
                "ended_by": dict(ended_by),
                "metadata": conversation.metadata,
            },
        )

    def take_reply(
        self, conversation: AdaConversation, name: str, avatar: str | None, content: dict[str, Any]
    ) -> Message:
        """A human agent's message came through the API: the customer sees it, the webhook echoes it."""
        message = self._write(conversation, "agent", name, content, avatar)
        self._emit_message(conversation, message)
        return message

    def file(self, message: Message) -> bytes:
        """The bytes of the file that a message shows."""
        return self._api.file(message.parts[0]["url"])

    def send_sample(self, kind: str, conversation_id: str | None = None) -> Delivery:
        """One documented event: its example verbatim, or with the ids of a conversation."""
        values = None
        if conversation_id is not None:
            conversation = self.conversations[conversation_id]
            values = {
                **self._ids(conversation),
                "channel_id": conversation.channel_id,
                "message_id": str(uuid.uuid4()),
                "handoff_integration": self._label(conversation),
            }
            if kind == "v1.conversation.handoff.ended":
                values["handoff_integration"] = self.handoff_label
        starts = kind == ada_events.START
        url = self.handoff_url if starts else self.webhook_url
        if url is None:
            raise ValueError(f"there is no address to send {kind} to")
        payload = ada_events.sample(kind, self._now(), values)
        manner = self._start_call if starts else self._events
        return self._deliver(conversation_id or "samples", kind, url, payload, manner)

    def replay(self, lost: Delivery) -> Delivery:
        """What Svix's dashboard does with a delivery that failed: the same once more, under its own id."""
        again = Delivery(lost.id, lost.kind, lost.conversation_id, lost.url, lost.body)
        return self._outbox.send(again, self._events)

    # ── turns ─────────────────────────────────────────────────────────────────────────────────────

    async def _hear(self, conversation: AdaConversation, text: str) -> None:
        content = {"type": "text", "body": text}
        message = self._write(conversation, "customer", conversation.customer_name, content, None)
        self._emit_message(conversation, message)
        if conversation.state == "bot":
            await self._answer(conversation, brain.answer(text))

    async def _answer(self, conversation: AdaConversation, answer: brain.Answer) -> None:
        self._say(conversation, {"type": "text", "body": answer.text})
        if answer.cards:  # Ada knows no carousel
            self._say(conversation, {"type": "link", "url": brain.SHOP, "link_text": "All our products"})
        if answer.audio:
            self._say(
                conversation,
                {
                    "type": "file",
                    "url": answer.audio,
                    "mime_type": "audio/mpeg",
                    "filename": answer.audio.rpartition("/")[2],
                },
            )
        if answer.hands_over:
            await self._hand_over(conversation)

    async def _hand_over(self, conversation: AdaConversation) -> None:
        """The Request block with "Track as Handoff": the handoff begins when its call succeeds."""
        started = False
        if self.handoff_url is not None:
            call = self._deliver(
                conversation.id,
                ada_events.START,
                self.handoff_url,
                {
                    "ada_conversation_id": conversation.id,
                    "end_user_id": conversation.end_user_id,
                    "name": conversation.customer_name,
                    "language": "en",
                    "reason": _last_words(conversation),
                    "department": "support",
                },
                self._start_call,
            )
            await call.done.wait()
            started = call.state == "delivered"
        if conversation.state != "bot":
            return
        if started:
            self._enter(conversation, "handoff")
        else:
            await self._answer(conversation, brain.NOBODY_FREE)

    def _say(self, conversation: AdaConversation, content: dict[str, Any]) -> None:
        self._emit_message(conversation, self._write(conversation, "bot", brain.NAME, content, None))

    def _leave_handoff(self, conversation: AdaConversation) -> None:
        if conversation.state != "handoff":
            raise ValueError("the conversation is not in a handoff")
        data = {"handoff_integration": self.handoff_label}
        self._emit(conversation, "v1.conversation.handoff.ended", self._now(), data)

    # ── on the wire ───────────────────────────────────────────────────────────────────────────────

    def _write(
        self,
        conversation: AdaConversation,
        role: Role,
        name: str,
        content: dict[str, Any],
        avatar: str | None,
    ) -> Message:
        text = content.get("body") or content.get("link_text") or content.get("filename") or ""
        message = self._add(conversation, role, name, text, [content], id=str(uuid.uuid4()), avatar=avatar)
        conversation.updated_at = message.at
        return message

    def _emit_message(self, conversation: AdaConversation, message: Message) -> None:
        self._emit(
            conversation,
            "v1.conversation.message",
            message.at,
            {
                "message_id": message.id,
                "handoff_integration": self._label(conversation),
                "channel": self._channel,
                "created_at": datetime.fromtimestamp(int(message.at), UTC).isoformat(),
                "author": self.author(conversation, message),
                "content": message.parts[0],
            },
        )

    def author(self, conversation: AdaConversation, message: Message) -> dict[str, Any]:
        """As webhooks and the transcript show it: only end users have an id."""
        return {
            "id": conversation.end_user_id if message.role == "customer" else None,
            "role": _ROLES[message.role],
            "avatar": message.avatar,
            "display_name": message.name,
        }

    def _label(self, conversation: AdaConversation) -> str | None:
        return self.handoff_label if conversation.state == "handoff" else None

    def _ids(self, conversation: AdaConversation) -> dict[str, Any]:
        return {
            "conversation_id": conversation.id,
            "end_user_id": conversation.end_user_id,
            "ai_agent_domain": self.ai_agent_domain,
        }

    def _emit(self, conversation: AdaConversation, type: str, at: float, data: dict[str, Any]) -> None:
        sent = self.webhook_enabled and (not self.event_filters or type in self.event_filters)
        if self.webhook_url is None or not sent:
            return
        payload = ada_events.envelope(type, at, {**self._ids(conversation), **data})
        self._deliver(conversation.id, type, self.webhook_url, payload, self._events)

    def _signed(self, delivery: Delivery, now: float) -> dict[str, str]:
        """Svix's headers: the id stays through all attempts, the time is the attempt's."""
        at = datetime.fromtimestamp(int(now), UTC)
        return {
            "svix-id": delivery.id,
            "svix-timestamp": str(int(now)),
            "svix-signature": self._signer.sign(delivery.id, at, delivery.body.decode()),
        }


def _last_words(conversation: Conversation) -> str:
    """What an operator's flow captures of the conversation as the reason why a person is wanted."""
    return next((said.text for said in reversed(conversation.messages) if said.role == "customer"), "")
