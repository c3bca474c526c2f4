"""Slack's answers that say `ok` and lack the rest: bolt-python's mock server gives such, a gateway may. And
those that cannot be read at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
from slack_sdk.errors import SlackClientError

from bridge.errors import DeliveryError, OutcomeUnknown, RetryLater

#: no answer, or one that cannot be read. The SDK raises AttributeError for JSON that is no object; bytes that
#: are no UTF-8, and JSON that is nested too deeply, raise the last two.
UNREADABLE = (
    TimeoutError,
    aiohttp.ClientError,
    OSError,
    SlackClientError,
    AttributeError,
    UnicodeDecodeError,
    RecursionError,
)


def text_at(answer: Mapping[str, Any], method: str, *path: str, acted: bool = False) -> str:
    """The text at `path`. Raises `OutcomeUnknown` where the call has `acted`, so that it is looked for
    before it is repeated; else `RetryLater`."""
    value = _at(answer, path)
    if isinstance(value, str) and value:
        return value
    raise _lacks(method, path, acted=acted)


def table_at(answer: Mapping[str, Any], method: str, *path: str) -> dict[str, Any]:
    """The object at `path`. Raises `RetryLater`."""
    value = _at(answer, path)
    if isinstance(value, dict):
        return value
    raise _lacks(method, path, acted=False)


def list_at(answer: Mapping[str, Any], method: str, *path: str) -> list[Any]:
    """The list at `path`. Raises `RetryLater`: without it nothing can be said to be absent."""
    value = _at(answer, path)
    if isinstance(value, list):
        return value
    raise _lacks(method, path, acted=False)


def messages_of(answer: Mapping[str, Any], method: str) -> list[dict[str, Any]]:
    """The messages of a page that have a `ts`; others cannot be looked up. Raises `RetryLater`."""
    found = list_at(answer, method, "messages")
    return [one for one in found if isinstance(one, dict) and isinstance(one.get("ts"), str)]


def next_cursor(answer: Mapping[str, Any]) -> str:
    """The cursor of the next page, or "". https://docs.slack.dev/apis/web-api/pagination"""
    return str(_at(answer, ("response_metadata", "next_cursor")) or "")


def _at(answer: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = answer
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _lacks(method: str, path: tuple[str, ...], *, acted: bool) -> DeliveryError:
    error = OutcomeUnknown if acted else RetryLater
    return error(f"Slack's answer says ok and has no {'.'.join(path)}", where=method)
