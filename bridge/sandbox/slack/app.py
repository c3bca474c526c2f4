"""The HTTP side: the Web API's method table, tokens and scopes, faults, response URLs, the socket."""

from __future__ import annotations

import asyncio
import hmac
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute

from bridge.sandbox.slack import chat, conversations, reactions, views
from bridge.sandbox.slack.arguments import ApiError, Arguments, read
from bridge.sandbox.slack.faults import Fault, Faults
from bridge.sandbox.slack.files import LOGIN, Files
from bridge.sandbox.slack.interactions import Interactions
from bridge.sandbox.slack.pace import RateLimited
from bridge.sandbox.slack.socket import Sockets
from bridge.sandbox.slack.state import Json
from bridge.sandbox.slack.workspace import Workspace


class Method(NamedTuple):
    handler: Callable[[Arguments], Awaitable[Json]]
    scope: str | None = None
    scope_if_private: str | None = None


METHODS = {
    "chat.delete": Method(chat.delete, "chat:write"),
    "chat.getPermalink": Method(chat.get_permalink),
    "chat.postEphemeral": Method(chat.post_ephemeral, "chat:write"),
    "chat.postMessage": Method(chat.post_message, "chat:write"),
    "chat.update": Method(chat.update, "chat:write"),
    "conversations.history": Method(conversations.history, "channels:history", "groups:history"),
    "conversations.info": Method(conversations.info, "channels:read", "groups:read"),
    "conversations.list": Method(conversations.list_, "channels:read"),
    "conversations.members": Method(conversations.members, "channels:read", "groups:read"),
    "conversations.replies": Method(conversations.replies, "channels:history", "groups:history"),
    "reactions.add": Method(reactions.add, "reactions:write"),
    "reactions.get": Method(reactions.get, "reactions:read"),
    "reactions.remove": Method(reactions.remove, "reactions:write"),
    "assistant.threads.setStatus": Method(reactions.set_status, "chat:write"),
    "usergroups.list": Method(conversations.usergroups, "usergroups:read"),
    "users.info": Method(conversations.user_info, "users:read"),
    "views.open": Method(views.open_),
    "views.publish": Method(views.publish),
    "views.update": Method(views.update),
}


@dataclass(frozen=True)
class Call:
    method: str
    args: Json
    at: float
    error: str | None  # Slack's code, "429", or another HTTP status


class Calls:
    """The latest calls, and how many there were of each method, refused ones included."""

    def __init__(self) -> None:
        self.recent: deque[Call] = deque(maxlen=10_000)
        self.counts: Counter[str] = Counter()

    def add(self, call: Call) -> None:
        self.recent.append(call)
        self.counts[call.method] += 1

    def of(self, method: str) -> list[Call]:
        return [call for call in self.recent if call.method == method]

    def count(self, method: str) -> int:
        return self.counts[method]


