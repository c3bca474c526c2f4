"""What a call of the Web API brings, and the no it may get.

https://docs.slack.dev/apis/web-api/: arguments come in the query, as a form, or as JSON; in the first two
lists and objects are JSON text and flags are words.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from bridge.sandbox.slack.state import Channel, Json, Message
from bridge.sandbox.slack.workspace import Workspace


class ApiError(Exception):
    """`{"ok": false, "error": code}`, with `problems` in `response_metadata.messages`."""

    def __init__(self, code: str, problems: list[str] | None = None, **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.problems = problems
        self.more = more

    def as_json(self) -> Json:
        body: Json = {"ok": False, "error": self.code, **self.more}
        if self.problems:
            body["errors"] = self.problems
            body["response_metadata"] = {"messages": [f"[ERROR] {one}" for one in self.problems]}
        return body


def read(query: str, content_type: str, body: bytes) -> tuple[Json, str | None]:
    """A request's arguments, and the token among them (JSON may not carry one)."""
    if content_type.startswith("application/json"):
        try:
            values = json.loads(body)
        except ValueError:
            raise ApiError("invalid_json") from None
        if not isinstance(values, dict):
            raise ApiError("json_not_object")
        values.pop("token", None)
        return values, None
    try:
        form = dict(parse_qsl(f"{query}&{body.decode()}", keep_blank_values=True))
    except UnicodeDecodeError:
        raise ApiError("invalid_form_data") from None
    return form, form.pop("token", None)


class Arguments:
    """One call's arguments, read as what they are meant to be."""

    def __init__(self, workspace: Workspace, values: Json) -> None:
        self.workspace = workspace
        self.values = values

    def __contains__(self, name: str) -> bool:
        return self.values.get(name) is not None

    def text(self, name: str) -> str | None:
        value = self.values.get(name)
        if value is None or isinstance(value, str):
            return value
        raise ApiError("invalid_arguments", [f"must be a string [json-pointer:/{name}]"])

    def needed(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise ApiError("invalid_arguments", [f"missing required field: {name}"])
        return value

    def flag(self, name: str) -> bool:
        return self.values.get(name) in (True, 1, "1", "true", "True")

    def number(self, name: str, default: int, *, most: int, error: str = "invalid_limit") -> int:
        """From 1 to `most`."""
        try:
            value = int(self.values.get(name) or default)
        except (TypeError, ValueError):
            raise ApiError(error) from None
        if not 1 <= value <= most:
            raise ApiError(error)
        return value

    def json(self, name: str, error: str) -> Any:
        """A list or an object, also where it comes as JSON text. None where it is absent or empty text."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise ApiError(error) from None

    def list(self, name: str, error: str) -> list[Any] | None:
        value = self.json(name, error)
        if value is None or isinstance(value, list):
            return value
        raise ApiError(error)

    def channel(self, name: str = "channel") -> Channel:
        try:
            channel = self.workspace.channel(self.needed(name))
        except KeyError:
            raise ApiError("channel_not_found") from None
        if channel.is_private and self.workspace.app.user not in channel.members:
            raise ApiError("channel_not_found")
        return channel

    def message(self, channel: Channel, name: str) -> Message:
        message = channel.messages.get(self.needed(name))
        if message is None:
            raise ApiError("message_not_found")
        return message


def is_ts(value: str) -> bool:
    return re.fullmatch(r"\d{1,12}\.\d{6}", value) is not None
