"""Pace, kept in the database so that every worker goes by the same clock and the same count.

The generic cell rate algorithm: `next_at` is when the next message would be due if all came evenly; a
burst may run ahead of it by `burst` intervals.

A *line* of talk has a time of its own, which goes back by one interval for each slot that is reserved before
it: so all who stand in it, and who come later, wait for that slot as well, and their order stays.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import BindParameter, Connection, Double, bindparam, case, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bridge.engine.ports import Limit, Stood
from bridge.store.tables import now, pace

NO_LINE = ""  # no key
_interval: BindParameter[float] = bindparam("interval", type_=Double())
_until: BindParameter[float] = bindparam("until", type_=Double())
# How far the line's time is behind ours stands in a row of its own; what is no line has none.
_moved_row = pace.alias("moved")
_BEHIND = select(_moved_row.c.next_at).where(_moved_row.c.key == bindparam("moved"))
_behind = func.coalesce(_BEHIND.scalar_subquery(), 0.0)
_NOW = now() - _behind
_FROM = case((pace.c.next_at > _NOW, pace.c.next_at), else_=_NOW)
_first = insert(pace).values(key=bindparam("key"), next_at=_NOW + _interval)
_RESERVE = _first.on_conflict_do_update(
    index_elements=[pace.c.key],
    set_={"next_at": _FROM + _interval},
).returning((pace.c.next_at - _NOW).label("ahead"), _behind.label("behind"))
_burst: BindParameter[int] = bindparam("burst")
_TAKE = _first.on_conflict_do_update(
    index_elements=[pace.c.key],
    set_={"next_at": _FROM + _interval},
    where=_FROM + _interval - _NOW <= _burst * _interval,
).returning(pace.c.next_at)
_AHEAD = select(_FROM - _NOW).where(pace.c.key == bindparam("key"))
_GIVE_BACK = update(pace).where(pace.c.key == bindparam("of")).values(next_at=pace.c.next_at - _interval)
_none_yet = insert(pace).values(key=bindparam("key"), next_at=_interval)
_MOVE = _none_yet.on_conflict_do_update(
    index_elements=[pace.c.key], set_={"next_at": pace.c.next_at + _interval}
)
_held = insert(pace).values(key=bindparam("key"), next_at=now() + _until)
_HOLD = _held.on_conflict_do_update(
    index_elements=[pace.c.key],
    set_={
        "next_at": case(
            (pace.c.next_at > _held.excluded.next_at, pace.c.next_at), else_=_held.excluded.next_at
        )
    },
)


def reserve(
    connection: Connection, key: str, interval: float, burst: int, before: str | None = None
) -> float:
    """Reserve the next slot of `key`, one each `interval` seconds, and before all who stand in the line
    `before`. Returns the seconds until it."""
    if before is not None:
        connection.execute(_MOVE, {"key": _moved(before), "interval": interval})
    return _reserve(connection, key, interval, burst)[0]


def _reserve(
    connection: Connection, key: str, interval: float, burst: int, moved: str = NO_LINE
) -> tuple[float, float]:
    """The seconds until the slot, and by how many the time it goes by is behind ours."""
    row = connection.execute(_RESERVE, {"key": key, "interval": interval, "moved": moved}).one()
    return max(0.0, row.ahead - burst * interval), row.behind


def take(connection: Connection, key: str, interval: float, burst: int) -> float:
    """Take the next slot of `key` if it is there now. Else nothing is reserved: the seconds until it is."""
    told = {"key": key, "interval": interval, "burst": burst, "moved": NO_LINE}
    if connection.execute(_TAKE, told).first() is not None:
        return 0.0
    ahead: float = connection.execute(_AHEAD, {"key": key, "moved": NO_LINE}).scalar_one()
    return max(0.001, ahead + interval - burst * interval)


def take_each(connection: Connection, limits: Sequence[Limit]) -> float:
    """Take the next slot of each if all are there now. Else of none: the seconds until the first one that is
    not."""
    for count, limit in enumerate(limits):
        if (wait := take(connection, *limit)) > 0:
            for key, interval, _ in limits[:count]:
                connection.execute(_GIVE_BACK, {"of": key, "interval": interval})
            return wait
    return 0.0


def line_up(connection: Connection, lines: Sequence[Limit], slots: int, limits: Sequence[Limit]) -> Stood:
    """Stand in one line after the other for so many slots, up to the first that has none now. Where all have,
    take one of each of `limits`."""
    for number, line in enumerate(lines):
        (wait, passed), *_ = [_reserve(connection, *line, _moved(line[0])) for _ in range(slots)]
        if wait > 0 or number + 1 == len(lines):
            break
    return Stood(number, wait, passed, wait or take_each(connection, limits))


def behind(connection: Connection, key: str) -> float:
    """How many seconds a line's time is behind ours."""
    found: float | None = connection.execute(_BEHIND, {"moved": _moved(key)}).scalar_one_or_none()
    return found or 0.0


def _moved(key: str) -> str:
    return f"before {key}"


def hold(connection: Connection, key: str, seconds: float, interval: float, burst: int) -> None:
    """No slot of `key` before `seconds` from now: the other side said so."""
    connection.execute(_HOLD, {"key": key, "until": seconds + burst * interval})
