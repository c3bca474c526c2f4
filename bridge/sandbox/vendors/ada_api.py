"""Ada's API as its reference describes it, with its errors: docs.ada.cx, Conversations, End Users, Webhooks.

Statuses and texts are the documented ones; the error slugs that no page names say what they mean.
"""

from __future__ import annotations

import base64
import binascii
import email.message
import email.parser
import mimetypes
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.sandbox.vendors import ada_events
from bridge.sandbox.vendors.vendor import Refused, json_object

if TYPE_CHECKING:
    from bridge.sandbox.vendors.ada import AdaConversation, AdaSandbox

Json = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]

MAX_BODY = 10 * 1024**2
MAX_ATTACHMENT = 50 * 1024**2
PAGE = 100
WEBHOOK = "ep_sandbox"
# docs.ada.cx, "Upload attachment"; webp, json, html and md are not among them.
# fmt: off
ATTACHMENT_TYPES = frozenset((
    "txt", "log", "csv", "eml", "png", "svg", "jpeg", "jpg", "gif", "heif", "heic", "avif", "wav",
    "m4a", "mp3", "mp4", "m4v", "mov", "mpeg", "mpg", "zip", "pdf", "doc", "docx", "xls", "xlsx", "ppt",
    "pptx", "keynote", "pages", "numbers",
))
# fmt: on


def refused(status: int, slug: str, message: str, details: Any = None) -> Refused:
    return Refused(status, {"errors": [{"type": slug, "message": message, "details": details}]})


def invalid(*faults: tuple[str, str], location: str = "body") -> Refused:
    details = [
        {"parameter": parameter, "location": location, "message": message} for parameter, message in faults
    ]
    return refused(400, "validation_error", "The request is not valid", details or None)


@dataclass(frozen=True)
class StoredFile:
    mime_type: str
    content: bytes = field(repr=False)
    signature: str = field(repr=False)


