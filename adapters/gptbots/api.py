"""What goes to GPTBots: a person's message in a human-service session.

gptbots.ai/docs/api-reference/conversation-api/human-handoff-service. No idempotency key, and no history
that has what people said.
"""

from __future__ import annotations

import httpx
from pydantic import SecretStr

from bridge.adapter import answer_of, call, failure, reply_text, word
from bridge.errors import Rejected, RetryLater
from bridge.model import Reply, Sent

_RATE_LIMITED = "40001"
_INTERNAL = "50000"
_WRONG_KEY = "40127"


class API:
    """GPTBots' REST API for one Agent; `key_variable` is where the operator set the key."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, key: SecretStr, key_variable: str) -> None:
        self._http = http
        self._url = f"{base_url.rstrip('/')}/v1/human/message/receive"
        self._key = key
        self._key_variable = key_variable

    async def send(self, reply: Reply) -> Sent:
        request = self._http.build_request(
            "POST",
            self._url,
            headers={"Authorization": f"Bearer {self._key.get_secret_value()}"},
            json={
                "conversation_id": reply.conversation.id,
                "timestamp": int(reply.at.timestamp() * 1000),
                "body": reply_text(reply),
            },
        )
        response = await call(self._http, request)
        answer = answer_of(response)
        # The code decides: which HTTP status goes with it is not documented, and may be 200.
        code = word((answer or {}).get("code"))
        reason = word((answer or {}).get("message"))
        if code not in (None, "0", "200"):
            problem = f"answered code {code}: {(reason or 'no reason given')[:300]}"
            if code in (_RATE_LIMITED, _INTERNAL):
                raise RetryLater(problem, where=self._url)
            wrong_key = code == _WRONG_KEY or response.status_code in (401, 403)
            remedy = f"Check {self._key_variable}" if wrong_key else ""
            raise Rejected(problem, where=self._url, remedy=remedy)
        if response.is_success and (answer is not None or not response.content):
            return Sent()
        raise failure(response, reason, key=self._key_variable)
