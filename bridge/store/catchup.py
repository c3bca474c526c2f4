"""What happened while nobody listened: where it is looked for, and what was found, put in its place.

A look is a delivery in the lane of replies, queued before the bridge listens again. So it is done once,
by whichever process, also after a crash; and what is written from then on waits behind what it finds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, Double, and_, bindparam, delete, func, or_, select

from bridge.delivery.kinds import History, Look, Transcript
from bridge.engine.age import SOON
from bridge.engine.known import same, unknown
from bridge.engine.reread import reread
from bridge.engine.work import EVENTS, Found, Incoming, NewDelivery, Turn
from bridge.errors import OutcomeUnknown
from bridge.model import EVENT, AnyEvent, DeliveryState, Direction, ThreadKey
from bridge.store import changes, conversations, early, inbox, replies, retold
from bridge.store.database import Database
from bridge.store.keeping import keep
from bridge.store.lanes import enqueue, progress, storable
from bridge.store.tables import conversation, delivery, handoff, lane, now, thread
from bridge.store.tables import inbox as inbox_table

MOST = 100  # conversations that are looked through: of those under way, and of those active
ACTIVE = 3 * 86_400.0  # seconds before the gap in which something has to have happened in them …
SCANNED = 5_000  # … among the newest deliveries, so that the search costs the same however many there are
JUST_NOW = 2.0  # seconds in which a look counts for other processes that start, if nothing was heard since
BURST = 20  # looks at once; after them one each `INTERVAL`
INTERVAL = 1.2  # seconds: Tier 3, 50 a minute, https://docs.slack.dev/apis/web-api/rate-limits
RETOLD = 1_000  # events before one among which the vendor's history may have told it
SKEW = 60.0  # seconds that a vendor's clock may be ahead of ours
EARLIER = 50  # messages from before a conversation's first webhook that are shown

LOOK, HISTORY = Look.kind.name, History.kind.name

# ── where to look ────────────────────────────────────────────────────────────────────────────────

_HEARD = select(inbox_table.c.received_at).order_by(inbox_table.c.id.desc()).limit(1)
_UNDER_WAY = (
    select(handoff.c.conversation_id)
    .where(handoff.c.ended_at.is_(None))
    .order_by((handoff.c.id + 0).desc())  # as a sum, or all that ever were are walked through in their order
    .limit(bindparam("most"))
)
_NEWEST = (
    select(delivery.c.id, delivery.c.lane_id, delivery.c.created_at)
    .where(delivery.c.kind.not_in((LOOK, HISTORY)))
    .order_by(delivery.c.id.desc())
    .limit(SCANNED)
    .subquery()
)
_ACTIVE = (
    select(lane.c.conversation_id)
    .join(_NEWEST, _NEWEST.c.lane_id == lane.c.id)
    .where(_NEWEST.c.created_at > bindparam("since", type_=Double()))
    .group_by(lane.c.conversation_id)
    .order_by(func.max(_NEWEST.c.id).desc())
    .limit(bindparam("most"))
)
_THREADS = select(thread.c.conversation_id, thread.c.team, thread.c.channel, thread.c.ts).where(
    thread.c.conversation_id.in_(bindparam("ids", expanding=True)), thread.c.alert.is_(False)
)
# One that is queued will see all that is there by then. One that has begun does for processes that start at
# the same time.
_FOR_ALL = and_(
    delivery.c.started_at > now() - JUST_NOW,
    delivery.c.started_at > _HEARD.scalar_subquery(),
)
_UNDONE = (
    select(lane.c.conversation_id, delivery.c.payload)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(
        lane.c.conversation_id.in_(bindparam("ids", expanding=True)),
        lane.c.direction == Direction.VENDOR,
        delivery.c.kind == bindparam("kind"),
        or_(delivery.c.state == DeliveryState.QUEUED, _FOR_ALL),
    )
)
_LOOKS = (
    select(delivery.c.payload)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(
        lane.c.conversation_id == bindparam("about"),
        lane.c.direction == Direction.VENDOR,
        delivery.c.kind == bindparam("kind"),
        delivery.c.created_at >= bindparam("since", type_=Double()),
    )
)
_NOW = select(now())
_OF_SOURCES = select(conversation.c.id).where(
    conversation.c.id.in_(bindparam("ids", expanding=True)),
    conversation.c.source.in_(bindparam("sources", expanding=True)),
)


def heard(connection: Connection) -> float | None:
    """When anything came in last."""
    found: float | None = connection.execute(_HEARD).scalar_one_or_none()
    if found is None:
        return None
    at: float = connection.execute(_NOW).scalar_one()
    return min(found, at)  # a clock that was ahead has been set back


def look_back(connection: Connection, since: float) -> int:
    """Queue a look into each thread that matters, for what was written there since then; how many."""
    ids = list(connection.execute(_UNDER_WAY, {"most": MOST}).scalars())
    ids += connection.execute(_ACTIVE, {"since": since - ACTIVE, "most": MOST}).scalars()
    ranks = {about: rank for rank, about in enumerate(dict.fromkeys(ids))}
    threads = sorted(connection.execute(_THREADS, {"ids": list(ranks)}), key=lambda row: ranks[row[0]])
    undone = connection.execute(_UNDONE, {"ids": list(ranks), "kind": LOOK})
    looks = [Look.read(row.payload) for row in undone]
    seen = {(look.team, look.channel, look.ts) for look in looks}
    at: float = connection.execute(_NOW).scalar_one()
    new: list[tuple[int, NewDelivery]] = []
    for row in threads:
        if (row.team, row.channel, row.ts) not in seen:
            where = ThreadKey(team=row.team, channel=row.channel, ts=row.ts)
            after = max(0, len(new) - BURST) * INTERVAL
            new.append((row.conversation_id, _look(where, at, since=since, after=after)))
    return sum(enqueue(connection, new))


def ask_back(connection: Connection, since: float, sources: Collection[str]) -> int:
    """Queue a question to the vendor about each handoff under way at these sources; how many."""
    under_way = list(connection.execute(_UNDER_WAY, {"most": MOST}).scalars())
    of_sources = {"ids": under_way, "sources": list(sources)}
    ids = list(connection.execute(_OF_SOURCES, of_sources).scalars())
    undone = {row.conversation_id for row in connection.execute(_UNDONE, {"ids": ids, "kind": HISTORY})}
    key = f"{HISTORY}:{connection.execute(_NOW).scalar_one():.6f}"
    new = NewDelivery.of(History(since=since), key)
    return sum(enqueue(connection, [(about, new) for about in ids if about not in undone]))


def look_into(connection: Connection, where: ThreadKey, since: float, away_until: float | None) -> bool:
    """Queue a look into one thread. False where it is not ours, or was looked into since nobody was away any
    more. Where somebody listened all the time, only what is older than `SOON` by now is late.
    """
    found = connection.execute(conversations.OF_THREAD, where.model_dump()).first()
    if found is None or found.alert:
        return False
    at: float = connection.execute(_NOW).scalar_one()
    if away_until is not None:
        looks = {"about": found.conversation_id, "kind": LOOK, "since": away_until}
        if where.ts in [Look.read(one).ts for one in connection.execute(_LOOKS, looks).scalars()]:
            return False
    until = at - SOON if away_until is None else away_until
    look = _look(where, at, since=since, after=0.0, until=until)
    return all(enqueue(connection, [(found.conversation_id, look)]))


def _look(where: ThreadKey, at: float, **when: float) -> NewDelivery:
    """Into the thread `where`, queued `at` this time."""
    look = Look.model_validate({**where.model_dump(), **when})
    return NewDelivery.of(look, f"{LOOK}:{where.channel}:{where.ts}:{at:.6f}")


# ── what was found ───────────────────────────────────────────────────────────────────────────────

# Whatever of this lane was queued after the turn that we hold.
_TAKE_OUT = (
    delete(delivery)
    .where(
        delivery.c.lane_id == bindparam("lane"),
        delivery.c.id > bindparam("turn"),
        replies.NEVER_BEGUN,
    )
    .returning(delivery.c.id, delivery.c.kind, delivery.c.key, delivery.c.payload, delivery.c.message)
)


def keep_found(connection: Connection, turn: Turn, found: Sequence[Found]) -> int:
    """Keep what was written in a thread, and put it among all that is queued behind `turn`: what was written
    first is first, and what was not written, as a press of a button, stays behind what it came after.

    What is known already stays as it was. Returns how much was new. Raises `OutcomeUnknown` where the lane is
    no longer ours.
    """
    about = turn.conversation.id
    early.hold(connection, [one.place for one in found])
    conversations.lock(connection, [about])
    if not progress(connection, turn, turn.refs):
        raise OutcomeUnknown("the lane was taken over by another worker")
    written = {storable(key): float(one.place.ts) for one in found for key in one.known_as}
    line: list[tuple[float, NewDelivery]] = []  # each with when it was written
    waiting: set[str | None] = set()
    newest = turn.began - turn.waited  # when the look was queued, which all this came after
    taken_out = connection.execute(_TAKE_OUT, {"lane": turn.lane, "turn": turn.delivery})
    for row in sorted(taken_out, key=lambda row: row.id):
        at = float(row.message) if row.message else written.get(row.key, newest)
        newest = max(newest, at)
        line.append((at, NewDelivery(turn.direction, row.kind, row.key, row.payload, row.message)))
        waiting |= {row.key, row.message}
    told = {"conversation": about, "keys": list(written), "messages": [one.place.ts for one in found]}
    told["but_for"] = turn.delivery
    known = {name for row in connection.execute(replies.KNOWN, told) for name in row}
    new = 0
    for one in found:
        if one.locked:
            changes.lock(connection, one.place)
        names = {*map(storable, one.known_as), one.place.ts}
        if not names & (waiting | known) and all(keep(connection, [one.incoming])):
            new += 1
            # Slack may have reported a change since it was read.
            change = early.remembered(connection, one.place)
            if change is early.Change.DELETED:
                replies.keep_note(connection, about, one.delivery)
                continue
            delivery = one.delivery if change is None else reread(one.delivery)
            line.append((float(one.place.ts), replies.bound(connection, about, delivery)))
    enqueue(connection, [(about, one) for _, one in sorted(line, key=lambda one: one[0])])
    return new


_EVENTS = (
    select(delivery.c.payload)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .where(
        lane.c.conversation_id == bindparam("conversation"),
        lane.c.direction == Direction.SLACK,
        delivery.c.kind.in_(EVENTS),
        delivery.c.created_at > bindparam("since", type_=Double()),
    )
    .order_by(delivery.c.id)
)
_BEFORE = (
    select(delivery.c.payload)
    .where(
        delivery.c.lane_id == bindparam("lane"),
        delivery.c.id < bindparam("turn"),
        delivery.c.kind.in_(EVENTS),
    )
    .order_by(delivery.c.id.desc())
    .limit(RETOLD)
)


def keep_history(connection: Connection, turn: Turn, asked: History, told: Sequence[AnyEvent]) -> int:
    """Keep what a vendor tells was said since then, as events that are late. Returns how much was new."""
    about = turn.conversation.id
    conversations.lock(connection, [about])
    rows = connection.execute(_EVENTS, {"conversation": about, "since": asked.since - SKEW}).scalars()
    new = unknown(told, [EVENT.validate_json(payload) for payload in rows])
    earlier = asked.earlier
    late = [event.model_copy(update={"late": True, "earlier": earlier}) for event in new]
    left_out = max(len(late) - EARLIER, 0) if earlier else 0
    late = late[left_out:]
    kept = inbox.keep_events(connection, [(_asked(event), (event,)) for event in late]) if late else []
    if late and earlier:
        enqueue(connection, [(about, NewDelivery.after(turn, Transcript(left_out=left_out)))])
    return sum(is_new for is_new, _ in kept)


def _asked(event: AnyEvent) -> Incoming:
    return Incoming(event.conversation.source, f"{HISTORY}:{event.id}", HISTORY, EVENT.dump_json(event))


def was_told(connection: Connection, turn: Turn, event: AnyEvent) -> bool:
    """Whether the vendor's history has told what `event`, another webhook, tells again under its own id. Of a
    message that was said twice each is told again by one webhook."""
    before = connection.execute(_BEFORE, {"lane": turn.lane, "turn": turn.delivery}).scalars()
    late = [EVENT.validate_json(payload) for payload in before if '"late":true' in payload]
    about = turn.conversation.id
    return any(retold.by(connection, about, one, event) for one in reversed(late) if same(event, one))


class CatchUp:
    """The part of the store that all this is called by. Each is one transaction and raises `Unavailable`."""

    _database: Database

    def _wake(self) -> None:
        raise NotImplementedError

    async def heard(self) -> float | None:
        """When anything came in last, from Slack or from a vendor."""
        return await self._database.run(heard)

    async def look_back(self, since: float) -> int:
        looks = await self._database.run(look_back, since)
        self._wake()
        return looks

    async def look_into(self, where: ThreadKey, since: float, away_until: float | None = None) -> bool:
        """Queue a look into one thread, before what is kept of it next. Whether there was need of it."""
        looks = await self._database.run(look_into, where, since, away_until)
        self._wake()
        return looks

    async def ask_back(self, since: float, sources: Collection[str]) -> int:
        asked = await self._database.run(ask_back, since, sources)
        self._wake()
        return asked

    async def keep_found(self, turn: Turn, found: Sequence[Found]) -> int:
        new = await self._database.run(keep_found, turn, found)
        self._wake()
        return new

    async def keep_history(self, turn: Turn, asked: History, told: Sequence[AnyEvent]) -> int:
        new = await self._database.run(keep_history, turn, asked, told)
        self._wake()
        return new

    async def was_told(self, turn: Turn, event: AnyEvent) -> bool:
        return await self._database.run(was_told, turn, event)
