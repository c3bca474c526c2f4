"""How both databases go about what the store asks them, in one that is filled: nothing reads a whole table.

Every method of the store is called, and whatever it asks is looked at as it is asked. So a new query is held
to this as well, and a new method has to be called here.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from benchmarks import filling
from bridge.control import Signal
from bridge.delivery.kinds import History, Question, SlackReply
from bridge.engine.work import (
    AlertPlace,
    Change,
    Done,
    Failed,
    Found,
    Incoming,
    Kept,
    NewDelivery,
    Owner,
    PutBack,
    Turn,
)
from bridge.model import (
    AnyEvent,
    Author,
    ConversationEnded,
    ConversationKey,
    Customer,
    Direction,
    HandoffStarted,
    HeldChoice,
    HeldFor,
    Message,
    Role,
    Text,
    ThreadKey,
)
from bridge.store import Store, retention
from bridge.store.database import Postgres as OnPostgres
from tests.acts import CLAIM
from tests.postgres import Postgres
from tests.store.looks import EXCEPTIONS, Looks
from tests.stores import opened

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

BATCH = 50  # rows looked at in one transaction of retention: for so few a table of this size is large
#: what asks nothing, or `pace` alone, which has a row for each channel
NOT_ASKED = {"migrate", "check_schema", "close"}
PACE = {"reserve", "reserve_each", "take", "take_each", "hold", "line_up", "behind"}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["sqlite", "postgres"])
async def looks(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Looks]:
    """What was seen while all of the store was asked."""
    if request.param == "sqlite":  # plans go by no statistics: a small one is like a large one
        path, count = tmp_path_factory.mktemp("filled") / "bridge.sqlite3", 1_000
        url = f"sqlite:///{path}"
        async with opened(url):
            pass
        await asyncio.to_thread(filling.fill_sqlite, Path(path), count)
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url, count = server.create_database(), 20_000
        async with opened(url):
            pass
        await filling.fill_postgres(url, count)
    async with opened(url) as store:
        on = store._database
        engine = on.engine.sync_engine if isinstance(on, OnPostgres) else on._engine  # type: ignore[attr-defined]
        looks = Looks(engine)
        asking = Asking(store, count)
        await asking.all()
        looks.close()
        looks.called = asking.called
        yield looks
    if request.param == "postgres":
        server.drop_database(url)


class Asking:
    """Calls every method of a filled store, about a conversation that is new, one that is under way, and the
    one that has talked for long."""

    def __init__(self, store: Store, count: int) -> None:
        self._store, self._count = store, count
        self.called: set[str] = set()
        self._worker = 0
        self._number = 0

    def __getattr__(self, name: str) -> Any:
        self.called.add(name)
        return getattr(self._store, name)

    async def all(self) -> None:
        self._worker = await self.join()
        await self.ping()
        await self._events()
        await self._replies()
        await self._handoffs()
        await self._watching()
        await self._missed()
        await self._upkeep()
        await self.resume(filling.TEAM)
        await self.leave(self._worker)

    async def _tell(self, about: int | str, kind: Any = Message, **more: Any) -> None:
        self._number += 1
        id = filling.external(about) if isinstance(about, int) else about
        key = ConversationKey(source=filling.SOURCE, id=id)
        if kind is Message:
            author = Author(role=Role.CUSTOMER, name="Lena")
            more = {"author": author, "parts": (Text(text="Hello?"),), **more}
        one: AnyEvent = kind(id=f"plan:{self._number}", conversation=key, at=datetime.now(UTC), **more)
        assert await self.keep_events(Incoming(filling.SOURCE, one.id, "", b"{}"), (one,))

    async def _turn(self, direction: Direction, about: int | None = None) -> Turn:
        """The next turn in one direction; the others are put back."""
        found: Turn | None = None
        for turn in await self.claim(self._worker, 30, 20):
            if turn.direction is direction and about in (None, turn.conversation.id):
                found = turn
            else:
                await self.advance(turn, PutBack(0.0), keep_going=False)
        assert found is not None
        return found

    async def _drain(self) -> None:
        for _ in range(10):
            for turn in await self.claim(self._worker, 30, 50):
                await self.advance(turn, Done(), keep_going=False)

    def _came(self) -> Incoming:
        self._number += 1
        return Incoming("@slack", f"plan:{self._number}", "", b"{}")

    def _at(self, about: int) -> ThreadKey:
        return ThreadKey(team=filling.TEAM, channel=filling.CHANNEL, ts=filling.thread_ts(about))

    async def _wrote(self, about: int, ts: str) -> NewDelivery:
        told = {
            **self._at(about).model_dump(),
            "thread_ts": filling.thread_ts(about),
            "user": "U0MINA",
            "ts": ts,
        }
        new = NewDelivery(Direction.VENDOR, "reply", ts, json.dumps({**told, "text": "Hello"}), message=ts)
        assert await self.keep_reply(self._came(), self._at(about), new) == "queued"
        return new

    async def _events(self) -> None:
        long = self._count
        await self._tell("new")
        await asyncio.gather(*(self._tell(one) for one in (long, long - 1, long - 2)))
        agent = Author(role=Role.AGENT, name="Mina")
        await self._tell(long - 1, author=agent)
        turn = await self._turn(Direction.SLACK, long)
        await self.renew(self._worker, [turn.lane], 30)
        await self.following(turn, 20)
        await self.quiet_events(turn, turn.delivery - 40, 20)
        await self.was_told(turn, _message(long))
        await self.first_was_echo(turn, _message(long))
        await self.is_overtaken(turn, _message(long))
        await self.progress(turn, {"step": "1"})
        learned = Change(facts={"customer": {"id": "x"}}, card="new", heard=1)
        await self.advance(turn, Done("1.1", change=learned, covers=(1,)), keep_going=True)
        await self.next_due()
        await self.reap()

    async def _replies(self) -> None:
        about = self._count - 20  # with a human
        await self._wrote(about, "1900000000.000100")
        turn = await self._turn(Direction.VENDOR)
        await self.rewrite(turn, turn.carries(SlackReply))
        await self.is_locked(turn)
        await self.replies_near(turn, 60.0)
        await self.begin_reply(turn, "0", ["digest-new"], None)
        await self.matching_replies("digest-new", 60)
        await self.advance(turn, Failed("404"), keep_going=True)
        await self.send_on(self._came(), self._at(about), turn.delivery, "U0MINA", None)
        turn = await self._turn(Direction.VENDOR)
        asked = Question(user="U0MINA", why=HeldFor.BOT, choices=(HeldChoice.ONCE,), delivery=turn.delivery)
        question = NewDelivery.of(asked, "plan")
        await self.advance(turn, Kept("held", "held: bot", follow=(question,)), keep_going=True)
        assert await self.ask_again(self._came(), self._at(about), "1900000000.000100", "U0MINA") == "queued"
        new = await self._wrote(about, "1900000000.000300")
        after = SlackReply.read(new.body)
        became = await self.amend_reply(self._came(), self._at(about), new.key, after, ())
        assert became == "amended"
        written = ThreadKey(team=filling.TEAM, channel=filling.CHANNEL, ts="1900000000.000300")
        early = written.model_copy(update={"ts": "1900000000.000400"})
        became = await self.amend_reply(self._came(), None, "", after, (), early)
        assert became == "remembered"
        await self._wrote(about, early.ts)
        await self.lock_message(self._came(), written, ())
        await self.send_on(self._came(), self._at(about), turn.delivery, "U0MINA", HeldChoice.ONCE)
        await self.last_reply(about)
        await self.undecided(about)
        await self._drain()

    async def _handoffs(self) -> None:
        about = self._count - 2
        await self._tell(about, HandoffStarted, reason="refund")
        found = await self.last_handoff(about)
        await self.handoff(found.id)
        await self.place_alert(found.id, "channel", AlertPlace("C0ALERTS", "1.2"))
        await self.breach(found.id)
        await self.alarm(found.id)
        act = NewDelivery.of(CLAIM, "plan")
        assert await self.keep_reply(self._came(), about, act) == "queued"
        turn = await self._turn(Direction.ACTS)
        await self.act(turn, Signal.CLAIMED, Owner("Mina", "U0MINA"))
        await self.expect_report(turn, Signal.RESOLVED)
        await self.expect_no_report(turn, Signal.RESOLVED)
        await self.expect_report(turn, Signal.RESOLVED)
        facts = {"customer": {"id": "u1"}}
        await self.advance(turn, Done(change=Change(answered=True, facts=facts)), keep_going=True)
        await self._tell(about, ConversationEnded)
        key = ConversationKey(source=filling.SOURCE, id=filling.external(about))
        ended = ConversationEnded(id=f"plan:{self._number}", conversation=key, at=datetime.now(UTC))
        assert await self.is_own_report(turn, ended)
        assert await self.happened_at(turn.conversation.id, ended)
        profile = Incoming(filling.SOURCE, "plan:profile", "", b"{}")
        assert await self.keep_customers(profile, [Customer(id="u1", name="Lena")])
        another = ThreadKey(team=filling.TEAM, channel="C0VIP", ts="1.3")
        await self.open_thread(about, another, "card")
        await self.own_thread(about, another.model_copy(update={"ts": "1.4"}))
        await self.leave_thread(about, another)
        await self.forget_thread(self._came(), self._at(about))
        await self.conversation(about)
        await self.at(self._at(about))
        await self._drain()

    async def _watching(self) -> None:
        now = time.time()
        assert len(await self.open_handoffs(100)) == 100
        assert len(await self.courses(now - 86_400, now)) > 100
        await self.counts()
        await self.backlog(86_400.0)
        for about in (self._count, self._count - 1):
            assert len(await self.newest_events(about, 20)) >= 5
            assert len(await self.numbered_events(about, 20)) >= 5
        clock = NewDelivery(Direction.CLOCKS, "digest", "plan", "{}")
        await self.keep_clock(ConversationKey(source="@bridge", id="digest"), clock)

    async def _missed(self) -> None:
        heard = await self.heard()
        assert await self.look_back(heard - 60) > 0
        assert await self.look_into(self._at(self._count), heard - 60)
        assert await self.ask_back(heard - 60, [filling.SOURCE]) > 0
        turn = await self._turn(Direction.VENDOR)
        found = Found(self._at(self._count), self._came(), _reply("1900000001.000100"), ("plan",))
        await self.keep_found(turn, [found])
        await self.keep_history(turn, History(since=heard - 60), [_message(self._count)])
        await self.advance(turn, Done(), keep_going=False)
        await self._drain()

    async def _upkeep(self) -> None:
        assert len(await self.dead_letters(None, 5)) == 5
        (first, second, *_) = await self.dead_letters(filling.SOURCE, 5)
        await self.delivery(first.id)
        await self.is_waiting(first.id)
        await self.retry(first.id)
        await self.drop(second.id)
        swept = await self.sweep((self._count - 300) * filling.APART)
        assert swept["webhooks"] > 500 and swept["deliveries"] > 500 and swept["conversations"] > 100


def _message(about: int) -> Message:
    return Message(
        id=f"history:{about}",
        conversation=ConversationKey(source=filling.SOURCE, id=filling.external(about)),
        at=datetime.now(UTC),
        author=Author(role=Role.CUSTOMER),
        parts=(Text(text="Is anybody there?"),),
    )


def _reply(ts: str) -> NewDelivery:
    return NewDelivery(Direction.VENDOR, "reply", ts, '{"user": "U0MINA"}', message=ts)


@pytest.fixture(autouse=True, scope="module")
def hurried() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(retention, "PAUSE", 0.0)
        patch.setattr(retention, "BATCH", BATCH)
        yield


async def test_all_of_the_store_is_asked(looks: Looks) -> None:
    found = inspect.getmembers(Store, inspect.iscoroutinefunction)
    assert {name for name, _ in found if not name.startswith("_")} - NOT_ASKED - PACE == looks.called


async def test_nothing_reads_a_whole_table(looks: Looks) -> None:
    assert len({statement for statement, _ in looks.plans}) > 80
    assert not looks.offences, "\n\n".join(looks.offences)


async def test_every_exception_is_one(looks: Looks) -> None:
    assert all(looks.of(words) for words in EXCEPTIONS)


@pytest.mark.parametrize(
    ("words", "index"),
    [
        ("min(delivery.id)", "ix_delivery_head"),
        ("state IN ('queued', 'sending')", "ix_delivery_head"),
        ("due_lane AS", "ix_lane_due"),
        ("min(lane.due)", "ix_lane_due"),
        ("WHERE handoff.ended_at IS NULL", "uq_handoff_open"),
    ],
)
async def test_what_is_asked_most_goes_by_the_index_that_is_there_for_it(
    looks: Looks, words: str, index: str
) -> None:
    """However long the lane, and however the database plans it."""
    plans = looks.of(words)
    assert plans
    assert [plan for plan in plans if index not in plan] == []
