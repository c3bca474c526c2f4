"""Whimbrel on loopback: it signs what it tells, answers as its pages would say, and keeps what it is told."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.sandbox.vendors import brain
from bridge.sandbox.vendors.conversation import Conversation
from bridge.sandbox.vendors.delivery import Delivery, Manner
from bridge.sandbox.vendors.vendor import Refused, Vendor, json_object
from tests import signing

ASSISTANT = {"kind": "assistant", "id": "as_1", "name": brain.NAME}


def no(status: int, code: str, message: str) -> Refused:
    return Refused(status, {"error": {"code": code, "message": message}})


class WhimbrelServer(Vendor[Conversation]):
    name = "whimbrel"

    def __init__(
        self,
        *,
        api_key: str,
        webhook_secret: str,
        webhook_url: str,
        clock: Callable[[], float] = time.time,
        retry_delays: Sequence[float] = (0.2, 0.5, 1.0, 2.0),
    ) -> None:
        routes = [
            Route("/v1/account", self._account, methods=["GET"]),
            Route("/v1/conversations/{id}/messages", self._listed, methods=["GET"]),
            Route("/v1/conversations/{id}/messages", self._said, methods=["POST"]),
            Route("/v1/conversations/{id}/return", self._returned, methods=["POST"]),
            Route("/v1/conversations/{id}/close", self._closed, methods=["POST"]),
        ]
        super().__init__(routes=routes, clock=clock, timeout=30.0, in_order=True)
        self.webhook_url = webhook_url
        self._authorization = f"Bearer {api_key}"
        self._secret = webhook_secret
        self._manner = Manner(self._signed, retry_delays)
        #: the client_id of each message that came by the API, by the message's id
        self.client_ids: dict[str, str] = {}

    # ── the customer and the assistant ────────────────────────────────────────────────────────────

    def open(self, customer_name: str) -> Conversation:
        """The assistant greets."""
        conversation = self._opened(Conversation(f"talk_{secrets.token_hex(6)}", customer_name, self._now()))
        self._emit(conversation, "conversation.opened")
        self._turns.put(conversation.id, lambda: self._answer(conversation, brain.GREETING))
        return conversation

    async def _hear(self, conversation: Conversation, text: str) -> None:
        customer = {"kind": "customer", "id": "cus_1", "name": conversation.customer_name}
        self._tell(conversation, customer, [{"type": "text", "text": text}])
        if conversation.state == "bot":
            await self._answer(conversation, brain.answer(text))

    async def _answer(self, conversation: Conversation, answer: brain.Answer) -> None:
        content: list[dict[str, Any]] = [{"type": "text", "text": answer.text}]
        if answer.options:
            choices = [{"label": option.label, "say": option.text} for option in answer.options]
            content.append({"type": "choices", "choices": choices})
        self._tell(conversation, ASSISTANT, content)
        if answer.hands_over:
            self._enter(conversation, "handoff")
            self._emit(conversation, "handoff.requested", handoff={"reason": "asked for a person"})

    # ── the API ───────────────────────────────────────────────────────────────────────────────────

    async def _account(self, request: Request) -> Response:
        self._allowed(request)
        return JSONResponse({"name": "Acme", "webhook": {"url": self.webhook_url}})

    async def _listed(self, request: Request) -> Response:
        conversation, wanted = self._of(request), request.query_params.get("client_id")
        kept = [(one.id, self.client_ids.get(one.id)) for one in conversation.messages]
        found = [{"id": id, "client_id": told} for id, told in kept if wanted in (None, told)]
        return JSONResponse({"messages": found})

    async def _said(self, request: Request) -> Response:
        conversation, body = self._of(request), await json_object(request) or {}
        name = body.get("operator", {}).get("name")
        if not (name and body.get("text") and body.get("client_id")):
            raise no(422, "invalid", "operator.name, text and client_id are required")
        if conversation.state == "ended":
            raise no(410, "closed", "the conversation is closed")
        operator = {"kind": "operator", "id": "api", "name": name}
        told = [{"type": "text", "text": body["text"]}]
        id = self._tell(conversation, operator, told, client_id=body["client_id"])
        return JSONResponse({"id": id}, 201)

    async def _returned(self, request: Request) -> Response:
        conversation = self._of(request)
        if conversation.state != "handoff":
            raise no(409, "not_handed_off", "no operator has the conversation")
        self._enter(conversation, "bot")
        self._emit(conversation, "handoff.returned")
        return JSONResponse({})

    async def _closed(self, request: Request) -> Response:
        conversation = self._of(request)
        if conversation.state != "ended":
            self._enter(conversation, "ended")
            self._emit(conversation, "conversation.closed", reason="closed by the API")
        return JSONResponse({})

    def _allowed(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if not secrets.compare_digest(given.encode(), self._authorization.encode()):
            raise no(401, "unauthorized", "the API key is unknown")

    def _of(self, request: Request) -> Conversation:
        self._allowed(request)
        if (conversation := self.conversations.get(request.path_params["id"])) is None:
            raise no(404, "unknown", "there is no such conversation")
        return conversation

    # ── on the wire ───────────────────────────────────────────────────────────────────────────────

    def _tell(
        self, conversation: Conversation, who: dict[str, str], content: list[dict[str, Any]], **more: str
    ) -> str:
        """Keep a message and tell of it, whoever said it; its id."""
        roles = {"customer": "customer", "assistant": "bot", "operator": "agent"}
        role: Any = roles[who["kind"]]
        message = self._add(conversation, role, who["name"], content[0]["text"], content)
        self.client_ids |= {message.id: more["client_id"]} if more else {}
        told = {"id": message.id, "from": who, "content": content, **more}
        self._emit(conversation, "message.created", message=told)
        return message.id

    def _emit(self, conversation: Conversation, kind: str, **fields: Any) -> None:
        now = datetime.fromtimestamp(self._now(), UTC).isoformat()
        about = {"id": conversation.id, "customer": {"id": "cus_1", "name": conversation.customer_name}}
        event = {"id": f"evt_{secrets.token_hex(8)}", "type": kind, "created": now, "conversation": about}
        self._deliver(conversation.id, kind, self.webhook_url, {**event, **fields}, self._manner)

    def _signed(self, delivery: Delivery, now: float) -> dict[str, str]:
        return signing.whimbrel(delivery.body, self._secret, at=datetime.fromtimestamp(now, UTC))
