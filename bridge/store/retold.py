"""Which webhook told again what a history had told: a second one of the same words is another message."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from bridge.model import AnyEvent
from bridge.store.tables import now, said

_BY = select(said.c.event_id).where(said.c.digest == bindparam("digest")).order_by(said.c.id).limit(1)
_REMEMBER = insert(said).values(
    digest=bindparam("digest"), at=now(), conversation_id=bindparam("about"), event_id=bindparam("event")
)


def by(connection: Connection, about: int, late: AnyEvent, event: AnyEvent) -> bool:
    """Whether `event` tells again what `late`, of the history, had told. It does unless another has."""
    digest = f"retold:{about}:{late.id}"
    other = connection.execute(_BY, {"digest": digest}).scalar_one_or_none()
    if other is None:
        connection.execute(_REMEMBER, {"digest": digest, "about": about, "event": event.id})
    return other in (None, event.id)
