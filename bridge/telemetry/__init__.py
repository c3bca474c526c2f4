"""Faults to Sentry and traces by OpenTelemetry, for whoever wants them: each is an extra, and on once the
environment says where to.

Nothing that people wrote leaves with them, no secret, and no address that may hold one. So nothing looks over
our shoulder: of all that their SDKs could do by themselves (requests, SQL, HTTP clients, logs) nothing is on.
What is told is told here: a fault by its class and stack, a span by ids, kinds and outcomes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import Literal, Protocol, Self

from bridge.errors import ConfigError

SENTRY = "SENTRY_DSN"
OTLP = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
LAST = 3.0  # seconds to hand over what is left, when the process ends

Role = Literal["server", "internal", "client"]
Attribute = str | int | float | bool | None
Begin = Callable[[], Callable[[], None]]  # what it gives back ends it


class Span(Protocol):
    def tell(self, **attributes: Attribute) -> None:
        """What is known only later; nothing of what is None."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None, /
    ) -> None: ...


class Tracer(Protocol):
    def span(
        self, name: str, ids: Iterable[str], role: Role, attributes: Mapping[str, Attribute]
    ) -> Span: ...

    def stop(self) -> None: ...


class _Nothing:
    """A span while there are none."""

    __slots__ = ()

    def tell(self, **_attributes: Attribute) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass


_NOTHING = _Nothing()
_tracer: Tracer | None = None
_closing: list[Callable[[], None]] = []


def start(environ: Mapping[str, str]) -> None:
    """Begin with what the environment asks for. Raises `ConfigError` as `ready` does."""
    _closing.extend(begin() for begin in ready(environ))


def ready(environ: Mapping[str, str]) -> list[Begin]:
    """What the environment asks for, to be begun. Raises `ConfigError` where it is not installed, or none."""
    wanted: list[Begin] = []
    if dsn := environ.get(SENTRY, "").strip():
        try:
            from bridge.telemetry import faults
        except ModuleNotFoundError:
            raise _missing(SENTRY, "sentry") from None
        faults.check(dsn)
        wanted.append(partial(faults.start, dsn, environ))
    if set_ := next((name for name in OTLP if environ.get(name, "").strip()), None):
        try:
            from bridge.telemetry import traces
        except ModuleNotFoundError:
            raise _missing(set_, "opentelemetry") from None
        wanted.append(lambda: _trace(traces.Traces(environ)))
    return wanted


def _trace(tracer: Tracer) -> Callable[[], None]:
    global _tracer
    _tracer = tracer
    return tracer.stop


def stop() -> None:
    """Hand over what is left, within `LAST` seconds, and be off again."""
    global _tracer
    _tracer = None
    closing = [threading.Thread(target=one, daemon=True) for one in _closing]
    _closing.clear()
    for thread in closing:
        thread.start()
    for thread in closing:
        thread.join(LAST)


def span(name: str, *ids: str, role: Role = "internal", **attributes: Attribute) -> Span:
    """What is done within it: a span of the trace that each message of `ids` has, by its id in the log; or
    else of the span that it is within."""
    if _tracer is None:
        return _NOTHING
    return _tracer.span(name, ids, role, attributes)


def _missing(variable: str, extra: str) -> ConfigError:
    return ConfigError(
        f"{variable} is set, but what it needs is not installed",
        where="environment",
        remedy=f"pip install 'slack-handoff-bridge[{extra}]', or lock it into requirements.txt "
        f"(docs/metrics.md#faults-and-traces); or unset {variable}",
    )
