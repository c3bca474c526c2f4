"""Errors that nobody foresaw, to Sentry: their classes and where they were, without their words.

What the SDK would add by itself is off, and `stripped` lets through only what is named here: a new version of
it may collect more.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

import sentry_sdk
from sentry_sdk.integrations.atexit import AtexitIntegration
from sentry_sdk.integrations.dedupe import DedupeIntegration
from sentry_sdk.integrations.excepthook import ExcepthookIntegration
from sentry_sdk.types import Event
from sentry_sdk.utils import Dsn

from bridge import __version__, logs
from bridge.errors import ConfigError

FLUSH = 2.0  # seconds

_KEPT = (
    "event_id",
    "timestamp",
    "level",
    "platform",
    "logger",
    "release",
    "environment",
    "server_name",
    "tags",
    "sdk",
)
_OF_ERROR = ("type", "module")
_OF_FRAME = (
    "filename",
    "abs_path",
    "function",
    "module",
    "lineno",
    "in_app",
    "pre_context",
    "context_line",
    "post_context",
)
_TAGS = ("id", "delivery", "conversation")


def check(dsn: str) -> None:
    """Raises `ConfigError` for a DSN that is none."""
    try:
        Dsn(dsn)
    except ValueError:  # `BadDsn` is one, and so is what a port that is none raises
        raise ConfigError(
            "SENTRY_DSN is no address of a Sentry project",
            where="environment",
            remedy="Copy it from the project's settings, Client Keys (DSN)",
        ) from None


def start(dsn: str, environ: Mapping[str, str]) -> Callable[[], None]:
    """Begin to watch; how that is ended."""
    sentry_sdk.init(
        dsn=dsn,
        release=environ.get("SENTRY_RELEASE") or f"slack-handoff-bridge@{__version__}",
        environment=environ.get("SENTRY_ENVIRONMENT") or "production",
        # https://docs.sentry.io/platforms/python/configuration/options/
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[ExcepthookIntegration(), DedupeIntegration(), AtexitIntegration(_silently)],
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        traces_sample_rate=None,
        auto_session_tracking=False,
        shutdown_timeout=FLUSH,
        before_send=stripped,
    )
    logging.getLogger().addHandler(_HANDLER)
    return stop


def stop() -> None:
    """Hand over what is left, and stop watching."""
    logging.getLogger().removeHandler(_HANDLER)
    sentry_sdk.get_client().close(timeout=FLUSH)


class _Handler(logging.Handler):
    """Takes the faults among what is logged: ours, and those that somebody else's code logs with a stack."""

    def emit(self, record: logging.LogRecord) -> None:
        error = getattr(record, "fault", None) or (record.exc_info and record.exc_info[1])
        if not error:
            return
        about = logs.fields()
        with contextlib.suppress(Exception), sentry_sdk.new_scope() as scope:  # nothing fails for its sake
            scope.set_tags({name: about[name] for name in _TAGS if name in about})
            scope.set_tag("logger", record.name)
            scope.capture_exception(error)


_HANDLER = _Handler(logging.ERROR)


def stripped(event: Event, _hint: Mapping[str, Any]) -> Event:
    """`event` without anything that may hold somebody's words, or a secret."""
    told: Any = {name: one for name, one in event.items() if name in _KEPT}
    errors = (event.get("exception") or {}).get("values") or ()
    told["exception"] = {"values": [_error(one) for one in errors]}
    return told  # type: ignore[no-any-return]


def _error(told: Mapping[str, Any]) -> dict[str, Any]:
    frames = (told.get("stacktrace") or {}).get("frames") or ()
    mechanism = told.get("mechanism") or {}
    return {
        **{name: told.get(name) for name in _OF_ERROR},
        "mechanism": {name: mechanism[name] for name in ("type", "handled") if name in mechanism},
        "stacktrace": {"frames": [{name: one[name] for name in _OF_FRAME if name in one} for one in frames]},
    }


def _silently(_pending: int, _timeout: float) -> None:
    """The SDK would tell on standard error that it waits."""