class AdaApi:
    def __init__(
        self,
        ada: AdaSandbox,
        *,
        api_key: str,
        rate_limit: Sequence[tuple[int, float]],
        clock: Callable[[], float],
    ) -> None:
        self._ada = ada
        self._authorization = f"Bearer {api_key}"
        self._clock = clock
        self._files: dict[str, StoredFile] = {}
        self._limits = [(count, seconds, deque[float](maxlen=count)) for count, seconds in rate_limit]

    def routes(self) -> list[Route]:
        def route(path: str, endpoint: Endpoint, method: str) -> Route:
            return Route(f"/api/v2{path}", self._guarded(endpoint), methods=[method])

        return [
            route("/conversations/{id}/messages/", self.create_message, "POST"),
            route("/conversations/{id}/messages/", self.list_messages, "GET"),
            route("/conversations/{id}/", self.get_conversation, "GET"),
            route("/conversations/{id}/attachments/", self.upload, "POST"),
            route("/conversations/{id}/end-handoff/", self.end_handoff, "POST"),
            route("/conversations/{id}/end/", self.end, "POST"),
            route("/end-users/{id}", self.get_end_user, "GET"),
            route("/webhooks/", self.list_webhooks, "GET"),
            route("/webhooks/{id}/secret/", self.get_secret, "GET"),
            Route("/files/{file}/{filename}", self.download, methods=["GET"]),
        ]

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if not secrets.compare_digest(given.encode(), self._authorization.encode()):
                raise refused(401, "unauthorized", "The API key is missing or wrong")
            now = self._clock()
            # Per instance, not per key: docs.ada.cx, "Limits". No Retry-After is documented.
            if any(len(calls) == count and now - calls[0] < span for count, span, calls in self._limits):
                raise refused(429, "rate_limit_exceeded", "Too many requests")
            for _, _, calls in self._limits:
                calls.append(now)
            return await endpoint(request)

        return guarded

    def _conversation(self, request: Request) -> AdaConversation:
        conversation = self._ada.conversations.get(request.path_params["id"])
        if conversation is None:
            raise refused(404, "resource_not_found", "There is no such conversation")
        return conversation

    # ── messages ──────────────────────────────────────────────────────────────────────────────────

    async def create_message(self, request: Request) -> Response:
        conversation = self._conversation(request)
        if len(await request.body()) > MAX_BODY:
            raise refused(413, "payload_too_large", "The request is larger than 10 MB")
        body = await json_object(request)
        if body is None:
            raise refused(400, "validation_error", "The body is not a JSON object")
        author, content = body.get("author"), body.get("content")
        faults = [*_author_faults(author), *self._content_faults(content)]
        if conversation.state == "ended":
            # What Ada answers here is not documented; that the customer is gone is.
            faults.append(("conversation_id", "the conversation has ended"))
        if faults or not isinstance(author, dict) or not isinstance(content, dict):
            raise invalid(*faults)
        if author["role"] == "end_user":
            raise invalid(("author.role", "end users cannot be spoken for on a native channel"))
        name, avatar = author["display_name"], author.get("avatar")
        message = self._ada.take_reply(conversation, name, avatar, content)
        at = ada_events.moment(message.at)
        return JSONResponse(
            {
                "id": secrets.token_hex(12),
                "conversation_id": conversation.id,
                "author": {**self._ada.author(conversation, message), "id": author.get("id")},
                "content": content,
                "created_at": at,
                "updated_at": at,
            },
            201,
        )

    def _content_faults(self, content: Any) -> list[tuple[str, str]]:
        if not isinstance(content, dict):
            return [("content", "is required and is an object")]
        kind = content.get("type")
        if kind == "text":
            return _missing(content, "content", "body")
        if kind == "file":
            faults = _missing(content, "content", "url", "mime_type", "filename")
            if not faults and not any(f"/files/{id}/" in content["url"] for id in self._files):
                # Only an address from the upload call is documented to work.
                faults.append(("content.url", "is not the address of an uploaded attachment"))
            return faults
        return [("content.type", "is neither text nor file")]

    async def list_messages(self, request: Request) -> Response:
        conversation = self._conversation(request)
        limit_given = request.query_params.get("limit", str(PAGE))
        limit = int(limit_given) if limit_given.isdecimal() else 0
        if not 1 <= limit <= PAGE:
            raise invalid(("limit", f"is not a number from 1 to {PAGE}"), location="query")
        start = _read_cursor(request.query_params.get("cursor"))
        end = start + limit
        next_page = None
        if end < len(conversation.messages):
            url = request.url.include_query_params(limit=limit, cursor=_cursor(end))
            next_page = str(url)
        data = [
            {
                "type": "message_logs",
                "message_id": f"t-{message.id}" if self._ada.transcript_has_own_ids else message.id,
                "created_at": ada_events.moment(message.at),
                "author": self._ada.author(conversation, message),
                "content": message.parts[0],
            }
            for message in conversation.messages[start:end]
        ]
        return JSONResponse({"data": data, "meta": {"next_page_url": next_page}})

    # ── conversations and users ───────────────────────────────────────────────────────────────────

    async def get_conversation(self, request: Request) -> Response:
        conversation = self._conversation(request)
        return JSONResponse(
            {
                "id": conversation.id,
                "channel_id": conversation.channel_id,
                "end_user_id": conversation.end_user_id,
                "status": "ended" if conversation.state == "ended" else "active",
                "created_at": ada_events.moment(conversation.opened_at),
                "updated_at": ada_events.moment(conversation.updated_at),
                "metadata": conversation.metadata,
            }
        )

    async def list_webhooks(self, request: Request) -> Response:
        webhook = {
            "id": WEBHOOK,
            "url": self._ada.webhook_url,
            "description": "",
            "event_filters": self._ada.event_filters,
            "enabled": self._ada.webhook_enabled,
        }
        data = [] if self._ada.webhook_url is None else [webhook]
        return JSONResponse({"data": data, "meta": {"next_page_url": None}})

    async def get_secret(self, request: Request) -> Response:
        if request.path_params["id"] != WEBHOOK:
            raise refused(404, "resource_not_found", "There is no such webhook")
        return JSONResponse({"key": self._ada.webhook_secret})

    async def get_end_user(self, request: Request) -> Response:
        for conversation in self._ada.conversations.values():
            if conversation.end_user_id == request.path_params["id"]:
                at = ada_events.moment(conversation.opened_at)
                return JSONResponse(
                    ada_events.end_user(conversation.end_user_id, conversation.customer_name, at)
                )
        raise refused(404, "resource_not_found", "There is no such end user")

    async def end_handoff(self, request: Request) -> Response:
        conversation = self._conversation(request)
        if conversation.state != "handoff":
            raise refused(422, "unprocessable_entity", "The conversation is not in an active handoff")
        self._ada.end_handoff(conversation.id)
        return JSONResponse({"message": "Handoff ended successfully."})

    async def end(self, request: Request) -> Response:
        conversation = self._conversation(request)
        if conversation.state == "ended":
            # What Ada answers here is not documented: the least that a bridge would like.
            raise refused(400, "validation_error", "The conversation has ended")
        self._ada.finish(conversation, {"id": None, "role": "system"})
        return JSONResponse({"message": "Conversation ended successfully."})

    # ── attachments ───────────────────────────────────────────────────────────────────────────────

    async def upload(self, request: Request) -> Response:
        conversation = self._conversation(request)
        if conversation.state != "handoff":
            # That it is refused is documented, the status is not.
            raise refused(400, "validation_error", "The conversation is not in a handoff")
        filename, mime_type, content = _file_field(
            request.headers.get("content-type", ""), await request.body()
        )
        if len(content) > MAX_ATTACHMENT:
            raise refused(413, "payload_too_large", "The file is larger than 50 MB")
        if filename.rpartition(".")[2].lower() not in ATTACHMENT_TYPES:
            raise invalid(("file", "is not of an allowed type"))
        file = StoredFile(mime_type, content, secrets.token_hex(32))
        id = secrets.token_hex(8)
        self._files[id] = file
        url = request.url.replace(
            path=f"{request.scope['root_path']}/files/{id}/{quote(filename)}",
            query=f"X-Amz-Expires=604800&X-Amz-Signature={file.signature}",
        )
        return JSONResponse({"url": str(url), "mime_type": mime_type, "filename": filename}, 201)

    def file(self, url: str) -> bytes:
        """The bytes behind the address in a message."""
        return next(file.content for id, file in self._files.items() if f"/files/{id}/" in url)

    async def download(self, request: Request) -> Response:
        """A presigned address: its signature is all it takes, and a second credential is refused."""
        file = self._files.get(request.path_params["file"])
        if file is None or request.query_params.get("X-Amz-Signature") != file.signature:
            return Response(status_code=403)
        if "authorization" in request.headers:
            return Response("Only one auth mechanism allowed", 400)
        return Response(file.content, media_type=file.mime_type)


