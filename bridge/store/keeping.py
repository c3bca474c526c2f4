"""The inbox: whatever came in, kept once under its key."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection

from bridge.engine.work import Incoming
from bridge.store.lanes import storable
from bridge.store.rows import Rows
from bridge.store.tables import inbox, now

_CAME = Rows(inbox.c.source, inbox.c.key, inbox.c.path, inbox.c.body)
_KEEP = (
    _CAME.insert(received_at=now())
    .on_conflict_do_nothing(index_elements=[inbox.c.source, inbox.c.key])
    .returning(inbox.c.source, inbox.c.key)
)


def keep(connection: Connection, incoming: Sequence[Incoming]) -> list[bool]:
    """Keep what was not kept before; for each, whether it is new."""
    rows = [(one.source, storable(one.key), one.path, one.body) for one in incoming]
    kept = {(row.source, row.key) for row in connection.execute(_KEEP, _CAME.given(connection, rows)).all()}
    new = []
    for source, key, *_ in rows:
        new.append((source, key) in kept)
        kept.discard((source, key))  # the same twice in one go: the second is the duplicate
    return new
