"""What people change about messages in Slack: they edit and delete them, and put locks on them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from bridge.compose import content
from bridge.delivery.kinds import SlackReply
from bridge.engine.work import KEPT, SENDING, Incoming, NewDelivery
from bridge.model import DeliveryState, HeldChoice, ThreadKey
from bridge.store import conversations, early
from bridge.store.deadletters import hold
from bridge.store.keeping import keep
from bridge.store.lanes import enqueue, storable
from bridge.store.replies import (
    DELETED_IN_SLACK,
    LANE,
    OF_KEY,
    decide,
    decided,
    is_known,
    keep_if_ours,
)
from bridge.store.tables import delivery, lane, locked, now, thread

_OF_CHANNEL = (
    select(thread.c.ts)
    .where(thread.c.team == bindparam("team"), thread.c.channel == bindparam("channel"))
    .limit(1)
)
_OF_MESSAGE = (
    select(lane.c.conversation_id, delivery.c.id, delivery.c.key, delivery.c.payload)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(delivery.c.message == bindparam("ts"), delivery.c.kind == "reply")
)
_LOCK = (
    insert(locked)
    .values(team=bindparam("team"), channel=bindparam("channel"), ts=bindparam("ts"), at=now())
    .on_conflict_do_nothing()
)
#: of a reply's payload: kept where Slack reports a change without it
_WHERE_BY = {"team", "channel", "thread_ts", "user"}


def amend_reply(
    connection: Connection,
    incoming: Incoming,
    where: ThreadKey | None,
    key: str,
    after: SlackReply | None,
    late: Sequence[NewDelivery],
    place: ThreadKey | None = None,
) -> str:
    """Change a reply that waits to `after`, or cancel it where that is None. Too late, `late` is queued.

    It is found by its `key` in the thread `where`, or by its message's `place`: Slack may name no thread.
    Returns "amended", "unchanged", "too_late", "duplicate", "not_our_thread", "not_a_reply" where it never
    was one or stayed in as a note, "remembered" where the message is not here yet, or "forgotten" where the
    first message of a thread was deleted.
    """
    if place is not None:
        early.hold(connection, [place])
        if after is None and connection.execute(conversations.OF_THREAD, place.model_dump()).first():
            return forget_thread(connection, incoming, place)
    reply = None if place is None else _reply_at(connection, place)
    if place is not None and where is None and reply is None:
        if connection.execute(_OF_CHANNEL, {"team": place.team, "channel": place.channel}).first() is None:
            return "not_our_thread"
        return _remember(connection, place, after) if all(keep(connection, [incoming])) else "duplicate"
    found = keep_if_ours(connection, incoming, where or (reply.conversation_id if reply else 0))
    if isinstance(found, str):
        return found
    # The lane's row is held, so that the reply cannot be begun meanwhile.
    lane_id = connection.execute(LANE, {"conversation": found}).scalar_one_or_none()
    row = connection.execute(OF_KEY, {"lane": lane_id, "key": storable(key)}).first()
    if row is None and reply is not None:
        row = connection.execute(OF_KEY, {"lane": lane_id, "key": reply.key}).first()
    if row is None:
        if place is None or is_known(connection, found, f"act:{key}"):
            return "not_a_reply"
        return _remember(connection, place, after)
    refs, before = json.loads(row.refs), SlackReply.read(row.payload)
    if place is not None and after is not None and _is_known_as(before, after):
        return "unchanged"
    held = row.state == DeliveryState.CANCELLED and refs.get(KEPT) == "held"
    waits = row.state in (DeliveryState.QUEUED, DeliveryState.SENDING) and SENDING not in refs
    if held or waits:
        told: dict[str, Any] = {}
        if after is not None:  # what was decided about it stays decided
            where_by = before.model_dump(include=_WHERE_BY, exclude_unset=True)
            reread = {"reread": True} if before.reread else {}
            message = {**where_by, **after.model_dump(exclude_unset=True), **decided(before), **reread}
            told = {"payload": SlackReply.model_validate(message).write()}
        elif row.state == DeliveryState.SENDING:  # whoever has it just now finds that it is a note
            connection.execute(_LOCK, before.model_dump(include={"team", "channel", "ts"}))
            return "amended"
        else:
            told = DELETED_IN_SLACK
        connection.execute(update(delivery).where(delivery.c.id == row.id).values(**told))
        return "amended"
    if row.state == DeliveryState.CANCELLED or SENDING not in refs:
        return "not_a_reply"  # a note, or refused before it was sent
    enqueue(connection, [(found, one) for one in late])
    return "too_late"


def _is_known_as(before: SlackReply, after: SlackReply) -> bool:
    """Whether a message is here as it was `after` an edit, or after a later one.

    Where Slack does not send the earlier words, its own changes, as of a link, look like an edit.
    """
    if before.reread:
        return False
    edits = before.edited_at, after.edited_at
    is_older = None not in edits and float(edits[1] or 0) <= float(edits[0] or 0)
    return is_older or content(after.message) == content(before.message)


def _remember(connection: Connection, place: ThreadKey, after: SlackReply | None) -> str:
    change = early.Change.DELETED if after is None else early.Change.EDITED
    early.remember(connection, place, change)
    return "remembered"


def _reply_at(connection: Connection, place: ThreadKey) -> Any:
    """The delivery of the message at `place`, or None."""
    rows = connection.execute(_OF_MESSAGE, {"ts": place.ts}).all()
    return next((row for row in rows if _is_at(row, place)), None)


def _is_at(row: Any, place: ThreadKey) -> bool:
    reply = SlackReply.read(row.payload)
    return (reply.team, reply.channel, reply.ts) == (place.team, place.channel, place.ts)


def lock_message(
    connection: Connection, incoming: Incoming, where: ThreadKey, late: Sequence[NewDelivery]
) -> str:
    """Somebody put a lock on the message at `where` (its own ts): it is a note, whatever it says.

    Returns "locked", "too_late" (and `late` is queued), "duplicate", or "not_our_thread" where no thread of
    ours is in that channel. The message itself may not be here yet.
    """
    if connection.execute(_OF_CHANNEL, {"team": where.team, "channel": where.channel}).first() is None:
        return "not_our_thread"
    if not all(keep(connection, [incoming])):
        return "duplicate"
    lock(connection, where)
    for row in connection.execute(_OF_MESSAGE, {"ts": where.ts}).all():
        if not _is_at(row, where):
            continue
        if SENDING in json.loads(hold(connection, row.id).refs):
            enqueue(connection, [(row.conversation_id, one) for one in late])
            return "too_late"
        decide(connection, row.conversation_id, row.id, None, HeldChoice.NOTE)
    return "locked"


def lock(connection: Connection, at: ThreadKey) -> None:
    """The message at `at` is a note from here on."""
    connection.execute(_LOCK, at.model_dump())


def forget_thread(connection: Connection, incoming: Incoming, where: ThreadKey) -> str:
    """The thread is gone: what comes next opens another. "forgotten", "duplicate" or "not_our_thread"."""
    found = keep_if_ours(connection, incoming, where)
    if isinstance(found, str):
        return found
    conversations.leave_thread(connection, found, where)
    return "forgotten"
