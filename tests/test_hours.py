"""Business hours: by the wall's clock, over midnight, and when clocks change."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bridge.hours import Hours, zone

BERLIN = ZoneInfo("Europe/Berlin")
OFFICE = ["mon-fri 09:00-18:00", "sat 10:00-14:00"]
HOUR = 3600.0


def berlin(text: str) -> datetime:
    """The first moment at which clocks in Berlin show it."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


# ── by the clock; 2026-11-16 is a Monday ─────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("specs", "at", "is_open"),
    [
        (OFFICE, "2026-11-16 08:59:59.999999", False),
        (OFFICE, "2026-11-16 09:00", True),
        (OFFICE, "2026-11-20 17:59:59.999999", True),
        (OFFICE, "2026-11-20 18:00", False),
        (OFFICE, "2026-11-21 10:00", True),
        (OFFICE, "2026-11-22 12:00", False),
        ([], "2026-11-22 03:00", True),
        (["mon-sun 00:00-24:00"], "2026-11-22 23:59:59.999999", True),
        (["fri 22:00-02:00"], "2026-11-20 23:00", True),
        (["fri 22:00-02:00"], "2026-11-21 01:59", True),
        (["fri 22:00-02:00"], "2026-11-21 02:00", False),
        (["fri 22:00-02:00"], "2026-11-20 01:00", False),
        (["sun 22:00-00:00"], "2026-11-22 23:59", True),
        (["sun 22:00-00:00"], "2026-11-16 00:00", False),
        (["sun 22:00-06:00"], "2026-11-16 05:59", True),
        (["sat-mon 09:00-10:00"], "2026-11-22 09:30", True),
        (["sat-mon 09:00-10:00"], "2026-11-17 09:30", False),
        (["mon 09:00-12:00", "mon 11:00-18:00"], "2026-11-16 12:00", True),
        (["  MON - Fri   9:00 - 18:00 "], "2026-11-16 09:00", True),
        (["mon 22:00-21:00"], "2026-11-17 20:59", True),
    ],
)
def test_open_or_not(specs: list[str], at: str, is_open: bool) -> None:
    assert Hours.parse(specs, "Europe/Berlin").is_open(berlin(at)) is is_open


@pytest.mark.parametrize(
    ("specs", "at", "opens"),
    [
        (OFFICE, "2026-11-20 18:00", "2026-11-21 10:00"),
        (OFFICE, "2026-11-21 14:00", "2026-11-23 09:00"),
        (OFFICE, "2026-11-16 08:00", "2026-11-16 09:00"),
        (OFFICE, "2026-11-16 09:00", None),
        ([], "2026-11-16 09:00", None),
        (["mon 09:00-09:01"], "2026-11-16 09:01", "2026-11-23 09:00"),
        # that hour is skipped on 2026-03-29
        (["sun 02:15-02:45"], "2026-03-28 12:00", "2026-04-05 02:15"),
        (["sun 02:15-03:45"], "2026-03-28 12:00", "2026-03-29 03:00"),
    ],
)
def test_the_next_opening(specs: list[str], at: str, opens: str | None) -> None:
    found = Hours.parse(specs, "Europe/Berlin").opens(berlin(at))
    assert found == (None if opens is None else berlin(opens))


@pytest.mark.parametrize(
    ("specs", "start", "hours", "end"),
    [
        (OFFICE, "2026-11-16 09:30", 1, "2026-11-16 10:30"),
        (OFFICE, "2026-11-20 17:00", 1, "2026-11-20 18:00"),  # not when it opens again
        (OFFICE, "2026-11-20 17:00", 2, "2026-11-21 11:00"),
        (OFFICE, "2026-11-21 20:00", 0.5, "2026-11-23 09:30"),
        (OFFICE, "2026-11-21 20:00", 0, "2026-11-21 20:00"),
        (OFFICE, "2026-11-16 00:00", 49 * 52, "2027-11-13 14:00"),
        ([], "2026-11-16 09:30", 100, "2026-11-20 13:30"),
        # summer time begins on 2026-03-29 and ends on 2026-10-25
        ([], "2026-03-28 12:00", 24, "2026-03-29 13:00"),
        ([], "2026-10-24 12:00", 24, "2026-10-25 11:00"),
        (["sat-sun 01:00-04:00"], "2026-03-28 01:00", 5, "2026-03-29 04:00"),
        (["sat-sun 01:00-04:00"], "2026-10-24 01:00", 7, "2026-10-25 04:00"),
        (OFFICE, "2026-03-27 17:00", 6, "2026-03-30 10:00"),
    ],
)
def test_open_time_passes(specs: list[str], start: str, hours: float, end: str) -> None:
    parsed = Hours.parse(specs, "Europe/Berlin")

    assert parsed.after(berlin(start), hours * HOUR) == berlin(end)
    assert parsed.between(berlin(start), berlin(end)) == hours * HOUR
    assert parsed.between(berlin(end), berlin(start)) == 0


