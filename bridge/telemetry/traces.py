"""Spans by OpenTelemetry's SDK, to a collector over HTTP. One trace a message, whichever process has a part.

The id of a trace is made of the message's, so nothing has to be handed from the webhook to the lane, or from
one process to the next; and a sampler that goes by it keeps all of a message's spans, or none.

The instrumentations that exist for Starlette, httpx and aiohttp are not used: they put addresses into spans.
There is a token in GPTBots' addresses of ours, a permission in those that files are uploaded to, and a
customer's id in most.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from types import TracebackType
from typing import Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import SpanKind, Status, StatusCode

from bridge import __version__
from bridge.telemetry import Attribute, Role

NAME = "slack-handoff-bridge"
_ROLES = {"server": SpanKind.SERVER, "internal": SpanKind.INTERNAL, "client": SpanKind.CLIENT}
_message: ContextVar[str | None] = ContextVar("message", default=None)


class Traces:
    """`bridge.telemetry.Tracer`. Where to, with which headers, and what is sampled is in OpenTelemetry's own
    variables: https://opentelemetry.io/docs/languages/sdk-configuration/"""

    def __init__(self, environ: Mapping[str, str]) -> None:
        told = {"service.version": __version__}
        if not environ.get("OTEL_SERVICE_NAME"):
            told["service.name"] = NAME
        self._provider = TracerProvider(
            resource=Resource.create(told), id_generator=_Ids(), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(NAME, __version__)

    def span(self, name: str, ids: Iterable[str], role: Role, attributes: Mapping[str, Attribute]) -> _Spans:
        return _Spans(self._tracer, name, tuple(ids), _ROLES[role], attributes)

    def stop(self) -> None:
        self._provider.shutdown()


class _Ids(RandomIdGenerator):
    def generate_trace_id(self) -> int:
        message = _message.get()
        return super().generate_trace_id() if message is None else trace_id(message)


def trace_id(message: str) -> int:
    """The trace of the message with this id."""
    return int.from_bytes(hashlib.sha256(message.encode()).digest()[:16]) or 1


class _Spans:
    """One span in the trace of each message: a webhook may bring several. What is begun within is below the
    last."""

    def __init__(
        self,
        tracer: trace.Tracer,
        name: str,
        messages: tuple[str, ...],
        kind: SpanKind,
        attributes: Mapping[str, Attribute],
    ) -> None:
        told = _attributes(attributes)
        if not messages:
            self._spans = [tracer.start_span(name, kind=kind, attributes=told)]
        else:
            self._spans = [_first(tracer, name, one, kind, told) for one in messages]
        self._within = contextlib.ExitStack()

    def tell(self, **attributes: Attribute) -> None:
        for span in self._spans:
            span.set_attributes(_attributes(attributes))

    def __enter__(self) -> Self:
        # An exception would be written into it with its words, which may quote somebody.
        self._within.enter_context(
            trace.use_span(self._spans[-1], record_exception=False, set_status_on_exception=False)
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None, /
    ) -> None:
        self._within.close()
        for span in self._spans:
            if kind is not None:
                span.set_attribute("error.type", kind.__name__)
                span.set_status(Status(StatusCode.ERROR))
            span.end()


def _first(
    tracer: trace.Tracer,
    name: str,
    message: str,
    kind: SpanKind,
    told: Mapping[str, str | int | float | bool],
) -> trace.Span:
    """A span that is below none."""
    token = _message.set(message)
    try:
        return tracer.start_span(name, Context(), kind, {"bridge.id": message, **told})
    finally:
        _message.reset(token)


def _attributes(told: Mapping[str, Attribute]) -> dict[str, str | int | float | bool]:
    return {f"bridge.{name}": value for name, value in told.items() if value is not None}
