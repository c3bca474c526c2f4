"""What comes in: kept, deduplicated and queued in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from bridge import control
from bridge.engine.echo import SENDING
from bridge.engine.work import Conversation, Incoming, NewDelivery
from bridge.model import EVENT, AnyEvent, Control, ConversationKey, Direction, ThreadKey
from bridge.store.lanes import conversations, enqueue
from bridge.store.tables import conversation, delivery, inbox, lane, now, thread

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
    .returning(inbox.c.id)
)
_new_conversation = insert(conversation).values(
    source=bindparam("source"),
    external_id=bindparam("external"),
    control=Control.BOT,
    facts="{}",
    created_at=now(),
)
# The update changes nothing; it makes RETURNING give the row, and locks it before its lanes.
_MEET = _new_conversation.on_conflict_do_update(
    index_elements=[conversation.c.source, conversation.c.external_id],
    set_={"control": conversation.c.control},
).returning(conversation.c.id, conversation.c.control)
# Late and repeated events never move control back: the vendor's own time decides.
_CONTROL = (
    update(conversation)
    .where(
        conversation.c.id == bindparam("conversation"),
        or_(conversation.c.control_at.is_(None), conversation.c.control_at <= bindparam("at")),
    )
    .values(control=bindparam("new_control"), control_at=bindparam("at"))
)
_OF_THREAD = select(thread.c.conversation_id).where(
    thread.c.team == bindparam("team"),
    thread.c.channel == bindparam("channel"),
    thread.c.ts == bindparam("ts"),
)
_SAID = (
    select(delivery.c.id)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(lane.c.conversation_id == bindparam("conversation"), lane.c.direction == Direction.VENDOR)
    .where(delivery.c.refs.contains(bindparam("ref")))
    .limit(1)
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
_POINT = (
    update(conversation)
    .where(conversation.c.id == bindparam("conversation"))
    .values(team=bindparam("new_team"), channel=bindparam("new_channel"), thread_ts=bindparam("new_ts"))
)


def keep_events(connection: Connection, incoming: Incoming, events: Sequence[AnyEvent]) -> bool:
    """Keep a webhook and queue its events for Slack. False where it was kept before: nothing is done."""
    if not _keep(connection, incoming):
        return False
    # Sorted, so that two webhooks about the same conversations lock them in the same order.
    ids: dict[ConversationKey, int] = {}
    controls: dict[ConversationKey, Control] = {}
    for key in sorted({event.conversation for event in events}, key=str):
        row = connection.execute(_MEET, {"source": key.source, "external": key.id}).one()
        ids[key], controls[key] = row.id, Control(row.control)
    for event in events:
        key = event.conversation
        new = NewDelivery(Direction.SLACK, "event", event.id, EVENT.dump_json(event).decode())
        if not enqueue(connection, ids[key], new):
            continue
        after = control.after_event(controls[key], event)
        if after is not None:
            controls[key] = after
            at = event.at.timestamp()
            connection.execute(_CONTROL, {"conversation": ids[key], "new_control": after, "at": at})
    return True


def keep_reply(connection: Connection, incoming: Incoming, where: ThreadKey, new: NewDelivery) -> str:
    """Keep a Slack event that is a message in a thread; queue it if the thread is one of ours.

    Returns "queued", "duplicate" or "not_our_thread". What is not ours is not kept: it is not our text.
    """
    found = connection.execute(_OF_THREAD, where.model_dump()).scalar_one_or_none()
    if found is None:
        return "not_our_thread"
    if not _keep(connection, incoming):
        return "duplicate"
    return "queued" if enqueue(connection, found, new) else "duplicate"


def open_thread(connection: Connection, conversation_id: int, where: ThreadKey) -> Conversation:
    """Remember the thread of a conversation; the newest is where its messages go."""
    connection.execute(_OPEN_THREAD, {**where.model_dump(), "conversation": conversation_id})
    connection.execute(
        _POINT,
        {
            "conversation": conversation_id,
            "new_team": where.team,
            "new_channel": where.channel,
            "new_ts": where.ts,
        },
    )
    return conversations(connection, (conversation_id,))[conversation_id]


def was_said(connection: Connection, conversation_id: int, digest: str) -> bool:
    found = connection.execute(_SAID, {"conversation": conversation_id, "ref": f'"{SENDING}": "{digest}"'})
    return found.first() is not None


def _keep(connection: Connection, incoming: Incoming) -> bool:
    row = connection.execute(
        _KEEP,
        {"source": incoming.source, "key": incoming.key, "path": incoming.path, "body": incoming.body},
    ).first()
    return row is not None
