"""What goes to Whimbrel: replies, acts, and the questions whether they arrived."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from bridge.adapter import answer_of, call, failure, mapping, mappings, reply_text, word
from bridge.errors import OutcomeUnknown
from bridge.model import ConversationKey, Reply, Sent

#: begins the client_id of what we send, by which `find` asks for it, and its echo is known
OURS = "slack:"


class API:
    """`key_variable` is where the operator set the key, for those who have to look."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, key: SecretStr, key_variable: str) -> None:
        self._http = http
        self._base = f"{base_url.rstrip('/')}/v1"
        self._key = key
        self._key_variable = key_variable

    async def send(self, reply: Reply) -> Sent:
        operator = {"name": reply.author.name or "Support", "picture": reply.author.avatar}
        message = {"client_id": f"{OURS}{reply.id}", "operator": operator, "text": reply_text(reply)}
        answer = await self._call("POST", self._of(reply.conversation, "messages"), json=message)
        return Sent(ref=word(answer.get("id")))

    async def find(self, reply: Reply) -> Sent | None:
        """Whimbrel keeps the client_id, and lets us ask for it: what it does not list, it does not have."""
        about = {"client_id": f"{OURS}{reply.id}"}
        answer = await self._call("GET", self._of(reply.conversation, "messages"), params=about)
        if not isinstance(answer.get("messages"), list):
            raise OutcomeUnknown("Whimbrel did not list the messages")
        found = mappings(answer["messages"])
        return Sent(ref=word(found[0].get("id"))) if found else None

    async def hand_back(self, conversation: ConversationKey) -> None:
        """409: its assistant has the conversation already."""
        await self._call("POST", self._of(conversation, "return"), done=409)

    async def close(self, conversation: ConversationKey) -> None:
        """What is closed already is answered as if it were closed now."""
        await self._call("POST", self._of(conversation, "close"))

    async def account(self) -> dict[str, Any]:
        return await self._call("GET", "account")

    def _of(self, conversation: ConversationKey, what: str) -> str:
        return f"conversations/{quote(conversation.id, safe='')}/{what}"

    async def _call(
        self, method: str, path: str, *, done: int | None = None, **content: Any
    ) -> dict[str, Any]:
        """`done` is the status of Whimbrel's own with which it says that it is so already."""
        headers = {"Authorization": f"Bearer {self._key.get_secret_value()}"}
        request = self._http.build_request(method, f"{self._base}/{path}", headers=headers, **content)
        response = await call(self._http, request)
        answer = answer_of(response)
        if answer is not None and (response.is_success or response.status_code == done):
            return answer
        reason = word(mapping(mapping(answer).get("error")).get("message"))
        raise failure(response, reason, key=self._key_variable)
