"""One conversation as it goes on: what was begun, what was waited for, and what was looked at in between.

A step may be waited for, and then everything has to be as the model says; or it happens together with what
follows, and then only what always holds is looked at, and the model goes on from what the store says.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bridge.adapter import FindsReplies
from bridge.engine.acts import can
from bridge.model import AnyEvent, Control
from bridge.sandbox.slack import Message
from tests.model import checks
from tests.model.checks import Watch
from tests.model.expected import Model
from tests.model.reports import report
from tests.model.vendor import VENDORS
from tests.model.world import Snapshot, Talk, World


class Story(RuleBasedStateMachine):
    world: World

    @initialize(vendor=st.sampled_from(list(VENDORS)), waits=st.booleans())
    def a_customer(self, vendor: str, waits: bool) -> None:
        self.talk: Talk = self.world.meet(vendor)
        self.slack = self.world.stage.slack
        adapter = type(self.talk.vendor)
        self.finds = issubclass(adapter, FindsReplies)
        self.model = Model(can(adapter), self.finds, adapter.capabilities.handoff_is_own_conversation)
        self.watches: list[Watch] = []
        self.messages: list[Message] = []  # of agents
        self.told: tuple[AnyEvent, ...] = ()  # by the last webhook
        self.echoed = 0
        self.known = True  # the model has played all that happened
        self.flying: list[Callable[[], None]] = []  # what people began, as the model plays it
        self.since = 0.0
        self.stands: Snapshot = self.world.look(self.talk.row)
        self.moved = False  # since it stood so
        if waits:
            self.report(("a handoff starts", time.time() - 60), wait=True)

    def report(self, *told: tuple[str, float], wait: bool) -> None:
        """Let the vendor report these, each of its time, in one webhook."""
        events = tuple(report(kind, self.world.new_id(), self.talk.key, at) for kind, at in told)
        self.told, self.moved = events, True
        now = time.time()
        self.world.tell(*events, key=events[0].id)
        self.known &= not self.flying
        self.model.now = (now, time.time())
        for (kind, _), event in zip(told, events, strict=True):
            self.model.tell(kind, event.at.timestamp())
        if wait:
            self.settle()

    def do(self, play: Callable[[], None], *people: Coroutine[Any, Any, Any], wait: bool = True) -> None:
        """Let people do something, which the model plays once all is at rest."""
        if not self.flying:
            self.since = time.time()
        self.flying.append(play)
        self.moved = True
        self.world.begin(*people)
        if wait:
            self.settle()

    @rule()
    def settle(self) -> None:
        """Wait until nothing is under way, and look."""
        with self.said():
            self.world.settle()
            self.stands = self.world.look(self.talk.row)
            if self.known and len(self.flying) <= 1:
                self.model.now = (self.since, time.time())
                for play in self.flying:
                    play()
            else:
                self.model.sure = False
            self.flying.clear()
            checks.at_rest(self.talk, self.stands)
            if self.model.sure:
                checks.equal(self.model, self.talk, self.stands)
            else:
                checks.adopt(self.model, self.talk, self.stands)
            self.known, self.moved = True, False
            for watch in self.watches:
                watch.seen(self.stands.replies[watch.reply.ts], self.model.got)
            note(f"  -> {self.stands.control}, {self.stands.owner}; the customer has {self.model.got}")

    @invariant()
    def holds(self) -> None:
        with self.said():
            checks.one_owner(self.world.look(self.talk.row) if self.moved else self.stands)
            checks.nothing_slips(self.talk.vendor.got[self.talk.key.id], self.watches, finds=self.finds)

    def teardown(self) -> None:
        if not hasattr(self, "stands"):
            return
        if sys.exception() is not None:  # what went wrong is told already
            with contextlib.suppress(Exception):
                self.world.settle()
            return
        self.settle()
        self.report(("it ends", time.time()), wait=True)
        assert self.stands.control is Control.CLOSED
        assert all(one.ended_at is not None for one in self.stands.handoffs)

    @contextlib.contextmanager
    def said(self) -> Iterator[None]:
        """An error also tells how Slack and the replies look."""
        try:
            yield
        except AssertionError as error:
            lines = [message.text for message in (self.talk.card, *self.talk.thread)]
            error.add_note("\n| ".join(["the thread:", *lines]))
            for watch in self.watches:
                error.add_note(f"{watch}\n  in the store: {self.stands.replies.get(watch.reply.ts)}")
            raise
