"""What goes to GPTBots: a person's message in a human-service session, its end, and the customer's words.

gptbots.ai/docs/api-reference/conversation-api/human-handoff-service and …/send-message-v2. No idempotency
key, and no history that has what people said.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx
from pydantic import SecretStr

from bridge.adapter import answer_of, call, failure, mapping, mappings, reply_text, word
from bridge.errors import Rejected, RetryLater
from bridge.model import ConversationKey, Reply, Sent

_RATE_LIMITED = "40001"
_INTERNAL = "50000"
_WRONG_KEY = "40127"
_UNKNOWN_CONVERSATION = "40356"


class API:
    """GPTBots' REST API for one Agent; `key_variable` is where the operator set the key."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, key: SecretStr, key_variable: str) -> None:
        self._http = http
        self._base = base_url.rstrip("/")
        self._key = key
        self._key_variable = key_variable

    async def send(self, reply: Reply) -> Sent:
        message = {
            "conversation_id": reply.conversation.id,
            "timestamp": int(reply.at.timestamp() * 1000),
            "body": reply_text(reply),
        }
        await self._post("/v1/human/message/receive", message)
        return Sent()

    async def say(self, conversation: ConversationKey, text: str) -> None:
        """What the Agent answers comes by webhook; what this call answers in that mode is not documented."""
        message = {
            "conversation_id": conversation.id,
            "response_mode": "webhook",
            "messages": [{"role": "user", "content": text}],
        }
        await self._post("/v2/conversation/message", message)

    async def close(self, conversation: ConversationKey) -> None:
        """What a session that is closed already answers is not documented: most likely that it is unknown."""
        end = {"conversation_id": conversation.id, "timestamp": int(time.time() * 1000)}
        await self._post("/v1/human/close", end, done=_UNKNOWN_CONVERSATION)

    async def whose(self) -> str | None:
        """The id of the Agent that the key is of; None where the answer cannot be read."""
        told = await self._call("GET", "/v1/api-key/verify")
        return word(mapping(told.get("data")).get("id")) or word(told.get("id"))

    async def probe(self) -> list[Mapping[str, Any]] | None:
        """Let GPTBots call each webhook of the Agent with `istest`; how each answered.

        gptbots.ai/docs/api-reference/conversation-api/webhook-check-v1
        """
        told = await self._call("POST", "/v1/webhook/check")
        results = mapping(told.get("data")).get("results", told.get("results"))
        return list(mappings(results)) if isinstance(results, list) else None

    async def _post(self, path: str, body: dict[str, Any], *, done: str | None = None) -> None:
        await self._call("POST", path, done=done, json=body)

    async def _call(
        self, method: str, path: str, *, done: str | None = None, **content: Any
    ) -> dict[str, Any]:
        """`done` is the code with which GPTBots says that it is so already."""
        url = f"{self._base}{path}"
        headers = {"Authorization": f"Bearer {self._key.get_secret_value()}"}
        request = self._http.build_request(method, url, headers=headers, **content)
        response = await call(self._http, request, f"{method} {path}")
        answer = answer_of(response)
        # The code decides: which HTTP status goes with it is not documented, and may be 200.
        code = word((answer or {}).get("code"))
        reason = word((answer or {}).get("message"))
        if code is not None and code == done:
            return answer or {}
        if code not in (None, "0", "200"):
            problem = f"answered code {code}: {(reason or 'no reason given')[:300]}"
            if code in (_RATE_LIMITED, _INTERNAL):
                raise RetryLater(problem, where=url)
            wrong_key = code == _WRONG_KEY or response.status_code in (401, 403)
            remedy = f"Check {self._key_variable}" if wrong_key else ""
            raise Rejected(problem, where=url, remedy=remedy)
        if not response.is_success or (answer is None and response.content):
            raise failure(response, reason, key=self._key_variable)
        return answer or {}
