"""The inbox: whatever came in, kept once under its key."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam
from sqlalchemy.dialects.postgresql import insert

from bridge.engine.work import Incoming
from bridge.store.lanes import storable
from bridge.store.tables import inbox, now

_KEEP = (
    insert(inbox)
    .values(
        source=bindparam("source"),
        key=bindparam("key"),
        path=bindparam("path"),
        body=bindparam("body"),
        received_at=now(),
    )
    .on_conflict_do_nothing(index_elements=[inbox.c.source, inbox.c.key])
    .returning(inbox.c.source, inbox.c.key)
)


def keep(connection: Connection, incoming: Sequence[Incoming]) -> list[bool]:
    """Keep what was not kept before; for each, whether it is new."""
    rows = [
        {"source": one.source, "key": storable(one.key), "path": one.path, "body": one.body}
        for one in incoming
    ]
    kept = {(row.source, row.key) for row in connection.execute(_KEEP, rows)}
    new = []
    for row in rows:
        place = (row["source"], row["key"])
        new.append(place in kept)
        kept.discard(place)  # the same twice in one go: the second is the duplicate
    return new