def _author_faults(author: Any) -> list[tuple[str, str]]:
    if not isinstance(author, dict):
        return [("author", "is required and is an object")]
    faults = []
    if author.get("role") == "human_agent":
        faults += _missing(author, "author", "display_name")
    elif author.get("role") == "end_user":
        faults += _missing(author, "author", "id")
    else:
        faults.append(("author.role", "is neither end_user nor human_agent"))
    if not isinstance(author.get("avatar"), str | None):
        faults.append(("author.avatar", "is not a string"))
    return faults


def _missing(value: Json, where: str, *keys: str) -> list[tuple[str, str]]:
    return [
        (f"{where}.{key}", "is required and is a string")
        for key in keys
        if not isinstance(value.get(key), str) or not value[key]
    ]


def _cursor(start: int) -> str:
    return base64.urlsafe_b64encode(f"after:{start}".encode()).decode()


def _read_cursor(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        return int(base64.urlsafe_b64decode(cursor).decode().removeprefix("after:"))
    except (binascii.Error, ValueError):
        raise invalid(("cursor", "is not a cursor of ours"), location="query") from None


def _file_field(content_type: str, body: bytes) -> tuple[str, str, bytes]:
    """Name, type and bytes of the multipart form's field `file`."""
    header = email.message.Message()
    header["content-type"] = content_type
    boundary = header.get_boundary()
    if header.get_content_type() == "multipart/form-data" and boundary is not None:
        for part in (b"\r\n" + body).split(b"\r\n--" + boundary.encode())[1:-1]:
            head, _, content = part.partition(b"\r\n\r\n")
            fields = email.parser.HeaderParser().parsestr(head.decode(errors="replace").lstrip())
            filename = fields.get_filename()
            if fields.get_param("name", header="content-disposition") == "file" and filename:
                guessed = mimetypes.guess_type(filename)[0] or "application/octet-stream"
                return filename, fields.get("content-type", guessed), content
    raise invalid(("file", "is required and is a file"))
