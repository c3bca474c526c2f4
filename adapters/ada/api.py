"""What goes to Ada: a person's message, the question whether it is there already, and what ends a talk.

docs.ada.cx, "Conversations API". There is no idempotency key and no field for an id of ours, hence
`find`. Addresses end in a slash: what Ada does with a POST without one is not documented.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from bridge.adapter import (
    Upload,
    address,
    answer_of,
    call,
    date_of,
    failure,
    mapping,
    mappings,
    moment,
    reply_text,
    word,
    wording,
)
from bridge.errors import OutcomeUnknown, Rejected
from bridge.model import ConversationKey, File, Reply, Sent

#: seconds that the clock which dates Ada's answers may be ahead of the one which dates its messages; where
#: the former is not told, of Slack's. More would find an earlier twin.
SKEW = 5.0


class API:
    """Ada's REST API for one instance; `key_variable` is where the operator set the key."""

    def __init__(self, http: httpx.AsyncClient, base_url: str, key: SecretStr, key_variable: str) -> None:
        self._http = http
        self._base = f"{base_url.rstrip('/')}/api/v2"
        self._key = key
        self._key_variable = key_variable
        self._ahead: float | None = None  # seconds from our monotonic clock to Ada's, by its last answer

    async def send(self, reply: Reply) -> Sent:
        author = {"role": "human_agent", "display_name": _name(reply)}
        if reply.author.avatar:
            author["avatar"] = reply.author.avatar
        message = {"author": author, "content": _content(reply)}
        answer = await self._call("POST", "messages", self._url(reply.conversation, "messages"), json=message)
        return Sent(ref=word(answer.get("id")))

    async def upload(self, conversation: ConversationKey, file: Upload) -> File:
        """The address is presigned and lives for seven days; a message has to name it."""
        url = self._url(conversation, "attachments")
        form = {"file": (file.name, file.content, file.mime_type)}
        try:
            answer = await self._call("POST", "attachments", url, files=form)
        except Rejected as error:
            error.remedy = error.remedy or "Ada takes files only while the conversation is in a handoff"
            raise
        if (there := address(answer.get("url"))) is None:
            raise Rejected("Ada took the file, but gave no address for it", where=url.path)
        # Under our own name for it, by which `find` and the echo are known.
        return File(url=there, name=file.name, mime_type=word(answer.get("mime_type")) or file.mime_type)

    async def find(self, reply: Reply, within: float) -> Sent | None:
        """The same words, or file name, by the same name since then count as this reply; nothing else that
        Ada keeps could tell."""
        (kept_as, words), name = _words(reply), _name(reply)
        begun = time.monotonic() - within
        async for entry in self.told(reply.conversation):
            author, content = mapping(entry.get("author")), mapping(entry.get("content"))
            said = (
                author.get("role"),
                wording(word(author.get("display_name")) or ""),
                wording(str(content.get(kept_as))),
            )
            at = moment(entry.get("created_at"))
            since = (reply.at.timestamp() if self._ahead is None else begun + self._ahead) - SKEW
            if said == ("human_agent", wording(name), words) and (at is None or at.timestamp() >= since):
                return Sent(ref=word(entry.get("message_id")))
        return None

    async def told(self, conversation: ConversationKey) -> AsyncIterator[Mapping[str, Any]]:
        """All that Ada keeps of what was said. Every page is read: their order is not documented."""
        async for entry in self._entries("messages", self._url(conversation, "messages")):
            yield entry

    def hooks(self) -> AsyncIterator[Mapping[str, Any]]:
        """The webhooks as they are configured. https://docs.ada.cx/reference/webhooks/list-webhooks"""
        return self._entries("webhooks", httpx.URL(f"{self._base}/webhooks/"))

    async def secret(self, hook: str) -> str | None:
        """What a webhook is signed with. https://docs.ada.cx/reference/webhooks/get-webhook-secret"""
        url = httpx.URL(f"{self._base}/webhooks/{quote(hook, safe='')}/secret/")
        return word((await self._call("GET", "webhooks/secret", url)).get("key"))

    async def end_user(self, id: str) -> dict[str, Any]:
        """A customer's profile, or nothing where Ada knows none.
        https://docs.ada.cx/reference/end-users/get-end-user"""
        url = httpx.URL(f"{self._base}/end-users/{quote(id, safe='')}")
        return await self._call("GET", "end-user", url, done=404)

    async def ask_for(self, conversation: ConversationKey) -> None:
        """Returns where Ada says anything of it, also that there is none."""
        await self._call("GET", "conversation", self._url(conversation), done=404)

    async def end_handoff(self, conversation: ConversationKey) -> None:
        """422: it is in no active handoff, so there is nothing left to end."""
        await self._call("POST", "end-handoff", self._url(conversation, "end-handoff"), done=422)

    async def end(self, conversation: ConversationKey) -> None:
        """What Ada answers where it has ended already is not documented, so a no is looked into."""
        try:
            await self._call("POST", "end", self._url(conversation, "end"))
        except Rejected:
            known = await self._call("GET", "conversation", self._url(conversation))
            if known.get("status") != "ended":
                raise

    async def _entries(self, what: str, listed: httpx.URL) -> AsyncIterator[Mapping[str, Any]]:
        page = listed.copy_with(params={"limit": 100})
        seen: set[httpx.URL] = set()
        while page not in seen:
            seen.add(page)
            answer = await self._call("GET", what, page)
            for entry in mappings(answer.get("data")):
                yield entry
            following = mapping(answer.get("meta")).get("next_page_url")
            if not following:
                return
            page = self._page(page, following)
        raise OutcomeUnknown("Ada's pages lead back to one another")

    def _url(self, conversation: ConversationKey, *what: str) -> httpx.URL:
        return httpx.URL("/".join((self._base, "conversations", quote(conversation.id, safe=""), *what, "")))

    def _page(self, current: httpx.URL, following: object) -> httpx.URL:
        """The next page, on the same host only: the key goes there."""
        try:
            page = current.join(str(following))
        except httpx.InvalidURL:
            page = httpx.URL()
        if (page.scheme, page.host, page.port) != (current.scheme, current.host, current.port):
            raise OutcomeUnknown("Ada's next page is on another host", remedy="Check base_url")
        return page

    async def _call(
        self, method: str, what: str, url: httpx.URL, *, done: int | None = None, **content: Any
    ) -> dict[str, Any]:
        """`what` is counted; `done` is the status of Ada's own with which it says that it is so already."""
        headers = {"Authorization": f"Bearer {self._key.get_secret_value()}"}
        request = self._http.build_request(method, url, headers=headers, **content)
        response = await call(self._http, request, f"{method} {what}")
        if (date := date_of(response)) is not None:
            self._ahead = date - time.monotonic()
        answer = answer_of(response)
        if answer is not None and (response.is_success or response.status_code == done):
            return answer
        raise failure(response, _reason(answer or {}), key=self._key_variable)


def _name(reply: Reply) -> str:
    return reply.author.name or "Support"  # Ada requires one


def _content(reply: Reply) -> dict[str, str]:
    match reply.parts:
        case (File(url=str(url), mime_type=str(mime_type), name=str(name)),):
            return {"type": "file", "url": url, "mime_type": mime_type, "filename": name}
    return {"type": "text", "body": reply_text(reply)}


def _words(reply: Reply) -> tuple[str, str]:
    """The field of its content that a message is known by, and what stands there."""
    match reply.parts:
        case (File(mime_type=str(), name=str(name)),):
            return "filename", wording(name)
    return "body", wording(reply_text(reply))


def _reason(answer: dict[str, Any]) -> str | None:
    """What Ada says is wrong: a list of errors, whose details were a text, a list or nothing over time."""
    reasons = []
    for error in mappings(answer.get("errors")):
        reasons += [found for name in ("message", "details") if isinstance(found := error.get(name), str)]
        reasons += [str(one.get("message")) for one in mappings(error.get("details"))]
    return "; ".join(reasons) or None
