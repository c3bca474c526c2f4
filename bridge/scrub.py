"""A payload without anything that anybody said or is: the same shape, other words. Pure.

It goes by structure, not by what is known of a vendor, so that what a vendor adds is covered: every text is
replaced, but for words of the vendor's own at the names where such words stand. The same text is replaced by
the same one throughout, so that ids still tell what belongs together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

#: where vendors say of what kind something is, in words of their own
KINDS = {
    "action",
    "author_type",
    "content_type",
    "event_type",
    "height",
    "kind",
    "message_type",
    "mime_type",
    "modality",
    "role",
    "status",
    "type",
}
LANGUAGES = {"language", "locale"}
#: below these stands what others put there, under whatever name
THEIRS = re.compile(r"meta|context|custom|variable|attribute|propert|extra|tags|user|profile|payload", re.I)
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9_+]*(?:[.:/-][A-Za-z0-9_+]+){0,5}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:[-_][A-Za-z]{2,4})?")
_NAME = re.compile(r"(?=.{1,40}$)[A-Za-z_]+[0-9]{0,2}[A-Za-z_]*")
_WHEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?")
_TIMES = re.compile(r"(?:^|_)(?:timestamp|time|at)$")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.I)
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
_PHONE = re.compile(r"\+?(?=.*[0-9])[0-9 ()./-]{6,}|[0-9]+")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
_HEX = re.compile(r"(?=.*\d)[0-9a-f]{16,}", re.I)
_ID = re.compile(r"(?=.*\d)[A-Za-z0-9_.:|=-]{3,}")
#: what a file's name may end with, and how it is shown goes by it
_ENDING = re.compile(r"\.(?:png|jpe?g|gif|webp|pdf|mp[34]|m4a|wav|ogg|csv|txt|docx?|xlsx?|zip)(?=$|\?)", re.I)
_SCHEMES = {"http", "https", "ftp", "file", "data"}
#: what the bridge itself puts before the ids of people in Slack, and knows again
_OURS = "slack:"
_PUNCTUATION = set(" \n\t.,;:!?*_~`'\"#>|()[]{}/-+=&%@<\\")

NESTED = 500  # characters: what is longer may also be deeper than can be walked through
SMALL = 1000  # numbers below it say how many, or how long


class Scrub:
    """One for all that is to fit together."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def __call__(self, payload: Any) -> Any:
        return self._value("", payload, theirs=False)

    def _value(self, name: str, value: Any, *, theirs: bool) -> Any:
        match value:
            case dict():
                inner = theirs or bool(THEIRS.search(name))
                return {
                    self._name(key): self._value(key, one, theirs=inner or not _NAME.fullmatch(key))
                    for key, one in value.items()
                }
            case list():
                return [self._value(name, one, theirs=theirs) for one in value]
            case str():
                return self._text(name, value, theirs=theirs)
            case bool() | None:
                return value
            case int() | float():
                return self._number(name, value, theirs=theirs)
        return None

    def _name(self, name: str) -> str:
        if _NAME.fullmatch(name):
            return name
        return self._names.setdefault(name, f"other{len(self._names) + 1}")

    def _text(self, name: str, text: str, *, theirs: bool) -> str:
        if not theirs and name in KINDS and len(text) <= 64 and _KIND.fullmatch(text):
            return text
        if name in LANGUAGES and _LANGUAGE.fullmatch(text):
            return text
        if not theirs and _TIMES.search(name) and _WHEN.fullmatch(text):
            return text
        return self._other(name, text)

    def _number(self, name: str, number: float, *, theirs: bool) -> float:
        if not theirs and _TIMES.search(name):
            return number
        if isinstance(number, float):
            return number if number.is_integer() and abs(number) < SMALL else 0.5
        if abs(number) < SMALL:
            return number
        return int(self._other(name, str(abs(number)))) * (1 if number > 0 else -1)

    def _other(self, name: str, text: str) -> str:
        """The text that stands for `text`, always the same."""
        if not text.strip() or (text.isdecimal() and len(text) < 3):
            return text
        if (known := self._known.get(text)) is None:
            known = self._known[text] = self._new(name, text, len(self._known) + 1)
        return known

    def _new(self, name: str, text: str, number: int) -> str:
        if (inside := _nested(text)) is not None:
            return json.dumps(self._value("payload", inside, theirs=True), ensure_ascii=False)
        found = _ENDING.search(text)
        ending = found[0].lower() if found else ""
        for pattern, make in _FORMS:
            if pattern.fullmatch(text):
                return make(text, number, ending)
        if name == "id" or name.endswith("_id"):
            return _id(text, number, "")
        return _masked(text[: found.start()]) + ending if found else _masked(text)


def _nested(text: str) -> Any:
    """JSON in a text, as some vendors send it."""
    try:
        told = json.loads(text) if text.lstrip().startswith(("{", "[")) else None
        return told if isinstance(told, dict | list) and len(text) < NESTED else None
    except (ValueError, RecursionError):
        return None


def _masked(text: str) -> str:
    """As long, with its punctuation and its lines: so it is split, and marked up, as what it stands for."""
    return "".join(_mask(one) for one in text)


def _mask(one: str) -> str:
    if one in _PUNCTUATION:
        return one
    return "0" if one.isdigit() else "X" if one.isupper() else "x"


def _digits(text: str, number: int, _ending: str = "") -> str:
    """With other digits, as many as there were."""
    count = sum(one.isdigit() for one in text)
    new = iter(str(10 ** (count - 1) + number)[-count:])
    return "".join(next(new) if one.isdigit() else one for one in text)


def _url(text: str, number: int, ending: str) -> str:
    scheme = text.partition(":")[0].lower()
    return f"{scheme if scheme in _SCHEMES else 'other'}://example.com/{number}{ending}"


def _id(text: str, number: int, _ending: str) -> str:
    """Of the same length, as far as it holds the number."""
    if text.startswith(_OURS):
        return _OURS + _id(text.removeprefix(_OURS), number, "")
    return f"id{str(number).rjust(len(text) - 2, '0')}"


_FORMS: tuple[tuple[re.Pattern[str], Callable[[str, int, str], str]], ...] = (
    (_URL, _url),
    (_EMAIL, lambda _text, number, _ending: f"somebody{number}@example.com"),
    (_UUID, lambda _text, number, _ending: f"00000000-0000-4000-8000-{number:012x}"),
    (_HEX, lambda text, number, _ending: f"{number:x}".rjust(len(text), "0")),
    (_PHONE, _digits),
    (_ID, _id),
)