class WebApi:
    def __init__(
        self,
        workspace: Workspace,
        *,
        bot_token: str,
        app_token: str | None,
        faults: Faults,
        files: Files,
        interactions: Interactions,
        sockets: Sockets,
    ) -> None:
        self.calls = Calls()
        self._workspace = workspace
        self._bot_token = bot_token
        self._app_token = app_token
        self._faults = faults
        self._files = files
        self._interactions = interactions
        self._sockets = sockets
        self._methods = METHODS | {
            "files.completeUploadExternal": Method(files.complete, "files:write"),
            "files.delete": Method(files.delete, "files:write"),
            "files.getUploadURLExternal": Method(files.get_upload_url, "files:write"),
            "files.info": Method(files.info, "files:read"),
        }
        self.app = Starlette(
            routes=[
                Route("/api/{method}", self._api, methods=["GET", "POST"]),
                Route("/actions/{id}", self._response_url, methods=["POST"]),
                Route("/upload/v1/{ticket}", self._upload, methods=["POST"]),
                Route("/files-pri/{id}/download/{name}", self._download),
                WebSocketRoute("/socket", sockets.endpoint),
            ]
        )

    async def _api(self, request: Request) -> Response:
        method = request.path_params["method"]
        base_url = f"{request.url.scheme}://{request.url.netloc}{request.scope['root_path']}"
        self._interactions.base_url = self._interactions.base_url or base_url
        self._workspace.base_url = self._workspace.base_url or base_url
        values: Json = {}
        fault = None
        error: str | None = None
        response: Response
        try:
            values, token = read(
                request.url.query, request.headers.get("content-type", ""), await request.body()
            )
            fault = self._faults.take(method, values)
            if fault and fault.refuses:
                response, error = _refusal(fault), fault.ok_error or str(fault.status or "dropped")
            else:
                scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
                token = bearer.strip() if scheme.lower() == "bearer" else token
                body = await self._answer(method, Arguments(self._workspace, values), token, base_url)
                response = JSONResponse(body)
        except ApiError as refused:
            response, error = JSONResponse(refused.as_json()), refused.code
        except RateLimited as limited:
            response, error = _ratelimited(limited.seconds), "429"
        self.calls.add(Call(method, values, self._workspace.clock(), error))
        response.headers["x-oauth-scopes"] = ",".join(sorted(self._workspace.app.scopes))
        return await _with_fault(fault, request, response)

    async def _answer(self, method: str, args: Arguments, token: str | None, base_url: str) -> Json:
        entry = self._methods.get(method)
        if entry is None and method not in ("auth.test", "apps.connections.open"):
            raise ApiError("unknown_method")
        self._check_token(token, self._app_token if method == "apps.connections.open" else self._bot_token)
        if method == "auth.test":
            return self._auth_test()
        if entry is None:
            ticket = self._sockets.ticket()
            return {"ok": True, "url": f"ws{base_url.removeprefix('http')}/socket?ticket={ticket}"}
        self._check_scope(entry, args)
        return await entry.handler(args)

    def _check_token(self, token: str | None, right: str | None) -> None:
        if not token:
            raise ApiError("not_authed")
        if self._faults.token_error:
            raise ApiError(self._faults.token_error)
        known = [one for one in (self._bot_token, self._app_token) if one]
        if not any(hmac.compare_digest(token.encode(), one.encode()) for one in known):
            raise ApiError("invalid_auth")
        if right is None or not hmac.compare_digest(token.encode(), right.encode()):
            raise ApiError("not_allowed_token_type")

    def _check_scope(self, method: Method, args: Arguments) -> None:
        needed = method.scope
        if method.scope_if_private and "channel" in args and args.channel().is_private:
            needed = method.scope_if_private
        scopes = self._workspace.app.scopes
        if needed and needed not in scopes:
            raise ApiError("missing_scope", needed=needed, provided=",".join(sorted(scopes)))

    def _auth_test(self) -> Json:
        workspace = self._workspace
        return {
            "ok": True,
            "url": workspace.url,
            "team": workspace.name,
            "team_id": workspace.team_id,
            "user": workspace.users[workspace.app.user].name,
            "user_id": workspace.app.user,
            "bot_id": workspace.app.bot_id,
            "is_enterprise_install": False,
        }

    async def _response_url(self, request: Request) -> Response:
        try:
            values, _ = read("", "application/json", await request.body())
            self._interactions.respond(request.path_params["id"], Arguments(self._workspace, values))
        except ApiError as refused:
            return JSONResponse(refused.as_json(), 404 if refused.code.endswith("_url") else 500)
        return Response("ok")

    async def _upload(self, request: Request) -> Response:
        fault = self._faults.take("upload", {})
        content_type, body = request.headers.get("content-type", ""), await request.body()
        if fault and fault.refuses:
            response = _refusal(fault)
        else:
            status, text = self._files.receive(request.path_params["ticket"], content_type, body)
            response = Response(text, status)
        return await _with_fault(fault, request, response)

    async def _download(self, request: Request) -> Response:
        file = self._files.download(request.path_params["id"])
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        right = scheme.lower() == "bearer" and hmac.compare_digest(token.encode(), self._bot_token.encode())
        if not right or "files:read" not in self._workspace.app.scopes:
            return HTMLResponse(LOGIN)
        if file is None or file.content is None:
            return Response(status_code=404)
        return Response(file.content, media_type=file.mimetype)


def _ratelimited(seconds: int | None) -> Response:
    headers = {} if seconds is None else {"retry-after": str(seconds)}
    return JSONResponse({"ok": False, "error": "ratelimited"}, 429, headers)


def _refusal(fault: Fault) -> Response:
    headers = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    if fault.ok_error is not None:
        return JSONResponse(ApiError(fault.ok_error, fault.problems).as_json(), fault.status or 200, headers)
    if fault.body is None and fault.status == 429:
        return _ratelimited(fault.retry_after)
    return Response(fault.body or "", fault.status or 200, headers, "text/html")


async def _with_fault(fault: Fault | None, request: Request, response: Response) -> Response:
    if fault and fault.delay:
        await asyncio.sleep(fault.delay)
    if fault and (fault.reset or fault.drop):
        await _hang_up(request)
    if fault and fault.body is not None and not fault.refuses:
        return Response(fault.body, media_type="application/json")
    return response


async def _hang_up(request: Request) -> None:
    """Cut the connection under the client. The server's own transport is the only way to do that."""
    transport = getattr(getattr(request.receive, "__self__", None), "transport", None)
    if transport is None:
        raise RuntimeError("this server's connections cannot be cut: run the sandbox under uvicorn")
    transport.abort()
    while (await request.receive())["type"] != "http.disconnect":
        pass
