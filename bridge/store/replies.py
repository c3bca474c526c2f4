"""Replies in the store: queued, held and sent on, and known again afterwards."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Double, and_, bindparam, delete, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from bridge.control import Signal
from bridge.delivery.kind import Payload
from bridge.delivery.kinds import Correction, InSlack, PostedByApp, Question, SlackReply, WantedAct
from bridge.engine.gate import Stopped, Wish, admit
from bridge.engine.reread import reread
from bridge.engine.work import (
    KEPT,
    SENDING,
    Conversation,
    Incoming,
    NewDelivery,
    Owner,
    SentDigest,
    Turn,
)
from bridge.model import DeliveryState, Direction, HeldChoice, HeldFor, ThreadKey
from bridge.store import conversations, early, handoffs
from bridge.store.deadletters import hold, is_dead, queue_again, try_again
from bridge.store.keeping import keep
from bridge.store.lanes import enqueue, progress, storable
from bridge.store.tables import ACTIVE, delivery, lane, locked, now, said

#: where something was written or pressed: a thread, or without one a conversation
Where = ThreadKey | int

MOST_MATCHING = 100  # replies with the same words, to as many customers

_SAID = (
    select(said.c.id, said.c.conversation_id)
    .where(said.c.digest == bindparam("digest"), said.c.at > now() - bindparam("within", type_=Double()))
    .order_by(said.c.id)
    .limit(MOST_MATCHING)
)
_SAY = insert(said).values(digest=bindparam("digest"), at=now(), conversation_id=bindparam("about"))
OF_KEY = select(delivery.c.id, delivery.c.state, delivery.c.refs, delivery.c.payload).where(
    delivery.c.lane_id == bindparam("lane"), delivery.c.key == bindparam("key")
)
LANE = (
    select(lane.c.id)
    .where(lane.c.conversation_id == bindparam("conversation"), lane.c.direction == Direction.VENDOR)
    .with_for_update()
)
# What may be given another place in its lane. What has a slot of its pace, or steps that are done, keeps it.
NEVER_BEGUN = and_(
    text(ACTIVE),
    delivery.c.state == DeliveryState.QUEUED,
    delivery.c.attempts == 0,
    delivery.c.refs == "{}",
)
_WAITING = (
    select(delivery.c.id, delivery.c.kind, delivery.c.key, delivery.c.payload, delivery.c.message)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(lane.c.conversation_id == bindparam("conversation"), lane.c.direction == Direction.VENDOR)
    .where(delivery.c.kind.in_(("reply", "act")), delivery.c.key != bindparam("key"))
    .where(NEVER_BEGUN)
    .order_by(delivery.c.id)
)
_TAKE_OUT = delete(delivery).where(delivery.c.id.in_(bindparam("ids", expanding=True)))
#: what of a conversation goes by one of these keys or messages, but for one delivery
KNOWN = (
    select(delivery.c.key, delivery.c.message)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(lane.c.conversation_id == bindparam("conversation"), delivery.c.id != bindparam("but_for"))
    .where(
        or_(
            delivery.c.key.in_(bindparam("keys", expanding=True)),
            delivery.c.message.in_(bindparam("messages", expanding=True)),
        )
    )
)
#: of a delivery that stays in because its message was deleted
DELETED_IN_SLACK = {
    "state": DeliveryState.CANCELLED,
    "done_at": now(),
    "problem": "deleted in Slack",
    "refs": json.dumps({KEPT: "note"}),
}
_PAYLOAD = select(delivery.c.payload).where(delivery.c.id == bindparam("delivery")).with_for_update()
_LOCKED = select(locked.c.at).where(
    locked.c.team == bindparam("team"),
    locked.c.channel == bindparam("channel"),
    locked.c.ts == bindparam("ts"),
)
_HELD = (
    select(delivery.c.id, delivery.c.payload)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(lane.c.conversation_id == bindparam("conversation"), lane.c.direction == Direction.VENDOR)
    .where(delivery.c.message == bindparam("ts"), delivery.c.kind == "reply")
    .where(delivery.c.state == DeliveryState.CANCELLED, delivery.c.refs.contains(f'"{KEPT}": "held"'))
)
_QUESTIONS = (
    select(delivery.c.payload)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(lane.c.conversation_id == bindparam("conversation"), lane.c.direction == Direction.MARKS)
    .where(delivery.c.kind == "question")
    .order_by(delivery.c.id.desc())
)
_LAST = (
    select(delivery.c.kind, delivery.c.payload)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(lane.c.conversation_id == bindparam("conversation"), lane.c.direction == Direction.VENDOR)
    .where(delivery.c.state == DeliveryState.SENT, delivery.c.refs.contains(f'"{SENDING}"'))
    .where(delivery.c.kind.in_(("reply", "correction")))
    .order_by(delivery.c.id.desc())
    .limit(1)
)


_NEAR = (
    select(delivery.c.payload)
    .where(
        delivery.c.lane_id == bindparam("lane"),
        delivery.c.id < bindparam("turn"),
        delivery.c.kind == SlackReply.kind.name,
        delivery.c.refs.contains(f'"{SENDING}"'),
        delivery.c.done_at > now() - bindparam("within", type_=Double()),
    )
    .order_by(delivery.c.id.desc())
    .limit(MOST_MATCHING)
)


def keep_if_ours(connection: Connection, incoming: Incoming, where: Where) -> int | str:
    """Keep what came in about a conversation of ours, else "not_our_thread" or "duplicate"."""
    found = conversations.at(connection, where)
    if found is None:
        return "not_our_thread"
    return found.id if all(keep(connection, [incoming])) else "duplicate"


def keep_reply(connection: Connection, incoming: Incoming, where: Where, new: NewDelivery) -> str:
    """Keep what somebody wrote in a thread, or pressed; queue it if the thread is one of ours.

    Returns "queued", "duplicate", "not_our_thread", "deleted" for a message whose deletion came first, and
    which stays in as a note, or "team_talk" for words below an alert, which are for no customer. What is
    not ours is not kept: it is not our text.
    """
    below_alert = isinstance(where, ThreadKey) and _is_alert(connection, where)
    payload = new.payload
    if below_alert and isinstance(payload, SlackReply | PostedByApp):
        return "team_talk"
    place = _place_of(payload)
    if place is not None:
        early.hold(connection, [place])
    found = keep_if_ours(connection, incoming, where)
    if isinstance(found, str):
        return found
    rereads = isinstance(payload, SlackReply) and payload.reread
    if rereads and is_known(connection, found, new.key, f"act:{new.key}", ts=new.message):
        return "duplicate"
    if place is not None:
        change = early.remembered(connection, place)
        if change is early.Change.DELETED:
            return "deleted" if keep_note(connection, found, new) else "duplicate"
        new = new if change is None or below_alert else reread(new)
    if not all(enqueue(connection, [(found, bound(connection, found, new))])):
        return "duplicate"
    if new.direction is Direction.VENDOR:
        _put_in_order(connection, found, new)
    return "queued"


def _is_alert(connection: Connection, where: ThreadKey) -> bool:
    row = connection.execute(conversations.OF_THREAD, where.model_dump()).first()
    return row is not None and row.alert


def is_known(connection: Connection, about: int, *keys: str, ts: str | None = None) -> bool:
    """Whether something of the conversation goes by one of these keys, or carries the message `ts`."""
    names = {"keys": [storable(key) for key in keys], "messages": [ts] if ts else []}
    return connection.execute(KNOWN, {"conversation": about, "but_for": 0, **names}).first() is not None


def keep_note(connection: Connection, about: int, new: NewDelivery) -> bool:
    """Keep the delivery of a message that was deleted in Slack, as a note. False where it is here already."""
    note = reread(new)
    if not isinstance(note.payload, SlackReply):
        return True
    is_new = all(enqueue(connection, [(about, note)]))
    if is_new:
        lane_id = connection.execute(LANE, {"conversation": about}).scalar_one()
        row = connection.execute(OF_KEY, {"lane": lane_id, "key": storable(note.key)}).one()
        connection.execute(update(delivery).where(delivery.c.id == row.id).values(**DELETED_IN_SLACK))
    return is_new


def bound(connection: Connection, about: int, new: NewDelivery) -> NewDelivery:
    """An act is meant for the handoff that there is when somebody asks for it, and not for a later one."""
    wanted = new.payload
    if not isinstance(wanted, WantedAct):
        return new
    last = handoffs.last(connection, about)
    asked = wanted.model_copy(update={"handoff": last.id if last is not None else 0})
    return dataclasses.replace(new, body=asked.write())


def _put_in_order(connection: Connection, about: int, new: NewDelivery) -> None:
    """Put what waits in the lane behind `new` if it was written after it: what Slack could not tell at once
    it tells again, after what was written meanwhile. https://docs.slack.dev/apis/events-api/#retries"""
    if (at := _written_at(new.payload)) is None:
        return
    # `new` is in the lane, so its row is held: nothing of it is begun meanwhile.
    waiting = connection.execute(_WAITING, {"conversation": about, "key": storable(new.key)}).all()
    rows = [NewDelivery(new.direction, row.kind, row.key, row.payload, row.message) for row in waiting]
    places = [_written_at(one.payload) for one in rows]
    first = next((place for place, then in enumerate(places) if then is not None and then > at), None)
    if first is not None:
        connection.execute(_TAKE_OUT, {"ids": [row.id for row in waiting[first:]]})
        enqueue(connection, [(about, one) for one in rows[first:]])


