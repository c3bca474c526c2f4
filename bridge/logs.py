"""Log lines, for people or for programs, each with what it is about: one `id` follows a message all the way.

It is the event's at its source, or that of the Slack message: the key of its delivery. Nothing that people
wrote is in a line; an error is told by its class and where it was, since its own words may quote somebody.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Literal

Format = Literal["pretty", "json"]
FORMATS: tuple[Format, ...] = ("pretty", "json")
VARIABLE = "BRIDGE_LOG"

#: loggers of others that write a line for every call, or for every paragraph that they parse
CHATTY = ("httpx", "httpcore", "alembic", "slack_bolt", "slack_sdk", "aiohttp", "markdown_it")

_UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")

_about: ContextVar[Mapping[str, Any]] = ContextVar("about", default={})  # noqa: B039 - never changed


@contextlib.contextmanager
def about(**fields: Any) -> Iterator[None]:
    """What is logged within it is about this; fields that are None are left out."""
    token = _about.set({**_about.get(), **{name: one for name, one in fields.items() if one is not None}})
    try:
        yield
    finally:
        _about.reset(token)


def fields() -> dict[str, Any]:
    """What is done here and now is about this."""
    return dict(_about.get())


def fault(logger: logging.Logger, problem: str, error: BaseException) -> None:
    """Log an error that nobody foresaw; `bridge.telemetry` tells it where it is watched for."""
    logger.error("%s: %s\n%s", problem, type(error).__name__, where(error), extra={"fault": error})


def where(error: BaseException) -> str:
    """The stack of an error without its message, which may quote what a customer wrote."""
    return "".join(traceback.format_tb(error.__traceback__)).rstrip()


def setup(level: str, format: Format) -> None:
    """Log to standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(Json() if format == "json" else Pretty())
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(logging.WARNING)


def format_of(given: str | None, environ: Mapping[str, str]) -> Format:
    """What the command line says, else the environment. For people where neither says anything."""
    wanted = given or environ.get(VARIABLE, "").strip().lower()
    return "json" if wanted == "json" else "pretty"


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {**_about.get(), **getattr(record, "fields", {})}


class Pretty(logging.Formatter):
    """A line as people read it; the `id` stands at its end, the rest is in the words."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:
        id = _fields(record).get("id")
        return super().formatMessage(record) + (f" [{id}]" if id else "")

    def formatException(self, ei: Any) -> str:
        return _where(ei)

    def format(self, record: logging.LogRecord) -> str:
        # Ids and reasons are others' words: none of them begins a line of its own.
        return _shown(super().format(record)).replace("\n", "\n    ")


class Json(logging.Formatter):
    """One object a line."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            told["error"] = _where(record.exc_info)
        return _shown(json.dumps(told, ensure_ascii=False, default=str))


def _shown(text: str) -> str:
    """Without what a terminal obeys, or shows in another order."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _where(found: Any) -> str:
    """The class of an error and the stack it had, without its words."""
    kind, _, stack = found if isinstance(found, tuple) else sys.exc_info()
    frames = "".join(traceback.format_tb(stack)).rstrip()
    return f"{getattr(kind, '__name__', kind)}\n{frames}" if frames else str(getattr(kind, "__name__", kind))
