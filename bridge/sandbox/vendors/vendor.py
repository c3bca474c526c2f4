"""What the three vendors of the sandbox have in common: conversations, turns, deliveries, a live feed."""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from bridge.sandbox.feed import Feed, Subscription
from bridge.sandbox.vendors import brain
from bridge.sandbox.vendors.conversation import Conversation, Message, Role, State
from bridge.sandbox.vendors.delivery import Delivery, Manner, Outbox
from bridge.sandbox.vendors.faults import FaultLayer, Faults
from bridge.sandbox.vendors.turns import Turns

C = TypeVar("C", bound=Conversation)


class Refused(Exception):
    """The API's no, in the vendor's own words."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body


def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - Starlette calls this for no other
    return JSONResponse(error.body, error.status)


class Vendor(Generic[C]):
    """Base of the three. `say`, `bot_says`, `open` and `end` return at once: what follows from them happens
    in turns, one after another within a conversation; `settled` waits for all of it."""

    name: ClassVar[str]
    samples: ClassVar[tuple[str, ...]]

    def __init__(
        self, *, routes: Sequence[BaseRoute], clock: Callable[[], float], timeout: float, in_order: bool
    ) -> None:
        self.conversations: dict[str, C] = {}
        self.faults = Faults()
        self.app = Starlette(
            routes=routes,
            middleware=[Middleware(FaultLayer, faults=self.faults)],
            exception_handlers={Refused: _refusal},
        )
        self._clock = clock
        self._last_ms = 0
        self.ahead = 0.0  # seconds, of the times that it tells
        self._feed = Feed()
        self._turns = Turns()
        self._outbox = Outbox(
            clock=clock, timeout=timeout, in_order=in_order, on_attempt=self._publish_attempt
        )

    # ── what the sandbox's page and tests use ─────────────────────────────────────────────────────

    async def start(self) -> None:
        self._outbox.start()

    async def stop(self) -> None:
        """Drop what is under way and end every subscription."""
        await self._turns.stop()
        await self._outbox.stop()
        self._feed.close()

    async def settled(self) -> None:
        """Wait until every turn was taken and every delivery was made or given up."""
        while self._turns.busy or self._outbox.busy:
            await self._turns.settled()
            await self._outbox.settled()

    def subscribe(self) -> Subscription:
        """Everything that happens from now on, as dicts with `vendor`, `type` and `conversation_id`."""
        return self._feed.subscribe()

    @property
    def deliveries(self) -> list[Delivery]:
        """All that was sent to the bridge, oldest first."""
        return self._outbox.deliveries

    def lose(self, lost: bool = True) -> None:
        """From now on whatever is sent to the bridge is lost, and not tried again; or no longer."""
        self._outbox.loses = lost

    @property
    def failed_deliveries(self) -> list[Delivery]:
        """Those that the vendor has given up."""
        return [delivery for delivery in self.deliveries if delivery.state == "failed"]

    def say(self, conversation_id: str, text: str) -> None:
        """The customer types `text`; it counts as said when its turn comes."""
        self._take_turn(conversation_id, lambda conversation: self._hear(conversation, text))

    def bot_says(self, conversation_id: str, text: str) -> None:
        """The AI agent says `text` unasked, also where it should be silent since a person answers."""
        answer = brain.Answer(text)
        self._take_turn(conversation_id, lambda conversation: self._answer(conversation, answer))

    def _take_turn(self, conversation_id: str, job: Callable[[C], Awaitable[None]]) -> None:
        conversation = self.conversations[conversation_id]
        if not self._can_say(conversation):
            raise ValueError("the conversation has ended")

        async def turn() -> None:
            if self._can_say(conversation):
                await job(conversation)

        self._turns.put(conversation_id, turn)

    # ── what each vendor fills in ─────────────────────────────────────────────────────────────────

    def _can_say(self, conversation: C) -> bool:
        return conversation.state != "ended"

    async def _hear(self, conversation: C, text: str) -> None:
        """What the vendor does with the customer's words."""
        raise NotImplementedError

    async def _answer(self, conversation: C, answer: brain.Answer) -> None:
        """The AI agent says `answer`, in the vendor's own formats."""
        raise NotImplementedError

    # ── what they share ───────────────────────────────────────────────────────────────────────────

    def _now(self) -> float:
        """The clock in whole milliseconds, never the same twice: so times tell the order, as with people."""
        self._last_ms = max(int(self._clock() * 1000), self._last_ms + 1)
        return self._last_ms / 1000 + self.ahead

    def _opened(self, conversation: C) -> C:
        self.conversations[conversation.id] = conversation
        self._publish(conversation, "conversation", conversation=dataclasses.asdict(conversation))
        return conversation

    def _add(
        self,
        conversation: C,
        role: Role,
        name: str,
        text: str,
        parts: list[dict[str, Any]] | None = None,
        *,
        id: str | None = None,
        avatar: str | None = None,
        recorded: bool = False,
    ) -> Message:
        message = Message(
            id or secrets.token_hex(12), role, name, text, self._now(), parts or [], avatar, recorded
        )
        conversation.messages.append(message)
        self._publish(conversation, "message", message=dataclasses.asdict(message))
        return message

    def _enter(self, conversation: C, state: State) -> None:
        conversation.state = state
        self._publish(conversation, "state", state=state)

    def _deliver(self, conversation_id: str, kind: str, url: str, payload: Any, manner: Manner) -> Delivery:
        body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
        delivery = Delivery(f"msg_{secrets.token_hex(12)}", kind, conversation_id, url, body)
        return self._outbox.send(delivery, manner)

    def _publish(self, about: C, type: str, /, **details: Any) -> None:
        self._feed.publish({"vendor": self.name, "type": type, "conversation_id": about.id, **details})

    def _publish_attempt(self, delivery: Delivery) -> None:
        self._feed.publish(
            {
                "vendor": self.name,
                "type": "delivery",
                "conversation_id": delivery.conversation_id,
                "id": delivery.id,
                "kind": delivery.kind,
                "attempt": len(delivery.attempts),
                "status": delivery.status,
                "state": delivery.state,
            }
        )


async def json_object(request: Request) -> dict[str, Any] | None:
    """The body as a JSON object, or None where it is none."""
    try:
        value = json.loads(await request.body())
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
