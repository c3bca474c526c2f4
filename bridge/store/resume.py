"""What waits for its next try, tried at once: what kept it from being sent is over."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, or_, select, text, update

from bridge.model import DeliveryState
from bridge.store.tables import RETRIED, conversation, delivery, lane, now

_TRIED = select(delivery.c.lane_id).where(text(RETRIED), delivery.c.state == DeliveryState.QUEUED)
# Of a conversation without a thread nobody knows yet in which workspace it is.
_THERE = select(conversation.c.id).where(
    conversation.c.id == lane.c.conversation_id,
    or_(conversation.c.team == bindparam("team"), conversation.c.team.is_(None)),
)
_WAITS = (
    select(lane.c.id)
    .where(lane.c.owner.is_(None), lane.c.id.in_(_TRIED), _THERE.exists())
    .where(lane.c.due > select(now()).scalar_subquery())
    .with_for_update(skip_locked=True)  # one that is being written has a worker, which tries it by itself
    .cte("waits")
)
_NOW = update(lane).where(lane.c.id.in_(select(_WAITS.c.id))).values(due=now()).returning(lane.c.id)


def resume(connection: Connection, team: str) -> int:
    """Let the lanes of a workspace whose first delivery was tried and waits be due now: how many."""
    return len(connection.execute(_NOW, {"team": team}).all())
