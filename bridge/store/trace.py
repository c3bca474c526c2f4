"""Everything the store knows of one conversation, and how it is found: read only, for whoever asks why.

Webhooks have no index but their key. Their ids are in the order of time, so a time is found by halving them,
and what came in about something is looked for among those in question, some thousands in a transaction.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Boolean,
    Connection,
    LargeBinary,
    Table,
    func,
    literal,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from bridge.delivery.kinds import Clock, SlackReply
from bridge.engine.refs import queued_by
from bridge.engine.work import Conversation, Handoff
from bridge.model import Direction
from bridge.store import conversations
from bridge.store.handoffs import of_row
from bridge.store.lanes import storable
from bridge.store.sealed import is_sealed, raw
from bridge.store.tables import (
    FORGOTTEN,
    attempt,
    conversation,
    delivery,
    handoff,
    inbox,
    lane,
    locked,
    now,
    thread,
    worker,
)

PAGE = 5000  # rows looked at in one transaction
FARTHEST = 200_000  # rows looked through for what no index finds
_TS = re.compile(r"\d{10,}\.\d{6}")
_ACTIVE = ("queued", "sending")

_DELIVERIES = (
    select(delivery, lane.c.direction, lane.c.conversation_id)
    .join(lane, lane.c.id == delivery.c.lane_id)
    .order_by(delivery.c.id)
)


@dataclass(frozen=True, slots=True)
class Life:
    """A conversation, and its rows, as they stand at `now` by the store's clock. `older` deliveries are left
    out; `behind`: of each lane, the one that the others wait for."""

    now: float
    conversation: Conversation
    threads: Sequence[Any]
    handoffs: Sequence[Handoff]
    deliveries: Sequence[Any]
    attempts: Mapping[int, Sequence[Any]]
    lanes: Mapping[Direction, Any]
    behind: Mapping[Direction, Any]
    workers: Mapping[int, str]
    older: int


# ── find ─────────────────────────────────────────────────────────────────────────────────────────


def by_number(connection: Connection, number: int) -> int | None:
    """The conversation of a delivery."""
    wanted = select(lane.c.conversation_id).join(delivery, delivery.c.lane_id == lane.c.id)
    return connection.execute(wanted.where(delivery.c.id == number)).scalar_one_or_none()


def by_key(connection: Connection, source: str | None, id: str) -> list[tuple[int, str]]:
    """The conversations that a vendor calls `id`: row and source."""
    wanted = select(conversation.c.id, conversation.c.source).where(conversation.c.external_id == id)
    if source is not None:
        wanted = wanted.where(conversation.c.source == source)
    return [(row.id, row.source) for row in connection.execute(wanted.order_by(conversation.c.source))]


def by_thread(connection: Connection, channel: str | None, ts: str) -> list[Any]:
    """The threads whose first message this is: `conversation_id`, and whether it is an `alert`."""
    wanted = select(thread.c.conversation_id, thread.c.alert).where(thread.c.ts == ts)
    return list(connection.execute(wanted if channel is None else wanted.where(thread.c.channel == channel)))


def by_message(connection: Connection, channel: str | None, ts: str) -> list[tuple[int, int]]:
    """What carries the Slack message `ts` of a person: conversation and delivery."""
    found = connection.execute(_DELIVERIES.where(delivery.c.message == ts)).all()
    return [
        (row.conversation_id, row.id)
        for row in found
        if channel is None or SlackReply.read(row.payload).channel == channel
    ]


def name(connection: Connection, about: int) -> tuple[str, str]:
    """A conversation's source and the vendor's id."""
    wanted = select(conversation.c.source, conversation.c.external_id).where(conversation.c.id == about)
    row = connection.execute(wanted).one()
    return row.source, row.external_id


def is_locked(connection: Connection, channel: str, ts: str) -> bool:
    wanted = select(locked.c.at).where(locked.c.channel == channel, locked.c.ts == ts)
    return connection.execute(wanted).first() is not None


def knows(connection: Connection, channel: str) -> bool:
    """Whether any thread of ours is in a channel."""
    return (
        connection.execute(select(thread.c.ts).where(thread.c.channel == channel).limit(1)).first()
        is not None
    )


def by_id(connection: Connection, after: int, upto: int, id: str, about: int | None) -> list[tuple[int, int]]:
    """What came under the id `id`, or was given it by the other side: conversation and delivery."""
    suffix = "%:" + id.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    same = or_(
        delivery.c.key == storable(id),
        delivery.c.key.like(suffix, escape="\\"),
        delivery.c.refs.contains(f': "{json.dumps(id)[1:-1]}"', autoescape=True),
    )
    wanted = _DELIVERIES.where(delivery.c.id > after, delivery.c.id <= upto)
    if about is not None:
        wanted = wanted.where(lane.c.conversation_id == about)
    found = {row.id: row.conversation_id for row in connection.execute(wanted.where(same))}
    if _TS.fullmatch(id):  # an act has the ts of its message, in what SQL cannot look into
        asked = wanted.where(lane.c.direction.in_((Direction.VENDOR, Direction.ACTS)))
        said = f'"ts": {json.dumps(id)}'
        found |= {row.id: row.conversation_id for row in connection.execute(asked) if said in row.payload}
    return [(about, number) for number, about in sorted(found.items())]


# ── by time ──────────────────────────────────────────────────────────────────────────────────────


def span(connection: Connection, table: Table, since: float, until: float | None = None) -> tuple[int, int]:
    """The ids of the rows written from `since` on, to `until`: above the first, up to the second."""
    newest: int = connection.execute(select(func.coalesce(func.max(table.c.id), 0))).scalar_one()
    first = _halved(connection, table, since, newest)
    return first, newest if until is None else _halved(connection, table, until, newest)


def _halved(connection: Connection, table: Table, at: float, newest: int) -> int:
    """The highest id of what is older than `at`."""
    when = table.c.received_at if table is inbox else table.c.created_at
    low, high = 0, newest
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(
            select(table.c.id, when).where(table.c.id > middle).order_by(table.c.id).limit(1)
        ).first()
        if row is None or row[1] >= at:
            high = middle
        else:
            low = row.id
    return low


def pages(first: int, last: int) -> Iterable[tuple[int, int]]:
    """From `first` to `last`, the newest first."""
    while last > first:
        yield max(first, last - PAGE), last
        last = max(first, last - PAGE)


class holds(FunctionElement[bool]):
    """Whether the first, bytes, has the second in it."""

    type = Boolean()
    inherit_cache = True


@compiles(holds, "postgresql")
def _holds_postgresql(element: holds, compiler: Any, **kw: Any) -> str:
    body, word = (compiler.process(one, **kw) for one in element.clauses)
    return f"position({word} IN {body}) > 0"


@compiles(holds, "sqlite")
def _holds_sqlite(element: holds, compiler: Any, **kw: Any) -> str:
    body, word = (compiler.process(one, **kw) for one in element.clauses)
    return f"instr({body}, {word}) > 0"


def heard(
    connection: Connection, after: int, upto: int, sources: Sequence[str], words: Sequence[str]
) -> list[Any]:
    """What came in from `sources`, or from all where none is named, and has all of `words` in it."""
    wanted = select(inbox).where(inbox.c.id > after, inbox.c.id <= upto, inbox.c.path != FORGOTTEN)
    if sources:
        wanted = wanted.where(inbox.c.source.in_(sources))
    said = [{word.encode(), json.dumps(word)[1:-1].encode()} for word in words]  # JSON may have escapes
    hidden = is_sealed(inbox.c.body)  # those are looked into here
    for forms in said:
        held = (holds(raw(inbox.c.body), literal(form, LargeBinary)) for form in forms)
        wanted = wanted.where(or_(hidden, *held))
    return [
        row
        for row in connection.execute(wanted.order_by(inbox.c.id))
        if all(any(form in row.body for form in forms) for forms in said)
    ]


def _clock_of(connection: Connection, only: int) -> int | None:
    """The handoff whose clock this delivery is."""
    clock = select(delivery.c.payload).where(delivery.c.id == only, delivery.c.kind == Clock.kind.name)
    payload = connection.execute(clock).scalar()
    return None if payload is None else Clock.read(payload).handoff


# ── a whole life ─────────────────────────────────────────────────────────────────────────────────


def life(connection: Connection, about: int, most: int, only: int | None = None) -> Life:
    """The newest deliveries of a conversation; or `only` one, with what was told because of it."""
    lanes = connection.execute(select(lane).where(lane.c.conversation_id == about)).all()
    ids = [one.id for one in lanes]
    wanted = _DELIVERIES.where(delivery.c.lane_id.in_(ids))
    if only is None:
        newest = wanted.order_by(None).order_by(delivery.c.id.desc()).limit(most)
        found = connection.execute(newest).all()[::-1]
        of_lanes = select(func.count()).select_from(delivery).where(delivery.c.lane_id.in_(ids))
        older = connection.execute(of_lanes).scalar_one() - len(found)
    else:
        begin, full = queued_by(only, _clock_of(connection, only))
        told = [delivery.c.key.in_(full), *(delivery.c.key.startswith(one, autoescape=True) for one in begin)]
        found = list(connection.execute(wanted.where(or_(delivery.c.id == only, *told))))
        older = 0
    tries: dict[int, list[Any]] = {}
    for page in (found[start : start + 500] for start in range(0, len(found), 500)):
        of_page = select(attempt).where(attempt.c.delivery_id.in_([one.id for one in page]))
        for row in connection.execute(of_page.order_by(attempt.c.id)):
            tries.setdefault(row.delivery_id, []).append(row)
    heads = select(func.min(delivery.c.id)).where(delivery.c.lane_id.in_(ids), delivery.c.state.in_(_ACTIVE))
    behind = connection.execute(_DELIVERIES.where(delivery.c.id.in_(heads.group_by(delivery.c.lane_id))))
    handoffs = select(handoff).where(handoff.c.conversation_id == about).order_by(handoff.c.id)
    threads = select(thread).where(thread.c.conversation_id == about).order_by(thread.c.opened_at)
    return Life(
        now=connection.execute(select(now())).scalar_one(),
        conversation=conversations.read(connection, (about,))[about],
        threads=connection.execute(threads).all(),
        handoffs=[of_row(row) for row in connection.execute(handoffs)],
        deliveries=found,
        attempts=tries,
        lanes={Direction(one.direction): one for one in lanes},
        behind={Direction(one.direction): one for one in behind},
        workers={row.id: row.name for row in connection.execute(select(worker))},
        older=older,
    )
