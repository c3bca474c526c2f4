"""Whether a payload that Slack signed can be one of Slack's: pure.

Its ids and times become keys and rows, so no database may refuse them. Nothing else is checked here: readers
ignore fields that they do not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bridge.errors import Malformed

#: neither database takes these in a text, and no UTF-8 has the latter: NUL, and half of a surrogate pair
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
#: until the year 2286: a time that no calendar has is none
_TS = re.compile(r"[0-9]{1,10}(\.[0-9]{1,9})?", re.ASCII)
_TIMES = frozenset({"ts", "thread_ts", "event_ts", "deleted_ts", "message_ts", "action_ts"})
#: fields that hold people's words: `without_unstorable` is for these
_WORDS = frozenset(
    {"text", "blocks", "attachments", "files", "metadata", "state", "title", "message_blocks"}
    | {"user_profile", "bot_profile", "name", "username"}
)


def check(payload: object) -> None:
    """Raises `Malformed` where an id or a time cannot be Slack's."""
    if not isinstance(payload, Mapping):
        raise _malformed("it is no object")
    if "event" in payload and not isinstance(payload["event"], Mapping):
        raise _malformed("its event is no object")
    try:
        _check(payload)
    except RecursionError:
        raise _malformed("it is nested too deeply") from None


def _check(value: object, name: str = "") -> None:
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            raise _malformed("there is a character in it that is in no id")
        if name in _TIMES and value and not _TS.fullmatch(value):
            raise _malformed("a time in it is none")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if key not in _WORDS:
                _check(item, key)
    elif isinstance(value, list):
        for item in value:
            _check(item, name)


def without_unstorable(value: Any) -> Any:
    """People's words, with U+FFFD for each character that cannot be kept or sent."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {key: without_unstorable(item) for key, item in value.items()}
    return [without_unstorable(item) for item in value] if isinstance(value, list) else value


def edited_at(message: Mapping[str, Any]) -> dict[str, str]:
    """When a person edited a message last, as a field of what is kept of it."""
    edited = message.get("edited")
    ts = edited.get("ts") if isinstance(edited, Mapping) else None
    return {"edited_at": ts} if isinstance(ts, str) and _TS.fullmatch(ts) else {}


def _malformed(problem: str) -> Malformed:
    return Malformed(f"this is no payload of Slack's: {problem}", where="/slack/events")
