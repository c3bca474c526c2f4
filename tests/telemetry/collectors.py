"""Sentry and an OpenTelemetry collector, as far as their SDKs need them: they keep what they are sent."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PROJECT = 7


@dataclass
class Sentry:
    """https://develop.sentry.dev/sdk/foundations/transport/envelopes/"""

    raw: list[bytes] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def route(self) -> Route:
        return Route(f"/api/{PROJECT}/envelope/", self._take, methods=["POST"])

    async def _take(self, request: Request) -> Response:
        body = await _body(request)
        self.raw.append(body)
        lines = body.split(b"\n")[1:]
        while lines and lines[0]:
            header, payload = json.loads(lines.pop(0)), lines.pop(0)
            self.kinds.add(header["type"])
            if header["type"] == "event":
                self.events.append(json.loads(payload))
        return JSONResponse({})


@dataclass
class Collector:
    """https://opentelemetry.io/docs/specs/otlp/#otlphttp"""

    raw: list[bytes] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)

    @property
    def route(self) -> Route:
        return Route("/v1/traces", self._take, methods=["POST"])

    async def _take(self, request: Request) -> Response:
        body = await _body(request)
        self.raw.append(body)
        told = ExportTraceServiceRequest.FromString(body)
        for one in told.resource_spans:
            self.resources.append(values(one.resource))
            for scope in one.scope_spans:
                self.spans.extend(scope.spans)
        return Response(ExportTraceServiceResponse().SerializeToString(), media_type="application/x-protobuf")

    def of(self, trace: int) -> list[Span]:
        return [span for span in self.spans if span.trace_id == trace.to_bytes(16)]


def values(of: Any) -> dict[str, Any]:
    """The attributes of a span, or of a resource."""
    return {one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in of.attributes}


async def _body(request: Request) -> bytes:
    body = await request.body()
    return gzip.decompress(body) if request.headers.get("content-encoding") == "gzip" else body
