"""Other events of a lane that its head is shown with: those a quiet channel kept back, those behind it."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, func, select, text

from bridge.delivery.kinds import EventPosted
from bridge.engine.work import QUIET, Turn
from bridge.model import DeliveryState
from bridge.store.tables import ACTIVE, delivery

_WHERE = (
    delivery.c.lane_id == bindparam("lane"),
    delivery.c.id > bindparam("since"),
    delivery.c.id < bindparam("before"),
    delivery.c.state == DeliveryState.SENT,
    delivery.c.refs.contains(f'"": "{QUIET}"'),
)
_COUNT = select(func.count()).select_from(delivery).where(*_WHERE)
_NEWEST = select(delivery.c.payload).where(*_WHERE).order_by(delivery.c.id.desc()).limit(bindparam("most"))


def kept_back(connection: Connection, turn: Turn, since: int, most: int) -> tuple[list[str], int]:
    """The newest `most` payloads between the deliveries `since` and `turn`, oldest first; how many more."""
    told = {"lane": turn.lane, "since": since, "before": turn.delivery}
    found = list(connection.execute(_NEWEST, {**told, "most": most}).scalars())
    count: int = connection.execute(_COUNT, told).scalar_one()
    return found[::-1], count - len(found)


_FOLLOWING = (
    select(delivery.c.id, delivery.c.kind, delivery.c.payload)
    .where(
        delivery.c.lane_id == bindparam("lane"),
        delivery.c.id > bindparam("after"),
        text(ACTIVE),
        delivery.c.state == DeliveryState.QUEUED,
    )
    .order_by(delivery.c.id)
    .limit(bindparam("most"))
)


def following(connection: Connection, turn: Turn, most: int) -> list[tuple[int, str]]:
    """The events that stand right behind `turn` in its lane."""
    told = {"lane": turn.lane, "after": turn.delivery, "most": most}
    found: list[tuple[int, str]] = []
    for row in connection.execute(_FOLLOWING, told):
        if row.kind != EventPosted.kind.name:
            break
        found.append((row.id, row.payload))
    return found
