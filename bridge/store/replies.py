"""Replies in the store: queued, changed or cancelled before they are begun, and known again afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Double, bindparam, select, update
from sqlalchemy.dialects.postgresql import insert

from bridge.engine.work import SENDING, Incoming, NewDelivery, Turn
from bridge.model import DeliveryState, Direction, ThreadKey
from bridge.store.conversations import leave_thread
from bridge.store.inbox import keep
from bridge.store.lanes import enqueue, progress, storable
from bridge.store.tables import delivery, lane, now, said, thread

_OF_THREAD = select(thread.c.conversation_id).where(
    thread.c.team == bindparam("team"),
    thread.c.channel == bindparam("channel"),
    thread.c.ts == bindparam("ts"),
)
_SAID = (
    select(said.c.id)
    .where(said.c.digest == bindparam("digest"), said.c.at > now() - bindparam("within", type_=Double()))
    .limit(1)
)
_SAY = insert(said).values(digest=bindparam("digest"), at=now())
_OF_KEY = select(delivery.c.id, delivery.c.state, delivery.c.refs).where(
    delivery.c.lane_id == bindparam("lane"), delivery.c.key == bindparam("key")
)
_LANE = (
    select(lane.c.id)
    .where(lane.c.conversation_id == bindparam("conversation"), lane.c.direction == Direction.VENDOR)
    .with_for_update()
)
_LAST = (
    select(delivery.c.payload)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(lane.c.conversation_id == bindparam("conversation"), lane.c.direction == Direction.VENDOR)
    .where(delivery.c.state == DeliveryState.SENT, delivery.c.refs.contains(f'"{SENDING}"'))
    .where(delivery.c.kind != "choice")  # nobody wrote that
    .order_by(delivery.c.id.desc())
    .limit(1)
)


def _keep_if_ours(connection: Connection, incoming: Incoming, where: ThreadKey) -> int | str:
    """Keep what came in about a thread of ours: its conversation, else "not_our_thread" or "duplicate"."""
    found: int | None = connection.execute(_OF_THREAD, where.model_dump()).scalar_one_or_none()
    if found is None:
        return "not_our_thread"
    return found if all(keep(connection, [incoming])) else "duplicate"


def keep_reply(connection: Connection, incoming: Incoming, where: ThreadKey, new: NewDelivery) -> str:
    """Keep a Slack event that is a message in a thread; queue it if the thread is one of ours.

    Returns "queued", "duplicate" or "not_our_thread". What is not ours is not kept: it is not our text.
    """
    found = _keep_if_ours(connection, incoming, where)
    if isinstance(found, str):
        return found
    return "queued" if all(enqueue(connection, [(found, new)])) else "duplicate"


def amend_reply(
    connection: Connection,
    incoming: Incoming,
    where: ThreadKey,
    key: str,
    payload: str | None,
    late: Sequence[NewDelivery],
) -> str:
    """Change a queued reply to `payload`, or cancel it where that is None. Too late, `late` is queued.

    Returns "amended", "too_late", "duplicate", "not_our_thread", or "not_a_reply" where it never was one
    or stayed in as a note.
    """
    found = _keep_if_ours(connection, incoming, where)
    if isinstance(found, str):
        return found
    # The lane's row is held, so that the reply cannot be begun meanwhile.
    lane_id = connection.execute(_LANE, {"conversation": found}).scalar_one_or_none()
    row = connection.execute(_OF_KEY, {"lane": lane_id, "key": storable(key)}).first()
    if row is None or row.state == DeliveryState.CANCELLED:
        return "not_a_reply"
    if row.state == DeliveryState.QUEUED and SENDING not in row.refs:
        told: dict[str, Any] = {"payload": payload} if payload else {}
        if payload is None:
            told = {"state": DeliveryState.CANCELLED, "done_at": now(), "problem": "deleted in Slack"}
        connection.execute(update(delivery).where(delivery.c.id == row.id).values(**told))
        return "amended"
    if SENDING not in row.refs and row.state != DeliveryState.SENDING:
        return "not_a_reply"  # a note, or refused before it was sent
    enqueue(connection, [(found, one) for one in late])
    return "too_late"


def forget_thread(connection: Connection, incoming: Incoming, where: ThreadKey) -> str:
    """The thread is gone: what comes next opens another. "forgotten", "duplicate" or "not_our_thread"."""
    found = _keep_if_ours(connection, incoming, where)
    if isinstance(found, str):
        return found
    leave_thread(connection, found, where)
    return "forgotten"


def last_reply(connection: Connection, conversation_id: int) -> str | None:
    """The Slack message of the last reply that reached the vendor."""
    return connection.execute(_LAST, {"conversation": conversation_id}).scalar_one_or_none()


def begin_reply(connection: Connection, turn: Turn, refs: Mapping[str, str], digests: Sequence[str]) -> bool:
    """From here on the vendor may have it, and may tell it back. False where the lane is no longer ours."""
    if not progress(connection, turn, refs):
        return False
    if digests:
        connection.execute(_SAY, [{"digest": one} for one in digests])
    return True


def was_said(connection: Connection, digest: str, within: float) -> bool:
    return connection.execute(_SAID, {"digest": digest, "within": within}).first() is not None
