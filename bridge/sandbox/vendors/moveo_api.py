"""Moveo's twelve calls of the custom integration; errors are `{error_code, error_message}`.

docs.moveo.ai/api/custom-integration: "inbound-overview", "sessions", "messages", "files",
"error-handling". The bodies and answers of calls 2, 3 and 5 to 10 are not documented in full: what is
asked for here is the least that the call makes sense with, and the answer is a 200 with `request_id`.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.sandbox.vendors.vendor import Refused, json_object

if TYPE_CHECKING:
    from bridge.sandbox.vendors.moveo import MoveoConversation, MoveoSandbox

Json = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]


def invalid(message: str) -> Refused:
    return Refused(400, {"error_code": "invalid-payload", "error_message": message})


def unauthorized() -> Refused:
    return Refused(401, {"error_code": "unauthorized", "error_message": "Unauthorized"})


def no_session() -> Refused:
    return Refused(404, {"error_code": "session-not-found", "error_message": "Session not found"})


@dataclass
class StoredFile:
    content_type: str
    signature: str = field(repr=False)
    content: bytes | None = field(default=None, repr=False)


class MoveoApi:
    def __init__(self, moveo: MoveoSandbox, *, api_key: str, integration_id: str) -> None:
        self._moveo = moveo
        self._authorization = f"apikey {api_key}"  # the literal word, not "Bearer"
        self._integration_id = integration_id
        self._files: dict[str, StoredFile] = {}

    def routes(self) -> list[Route]:
        def route(path: str, endpoint: Endpoint, method: str = "POST") -> Route:
            return Route(
                f"/v1/custom/{{integration_id}}/sessions{path}", self._guarded(endpoint), methods=[method]
            )

        return [
            route("", self.create_session),
            route("/{session_id}/context", self.update_context, "PATCH"),
            route("/{session_id}/close", self.close_session),
            route("/{session_id}/messages", self.user_message),
            route("/{session_id}/messages/agent", self.agent_message),
            route("/{session_id}/messages/read", self.read),
            route("/{session_id}/messages/delivered", self.delivered),
            route("/{session_id}/conversation/close", self.close_conversation),
            route("/{session_id}/conversation/reopen", self.reopen_conversation),
            route("/{session_id}/handover", self.handover),
            route("/{session_id}/files/upload-url", self.upload_url),
            route("/{session_id}/files/download-url", self.download_url),
            Route("/files/{file_id}", self.put_file, methods=["PUT"]),
            Route("/files/{file_id}", self.get_file, methods=["GET"]),
        ]

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "")
            if not secrets.compare_digest(given.encode(), self._authorization.encode()):
                raise unauthorized()
            if request.path_params["integration_id"] != self._integration_id:
                raise unauthorized() if "session_id" not in request.path_params else no_session()
            return await endpoint(request)

        return guarded

    def _session(self, request: Request) -> MoveoConversation:
        session = self._moveo.conversations.get(request.path_params["session_id"])
        if session is None or not session.alive:
            raise no_session()
        return session

    # ── sessions ──────────────────────────────────────────────────────────────────────────────────

    async def create_session(self, request: Request) -> Response:
        body = await _body(request)
        external_id, user_id = body.get("external_session_id"), body.get("channel_user_id")
        if not isinstance(external_id, str | None) or not isinstance(user_id, str | None):
            raise invalid("external_session_id and channel_user_id are strings")
        context = _object(body, "context")
        if external_id is not None:
            context["channels"] = {"custom": {"external_session_id": external_id}}
        if user_id is not None:
            context["user"] = {**_object(context, "user"), "custom_psid": user_id}
        session = self._moveo.create(external_id, context)
        return _accepted(201, session_id=session.id, context=session.context)

    async def update_context(self, request: Request) -> Response:
        session = self._session(request)
        session.context.update(_object(await _body(request), "context"))
        return _accepted(context=session.context)

    async def close_session(self, request: Request) -> Response:
        self._moveo.close_session(self._session(request))
        return _accepted()

    # ── messages ──────────────────────────────────────────────────────────────────────────────────

    async def user_message(self, request: Request) -> Response:
        session = self._session(request)
        body = await _body(request)
        text, attachments = _input(body)
        session.context.update(_object(body, "context"))
        self._moveo.say(session.id, text or f"({len(attachments)} attached)")
        return _accepted(202)

    async def agent_message(self, request: Request) -> Response:
        session = self._session(request)
        body = await _body(request)
        text, attachments = _input(body)
        for one in attachments:
            self._check_attachment(one)
        agent = _object(body, "agent")
        for key in ("agent_id", "agent_name"):
            if not isinstance(agent.get(key), str) or not agent[key]:
                raise invalid(f"agent.{key} is required")
        self._moveo.record(session, agent["agent_name"], agent.get("agent_avatar"), text, attachments)
        return _accepted()

    async def read(self, request: Request) -> Response:
        self._moveo.receipt(self._session(request), "read")
        return _accepted()

    async def delivered(self, request: Request) -> Response:
        self._moveo.receipt(self._session(request), "delivered")
        return _accepted()

    # ── the conversation ──────────────────────────────────────────────────────────────────────────

    async def close_conversation(self, request: Request) -> Response:
        self._moveo.resolve(self._session(request))
        return _accepted()

    async def reopen_conversation(self, request: Request) -> Response:
        self._moveo.reopen(self._session(request))
        return _accepted()

    async def handover(self, request: Request) -> Response:
        session = self._session(request)
        if session.state == "ended":
            # Not documented: what is resolved has to be reopened before anybody can have it.
            raise invalid("the conversation is resolved")
        self._moveo.hand_over(session)
        return _accepted()

    # ── files ─────────────────────────────────────────────────────────────────────────────────────

    async def upload_url(self, request: Request) -> Response:
        self._session(request)
        body = await _body(request)
        for key in ("filename", "content_type"):
            if not isinstance(body.get(key), str) or not body[key]:
                raise invalid(f"{key} is required")
        file_id = str(uuid.uuid4())
        self._files[file_id] = StoredFile(body["content_type"], secrets.token_hex(16))
        return _accepted(upload_url=self._presigned(request, file_id), file_id=file_id)

    async def download_url(self, request: Request) -> Response:
        self._session(request)
        file_id = (await _body(request)).get("file_id")
        if not isinstance(file_id, str) or file_id not in self._files:
            raise invalid("file_id is required and is the id of a file")
        return _accepted(download_url=self._presigned(request, file_id), file_id=file_id)

    def _presigned(self, request: Request, file_id: str) -> str:
        path = f"{request.scope['root_path']}/files/{file_id}"
        return str(request.url.replace(path=path, query=f"signature={self._files[file_id].signature}"))

    def _check_attachment(self, given: Any) -> None:
        """Whether agents' messages take any is not documented. If so, it has to be there to be seen."""
        if not isinstance(given, dict) or given.get("type") not in ("image", "video", "audio", "file"):
            raise invalid("input.attachments are objects with a type")
        file = self._files.get(given.get("id", ""))
        if file is None or file.content is None or file.content_type != given.get("mime_type"):
            raise invalid("input.attachments.id is not the id of an uploaded file of that type")

    def file(self, file_id: str) -> bytes:
        """The bytes behind an attachment's id."""
        return self._files[file_id].content or b""

    async def put_file(self, request: Request) -> Response:
        if "authorization" in request.headers:
            return Response("Only one auth mechanism allowed", 400)
        file = self._signed_for(request)
        if file is None or request.headers.get("content-type") != file.content_type:
            return Response(
                status_code=403
            )  # as storage answers where the declared type is part of what is signed
        file.content = await request.body()
        return Response(status_code=200)

    async def get_file(self, request: Request) -> Response:
        file = self._signed_for(request)
        if file is None or file.content is None:
            return Response(status_code=403 if file is None else 404)
        return Response(file.content, media_type=file.content_type)

    def _signed_for(self, request: Request) -> StoredFile | None:
        file = self._files.get(request.path_params["file_id"])
        given = request.query_params.get("signature", "")
        return (
            file
            if file is not None and secrets.compare_digest(given.encode(), file.signature.encode())
            else None
        )


def _accepted(status: int = 200, **fields: Any) -> Response:
    return JSONResponse({"request_id": f"req-{uuid.uuid4()}", **fields}, status)


async def _body(request: Request) -> Json:
    """The JSON object that was sent; none at all is an empty one, where nothing is required."""
    if not await request.body():
        return {}
    if (body := await json_object(request)) is None:
        raise invalid("the body is not a JSON object")
    return body


def _object(value: Json, key: str) -> Json:
    """`value[key]` as an object of its own, empty where it is absent."""
    inner = value.get(key, {})
    if not isinstance(inner, dict):
        raise invalid(f"{key} is not an object")
    return dict(inner)


def _input(body: Json) -> tuple[str, list[Json]]:
    """Text and attachments, of which there must be one."""
    given = _object(body, "input")
    text, attachments = given.get("text", ""), given.get("attachments", [])
    if not isinstance(text, str) or not isinstance(attachments, list):
        raise invalid("input.text is a string, input.attachments a list")
    if not text.strip() and not attachments:
        raise invalid("input.text or input.attachments is required")
    return text, attachments
