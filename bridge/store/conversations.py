"""Conversations as the store knows them: read, changed, and given a thread."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert

from bridge.engine.work import Change, Conversation, NewDelivery, Owner, Typist
from bridge.model import Control, ConversationKey, ThreadKey
from bridge.store import handoffs, profiles
from bridge.store.tables import conversation, now, said, thread

_CONVERSATIONS = select(
    conversation.c.id,
    conversation.c.source,
    conversation.c.external_id,
    conversation.c.control,
    conversation.c.control_at,
    conversation.c.owner,
    conversation.c.owner_id,
    conversation.c.team,
    conversation.c.channel,
    conversation.c.thread_ts,
    conversation.c.facts,
    conversation.c.card,
    conversation.c.typing,
    conversation.c.created_at,
).where(conversation.c.id.in_(bindparam("ids", expanding=True)))
_LOCK_CONVERSATIONS = (
    select(conversation.c.id)
    .where(conversation.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(conversation.c.id)
    .with_for_update(key_share=True)
)
_CHANGE = update(conversation).where(conversation.c.id == bindparam("conversation"))

OF_THREAD = select(thread.c.conversation_id, thread.c.alert).where(
    thread.c.team == bindparam("team"),
    thread.c.channel == bindparam("channel"),
    thread.c.ts == bindparam("ts"),
)
_OPEN_THREAD = (
    insert(thread)
    .values(
        team=bindparam("team"),
        channel=bindparam("channel"),
        ts=bindparam("ts"),
        conversation_id=bindparam("conversation"),
        opened_at=now(),
    )
    .on_conflict_do_nothing()
)
_OWN_THREAD = (
    insert(thread)
    .values(
        team=bindparam("team"),
        channel=bindparam("channel"),
        ts=bindparam("ts"),
        conversation_id=bindparam("conversation"),
        opened_at=now(),
        alert=True,
    )
    .on_conflict_do_nothing()
)
_POINT = (
    update(conversation)
    .where(conversation.c.id == bindparam("conversation"))
    .values(
        team=bindparam("new_team"),
        channel=bindparam("new_channel"),
        thread_ts=bindparam("new_ts"),
        card=bindparam("new_card"),
    )
)
_LEAVE = (
    update(conversation)
    .where(
        conversation.c.id == bindparam("conversation"),
        conversation.c.team == bindparam("old_team"),
        conversation.c.channel == bindparam("old_channel"),
        conversation.c.thread_ts == bindparam("old_ts"),
    )
    .values(team=None, channel=None, thread_ts=None)
)
# one echo for each time it was said
_HEARD = delete(said).where(said.c.id == bindparam("said"))


def read(connection: Connection, ids: Iterable[int]) -> dict[int, Conversation]:
    rows = connection.execute(_CONVERSATIONS, {"ids": list(ids)})
    return {row.id: _conversation(row) for row in rows}


def at(connection: Connection, where: ThreadKey | int) -> Conversation | None:
    """The conversation that a thread, also an alert's, or a row is about."""
    if isinstance(where, ThreadKey):
        row = connection.execute(OF_THREAD, where.model_dump()).first()
        if row is None:
            return None
        where = int(row.conversation_id)
    return read(connection, (where,)).get(where)


def _conversation(row: Any) -> Conversation:
    located = row.team is not None
    return Conversation(
        id=row.id,
        key=ConversationKey(source=row.source, id=row.external_id),
        control=Control(row.control),
        since=row.control_at,
        owner=Owner(row.owner, row.owner_id) if row.owner or row.owner_id else None,
        thread=ThreadKey(team=row.team, channel=row.channel, ts=row.thread_ts) if located else None,
        created_at=row.created_at,
        facts=json.loads(row.facts),
        card=row.card,
        typing=Typist(**json.loads(row.typing)) if row.typing else None,
    )


def lock(connection: Connection, ids: Sequence[int]) -> None:
    """Hold these rows until the commit, in the order everybody locks them in."""
    connection.execute(_LOCK_CONVERSATIONS, {"ids": list(ids)})


def change(connection: Connection, about: int, told: Change) -> list[NewDelivery]:
    """Write what a delivery taught us; what is to be queued because of it."""
    values: dict[str, Any] = {}
    follow: list[NewDelivery] = []
    if told.happened is not None:
        by = told.by or Owner()
        follow = handoffs.act(connection, about, told.happened, by, told.meant, final=told.final) or []
    if told.answered:
        follow += handoffs.answered(connection, about)
    if told.alert is not None:
        number, place = told.alert
        handoffs.place(connection, number, "thread", place)
        follow.append(handoffs.alert(number, f"alert:placed:{place.ts}"))
    if told.facts is not None:
        values |= {"facts": json.dumps(told.facts), **profiles.learned(connection, about, told.facts)}
    if told.heard is not None:
        connection.execute(_HEARD, {"said": told.heard})
    if told.card is not None:
        values["card"] = told.card
    if told.typing is not None:
        values["typing"] = json.dumps(dataclasses.asdict(told.typing)) if told.typing.text else None
    if values:
        connection.execute(_CHANGE.values(**values), {"conversation": about})
    return follow


def open_thread(connection: Connection, conversation_id: int, where: ThreadKey, card: str) -> Conversation:
    """Remember the thread of a conversation and its card; the newest is where its messages go."""
    connection.execute(_OPEN_THREAD, {**where.model_dump(), "conversation": conversation_id})
    connection.execute(
        _POINT,
        {
            "conversation": conversation_id,
            "new_team": where.team,
            "new_channel": where.channel,
            "new_ts": where.ts,
            "new_card": card,
        },
    )
    return read(connection, (conversation_id,))[conversation_id]


def own_thread(connection: Connection, conversation_id: int, where: ThreadKey) -> None:
    """`where` is ours and about this conversation, but what is said there is for no customer."""
    connection.execute(_OWN_THREAD, {**where.model_dump(), "conversation": conversation_id})


def leave_thread(connection: Connection, conversation_id: int, where: ThreadKey) -> None:
    """Point to no thread, if it still points to this one."""
    told = {"old_team": where.team, "old_channel": where.channel, "old_ts": where.ts}
    connection.execute(_LEAVE, {"conversation": conversation_id, **told})