def test_an_hour_that_is_there_twice_counts_twice() -> None:
    hours = Hours.parse(["sun 02:15-02:45"], "Europe/Berlin")
    first = berlin("2026-10-25 02:15").astimezone(UTC)

    assert hours.between(first, first + timedelta(hours=2)) == HOUR
    assert hours.after(first, HOUR) == first + timedelta(hours=1.5)
    assert hours.opens(first + timedelta(minutes=30)) == first + timedelta(hours=1)


def test_moments_come_back_in_utc() -> None:
    hours = Hours.parse(OFFICE, "Europe/Berlin")
    night = berlin("2026-11-16 03:00")

    assert [moment and moment.tzinfo for moment in (hours.opens(night), hours.after(night, 0))] == [UTC, UTC]
    assert hours.after(night, 1).tzinfo is UTC


# ── held against counting minutes ────────────────────────────────────────────────────────────────

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
CLOCK = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59))
SPEC = st.tuples(
    st.sampled_from(DAYS), st.sampled_from(DAYS) | st.none(), CLOCK, CLOCK | st.just("24:00")
).filter(lambda spec: spec[2] != spec[3])
SPECS = st.lists(SPEC, max_size=4)
#: by an hour, by half of one, at midnight, back and forth around Ramadan, in odd minutes, and never
ZONES = st.sampled_from(
    ["Europe/Berlin", "Australia/Lord_Howe", "America/Havana", "Africa/Casablanca", "Asia/Kathmandu", "UTC"]
)
#: within a few days of changes of those clocks, and anywhere
CHANGES = ["2026-03-29", "2026-10-25", "2026-04-05", "2026-10-04", "2026-03-08", "2026-02-15", "2026-11-01"]
STARTS = st.one_of(
    st.builds(
        lambda day, seconds: datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(seconds=seconds),
        st.sampled_from(CHANGES),
        st.integers(-2 * 86400, 2 * 86400),
    ),
    st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC)),
)
Specs = Sequence[tuple[str, str | None, str, str]]


def parsed(specs: Specs, time_zone: str) -> Hours:
    return Hours.parse(
        [f"{first}{f'-{last}' if last else ''} {opens}-{closes}" for first, last, opens, closes in specs],
        time_zone,
    )


def shows_open(specs: Specs, wall: datetime) -> bool:
    """By reading each spec as a person would."""
    today, yesterday, now = wall.weekday(), (wall.weekday() - 1) % 7, f"{wall:%H:%M}"
    for first, last, opens, closes in specs:
        days = [DAYS.index(first)]
        while DAYS[days[-1]] != (last or first):
            days.append((days[-1] + 1) % 7)
        if opens < closes:
            if today in days and opens <= now < closes:
                return True
        elif (today in days and now >= opens) or (yesterday in days and now < closes):
            return True
    return not specs


@settings(deadline=None)
@given(SPECS, ZONES, STARTS, st.integers(0, 4000))
def test_it_is_what_the_clock_shows(specs: Specs, time_zone: str, start: datetime, minutes: int) -> None:
    hours = parsed(specs, time_zone)
    start = start.replace(second=0, microsecond=0)
    moments = [start + timedelta(minutes=minute) for minute in range(minutes + 1)]
    shown = [shows_open(specs, moment.astimezone(ZoneInfo(time_zone))) for moment in moments]

    assert hours.is_open(moments[0]) is shown[0]
    assert hours.is_open(moments[-1]) is shown[-1]
    assert hours.between(start, moments[-1]) == 60 * sum(shown[:-1])
    opens = hours.opens(start)
    if shown[0]:
        assert opens is None
    elif True in shown:
        assert opens == moments[shown.index(True)]
    else:
        assert opens is not None and opens > moments[-1]


