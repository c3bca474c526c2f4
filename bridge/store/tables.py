"""The tables. Times are seconds since the epoch by the store's own clock; texts of others are opaque.

What people wrote and who they are is in `SealedText` and `SealedBytes`: SQL cannot look into it. What is
looked up, counted or ordered by is as it is: ids, keys, times, states.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from bridge.store.sealed import SealedBytes, SealedText

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Id = BigInteger().with_variant(Integer, "sqlite")  # only INTEGER is a rowid there


class now(FunctionElement[float]):
    """The store's clock: one for all processes, so that their own clocks may differ."""

    type = Double()
    inherit_cache = True


@compiles(now, "postgresql")
def _now_postgresql(element: now, compiler: Any, **kw: Any) -> str:
    return "extract(epoch from clock_timestamp())::float8"


@compiles(now, "sqlite")
def _now_sqlite(element: now, compiler: Any, **kw: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"  # unixepoch('subsec') wants SQLite 3.42


conversation = Table(
    "conversation",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("source", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("control", Text, nullable=False),
    Column("control_at", Double),  # since when it is so
    Column("vendor_at", Double),  # the vendor's newest statement about it, by the vendor's clock
    Column("vendor_lead", Double),  # and how far it was ahead of the time of its writing
    Column("acted_at", Double),  # the last act of an agent
    Column("acted_lead", Double),  # and how far ahead the vendor's clock was then, by its webhooks
    Column("changes", Integer, nullable=False, server_default="0"),  # of control or owner
    Column("owner", SealedText),  # the name of the human who has it
    Column("owner_id", Text),  # and in Slack their id
    Column("team", Text),
    Column("channel", Text),
    Column("thread_ts", Text),
    Column("facts", SealedText, nullable=False),  # JSON: what the card shows
    Column("card", Text),  # the digest of the card as it stands in Slack
    Column("typing", SealedText),  # JSON: who types, in which words, until when
    Column("customer", Text, index=True),  # the digest of the source and the customer's id
    Column("created_at", Double, nullable=False),
    UniqueConstraint("source", "external_id"),
)

# every thread a conversation ever had, so that a reply in an older one still finds it; and its alerts'
# threads in other channels, where nothing is a reply
thread = Table(
    "thread",
    METADATA,
    Column("team", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("ts", Text, primary_key=True),
    Column("conversation_id", Id, ForeignKey("conversation.id"), nullable=False, index=True),
    Column("opened_at", Double, nullable=False),
    Column("alert", Boolean, nullable=False, server_default=false()),
)

# one trip through waiting and human, and its clock; at most one of a conversation is open
handoff = Table(
    "handoff",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("conversation_id", Id, ForeignKey("conversation.id"), nullable=False),
    Column("start", SealedText),  # JSON: the event that began it; null where an agent took over
    Column("start_id", Text),
    Column("started_at", Double, nullable=False, index=True),
    Column("waiting_since", Double),  # null where nobody ever waited
    Column("round", Integer, nullable=False),
    Column("claimed_at", Double),
    Column("first_claimed_at", Double),
    Column("released_by", SealedText),
    Column("answered_at", Double),
    Column("ended_at", Double),
    Column("ending", Text),
    Column("ended_by", SealedText),
    Column("end_written_at", Double),  # when the store wrote its end
    Column("breached_at", Double),
    Column("alarmed_at", Double),
    Column("places", Text, nullable=False, server_default="{}"),  # JSON: where its alerts stand
    Index(
        "uq_handoff_open",
        "conversation_id",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index("ix_handoff_conversation_id", "conversation_id"),
    Index(
        "ix_handoff_ended_at",
        "ended_at",
        sqlite_where=text("ended_at IS NOT NULL"),
        postgresql_where=text("ended_at IS NOT NULL"),
    ),
)

# messages that carry a lock: notes, whatever they say
locked = Table(
    "locked",
    METADATA,
    Column("team", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("ts", Text, primary_key=True),
    Column("at", Double, nullable=False, index=True),
)

# messages that were "edited" or "deleted" before they came here: see `early`
early_change = Table(
    "early_change",
    METADATA,
    Column("team", Text, primary_key=True),
    Column("channel", Text, primary_key=True),
    Column("ts", Text, primary_key=True),
    Column("change", Text, nullable=False),
    Column("at", Double, nullable=False, index=True),
)

#: the path of what came in and was forgotten since: the key stays, so that it is not taken again
FORGOTTEN = "forgotten"

# what came in, as it came: the proof, the dedupe and the replay
inbox = Table(
    "inbox",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("source", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("received_at", Double, nullable=False),
    Column("body", SealedBytes, nullable=False),
    UniqueConstraint("source", "key"),
)

# `due`: null while there is nothing to do, else when somebody may take it; while it is owned, the lease's end
lane = Table(
    "lane",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("conversation_id", Id, ForeignKey("conversation.id"), nullable=False),
    Column("direction", Text, nullable=False),
    Column("due", Double),
    Column("owner", Id),
    Column("token", Id, nullable=False),
    UniqueConstraint("conversation_id", "direction"),
    Index(
        "ix_lane_due", "due", sqlite_where=text("due IS NOT NULL"), postgresql_where=text("due IS NOT NULL")
    ),
    Index(
        "ix_lane_owner",
        "owner",
        sqlite_where=text("owner IS NOT NULL"),
        postgresql_where=text("owner IS NOT NULL"),
    ),
)

# A query that is to go by one of these partial indexes says what it is about in the same words.
ACTIVE = "state IN ('queued', 'sending')"
#: tried, and to be tried again or being tried again: few, and none of what goes well
RETRIED = "(state = 'queued' AND attempts > 0 OR state = 'sending' AND attempts > 1)"
#: ended otherwise than it should
DEAD = "state IN ('failed', 'uncertain')"

delivery = Table(
    "delivery",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("lane_id", Id, ForeignKey("lane.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("payload", SealedText, nullable=False),
    Column("message", Text),  # the ts of the Slack message that it carries
    Column("state", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("starts", Integer, nullable=False, server_default="0"),  # in a row, without an outcome
    Column("first_at", Double),  # the first attempt began
    Column("started_at", Double),  # the last attempt began
    Column("done_at", Double),
    Column("doubt", Boolean, nullable=False),
    Column("slot", Double),  # when its pace lets it go
    Column("refs", Text, nullable=False),  # JSON: step -> the other side's id
    Column("problem", SealedText),
    UniqueConstraint("lane_id", "key"),
    Index("ix_delivery_head", "lane_id", "id", sqlite_where=text(ACTIVE), postgresql_where=text(ACTIVE)),
    Index("ix_delivery_retried", "first_at", sqlite_where=text(RETRIED), postgresql_where=text(RETRIED)),
    Index("ix_delivery_dead", "done_at", sqlite_where=text(DEAD), postgresql_where=text(DEAD)),
    Index(
        "ix_delivery_message",
        "message",
        sqlite_where=text("message IS NOT NULL"),
        postgresql_where=text("message IS NOT NULL"),
    ),
)

attempt = Table(
    "attempt",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("delivery_id", Id, ForeignKey("delivery.id"), nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("worker", Id),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("problem", SealedText),
)

# the digests of replies, until the vendor has told them back; and the reports that an act brings about at the
# vendor, which have the columns from `act` on
said = Table(
    "said",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("digest", Text, nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("conversation_id", Id),  # in which, so that they go with it
    Column("act", Id),  # the act's delivery
    Column("handoff_id", Id),  # the last handoff when the act was begun, if there was one
    Column("recorded_at", Double),  # when the act changed control
    Column("event_id", Text),  # the report, once it is here
)

pace = Table(
    "pace",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("next_at", Double, nullable=False),
)

worker = Table(
    "worker",
    METADATA,
    Column("id", Id, primary_key=True),
    Column("name", Text, nullable=False),
    Column("started_at", Double, nullable=False),
)

# the keys that have sealed, or still may: whoever starts without one of them cannot read the rest
sealing = Table(
    "sealing",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("since", Double, nullable=False),
)
