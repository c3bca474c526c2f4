"""Changes and deletions of Slack messages that have not come yet.

Slack repeats an event that it could not deliver, after those that it could:
https://docs.slack.dev/apis/events-api/#retries
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from enum import StrEnum

from sqlalchemy import BigInteger, Connection, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert

from bridge.model import ThreadKey
from bridge.store.tables import early_change, now

LASTS = 2 * 86_400.0  # seconds: Slack repeats an event for a day


class Change(StrEnum):
    EDITED = "edited"
    DELETED = "deleted"


_HOLD = select(func.pg_advisory_xact_lock(bindparam("number", type_=BigInteger())))
_AT = (
    early_change.c.team == bindparam("team"),
    early_change.c.channel == bindparam("channel"),
    early_change.c.ts == bindparam("ts"),
)
_CHANGE = select(early_change.c.change).where(*_AT)
_new = insert(early_change).values(
    team=bindparam("team"),
    channel=bindparam("channel"),
    ts=bindparam("ts"),
    change=bindparam("change"),
    at=now(),
)
_EDITED = _new.on_conflict_do_nothing()
_DELETED = _new.on_conflict_do_update(
    index_elements=[early_change.c.team, early_change.c.channel, early_change.c.ts],
    set_={"change": _new.excluded.change},
)


def hold(connection: Connection, places: Iterable[ThreadKey]) -> None:
    """Until the commit no other transaction keeps the message at one of `places`, or a change of it: neither
    overlooks the other. To be called before any row is locked. On SQLite the writer is alone."""
    if connection.dialect.name == "postgresql":
        for number in sorted(
            {_number(place) for place in places}
        ):  # in one order, so that none waits in a circle
            connection.execute(_HOLD, {"number": number})


def _number(place: ThreadKey) -> int:
    name = f"{place.team}/{place.channel}/{place.ts}".encode()
    return int.from_bytes(hashlib.blake2b(name, digest_size=8).digest(), "big", signed=True)


def remember(connection: Connection, place: ThreadKey, change: Change) -> None:
    """Keep that the message at `place` was changed. What was deleted stays deleted."""
    statement = _DELETED if change is Change.DELETED else _EDITED
    connection.execute(statement, {**place.model_dump(), "change": change})


def remembered(connection: Connection, place: ThreadKey) -> Change | None:
    found = connection.execute(_CHANGE, place.model_dump()).scalar_one_or_none()
    return None if found is None else Change(found)
