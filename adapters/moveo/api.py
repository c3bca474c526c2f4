"""What goes to Moveo: a person's message, for its history.

docs.moveo.ai/api/custom-integration/custom-integration-messages. Nothing there can be read back, and
there is no idempotency key.
"""

from __future__ import annotations

from urllib.parse import quote

import httpx
from pydantic import SecretStr

from bridge.adapter import answer_of, call, failure, reply_text, word
from bridge.model import Reply, Sent

#: begins the agent_id of what we send, so that we know it again should Moveo report it
OURS = "slack:"


class API:
    """Moveo's REST API for one integration; `key_variable` is where the operator set the key."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        base_url: str,
        integration_id: str,
        key: SecretStr,
        key_variable: str,
    ) -> None:
        self._http = http
        self._sessions = f"{base_url.rstrip('/')}/v1/custom/{quote(integration_id, safe='')}/sessions"
        self._key = key
        self._key_variable = key_variable

    async def send(self, reply: Reply) -> Sent:
        author = reply.author
        agent = {"agent_id": f"{OURS}{author.id or ''}", "agent_name": author.name or "Support"}
        if author.avatar:
            agent["agent_avatar"] = author.avatar
        request = self._http.build_request(
            "POST",
            f"{self._sessions}/{quote(reply.conversation.id, safe='')}/messages/agent",
            headers={"Authorization": f"apikey {self._key.get_secret_value()}"},
            json={"input": {"text": reply_text(reply)}, "agent": agent},
        )
        response = await call(self._http, request)
        answer = answer_of(response)
        if response.is_success and (answer is not None or not response.content):
            return Sent(ref=word((answer or {}).get("request_id")))
        raise failure(response, _reason(answer or {}), key=self._key_variable)


def _reason(answer: dict[str, object]) -> str | None:
    told = (word(answer.get("error_code")), word(answer.get("error_message")))
    return ": ".join(one for one in told if one) or None
