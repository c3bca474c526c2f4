"""Tables and migrations; SQLite and Postgres through one code path.

`Store` is what the engine, the web and Slack's side see of it.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from bridge.control import Signal
from bridge.delivery.kinds import InSlack, SlackReply
from bridge.engine.gate import Stopped, Wish
from bridge.engine.ports import Limit, Stood
from bridge.engine.work import (
    SENDING,
    AlertPlace,
    Conversation,
    Course,
    Handoff,
    Incoming,
    NewDelivery,
    Outcome,
    Owner,
    Row,
    SentDigest,
    Turn,
)
from bridge.errors import ConfigError, OutcomeUnknown
from bridge.model import AnyEvent, ConversationKey, ThreadKey
from bridge.store import (
    conversations,
    events,
    handoffs,
    inbox,
    keyring,
    lanes,
    migrate,
    pace,
    replies,
    watch,
)
from bridge.store.catchup import CatchUp
from bridge.store.clock import Clock
from bridge.store.database import Database, Postgres, Sqlite, is_read_only, postgres_dsn
from bridge.store.deadletters import Attempt, Delivery
from bridge.store.reports import Reports
from bridge.store.resume import resume
from bridge.store.sealed import keys_of
from bridge.store.thread_inbox import ThreadInbox
from bridge.store.together import Together
from bridge.store.unreachable import postgres_at
from bridge.store.upkeep import Upkeep

if TYPE_CHECKING:
    from bridge.store.listen import Listener

__all__ = ["Attempt", "Delivery", "Store", "open_store"]


def open_store(path: Path, database_url: str | None, *, pool: int, environ: Mapping[str, str]) -> Store:
    """The store at `database_url`, else the SQLite file at `path`. Raises `ConfigError`."""
    keys = keys_of(environ)
    if database_url:
        dsn = postgres_dsn(database_url)
        return Store(Postgres(dsn, keys, pool=pool), dsn=dsn)
    if environ.get("DYNO"):
        raise ConfigError(
            "DYNO is set and DATABASE_URL is not: this disk is thrown away at every restart, and every "
            "conversation on it",
            where="environment",
            remedy="Add a Postgres (heroku addons:create heroku-postgresql), which sets DATABASE_URL",
        )
    return Store(Sqlite(path, keys), dsn=None)


class Store(CatchUp, Reports, ThreadInbox, Upkeep):
    """Everything that is kept. Each method is one committed transaction and raises `Unavailable`.

    `woken` is set whenever some lane may be due, by this process or, on Postgres, by another.
    """

    def __init__(self, database: Database, *, dsn: str | None) -> None:
        self._database = database
        self._dsn, self._clock = dsn, Clock(database)
        self._kept: Together[inbox.Webhook, tuple[bool, bool]] = Together(database, inbox.keep_events)
        self._advanced: Together[lanes.Recorded, tuple[bool, Turn | None]] = Together(database, lanes.advance)
        self._unanswered = False  # a claim may have been committed, and whoever claimed does not know what
        self.woken = asyncio.Event()
        self._listener = _listener(dsn, self.woken.set) if dsn else None
        self.address = postgres_at(dsn) if dsn else f"SQLite at {getattr(database, 'path', '')}"

    @property
    def shared(self) -> bool:
        """Whether several processes may work on this store."""
        return self._listener is not None

    # ── life ─────────────────────────────────────────────────────────────────────────────────────

    async def migrate(self) -> tuple[str | None, str]:
        """The schema's version before and after. Raises `ConfigError` where a key is missing."""
        await self._check_sessions()
        versions = await self._database.run(migrate.upgrade)
        await self._database.run(keyring.check, self._database.keys)
        return versions

    async def check_schema(self) -> None:
        """Raises `ConfigError` where the schema is not this program's, or a key is missing."""
        await self._check_sessions()
        migrate.check(await self._database.run(migrate.version))
        await self._database.run(keyring.check, self._database.keys)

    async def _check_sessions(self) -> None:
        """Raises `ConfigError` where Postgres is behind a pooler in transaction mode."""
        if self._dsn is not None:
            from bridge.store import pooler  # with asyncpg, which SQLite has no use for

            await pooler.check(self._dsn)

    async def join(self) -> int:
        """Become a worker; its number. Work that dead ones left is free at once, or within seconds."""
        name = f"{socket.gethostname()}:{os.getpid()}"
        number = await self._database.run(lanes.enlist, name)
        await self._clock.arrive()
        if self._listener is not None:
            await self._listener.start(number, name)
        else:  # the lock file says that nobody else is alive
            others = [one for one in await self._database.run(lanes.workers) if one != number]
            await self._database.run(lanes.free, others)
        return number

    async def leave(self, worker: int) -> None:
        await self._database.run(lanes.free, [worker])
        if self._listener is not None:
            self._listener.notify()
            await asyncio.sleep(0.02)
            await self._listener.stop()

    async def close(self) -> None:
        if self._listener is not None:
            await self._listener.stop()
        await self._kept.settle()
        await self._advanced.settle()
        await self._database.close()

    async def ping(self) -> None:
        """Raises `Unavailable` where the store cannot be read; or not be written, if anything failed since it
        could be. What is written then is as long as a webhook, as there may be room for less."""
        read_only = await self._database.run(is_read_only)
        if self._database.failed or read_only:
            number = await self._database.run(lanes.enlist, "x" * LONG)
            await self._database.run(lanes.free, [number])
            self._database.failed = False

    async def resume(self, team: str) -> int:
        """Let what waits for its next try in a workspace go at once, whichever process carries it."""
        resumed = await self._database.run(resume, team)
        if resumed:
            self._wake()
        return resumed

    # ── in ───────────────────────────────────────────────────────────────────────────────────────

    async def keep_events(self, incoming: Incoming, events: Sequence[AnyEvent]) -> bool:
        """Keep a webhook and queue its events. False where it is a duplicate."""
        new, due = await self._kept.add((incoming, events))
        if due:
            self._wake()
        return new

    # ── lanes ────────────────────────────────────────────────────────────────────────────────────

    async def claim(
        self, worker: int, lease: float, limit: int, held: Sequence[int] = (), *, lost: bool = False
    ) -> list[Turn]:
        """Take due lanes beside those that are `held`. `lost`: it may own others, which are free then.
        Not to be called again before it returns."""

        def claim(connection: Connection) -> list[Turn]:
            if self._unanswered or lost:  # also where the database runs this again: the connection was lost
                lanes.disown(connection, worker, held)
            self._unanswered = True
            return lanes.claim(connection, worker, lease, limit)

        turns = await self._database.run(claim)
        self._unanswered = False
        return turns

    async def advance(self, turn: Turn, outcome: Outcome, *, keep_going: bool) -> tuple[bool, Turn | None]:
        """Record `outcome`; whether the lane was still ours, and its next turn."""
        result = await self._advanced.add((turn, outcome, keep_going))
        if getattr(outcome, "follow", ()) or not keep_going:
            self._wake()
        return result

    async def progress(self, turn: Turn, refs: Mapping[str, str]) -> None:
        """Record steps that are done. Raises `OutcomeUnknown` where the lane is no longer ours."""
        turn.refs.update(refs)
        _ours(await self._database.run(lanes.progress, turn, turn.refs))

    async def renew(self, worker: int, held: Sequence[int], lease: float) -> None:
        """Renew the leases of what is `held`, and see whether the store's clock was set."""
        if await self._clock.look(lanes.renew, worker, held, lease):
            self._wake()

    async def reap(self) -> int:
        """Free the lanes of workers found dead. Returns how many lanes."""
        if self._listener is None:
            return 0
        dead = await self._listener.dead()
        if not dead:
            return 0
        freed = await self._database.run(lanes.free, dead)
        self._wake()
        return freed

    async def next_due(self) -> float | None:
        return await self._database.run(lanes.next_due)

    # ── conversations and pace ─────────────────────────────────────────────────────────────────────────

    async def conversation(self, conversation: int) -> Conversation:
        found = await self._database.run(conversations.read, (conversation,))
        return found[conversation]

    async def at(self, where: ThreadKey | int) -> Conversation | None:
        """The conversation that a thread or a row is about."""
        return await self._database.run(conversations.at, where)

    async def replies_near(self, turn: Turn, within: float) -> list[SlackReply]:
        return await self._database.run(replies.replies_near, turn, within)

    async def last_reply(self, conversation: int) -> InSlack | None:
        return await self._database.run(replies.last_reply, conversation)

    async def begin_reply(
        self, turn: Turn, step: str, digests: Sequence[str], wish: Wish | None
    ) -> Stopped | None:
        """Record that the vendor may have this step of the reply from here on; with a `wish` only if the
        conversation admits it, else why not. Raises `OutcomeUnknown` where the lane is no longer ours."""
        refs = {**turn.refs, SENDING: step}
        ours, stopped = await self._database.run(replies.begin_reply, turn, refs, digests, wish)
        _ours(ours)
        if stopped is None:
            turn.refs.update(refs)
            if wish is not None:
                self._wake()
        return stopped

    async def rewrite(self, turn: Turn, reply: SlackReply) -> None:
        """Let the delivery of `turn` say what was read for it: see `replies.rewrite`."""
        _ours(await self._database.run(replies.rewrite, turn, reply))

    async def is_locked(self, turn: Turn) -> bool:
        """Whether the message that `turn` carries is a note by a lock on it."""
        return await self._database.run(replies.is_locked, turn)

    async def act(self, turn: Turn, happened: Signal, by: Owner) -> tuple[bool, Conversation]:
        """What an agent does that needs no vendor: whether it was done, once, and what stands then."""
        if ACTED in turn.refs:  # and the process ended before it was told
            return True, await self.conversation(turn.conversation.id)
        refs = {**turn.refs, ACTED: "1"}
        ours, done, stands = await self._database.run(replies.act, turn, refs, happened, by)
        _ours(ours)
        if done:
            turn.refs.update(refs)
            self._wake()
        return done, stands

    # ── handoffs ─────────────────────────────────────────────────────────────────────────────────

    async def handoff(self, handoff: int) -> Handoff:
        return await self._database.run(handoffs.read, handoff)

    async def last_handoff(self, conversation: int) -> Handoff | None:
        """The one that is under way, or else the last one."""
        return await self._database.run(handoffs.last, conversation)

    async def place_alert(self, handoff: int, name: str, where: AlertPlace) -> None:
        await self._database.run(handoffs.place, handoff, name, where)

    async def breach(self, handoff: int) -> None:
        """Somebody waited for longer than was promised."""
        await self._database.run(handoffs.breach, handoff)

    async def alarm(self, handoff: int) -> None:
        """The AI agent spoke although a human has the conversation, and ops were told."""
        await self._database.run(handoffs.alarm, handoff)

    async def following(self, turn: Turn, most: int) -> list[tuple[int, str]]:
        """The events that wait behind `turn` in its lane: delivery and payload."""
        return await self._database.run(events.following, turn, most)

    async def quiet_events(self, turn: Turn, since: int, most: int) -> tuple[list[str], int]:
        """The newest events before `turn`, after the delivery `since`, that were not shown, oldest first; and
        how many more there are."""
        return await self._database.run(events.kept_back, turn, since, most)

    async def numbered_events(self, conversation: int, most: int) -> list[tuple[int, AnyEvent]]:
        return await self._database.run(watch.numbered_events, conversation, most)

    async def newest_events(self, conversation: int, most: int) -> list[AnyEvent]:
        """What was last said or happened in a conversation, the newest first."""
        return await self._database.run(watch.newest_events, conversation, most)

    async def open_handoffs(self, most: int, team: str | None = None) -> list[Row]:
        """Those under way, in the workspace `team` or in all, the longest wait first."""
        return await self._database.run(watch.open_handoffs, most, team)

    async def courses(self, since: float, until: float) -> list[Course]:
        """How the handoffs went that began within a time."""
        return await self._database.run(watch.courses, since, until)

    async def undecided(self, conversation: int) -> Mapping[str, int]:
        """How many of its replies are "held", "queued" and "uncertain"."""
        return await self._database.run(watch.undecided, conversation)

    async def counts(self, team: str | None = None) -> Mapping[str, int]:
        """How many handoffs are waiting, and with a human, in the workspace `team` or in all."""
        return await self._database.run(watch.counts, team)

    async def keep_clock(self, about: ConversationKey, new: NewDelivery) -> None:
        """Queue what is about no customer's conversation, such as a digest, once under its key."""
        await self._database.run(inbox.keep_clock, about, new)
        self._wake()

    async def matching_replies(self, digest: str, within: float) -> list[SentDigest]:
        """The replies with this digest, begun in the last `within` seconds and not told back yet."""
        return await self._database.run(replies.matching_replies, digest, within)

    async def open_thread(self, conversation: int, where: ThreadKey, card: str) -> Conversation:
        """`where` is the conversation's thread from now on; `card` the digest of the card that opens it."""
        return await self._database.run(conversations.open_thread, conversation, where, card)

    async def own_thread(self, conversation: int, where: ThreadKey) -> None:
        """`where` is about the conversation; what is said there goes to no customer."""
        await self._database.run(conversations.own_thread, conversation, where)

    async def leave_thread(self, conversation: int, where: ThreadKey) -> None:
        """`where` takes no messages any more: the next opens another. Replies in it are still found."""
        await self._database.run(conversations.leave_thread, conversation, where)

    async def reserve(self, key: str, interval: float, burst: int, before: str | None = None) -> float:
        """Reserve the next slot of `key`, before the line `before`; the seconds until it."""
        return await self._database.run(pace.reserve, key, interval, burst, before)

    async def take(self, key: str, interval: float, burst: int) -> float:
        """The slot of `key` if it is there now; else the seconds until it, and nothing is reserved."""
        return await self._database.run(pace.take, key, interval, burst)

    async def take_each(self, limits: Sequence[Limit]) -> float:
        """A slot of each if all are there now; else of none, and the seconds until one may be."""
        return await self._database.run(pace.take_each, limits)

    async def line_up(self, lines: Sequence[Limit], slots: int, limits: Sequence[Limit]) -> Stood:
        """Stand in one line after the other for so many slots, up to the first that has none now. Where all
        have, a slot of each of `limits` is taken, as by `take_each`."""
        return await self._database.run(pace.line_up, lines, slots, limits)

    async def behind(self, key: str) -> float:
        """How many seconds a line's time is behind ours by now."""
        return await self._database.run(pace.behind, key)

    async def hold(self, key: str, seconds: float, interval: float, burst: int) -> None:
        await self._database.run(pace.hold, key, seconds, interval, burst)

    def _wake(self) -> None:
        self.woken.set()
        if self._listener is not None:
            self._listener.notify()


LONG = 65_536  # characters

#: among an act's refs: it was done
ACTED = "acted"


def _listener(dsn: str, wake: Callable[[], None]) -> Listener:
    from bridge.store.listen import Listener  # with asyncpg, which SQLite has no use for

    return Listener(dsn, wake)


def _ours(held: bool) -> None:
    if not held:
        raise OutcomeUnknown("the lane was taken over by another worker")