SECONDS = st.floats(0.001, 30 * 86400.0)


@settings(deadline=None)
@given(SPECS, ZONES, STARTS, SECONDS)
@example([("mon", None, "09:00", "09:01")], "Europe/Berlin", datetime(2026, 1, 1, tzinfo=UTC), 6000.0)
def test_after_and_between_undo_each_other(
    specs: Specs, time_zone: str, start: datetime, seconds: float
) -> None:
    hours = parsed(specs, time_zone)
    assume(seconds < 20 * hours.between(start, start + timedelta(weeks=20)))  # years of weeks take their time
    end = hours.after(start, seconds)

    assert hours.between(start, end) == pytest.approx(seconds, abs=1e-6)
    assert hours.between(start, end - timedelta(microseconds=2)) < seconds  # and not a moment later
    assert hours.is_open(end - timedelta(microseconds=1))


@settings(deadline=None)
@given(SPECS, ZONES, STARTS, st.tuples(SECONDS, SECONDS).map(sorted))
def test_time_only_goes_forward(
    specs: Specs, time_zone: str, start: datetime, passed: tuple[float, float]
) -> None:
    hours = parsed(specs, time_zone)
    sooner, later = (start + timedelta(seconds=seconds) for seconds in passed)
    there = hours.between(start, later)

    assert 0 <= hours.between(start, sooner) <= there <= (later - start).total_seconds()
    assert hours.between(start, sooner) + hours.between(sooner, later) == pytest.approx(there)
    assert start <= hours.after(start, there / 2) <= hours.after(start, there) <= later


# ── what cannot be read ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "mon",
        "09:00-18:00",
        "monday 09:00-18:00",
        "mon-fri",
        "mon-fri 9-18",
        "mon 09:00-24:01",
        "mon 24:00-09:00",
        "mon 09:60-10:00",
        "mon,tue 09:00-18:00",
        "mon 09:00-18:00 sat 10:00-14:00",
    ],
)
def test_what_is_no_time_of_the_week(spec: str) -> None:
    with pytest.raises(ValueError, match=r'^is not a time of the week; write it like "mon-fri 09:00-18:00"'):
        Hours.parse(["sun 10:00-11:00", spec], "UTC")


def test_what_never_opens() -> None:
    with pytest.raises(ValueError, match=r'^closes when it opens; a whole day is "00:00-24:00"$'):
        Hours.parse(["mon 09:00-9:00"], "UTC")


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Europe/Berln", "Europe/Berlin"),
        ("berlin", "Europe/Berlin"),
        ("New York", "America/New_York"),
        ("america/sao paulo", "America/Sao_Paulo"),
        (" utc", "UTC"),
    ],
)
def test_an_unknown_time_zone_names_the_nearest(name: str, nearest: str) -> None:
    wanted = f'is not the name of a time zone; it is like "Europe/Berlin"; did you mean {nearest!r}?'
    with pytest.raises(ValueError, match=f"^{re.escape(wanted)}$"):
        zone(name)


@pytest.mark.parametrize(
    "name", ["", "Europe", "/etc/passwd", "../zone.tab", "PST", "GMT+1", "x" * 5000, "a\0b"]
)
def test_no_time_zone_and_nothing_near(name: str) -> None:
    with pytest.raises(ValueError, match=r'^is not the name of a time zone; it is like "Europe/Berlin"$'):
        zone(name)


def test_a_machine_without_time_zones_has_them() -> None:
    code = "from bridge.hours import Hours; Hours.parse((), 'Europe/Berlin'); print('there')"
    environ = os.environ | {"PYTHONTZPATH": ""}
    told = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=False
    )

    assert (told.stdout, told.stderr) == ("there\n", "")
