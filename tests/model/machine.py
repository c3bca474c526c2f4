"""Random stories of one conversation: what a vendor reports and fails at, what agents write, press and do.

A step may be waited for, and then everything has to be as the model says; or it happens together with what
follows, and then only what always holds is looked at, and the model goes on from what the store says. Which
steps there are does not depend on how the bridge stands, so a story can be told again.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, TypeVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bridge.adapter import FindsReplies
from bridge.control import ACTS, TABLE
from bridge.engine.acts import can
from bridge.model import Act, AnyEvent, Control, HeldChoice
from bridge.render.acts import ACT, ASK, HELD, RETRY
from bridge.render.modals import COLLEAGUE
from bridge.sandbox.slack import Message
from tests.model import checks
from tests.model.checks import Watch
from tests.model.expected import JO, LEE, MINA, SAM, Model, Person, Reply, Words
from tests.model.reports import REPORTS, echo, report
from tests.model.vendor import VENDORS, Fault, Meanwhile
from tests.model.world import Snapshot, Talk, World

T = TypeVar("T")

PEOPLE = {"Mina": MINA, "Jo": JO, "Sam": SAM, "Lee": LEE}
WORDS = {Act.TAKE_OVER: "!takeover", Act.HAND_BACK: "!bot"}

# of what a step needs only this may be asked, which is the same whenever a story is told
a_reply = precondition(lambda self: bool(self.watches))

WAIT = st.sampled_from([True, True, True, False])
RARELY = st.sampled_from([False, False, False, True])
WHICH = st.sampled_from([0, 0, 1, 2, 3])  # of several, counted from the last one
AGENT = st.sampled_from(["Mina", "Jo"])
ANYBODY = st.sampled_from(["Mina", "Jo", "Mina", "Jo", "Sam"])
KIND = st.sampled_from([*["a handoff starts"] * 3, "the customer writes", "it is reopened", *REPORTS])
AGO = st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.4, 3.0, 30.0, 400.0])
ACTION = st.sampled_from([*[Act.CLAIM, Act.TAKE_OVER, Act.REOPEN] * 2, *Act])
MEETS = st.sampled_from([*Fault, "it ends", "a handoff starts", "the handoff ends", "Vera joins"])
CHOICE = st.sampled_from(list(HeldChoice))
WORDING = st.sampled_from([*[Words.ANSWER] * 4, *Words])


#: what somebody sees may be old: what is pressed on the card may not be there any more
HOW = st.sampled_from(["in words", "pressing", "by shortcut"])


class Machine(RuleBasedStateMachine):
    world: World

    @initialize(vendor=st.sampled_from(list(VENDORS)), waits=st.booleans())
    def a_customer(self, vendor: str, waits: bool) -> None:
        self.talk: Talk = self.world.meet(vendor)
        self.slack = self.world.stage.slack
        adapter = type(self.talk.vendor)
        self.finds = issubclass(adapter, FindsReplies)
        apart = adapter.capabilities.handoff_is_own_conversation
        self.model = Model(can(adapter), self.finds, apart)
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
            self._reports(("a handoff starts", time.time() - 60), wait=True)

    # ── the vendor ───────────────────────────────────────────────────────────────────────────────

    @rule(kind=KIND, ago=AGO, wait=WAIT)
    def vendor_reports(self, kind: str, ago: float, wait: bool) -> None:
        at = time.time() - ago
        self._reports((kind, at), wait=wait)

    @rule(first=KIND, then=KIND, gap=st.sampled_from([0.3, 2.0, 90.0]), together=st.booleans(), wait=WAIT)
    def vendor_reports_backwards(self, first: str, then: str, gap: float, together: bool, wait: bool) -> None:
        now = time.time()
        if together:
            self._reports((then, now), (first, now - gap), wait=wait)
        else:
            self._reports((then, now), wait=False)
            self._reports((first, now - gap), wait=wait)

    def _reports(self, *told: tuple[str, float], wait: bool) -> None:
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

    @rule(kind=KIND, then=KIND, ago=AGO, same_webhook=st.booleans(), wait=WAIT)
    def vendor_reports_twice(self, kind: str, then: str, ago: float, same_webhook: bool, wait: bool) -> None:
        """The second time after something else."""
        now = time.time()
        self._reports((kind, now - ago), wait=False)
        (event,) = self.told
        self._reports((then, now), wait=False)
        self.world.tell(event, key=event.id if same_webhook else None)
        if wait:
            self.settle()

    @a_reply
    @rule()
    def vendor_echoes(self) -> None:
        """It tells back what an agent of ours said, as some do, once each."""
        for got in self.talk.vendor.got[self.talk.key.id][self.echoed :]:
            self.echoed, self.moved = self.echoed + 1, True
            self.world.tell(echo(self.world.new_id(), self.talk.key, time.time(), got.name, got.text))

    @rule(what=MEETS)
    def vendor_will(self, what: Fault | str) -> None:
        """Fail at its next call, or report something before it answers."""
        self.known &= not self.flying
        ahead = what if isinstance(what, Fault) else Meanwhile(what)
        self.talk.vendor.ahead.append(ahead)
        self.model.ahead.append(ahead)

    # ── words in the thread ──────────────────────────────────────────────────────────────────────

    @rule(by=AGENT, meets=st.one_of(st.none(), MEETS), wait=WAIT)
    def answers(self, by: str, meets: Fault | str | None, wait: bool) -> None:
        if meets is not None:
            self.vendor_will(meets)
        reply = self._reply(PEOPLE[by], Words.ANSWER)
        self._do(lambda: self.model.write(reply), self._writes(reply), wait=wait)

    @rule(by=AGENT, button=WHICH, meets=st.one_of(st.none(), MEETS), wait=WAIT)
    def answers_and_decides(self, by: str, button: int, meets: Fault | str | None, wait: bool) -> None:
        """Where it is held, and asked about."""
        self.answers(by, meets=None, wait=True)
        if self.watches[-1].held:
            if meets is not None:
                self.vendor_will(meets)
            self.decides(0, button, wait)

    @rule(by=ANYBODY, words=WORDING, locked=RARELY, wait=WAIT)
    def writes(self, by: str, words: Words, locked: bool, wait: bool) -> None:
        """It may be locked before Slack tells of it."""
        reply = self._reply(PEOPLE[by], words)
        reply.locked = locked
        written = self._writes_late(reply) if locked else self._writes(reply)
        self._do(lambda: self.model.write(reply), written, wait=wait)

    def _reply(self, by: Person, words: Words) -> Reply:
        reply = Reply("", by, [self._worded(words)])
        self.model.replies.append(reply)
        self.watches.append(Watch(reply))
        return reply

    def _worded(self, words: Words) -> tuple[Words, str]:
        return words, words.format(self.world.new_id())

    async def _posts(self, by: Person, text: str) -> str:
        channel, thread = self.talk.card.channel, self.talk.card.ts
        self.messages.append(self.slack.post_as(by.id, channel, text, thread_ts=thread))
        return self.messages[-1].ts

    async def _writes(self, reply: Reply) -> None:
        reply.ts = await self._posts(reply.by, reply.text)

    async def _writes_late(self, reply: Reply) -> None:
        """Slack does not promise an order."""
        reply.ts, channel = self.slack.state.next_ts(), self.talk.card.channel
        item = {"type": "message", "channel": channel, "ts": reply.ts}
        self.slack.send_event({"type": "reaction_added", "user": MINA.id, "reaction": "lock", "item": item})
        await self.slack.settled()
        message = Message(channel, reply.ts, reply.text, reply.by.id, client_msg_id=f"late-{reply.ts}")
        message.thread_ts = self.talk.card.ts
        self.messages.append(self.slack.state.post(message))

    @rule(which=WHICH)
    def slack_tells_again(self, which: int) -> None:
        """Of a message, under another event's id."""
        if (message := _pick(self.messages, which)) and message.ts in self._thread():
            event = {**message.as_json(), "channel": message.channel, "channel_type": "channel"}
            self._do(lambda: None, self._sends(event))

    async def _sends(self, event: dict[str, Any]) -> None:
        self.slack.send_event(event)

    @a_reply
    @rule(which=WHICH, words=WORDING, wait=WAIT)
    def edits(self, which: int, words: Words, wait: bool) -> None:
        if (reply := self._there(which)) is None:
            return
        reply.versions.append(self._worded(words))
        where = (reply.by.id, self.talk.card.channel, reply.ts)
        self._do(lambda: None, _soon(self.slack.edit_as, *where, reply.text), wait=wait)

    @a_reply
    @rule(which=WHICH, wait=WAIT)
    def deletes(self, which: int, wait: bool) -> None:
        if (reply := self._there(which)) is None:
            return
        reply.deleted = True
        where = (reply.by.id, self.talk.card.channel, reply.ts)
        self._do(lambda: self.model.delete(reply), _soon(self.slack.delete_as, *where), wait=wait)

    @a_reply
    @rule(which=WHICH, by=ANYBODY, wait=WAIT)
    def locks(self, which: int, by: str, wait: bool) -> None:
        if (reply := self._there(which)) is None or reply.locked:
            return
        reply.locked = True
        where = (PEOPLE[by].id, self.talk.card.channel, reply.ts, "lock")
        self._do(lambda: self.model.lock(reply), _soon(self.slack.react_as, *where), wait=wait)

    # ── acts ─────────────────────────────────────────────────────────────────────────────────────

    @rule(by=ANYBODY, act=ACTION, to=ANYBODY, how=HOW, wait=WAIT)
    def acts(self, by: str, act: Act, to: str, how: str, wait: bool) -> None:
        person, other = PEOPLE[by], PEOPLE[to]
        if how == "in words":
            begun = self._says(person, act, other)
        elif how == "by shortcut" and act in self.slack.state.app.shortcuts:
            begun = self._answers(person, act, other, self.slack.shortcut(person.id, self.talk.card, act))
        else:
            begun = self._presses_card(person, act, other)
        self._do(lambda: self.model.act(act, person, other), begun, wait=wait)

    async def _says(self, by: Person, act: Act, to: Person) -> None:
        word = WORDS.get(act, f"!{act}")
        await self._posts(by, f"{word} <@{to.id}>" if act is Act.TRANSFER else word)

    @rule(by=st.sampled_from(["Mina", "Jo", "Lee"]), in_thread=st.booleans(), wait=WAIT)
    def claims_on_the_alert(self, by: str, in_thread: bool, wait: bool) -> None:
        self.settle()  # one that the bridge has not written down yet is no place of its, which is said
        person, alerts = PEOPLE[by], [one for found in self.talk.alerts().values() for one in found]
        if in_thread and person is not LEE:  # who is not in that channel
            alerts = [message for message in self.talk.thread if message.broadcast and message.bot_id]
        if alert := _pick(alerts, 0):
            press = self._presses(person, _with(alert, f"{ACT}claim"), f"{ACT}claim")
            self._do(lambda: self.model.act(Act.CLAIM, person, person), press, wait=wait)

    async def _presses_card(self, by: Person, act: Act, to: Person) -> None:
        shown = _with(self.talk.card, f"{ACT}{act}")
        await self._answers(by, act, to, self._presses(by, shown, f"{ACT}{act}"))

    async def _presses(self, by: Person, where: Message, action: str) -> None:
        answer = await self.slack.press(by.id, where, action)
        assert answer.ok, answer

    async def _answers(self, by: Person, act: Act, to: Person, begins: Coroutine[Any, Any, Any]) -> None:
        """Begin an act, and answer the modal that asks about it."""
        await begins
        if act not in ASK or (view := self.slack.modal_of(by.id)) is None:
            return
        if "submit" not in view.body:  # it says why not
            await self.slack.close(by.id, view)
            return
        answer = await self.slack.submit(by.id, view, {COLLEAGUE: to.id} if act is Act.TRANSFER else {})
        assert answer.ok, answer

    @rule(act=st.sampled_from([one for one in Act if one is not Act.TRANSFER]), in_words=st.booleans())
    def two_act_at_once(self, act: Act, in_words: bool) -> None:
        """What both want is done once, and both see by whom."""
        self.settle()
        self.talk.vendor.ahead.clear()
        before, had, happened = self.model.control, self.model.done, ACTS[act]
        if act is Act.HAND_BACK and self.model.apart:
            happened = ACTS[Act.RESOLVE]
        after = TABLE.get((before, happened)) if act in self.model.can else None
        jo = self._says(JO, act, JO) if in_words else self._presses_card(JO, act, JO)
        self.known = False
        self.world.begin(self._says(MINA, act, MINA), jo)
        self.settle()
        note(f"  it is {self.model.owner}")
        with self._said():
            assert self.model.control == (after or before), f"both wanted to {act} it"
            assert self.model.done == had + (after is not None), f"both wanted to {act} it"

    # ── what becomes of a reply ──────────────────────────────────────────────────────────────────

    @a_reply
    @rule(which=WHICH, button=WHICH, wait=WAIT)
    def decides(self, which: int, button: int, wait: bool) -> None:
        """By a question that is there, though what it asks may be decided already."""
        shown = [(one, checks.asked(one)) for one in self.talk.whispers()]
        if (found := _pick([one for one in shown if one[1]], which)) is None:
            return
        question, offered = found
        choice, delivery = offered[button % len(offered)]
        ts = next(ts for ts, row in self.world.look(self.talk.row).replies.items() if row.id == delivery)
        watch = next(watch for watch in self.watches if watch.reply.ts == ts)
        by = next(one for one in PEOPLE.values() if one.id == question.ephemeral_to)
        self._chooses(watch, by, choice, question, wait)

    @a_reply
    @rule(which=WHICH, by=ANYBODY, choice=CHOICE, wait=WAIT)
    def chooses(self, which: int, by: str, choice: HeldChoice, wait: bool) -> None:
        """Whatever was offered, and to whom: a request can be made up."""
        if watch := self._seen(which, "held"):
            self._chooses(watch, PEOPLE[by], choice, wait=wait)

    def _chooses(
        self, watch: Watch, by: Person, choice: HeldChoice, where: Message | None = None, wait: bool = True
    ) -> None:
        if by is watch.reply.by:
            watch.pressed(choice)
        where = where or self._shown(f"{HELD}{choice}", watch, to=by)
        press = self._presses(by, where, f"{HELD}{choice}")
        self._do(lambda: self.model.choose(watch.reply, by, choice), press, wait=wait)

    @a_reply
    @rule(which=WHICH, by=ANYBODY, wait=WAIT)
    def retries(self, which: int, by: str, wait: bool) -> None:
        """Also what needs it no more."""
        if watch := self._seen(which, "failed", "uncertain"):
            watch.retried += 1
            press = self._presses(PEOPLE[by], self._shown(RETRY, watch), RETRY)
            self._do(lambda: self.model.retry(watch.reply, PEOPLE[by]), press, wait=wait)

    @a_reply
    @rule(which=WHICH, by=AGENT)
    def wants_to_be_asked_again(self, which: int, by: str) -> None:
        if (reply := self._there(which)) is not None:
            use = self.slack.shortcut(PEOPLE[by].id, self._thread()[reply.ts], "ask_again")
            self._do(lambda: None, use)

    def _seen(self, which: int, *rather: str) -> Watch | None:
        """A reply that the bridge has; one of these rather than another."""
        rows = self.stands.replies
        seen = [watch for watch in self.watches if watch.reply.ts in rows]
        return _pick([one for one in seen if rows[one.reply.ts].became in rather] or seen, which)

    def _shown(self, action: str, about: Watch, to: Person | None = None) -> Message:
        """A message with a button about a reply, as it stood, or could have."""
        delivery = self.stands.replies[about.reply.ts].id
        value = json.dumps({"delivery": delivery, "thread_ts": self.talk.card.ts})
        made = Message(self.talk.card.channel, self.slack.state.next_ts(), thread_ts=self.talk.card.ts)
        made.ephemeral_to = to.id if to else None
        return _with(made, action, value)

    # ── and then ─────────────────────────────────────────────────────────────────────────────────

    @rule()
    def settle(self) -> None:
        """Wait until nothing is under way, and look."""
        with self._said():
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
            self.known = True
            got = self.talk.vendor.got[self.talk.key.id]
            for watch in self.watches:
                times = sum(one.text in [text for _, text in watch.reply.versions] for one in got)
                watch.seen(self.stands.replies[watch.reply.ts], times)
            self.moved = False
            note(f"  -> {self.stands.control}, {self.stands.owner}; the customer has {self.model.got}")

    @invariant()
    def holds(self) -> None:
        with self._said():
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
        self.vendor_reports("it ends", ago=0.0, wait=True)
        assert self.stands.control is Control.CLOSED
        assert all(one.ended_at is not None for one in self.stands.handoffs)

    # ── how ──────────────────────────────────────────────────────────────────────────────────────

    def _do(self, play: Callable[[], None], *people: Coroutine[Any, Any, Any], wait: bool = True) -> None:
        """Let people do something, which the model plays once all is at rest."""
        if not self.flying:
            self.since = time.time()
        self.flying.append(play)
        self.moved = True
        self.world.begin(*people)
        if wait:
            self.settle()

    @contextlib.contextmanager
    def _said(self) -> Iterator[None]:
        """An error also tells how Slack looks."""
        try:
            yield
        except AssertionError as error:
            told = [message.text for message in (self.talk.card, *self.talk.thread)]
            error.add_note("\n".join(["the thread:", *told, f"{self.model}", f"{self.stands}"]))
            raise

    def _thread(self) -> dict[str, Message]:
        return {message.ts: message for message in self.talk.thread}

    def _there(self, which: int) -> Reply | None:
        """A reply whose message was not deleted."""
        watch = _pick(self.watches, which)
        return watch.reply if watch is not None and watch.reply.ts in self._thread() else None


async def _soon(act: Callable[..., Any], *told: Any) -> None:
    act(*told)


def _pick(found: Sequence[T], which: int) -> T | None:
    return found[-1 - which % len(found)] if found else None


def _with(message: Message, action: str, value: str | None = None) -> Message:
    """`message` as somebody sees it who has it on their screen for a while: with this button."""
    button = {"type": "button", "action_id": action, "text": {"type": "plain_text", "text": action}}
    if value is not None:
        button["value"] = value
    block = {"type": "actions", "block_id": "old", "elements": [button]}
    return dataclasses.replace(message, blocks=[block], attachments=[])
