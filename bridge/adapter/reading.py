"""Reading what a vendor sent: any field may be missing or odd, so no reader raises."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from bridge.model import AnyEvent, AnyPart, Message, Text, UnknownEvent, UnknownPart


class Unreadable(Exception):
    """What makes an event of a known kind readable is missing or odd; it becomes an `UnknownEvent`."""


def storable(value: dict[str, Any]) -> dict[str, Any]:
    """`value` without what JSON text can say but no store can keep: NUL and half surrogate pairs become
    U+FFFD, NaN and infinities null, and so does whatever is nested deeper than 32 levels."""
    return {_storable(name, 0): _storable(inner, 31) for name, inner in value.items()}


def _storable(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        if not value.isascii():  # most are, and have no surrogates
            value = value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {_storable(k, 0): _storable(v, depth - 1) for k, v in value.items()} if depth else None
    if isinstance(value, list):
        return [_storable(inner, depth - 1) for inner in value] if depth else None
    return None if isinstance(value, float) and not math.isfinite(value) else value


def word(value: object) -> str | None:
    """A text, or a number as one; None where there is none, or nothing in it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value.strip() else None


def text_of(value: object) -> str | None:
    """A text to the letter, also one with nothing in it, or a number as one; None for anything else."""
    return value if isinstance(value, str) else word(value)


def without_blank_texts(parts: Iterable[AnyPart]) -> tuple[AnyPart, ...]:
    """`parts` without texts of white space alone; the first of them stays where nothing else was said."""
    found = tuple(parts)
    kept = tuple(one for one in found if not isinstance(one, Text) or one.text.strip())
    return kept or found[:1]


def whole(value: object) -> int | None:
    """A count or a size: whole, and not below 0. It may have any number of digits."""
    return value if type(value) is int and value >= 0 else None


def mapping(value: object) -> Mapping[str, Any]:
    """An object's fields; none where it is no object."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The objects in a list; what else is in it is passed over."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


_ADDRESS = re.compile(r"https?://[^\s\x00-\x20\x7f]+", re.IGNORECASE)


def address(value: object) -> str | None:
    """An http(s) address. Any other scheme (`javascript:`, `data:` …) must never become a link."""
    found = isinstance(value, str) and _ADDRESS.fullmatch(value.strip())
    return found[0] if found else None


def callable_address(value: str) -> str:
    """`value`, where a host and a port can be read from it. Raises `ValueError`."""
    try:
        parts = urlsplit(value)
        known = parts.hostname and parts.port != 0  # reading the port checks it
    except ValueError:
        known = False
    if not known:
        raise ValueError("is not an address that can be called: its host or its port cannot be read")
    return value


def moment(value: object) -> datetime | None:
    """An ISO 8601 time, or seconds or milliseconds since 1970, told apart by magnitude."""
    try:
        if isinstance(value, str) and not value.isdecimal():
            at = datetime.fromisoformat(value)
            at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        else:
            seconds = float(value)  # type: ignore[arg-type]  # anything but a number is a TypeError
            at = datetime.fromtimestamp(seconds / 1000 if seconds >= 1e12 else seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return at if 2000 <= at.year < 2100 else None  # else a unit or a zero we do not understand


def scalars(value: Mapping[str, Any], *, without: Collection[str] = ()) -> dict[str, Any]:
    """The plain values and lists in `value` by dotted name, for an event's `details`:
    `{"metadata.locale": "en", "metadata.tags": ["vip"]}`.

    `without` names what was read already, dotted as well; a name there leaves out all below it.
    """
    return dict(_scalars(value, "", without))


def _scalars(value: Mapping[str, Any], prefix: str, without: Collection[str]) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        name = prefix + key
        if name in without:
            continue
        if isinstance(inner, dict):
            yield from _scalars(inner, f"{name}.", without)
        elif isinstance(inner, str | int | float | list):
            yield name, inner


def unread_in(events: Iterable[AnyEvent]) -> tuple[str, ...]:
    """What `Received.unread` says of `events`: the kinds of events and parts that nobody could read."""
    return tuple(
        found.type
        for event in events
        for found in (event, *(event.parts if isinstance(event, Message) else ()))
        if isinstance(found, UnknownEvent | UnknownPart)
    )
