"""Business hours: when a team is there, by the clock on its wall.

It is open at every moment that the clock shows as such: an hour that is skipped in spring passes nobody,
and one that is repeated in autumn is there twice. All moments that come back are in UTC.
"""

from __future__ import annotations

import difflib
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NAME = "|".join(_DAYS)
_CLOCK = "(?:[01]?[0-9]|2[0-3]):[0-5][0-9]"
_SPEC = re.compile(
    rf"({_NAME})(?:\s*-\s*({_NAME}))?\s+({_CLOCK})\s*-\s*({_CLOCK}|24:00)",
    re.IGNORECASE,
)
_SECOND, _DAY, _WEEK = timedelta(seconds=1), timedelta(days=1), timedelta(weeks=1)


class _Piece(NamedTuple):
    start: datetime
    end: datetime
    is_open: bool


@dataclass(frozen=True)
class Hours:
    """`edges` are the times of the week, since Monday 00:00, at which it opens, closes, opens …, by the
    clocks of `zone`."""

    edges: tuple[timedelta, ...]
    zone: ZoneInfo

    @classmethod
    def parse(cls, specs: Sequence[str], time_zone: str) -> Hours:
        """Of specs like "mon-fri 09:00-18:00"; without any, it is always open. Raises `ValueError`."""
        spans = [span for spec in specs for span in _spans(spec)]
        return cls(_merged(spans or [(timedelta(), _WEEK)]), zone(time_zone))

    def is_open(self, at: datetime) -> bool:
        return next(self._pieces(at)).is_open

    def opens(self, at: datetime) -> datetime | None:
        """The next opening; None where it is open at `at`."""
        first = next(piece for piece in self._pieces(at) if piece.is_open)
        return first.start if first.start > at else None

    def after(self, start: datetime, seconds: float) -> datetime:
        """The first moment by which `seconds` of open time have passed since `start`."""
        at, left = start.astimezone(UTC), timedelta(seconds=seconds)
        pieces = self._pieces(at)
        while left > timedelta():
            piece = next(pieces)
            if piece.is_open:
                at = min(piece.end, piece.start + left)
                left -= at - piece.start
        return at

    def between(self, start: datetime, end: datetime) -> float:
        """The seconds of open time from `start` to `end`; none where `end` is not after it."""
        total = timedelta()
        for piece in self._pieces(start):
            if piece.start >= end:
                break
            if piece.is_open:
                total += min(piece.end, end) - piece.start
        return total.total_seconds()

    def _pieces(self, start: datetime) -> Iterator[_Piece]:
        """The time from `start` on, in pieces of at most a day that are open or closed throughout."""
        start = start.astimezone(UTC)
        while True:
            wall = start.astimezone(self.zone)
            of_week = timedelta(
                days=wall.weekday(),
                hours=wall.hour,
                minutes=wall.minute,
                seconds=wall.second,
                microseconds=wall.microsecond,
            )
            passed = bisect_right(self.edges, of_week)
            edge = self.edges[passed] if passed < len(self.edges) else _WEEK
            end = self._until_change(start, start + min(edge - of_week, _DAY))
            yield _Piece(start, end, passed % 2 == 1)
            start = end

    def _until_change(self, start: datetime, end: datetime) -> datetime:
        """`end`, or the moment before it at which the zone changes its clocks.

        That happens on a whole second of UTC, and in no zone twice within a day.
        """
        offset = self._offset(start)
        if self._offset(end) == offset:
            return end
        whole = start.replace(microsecond=0)
        seconds = range((end - start) // _SECOND + 1)
        return whole + _SECOND * bisect_left(
            seconds, True, key=lambda passed: self._offset(whole + _SECOND * passed) != offset
        )

    def _offset(self, at: datetime) -> timedelta | None:
        return at.astimezone(self.zone).utcoffset()


def zone(name: str) -> ZoneInfo:
    """The time zone of this name. Raises `ValueError` that names the nearest."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of zones
        raise ValueError(
            f'is not the name of a time zone; it is like "Europe/Berlin"{_nearest(name)}'
        ) from None


def _nearest(name: str) -> str:
    # none of "Etc/": their signs are the other way round
    full = [one for one in sorted(available_timezones()) if "/" in one and not one.startswith("Etc/")]
    known = {"utc": "UTC"} | {one.rpartition("/")[2].lower(): one for one in full}
    known |= {one.lower(): one for one in full}
    near = difflib.get_close_matches(name.strip().lower(), known, n=1, cutoff=0.75)
    return f"; did you mean {known[near[0]]!r}?" if near else ""


def _spans(spec: str) -> Iterator[tuple[timedelta, timedelta]]:
    """When it opens and closes, each within the week."""
    found = _SPEC.fullmatch(spec.strip())
    if found is None:
        raise ValueError(
            'is not a time of the week; write it like "mon-fri 09:00-18:00" or "sat 10:00-14:00"'
        )
    first_day, last_day, opening, closing = found.groups()
    opens, closes = _time(opening), _time(closing)
    if opens == closes:
        raise ValueError('closes when it opens; a whole day is "00:00-24:00"')
    if closes < opens:
        closes += _DAY  # it crosses midnight
    first = _DAYS.index(first_day.lower())
    last = _DAYS.index((last_day or first_day).lower())
    for day in range(first, first + (last - first) % 7 + 1):
        start, end = day % 7 * _DAY + opens, day % 7 * _DAY + closes
        yield start, min(end, _WEEK)
        if end > _WEEK:
            yield timedelta(), end - _WEEK


def _time(text: str) -> timedelta:
    hours, minutes = text.split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))


def _merged(spans: Iterable[tuple[timedelta, timedelta]]) -> tuple[timedelta, ...]:
    edges: list[timedelta] = []
    for opens, closes in sorted(spans):
        if edges and opens <= edges[-1]:
            edges[-1] = max(edges[-1], closes)
        else:
            edges += [opens, closes]
    return tuple(edges)
