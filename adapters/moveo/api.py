"""What goes to Moveo: a person's message, for its history, its files, what is said as the customer, and who
has the conversation.

docs.moveo.ai/api/custom-integration/custom-integration-messages, …-files and …-sessions. Nothing there can be
read back, and there is no idempotency key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from bridge.adapter import Upload, address, answer_of, call, failure, reply_text, word
from bridge.errors import Rejected, RetryLater
from bridge.model import ConversationKey, File, Reply, Sent

#: begins the agent_id of what we send, so that we know it again should Moveo report it
OURS = "slack:"
CHUNK = 64 * 1024
_NO_SESSION = "session-not-found"


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
        message = {"input": _input(reply), "agent": agent}
        answer = await self._post(reply.conversation, "messages/agent", message)
        return Sent(ref=word(answer.get("request_id")))

    async def say(self, conversation: ConversationKey, text: str) -> None:
        """202: the AI agent's answer comes by webhook."""
        await self._post(conversation, "messages", {"input": {"text": text}})

    async def move(
        self,
        conversation: ConversationKey,
        how: Literal["handover", "conversation/close", "conversation/reopen"],
    ) -> None:
        """What these calls take and answer could not be read: nothing is asked for, any 2xx is a yes."""
        await self._post(conversation, how, {})

    async def upload(self, conversation: ConversationKey, file: Upload) -> File:
        """Two calls: an address to put the bytes at, then the bytes, with the type that was announced."""
        told = {"filename": file.name, "content_type": file.mime_type}
        answer = await self._post(conversation, "files/upload-url", told)
        url, id = address(answer.get("upload_url")), word(answer.get("file_id"))
        if url is None or id is None:
            raise Rejected("Moveo gave no address to upload the file to")
        # Presigned: it wants no key of ours, and would refuse a second credential.
        headers = {"Content-Type": file.mime_type, "Content-Length": str(file.size)}
        request = self._http.build_request("PUT", url, headers=headers, content=_chunks(file))
        response = await call(self._http, request, "PUT file")
        if response.is_success:
            return File(id=id, name=file.name, mime_type=file.mime_type)
        problem = f"Moveo's storage answered {response.status_code} to the file"
        raise (RetryLater if response.status_code >= 500 else Rejected)(problem, where=request.url.host)

    async def locate(self, conversation: ConversationKey, file_id: str) -> str:
        """A presigned address, to be asked without our key. docs.moveo.ai/api/…/custom-integration-files"""
        answer = await self._post(conversation, "files/download-url", {"file_id": file_id})
        if (url := address(answer.get("download_url"))) is None:
            raise Rejected("Moveo gave no address for the file")
        return url

    async def knock(self, conversation: ConversationKey) -> None:
        """Ask for a file in a session: returns where Moveo says that there is no such session."""
        await self._post(conversation, "files/download-url", {"file_id": conversation.id}, done=_NO_SESSION)

    async def _post(
        self, conversation: ConversationKey, path: str, body: dict[str, Any], *, done: str | None = None
    ) -> dict[str, Any]:
        """`done` is the error code with which it is answered as well as by a 2xx."""
        request = self._http.build_request(
            "POST",
            f"{self._sessions}/{quote(conversation.id, safe='')}/{path}",
            headers={"Authorization": f"apikey {self._key.get_secret_value()}"},
            json=body,
        )
        response = await call(self._http, request, f"POST {path}")
        answer = answer_of(response)
        if response.is_success and (answer is not None or not response.content):
            return answer or {}
        if answer is not None and done is not None and answer.get("error_code") == done:
            return answer
        raise failure(response, _reason(answer or {}), key=self._key_variable)


def _input(reply: Reply) -> dict[str, Any]:
    """Whether `messages/agent` takes attachments could not be read: the text names the file all the same."""
    match reply.parts:
        case (File(id=str(id), mime_type=str(mime_type), name=str(name)),):
            kind = mime_type.partition("/")[0]
            attachment = {
                "type": kind if kind in ("image", "video", "audio") else "file",
                "id": id,
                "mime_type": mime_type,
                "filename": name,
            }
            return {"text": name, "attachments": [attachment]}
    return {"text": reply_text(reply)}


async def _chunks(file: Upload) -> AsyncIterator[bytes]:
    while chunk := file.content.read(CHUNK):
        yield chunk


def _reason(answer: dict[str, object]) -> str | None:
    told = (word(answer.get("error_code")), word(answer.get("error_message")))
    return ": ".join(one for one in told if one) or None
