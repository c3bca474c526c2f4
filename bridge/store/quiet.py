"""What was not shown in a quiet channel: the events that a handoff's thread begins with."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, select

from bridge.engine.work import QUIET, Turn
from bridge.model import DeliveryState
from bridge.store.tables import delivery

_WHERE = (
    delivery.c.lane_id == bindparam("lane"),
    delivery.c.id > bindparam("since"),
    delivery.c.id < bindparam("before"),
    delivery.c.state == DeliveryState.SENT,
    delivery.c.refs.contains(f'"": "{QUIET}"'),
)
_COUNT = select(func.count()).select_from(delivery).where(*_WHERE)
_NEWEST = select(delivery.c.payload).where(*_WHERE).order_by(delivery.c.id.desc()).limit(bindparam("most"))


def events(connection: Connection, turn: Turn, since: int, most: int) -> tuple[list[str], int]:
    """The newest `most` payloads between the deliveries `since` and `turn`, oldest first; how many more."""
    told = {"lane": turn.lane, "since": since, "before": turn.delivery}
    found = list(connection.execute(_NEWEST, {**told, "most": most}).scalars())
    count: int = connection.execute(_COUNT, told).scalar_one()
    return found[::-1], count - len(found)
