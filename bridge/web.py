"""The Starlette app: webhooks in, Slack's events in, and what a platform asks.

`POST /webhooks/{source}[/{hook}]`: cap the body, verify its raw bytes, keep it, answer. Nothing slow.
Every refusal is JSON that says what, where and what to do.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge import metrics
from bridge.adapter import Adapter, Webhook
from bridge.engine.lanes import where
from bridge.engine.ports import Ledger
from bridge.engine.work import Incoming
from bridge.errors import NotFound, Refused, TooLarge, Unavailable
from bridge.model import AnyEvent

logger = logging.getLogger(__name__)

LONGEST_ID = 512  # characters of a conversation's id; no index takes thousands

#: what /readyz says is not ready yet: name -> why, empty when all is well
Readiness = Callable[[], Awaitable[Mapping[str, str]]]
Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


def build(
    adapters: Mapping[str, Adapter],
    ledger: Ledger,
    slack_events: Callable[[Request], Awaitable[Response]],
    readiness: Readiness,
    *,
    max_body: int,
    files: ASGIApp | None = None,
    lifespan: Lifespan | None = None,
    measure: Callable[[], Awaitable[None]] | None = None,
) -> Starlette:
    """`measure` is called before the metrics are shown, for those that are not counted as they happen."""

    async def webhook(request: Request) -> Response:
        source = request.path_params["source"]
        adapter = adapters.get(source)
        try:
            if adapter is None:
                raise NotFound("no source has this name", where=f"/webhooks/{source}")
            received = adapter.receive(
                Webhook(
                    path=request.path_params.get("hook", "").strip("/"),
                    headers=request.headers,
                    body=await request.body(),
                    at=datetime.now(UTC),
                )
            )
        except Refused as refusal:
            metrics.webhooks.labels(source if adapter else "", refusal.code).inc()
            raise
        if not received.kept:
            metrics.webhooks.labels(source, "probe").inc()
            return JSONResponse(received.answer)
        # The path may hold a token; which hook it was is in the key and the events.
        incoming = Incoming(source, received.key, adapter.vendor, await request.body())
        events = tuple(event for event in received.events if len(event.conversation.id) <= LONGEST_ID)
        new = await ledger.keep_events(incoming, events)
        _note(incoming, events, "kept" if new else "duplicate")
        metrics.webhooks.labels(source, "kept" if new else "duplicate").inc()
        if new:
            for event in events:
                metrics.events.labels(source, event.kind).inc()
            if len(events) < len(received.events):
                metrics.unread.labels(source, "a conversation id too long to be one").inc()
            for kind in received.unread:
                metrics.unread.labels(source, kind[:80]).inc()
        return JSONResponse(received.answer)

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        missing = await readiness()
        return JSONResponse({"ready": not missing, "missing": missing}, status_code=503 if missing else 200)

    async def show_metrics(_request: Request) -> Response:
        if measure is not None:
            await measure()
        return Response(generate_latest(metrics.REGISTRY), media_type=CONTENT_TYPE_LATEST)

    return Starlette(
        routes=[
            Route("/webhooks/{source}", webhook, methods=["POST"]),
            Route("/webhooks/{source}/{hook:path}", webhook, methods=["POST"]),
            Route("/slack/events", slack_events, methods=["POST"]),
            *([Route("/files/{token}", files, methods=["GET"])] if files else ()),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", show_metrics),
        ],
        middleware=[Middleware(Faults), Middleware(CappedBody, limit=max_body)],
        exception_handlers={
            Refused: _refused,
            Unavailable: _unavailable,
            HTTPException: _http_error,
            ClientDisconnect: _gone,
        },
        lifespan=lifespan,
    )


def _note(incoming: Incoming, events: Sequence[AnyEvent], became: str) -> None:
    """Under the id of each event, which its delivery has as well."""
    if not logger.isEnabledFor(logging.DEBUG):
        return
    told = {"webhook": incoming.key, "source": incoming.source, "outcome": became}
    if not events:
        logger.debug("webhook of %s, no event: %s", incoming.source, became, extra={"fields": told})
    for event in events:
        about = {"id": event.id, "conversation": str(event.conversation), "kind": event.kind}
        fields = {"fields": {**told, **about}}
        logger.debug("webhook of %s, %s: %s", incoming.source, event.kind, became, extra=fields)


class CappedBody:
    """Reads no more of a body than `limit` bytes, whatever its length claims to be."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        claimed = Headers(scope=scope).get("content-length", "")
        if claimed.isdecimal() and int(claimed) > self.limit:
            await _json(self._error(scope))(scope, receive, send)
            return
        read = 0

        async def capped() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.limit:
                raise self._error(scope)
            return message

        await self.app(scope, capped, send)

    def _error(self, scope: Scope) -> TooLarge:
        return TooLarge(
            f"the body is larger than {self.limit} bytes",
            where=scope["path"].split("/", 3)[1],
            remedy="Raise [server] max_body if this was a real one",
        )


class Faults:
    """A fault of ours is a 503 without a stack trace: the sender keeps what it has, and sends it again."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if scope["type"] != "http" or begun:
                raise
            logger.error("a request failed: %s\n%s", type(error).__name__, where(error))
            fault = {"code": "fault", "message": "the bridge failed; try again"}
            await JSONResponse({"error": fault}, 503)(scope, receive, send)


def _json(error: Refused | Unavailable) -> JSONResponse:
    told = {"code": error.code, "message": error.problem, "where": error.where, "remedy": error.remedy}
    return JSONResponse({"error": {key: value for key, value in told.items() if value}}, error.status)


async def _refused(request: Request, error: Any) -> Response:
    logger.info("refused (source %r): %s", request.path_params.get("source", "")[:64], error)
    return _json(error)


async def _unavailable(_request: Request, error: Any) -> Response:
    logger.warning("not kept: %s", error)
    response = _json(error)
    response.headers["retry-after"] = "2"
    return response


async def _http_error(_request: Request, error: Any) -> Response:
    told = {"code": "not_found" if error.status_code == 404 else "refused", "message": error.detail}
    return JSONResponse({"error": told}, error.status_code, headers=error.headers)


async def _gone(_request: Request, _error: Any) -> Response:
    return Response(status_code=400)  # nobody reads it