def _written_at(payload: Payload) -> float | None:
    """By Slack's clock; None of what was pressed, or is our own."""
    return float(payload.ts) if isinstance(payload, InSlack) and payload.ts else None


def send_on(
    connection: Connection,
    incoming: Incoming,
    where: Where,
    delivery_id: int,
    user: str,
    choice: HeldChoice | None,
) -> str:
    """Queue again what was held, as its author chooses, or, without a choice, what failed.

    Returns "queued", "not_yours", "decided" where it waits for nobody any more, "duplicate" or
    "not_our_thread".
    """
    found = keep_if_ours(connection, incoming, where)
    if isinstance(found, str):
        return found
    return decide(connection, found, delivery_id, user, choice)


def decide(
    connection: Connection, about: int, delivery_id: int, user: str | None, choice: HeldChoice | None
) -> str:
    row = hold(connection, delivery_id)
    if row is None or row.conversation_id != about:
        return "decided"
    if choice is None:
        if not is_dead(row):
            return "decided"
        try_again(connection, row, user)
        return "queued"
    if row.state != DeliveryState.CANCELLED or json.loads(row.refs).get(KEPT) != "held":
        return "decided"
    reply = SlackReply.read(row.payload)
    if user is not None and reply.user != user:
        return "not_yours"
    queue_again(connection, row, reply.model_copy(update={"choice": choice}).write(), "held")
    return "queued"


