"""The kinds of values that settings have, each with what is said about a wrong one."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from bridge.adapter import callable_address
from bridge.hours import Hours, zone

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZES = {"B": 1, "KB": 1024, "MB": 1024**2}


def _seconds(value: object) -> object:
    if isinstance(value, str) and (found := re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)", value.strip())):
        return float(found[1]) * _UNITS[found[2]]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise ValueError('is not a duration; write it like "30s", "10m" or "6h"')


def _without_nul(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("has a NUL character in it, which no file's name has")
    return path


def _countable(seconds: float) -> float:
    """No clock or timer counts much further."""
    if seconds > 36_500 * _UNITS["d"]:
        raise ValueError('is longer than "36500d"')
    return seconds


def _bytes(value: object) -> object:
    if isinstance(value, str) and (found := re.fullmatch(r"(\d+)\s*(B|KB|MB)", value.strip())):
        return int(found[1]) * _SIZES[found[2]]
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError('is not a size; write it like "512KB" or "1MB"')


def _outlasts(seconds: float) -> float:
    """What is sent twice is known by what is kept, and vendors send again for days."""
    if 0 < seconds < 7 * 86400:
        raise ValueError('is less than "7d"; 0 keeps everything for ever')
    return seconds


def _form(pattern: str, problem: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(problem)
        return value

    return AfterValidator(check)


def _filled(value: Any) -> Any:
    if not value:
        raise ValueError("is empty")
    return value


def _one_or_several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def nearest(given: str, known: Iterable[str]) -> str:
    """What is added to what is said of a wrong name, where one that is known is like it."""
    near = difflib.get_close_matches(given, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def several(value: str) -> tuple[SecretStr, ...]:
    """Secrets, separated by commas."""
    return tuple(SecretStr(one.strip()) for one in value.split(",") if one.strip())


def _reads(read: Callable[[str], object]) -> AfterValidator:
    """What `read` does not raise a `ValueError` for."""

    def check(value: str) -> str:
        read(value)
        return value

    return AfterValidator(check)


OneOrSeveral = BeforeValidator(_one_or_several)
Filled = AfterValidator(_filled)  # min_length would also count entries that are there, but wrong
Duration = Annotated[
    float, BeforeValidator(_seconds), Field(ge=0, allow_inf_nan=False), AfterValidator(_countable)
]
Pause = Annotated[Duration, Field(gt=0)]
Keep = Annotated[Duration, AfterValidator(_outlasts)]
Size = Annotated[int, BeforeValidator(_bytes), Field(gt=0)]
#: a source's or a workspace's: part of an address and, in capitals, of environment variables
Name = Annotated[
    str,
    _form(r"[a-z](?:[a-z0-9-]{0,62}[a-z0-9])?", "is not a name: small letters, digits and hyphens"),
]
UserId = Annotated[str, Field(pattern=r"^[UW][A-Z0-9]{2,}$")]
ChannelId = Annotated[
    str,
    _form(r"[CG][A-Z0-9]{2,}", "is not a channel's id; it is like C0123456789, under the channel's details"),
]
#: who is called by a mention
GroupOrUserId = Annotated[
    str,
    _form(r"[SUW][A-Z0-9]{2,}", "is not the id of a user group (S0123456789) or of a member (U0123456789)"),
]
NotePrefix = Annotated[
    str,
    Field(min_length=1, max_length=20),
    _form(r"(?!\s*[!！])(?s:.*)", 'begins with "!", as commands do (!claim)'),
]
WebAddress = Annotated[
    str,
    _form(r"https?://[^\s/]\S*", "is not an http or https address"),
    AfterValidator(callable_address),
]
Host = Annotated[
    str,
    AfterValidator(str.lower),
    _form(r"(?:[^\s/@:\[\]]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", "is not a host, or a host and its port"),
]
FilePath = Annotated[Path, AfterValidator(_without_nul)]
Patterns = Annotated[tuple[str, ...], OneOrSeveral]
Globs = Annotated[Patterns, Filled]
TimeOfDay = Annotated[
    str, _form(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", 'is not a time of day; write it like "09:00"')
]
TimesOfWeek = Annotated[
    tuple[Annotated[str, _reads(lambda spec: Hours.parse([spec], "UTC"))], ...], OneOrSeveral
]
TimeZone = Annotated[str, _reads(zone)]
