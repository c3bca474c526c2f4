"""GPTBots' API as its reference describes it; errors are `{code, message}`.

gptbots.ai/docs/api-reference: "Overview", "Create Conversation ID", "Send Message V2", "Human Handoff
Service", "Webhook Detection Service". No page says which HTTP status an error code comes with; here it
is the one that fits, and a fault can be planned that answers a code with 200.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.sandbox.vendors import gptbots_events
from bridge.sandbox.vendors.gptbots_events import CHAT, ESTABLISH, MESSAGE
from bridge.sandbox.vendors.vendor import Refused, json_object

if TYPE_CHECKING:
    from bridge.sandbox.vendors.gptbots import GPTBotsSandbox

Json = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]

_SUCCESS = {"code": 200, "message": "success"}


def bad_parameters(what: str) -> Refused:
    return Refused(400, {"code": 40000, "message": f"Parameter error: {what}"})


def not_found() -> Refused:
    return Refused(404, {"code": 40356, "message": "Conversation does not exist"})


class GPTBotsApi:
    def __init__(self, gptbots: GPTBotsSandbox, *, api_key: str) -> None:
        self._gptbots = gptbots
        self._authorization = f"Bearer {api_key}"

    def routes(self) -> list[Route]:
        def route(path: str, endpoint: Endpoint, method: str = "POST") -> Route:
            return Route(path, self._guarded(endpoint), methods=[method])

        return [
            route("/v1/human/message/receive", self.receive),
            route("/v1/human/close", self.close),
            route("/v1/api-key/verify", self.verify, "GET"),
            route("/v1/webhook/check", self.check),
            route("/v1/conversation", self.create),
            route("/v2/conversation/message", self.send),
        ]

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if not secrets.compare_digest(given.encode(), self._authorization.encode()):
                raise Refused(401, {"code": 40127, "message": "Developer authentication failed"})
            return await endpoint(request)

        return guarded

    async def verify(self, request: Request) -> Response:
        return JSONResponse({"type": "agent", "id": self._gptbots.bot_id})

    # ── human service ─────────────────────────────────────────────────────────────────────────────

    async def receive(self, request: Request) -> Response:
        body = await _fields(request, conversation_id=str, timestamp=int, body=str)
        conversation = self._gptbots.in_session(body["conversation_id"])
        if conversation is None:
            raise not_found()
        self._gptbots.take_reply(conversation, body["body"])
        return JSONResponse(_SUCCESS)

    async def close(self, request: Request) -> Response:
        body = await _fields(request, conversation_id=str, timestamp=int)
        conversation = self._gptbots.in_session(body["conversation_id"])
        if conversation is None:
            raise not_found()
        self._gptbots.close_session(conversation)
        return JSONResponse(_SUCCESS)

    # ── the Agent ─────────────────────────────────────────────────────────────────────────────────

    async def create(self, request: Request) -> Response:
        body = await _fields(request, user_id=str)
        if len(body["user_id"]) > 32:
            raise bad_parameters("user_id is longer than 32 characters")
        conversation = self._gptbots.create(body["user_id"], body["user_id"])
        return JSONResponse({"conversation_id": conversation.id})

    async def send(self, request: Request) -> Response:
        """A message of the user's, in webhook mode; the sandbox neither streams nor waits."""
        body = await _fields(request, conversation_id=str, response_mode=str, messages=list)
        if body["response_mode"] != "webhook":
            raise bad_parameters("response_mode: the sandbox knows only webhook")
        asked = [m for m in body["messages"] if isinstance(m, dict) and m.get("role") == "user"]
        text = _text(asked[-1].get("content")) if asked else ""
        if not text:
            raise bad_parameters("messages: there is no text of the user's")
        conversation = self._gptbots.conversations.get(body["conversation_id"])
        if conversation is None or conversation.state == "ended":
            raise not_found()
        self._gptbots.say(conversation.id, text)
        return JSONResponse(_SUCCESS)

    # ── probes ────────────────────────────────────────────────────────────────────────────────────

    async def check(self, request: Request) -> Response:
        """Probe each configured webhook with `istest` and report how it answered."""
        message = "message/v1/istest" if self._gptbots.version == "v1" else "message/v2/istest"
        probes = {MESSAGE: message, ESTABLISH: "establish/istest", CHAT: "chat/istest"}
        results = []
        for call, kind in probes.items():
            if (url := self._gptbots.address(call)) is None:
                continue
            body = {**gptbots_events.SAMPLES[kind][1]}
            if call == ESTABLISH:
                body["bot_id"] = self._gptbots.bot_id
            asked_at = time.monotonic()
            delivery = self._gptbots.call(call, body, "probes")
            await delivery.done.wait()
            results.append(
                {
                    "type": "message" if call == MESSAGE else "human_service",
                    "component_id": None,
                    "component_name": None,
                    "webhook_url": url,
                    "reachable": delivery.status == 200,
                    "http_status": delivery.status,
                    "latency_ms": int((time.monotonic() - asked_at) * 1000),
                }
            )
        return JSONResponse({"results": results})


async def _fields(request: Request, **required: type) -> Json:
    body = await json_object(request)
    if body is None:
        raise bad_parameters("the body is not a JSON object")
    for name, kind in required.items():
        if type(body.get(name)) is not kind or body[name] == "":
            raise bad_parameters(f"{name} is required")
    return body


def _text(content: Any) -> str:
    """A message's content is a string, or a list of parts of which some are text."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(
        str(part.get("text", "")) for part in parts if isinstance(part, dict) and part.get("type") == "text"
    )
