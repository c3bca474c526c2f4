"""The Starlette app: webhooks in, Slack's events in, and what a platform asks.

`POST /webhooks/{source}[/{hook}]`: cap the body, verify its raw bytes, keep it, answer. Nothing slow.
Every refusal is JSON that says what, where and what to do.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import partial
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bridge import logs, metrics, telemetry
from bridge.adapter import Adapter, Webhook, same_secret, token_of
from bridge.bodies import Body, BodyBudget, too_large
from bridge.engine.ports import Ledger
from bridge.engine.work import Incoming
from bridge.errors import Malformed, NotAllowed, NotAuthentic, NotFound, Refused, TooLarge, Unavailable
from bridge.model import AnyEvent

logger = logging.getLogger(__name__)

SLACK = "@slack"  # no source can have this name
#: what becomes of a webhook; nobody has sent all of it where it is "gone"
RESULTS = (
    *("kept", "duplicate", "probe", "unavailable", "fault", "gone"),
    *(one.code for one in (NotAuthentic, NotAllowed, NotFound, TooLarge, Malformed)),
)
LONGEST_ID = 512  # characters of a conversation's id; no index takes thousands

#: on every answer, unless it says otherwise: it is no page, and nobody keeps it
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)

#: what /readyz says: whether anything gets on; and what does not, name -> why, empty when all is well
Readiness = Callable[[], Awaitable[tuple[bool, Mapping[str, str]]]]
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
    metrics_tokens: tuple[SecretStr, ...] = (),
) -> Starlette:
    """`measure` is called before the metrics are shown, for those that are not counted as they happen; with
    `metrics_tokens`, to whoever has one of them."""

    async def webhook(request: Request) -> Response:
        source = request.path_params["source"]
        adapter = adapters.get(source)
        try:
            if adapter is None:
                raise NotFound("no source has this name")
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
        with telemetry.span("webhook", *[event.id for event in events], role="server", source=source) as span:
            if received.customers:
                new = await ledger.keep_customers(incoming, received.customers)
            else:
                new = await ledger.keep_events(incoming, events)
            span.tell(webhook=incoming.key, outcome="kept" if new else "duplicate")
        _note(incoming, events, "kept" if new else "duplicate")
        metrics.webhooks.labels(source, "kept" if new else "duplicate").inc()
        if new:
            for event in events:
                metrics.events.labels(source, event.kind).inc()
            if len(events) < len(received.events):
                metrics.count_unread(source, "endless id")
            for kind in received.unread:
                metrics.count_unread(source, kind)
        return JSONResponse(received.answer)

    budget = BodyBudget(max_body)
    answered = {name: metrics.ingest_seconds.labels(name) for name in (*adapters, SLACK)}
    for name in adapters:  # what is not there yet does not grow, for Prometheus, when it is
        for result in RESULTS:
            metrics.webhooks.labels(name, result)

    async def timed_webhook(request: Request) -> Response:
        source, began = request.path_params["source"], time.perf_counter()
        try:
            return await webhook(request)
        except Refused:
            raise
        except Exception as error:
            metrics.webhooks.labels(source if source in adapters else "", _not_kept(error)).inc()
            raise
        finally:
            if source in adapters:
                answered[source].observe(time.perf_counter() - began)

    async def timed_slack(request: Request) -> Response:
        began = time.perf_counter()
        try:
            return await slack_events(request)
        finally:
            answered[SLACK].observe(time.perf_counter() - began)

    async def healthz(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_request: Request) -> Response:
        ready, missing = await readiness()
        if (problem := budget.problem()) is not None:
            missing = {**missing, "bodies": problem}
        return JSONResponse({"ready": ready, "missing": missing}, status_code=200 if ready else 503)

    async def show_metrics(request: Request) -> Response:
        if metrics_tokens and not same_secret(token_of(request.headers, "bearer"), metrics_tokens):
            raise NotAuthentic(
                "the token is missing or wrong",
                where="/metrics",
                remedy="Send METRICS_TOKEN as `Authorization: Bearer …`",
            )
        if measure is not None:
            await measure()
        return Response(generate_latest(metrics.REGISTRY), media_type=CONTENT_TYPE_LATEST)

    app = Starlette(
        routes=[
            Route("/webhooks/{source}", timed_webhook, methods=["POST"]),
            Route("/webhooks/{source}/{hook:path}", timed_webhook, methods=["POST"]),
            Route("/slack/events", timed_slack, methods=["POST"]),
            *([Route("/files/{token}", files, methods=["GET"])] if files else ()),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", show_metrics),
        ],
        middleware=[Middleware(Faults), Middleware(CappedBody, budget=budget)],
        exception_handlers={
            Refused: _refused,
            Unavailable: _unavailable,
            HTTPException: _http_error,
            ClientDisconnect: _gone,
        },
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # it would lead to wherever the Host header says
    return app


def _not_kept(error: Exception) -> str:
    """What an answer is counted as that was no word of the adapter's."""
    return {Unavailable: "unavailable", ClientDisconnect: "gone"}.get(type(error), "fault")


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
    """Reads no more of a body than it may have, whatever its length claims to be: see `bridge.bodies`."""

    def __init__(self, app: ASGIApp, budget: BodyBudget) -> None:
        self.app = app
        self._budget = budget

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        claimed, limit = Headers(scope=scope).get("content-length", ""), self._budget.limit
        # Python makes no number of thousands of digits.
        if claimed.isdecimal() and (len(claimed) > 15 or int(claimed) > limit):
            await _json(too_large(limit))(scope, receive, send)
            return
        body = Body(self._budget)
        try:
            await self.app(scope, partial(body.receive, receive), send)
        finally:
            self._budget.release(body)


class Faults:
    """A fault of ours is a 503 without a stack trace: the sender keeps what it has, and sends it again.

    And the headers of every answer, since all of them pass here.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                message["headers"] += [one for one in _ALWAYS if one[0] not in given]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if scope["type"] != "http" or begun:
                raise
            logs.fault(logger, "a request failed", error)
            told = {"code": "fault", "message": "the bridge failed; try again"}
            await JSONResponse({"error": told}, 503)(scope, receive, watched)


def _json(error: Refused | Unavailable) -> JSONResponse:
    told = {"code": error.code, "message": error.problem, "where": error.where, "remedy": error.remedy}
    return JSONResponse({"error": {key: value for key, value in told.items() if value}}, error.status)


async def _refused(request: Request, error: Any) -> Response:
    logger.info("refused (source %r): %s", request.path_params.get("source", "")[:64], error)
    return _json(error)


async def _unavailable(_request: Request, error: Any) -> Response:
    logger.warning("not kept: %s", error)
    # Why is our operators' business: it may name machines behind this one.
    response = _json(Unavailable("this cannot be kept just now; try again"))
    response.headers["retry-after"] = "2"
    return response


async def _http_error(_request: Request, error: Any) -> Response:
    told = {"code": "not_found" if error.status_code == 404 else "refused", "message": error.detail}
    return JSONResponse({"error": told}, error.status_code, headers=error.headers)


async def _gone(_request: Request, _error: Any) -> Response:
    return Response(status_code=400)  # nobody reads it