def ask_again(connection: Connection, incoming: Incoming, where: ThreadKey, ts: str, user: str) -> str:
    """Ask the author of the held reply in the message `ts` once more what shall become of it.

    Returns "queued", "not_yours", "decided" where nothing waits there, "duplicate" or "not_our_thread".
    """
    found = keep_if_ours(connection, incoming, where)
    if isinstance(found, str):
        return found
    row = connection.execute(_HELD, {"conversation": found, "ts": ts}).first()
    reply = SlackReply.read(row.payload) if row is not None else None
    if row is None or reply is None or reply.channel != where.channel:
        return "decided"
    if reply.user != user:
        return "not_yours"
    asked = map(Question.read, connection.execute(_QUESTIONS, {"conversation": found}).scalars())
    before = next(one for one in asked if one.delivery == row.id)
    again = before.model_copy(update={"text": reply.text})
    enqueue(connection, [(found, NewDelivery.of(again, incoming.key))])
    return "queued"


def last_reply(connection: Connection, conversation_id: int) -> InSlack | None:
    """The Slack message of the last reply that reached the vendor."""
    row = connection.execute(_LAST, {"conversation": conversation_id}).first()
    return None if row is None else (SlackReply if row.kind == "reply" else Correction).read(row.payload)


def replies_near(connection: Connection, turn: Turn, within: float) -> list[SlackReply]:
    """The replies before this one that the vendor may have got in the last `within` seconds, newest first."""
    told = {"lane": turn.lane, "turn": turn.delivery, "within": within}
    return [SlackReply.read(payload) for payload in connection.execute(_NEAR, told).scalars()]


