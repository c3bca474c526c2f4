"""Pace, kept in the database so that every worker goes by the same clock and the same count.

The generic cell rate algorithm: `next_at` is when the next message would be due if all came evenly; a
burst may run ahead of it by `burst` intervals.
"""

from __future__ import annotations

from sqlalchemy import BindParameter, Connection, Double, bindparam, case, select
from sqlalchemy.dialects.postgresql import insert

from bridge.store.tables import now, pace

_interval: BindParameter[float] = bindparam("interval", type_=Double())
_until: BindParameter[float] = bindparam("until", type_=Double())
_FROM = case((pace.c.next_at > now(), pace.c.next_at), else_=now())
_first = insert(pace).values(key=bindparam("key"), next_at=now() + _interval)
_RESERVE = _first.on_conflict_do_update(
    index_elements=[pace.c.key],
    set_={"next_at": _FROM + _interval},
).returning((pace.c.next_at - now()).label("ahead"))
_burst: BindParameter[int] = bindparam("burst")
_TAKE = _first.on_conflict_do_update(
    index_elements=[pace.c.key],
    set_={"next_at": _FROM + _interval},
    where=_FROM + _interval - now() <= _burst * _interval,
).returning(pace.c.next_at)
_AHEAD = select(_FROM - now()).where(pace.c.key == bindparam("key"))
_held = insert(pace).values(key=bindparam("key"), next_at=now() + _until)
_HOLD = _held.on_conflict_do_update(
    index_elements=[pace.c.key],
    set_={
        "next_at": case(
            (pace.c.next_at > _held.excluded.next_at, pace.c.next_at), else_=_held.excluded.next_at
        )
    },
)


def reserve(connection: Connection, key: str, interval: float, burst: int) -> float:
    """Reserve the next slot of `key`, one each `interval` seconds. Returns the seconds until it."""
    ahead: float = connection.execute(_RESERVE, {"key": key, "interval": interval}).scalar_one()
    return max(0.0, ahead - burst * interval)


def take(connection: Connection, key: str, interval: float, burst: int) -> float:
    """Take the next slot of `key` if it is there now. Else nothing is reserved: the seconds until it is."""
    told = {"key": key, "interval": interval, "burst": burst}
    if connection.execute(_TAKE, told).first() is not None:
        return 0.0
    ahead: float = connection.execute(_AHEAD, {"key": key}).scalar_one()
    return max(0.001, ahead + interval - burst * interval)


def hold(connection: Connection, key: str, seconds: float, interval: float, burst: int) -> None:
    """No slot of `key` before `seconds` from now: the other side said so."""
    connection.execute(_HOLD, {"key": key, "until": seconds + burst * interval})