def begin_reply(
    connection: Connection,
    turn: Turn,
    refs: Mapping[str, str],
    digests: Sequence[str],
    wish: Wish | None,
) -> tuple[bool, Stopped | None]:
    """From here on the vendor may have it, and may tell it back; unless, with a `wish`, the conversation as
    it stands now does not admit it. First, whether the lane is still ours; if not, nothing is written.
    """
    about = turn.conversation.id
    follow: list[NewDelivery] = []
    if wish is not None:
        conversations.lock(connection, [about])
        stands = conversations.read(connection, (about,))[about]
        if is_locked(connection, turn):
            return True, Stopped(None)
        if connection.execute(_PAYLOAD, {"delivery": turn.delivery}).scalar_one() != turn.body:
            return True, Stopped(None, changed=True)
        admitted = admit(stands, wish)
        if isinstance(admitted, HeldFor):
            return True, Stopped(admitted)
        happened = admitted.happened
    if not progress(connection, turn, refs):
        return False, None
    if wish is not None and happened is not None:
        follow = handoffs.act(connection, about, happened, wish.by) or []
    if digests:
        connection.execute(_SAY, [{"digest": one, "about": about} for one in digests])
    enqueue(connection, [(about, one) for one in follow])
    return True, None


def rewrite(connection: Connection, turn: Turn, reply: SlackReply) -> bool:
    """Let the delivery of `turn` have `reply`, with its author's choice, unless it was changed meanwhile.
    False where the lane is no longer ours."""
    if not progress(connection, turn, turn.refs):
        return False
    if connection.execute(_PAYLOAD, {"delivery": turn.delivery}).scalar_one() == turn.body:
        after = reply.model_copy(update=decided(turn.carries(SlackReply))).write()
        connection.execute(update(delivery).where(delivery.c.id == turn.delivery).values(payload=after))
    return True


def decided(reply: SlackReply) -> dict[str, Any]:
    """What stays of a reply when its message is read again, or changed."""
    return reply.model_dump(include={"choice", "again_by", "late", "look"}, exclude_unset=True)


def is_locked(connection: Connection, turn: Turn) -> bool:
    place = _place_of(turn.payload)
    return place is not None and connection.execute(_LOCKED, place.model_dump()).first() is not None


def _place_of(payload: Payload) -> ThreadKey | None:
    """Where a message is, by its own ts; None of what was pressed, or is our own."""
    if not isinstance(payload, InSlack) or None in (payload.team, payload.channel, payload.ts):
        return None
    return ThreadKey(team=payload.team, channel=payload.channel, ts=payload.ts)


def matching_replies(connection: Connection, digest: str, within: float) -> list[SentDigest]:
    """The replies with this digest that were begun in the last `within` seconds, the oldest first."""
    return [SentDigest(*row) for row in connection.execute(_SAID, {"digest": digest, "within": within})]


def act(
    connection: Connection, turn: Turn, refs: Mapping[str, str], happened: Signal, by: Owner
) -> tuple[bool, bool, Conversation]:
    """What an agent does that needs no vendor. Whether the lane is ours, whether it was done (one of several
    who want the same wins), and the conversation as it stands then."""
    about = turn.conversation.id
    conversations.lock(connection, [about])
    if not progress(connection, turn, turn.refs):
        return False, False, turn.conversation
    follow = handoffs.act(connection, about, happened, by)
    if follow is not None:
        progress(connection, turn, refs)
        enqueue(connection, [(about, one) for one in follow])
    return True, follow is not None, conversations.read(connection, (about,))[about]
