"""What may happen in a story: what a vendor reports and fails at, what agents write, press and decide.

Which steps there are does not depend on how the bridge stands, so that a story can be told again.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from bridge.actions import ACTIONS
from bridge.control import TABLE
from bridge.model import Act, HeldChoice
from bridge.render.acts import ACT, HELD, RETRY
from bridge.render.modals import COLLEAGUE
from bridge.sandbox.slack import Message
from bridge.slack.pressed import CORRECT
from tests.model import checks
from tests.model.checks import Watch
from tests.model.expected import JO, LEE, MINA, SAM, Person, Reply, Words
from tests.model.reports import REPORTS, echo
from tests.model.story import Story
from tests.model.vendor import Fault, Meanwhile

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


class Machine(Story):
    # ── the vendor ───────────────────────────────────────────────────────────────────────────────

    @rule(kind=KIND, ago=AGO, wait=WAIT)
    def vendor_reports(self, kind: str, ago: float, wait: bool) -> None:
        at = time.time() - ago
        self.report((kind, at), wait=wait)

    @rule(first=KIND, then=KIND, gap=st.sampled_from([0.3, 2.0, 90.0]), together=st.booleans(), wait=WAIT)
    def vendor_reports_backwards(self, first: str, then: str, gap: float, together: bool, wait: bool) -> None:
        now = time.time()
        if together:
            self.report((then, now), (first, now - gap), wait=wait)
        else:
            self.report((then, now), wait=False)
            self.report((first, now - gap), wait=wait)

    @rule(kind=KIND, then=KIND, ago=AGO, same_webhook=st.booleans(), wait=WAIT)
    def vendor_reports_twice(self, kind: str, then: str, ago: float, same_webhook: bool, wait: bool) -> None:
        """The second time after something else."""
        now = time.time()
        self.report((kind, now - ago), wait=False)
        (event,) = self.told
        self.report((then, now), wait=False)
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
        self.do(lambda: self.model.write(reply), self._writes(reply), wait=wait)

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
        self.do(lambda: self.model.write(reply), written, wait=wait)

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
            self.do(_nothing, self._sends(event))

    async def _sends(self, event: dict[str, Any]) -> None:
        self.slack.send_event(event)

    @a_reply
    @rule(which=WHICH, words=WORDING, wait=WAIT)
    def edits(self, which: int, words: Words, wait: bool) -> None:
        if (reply := self._there(which)) is None:
            return
        reply.versions.append(self._worded(words))
        where = (reply.by.id, self.talk.card.channel, reply.ts)
        self.do(_nothing, _soon(self.slack.edit_as, *where, reply.text), wait=wait)

    @a_reply
    @rule(which=WHICH, wait=WAIT)
    def deletes(self, which: int, wait: bool) -> None:
        if (reply := self._there(which)) is None:
            return
        reply.deleted = True
        where = (reply.by.id, self.talk.card.channel, reply.ts)
        self.do(lambda: self.model.delete(reply), _soon(self.slack.delete_as, *where), wait=wait)

    @a_reply
    @rule(which=WHICH, by=ANYBODY, wait=WAIT)
    def locks(self, which: int, by: str, wait: bool) -> None:
        if (reply := self._there(which)) is None or reply.locked:
            return
        reply.locked = True
        where = (PEOPLE[by].id, self.talk.card.channel, reply.ts, "lock")
        self.do(lambda: self.model.lock(reply), _soon(self.slack.react_as, *where), wait=wait)

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
        self.do(lambda: self.model.act(act, person, other), begun, wait=wait)

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
            self.do(lambda: self.model.act(Act.CLAIM, person, person), press, wait=wait)

    async def _presses_card(self, by: Person, act: Act, to: Person) -> None:
        shown = _with(self.talk.card, f"{ACT}{act}")
        await self._answers(by, act, to, self._presses(by, shown, f"{ACT}{act}"))

    async def _presses(self, by: Person, where: Message, action: str) -> None:
        answer = await self.slack.press(by.id, where, action)
        assert answer.ok, answer

    async def _answers(self, by: Person, act: Act, to: Person, begins: Coroutine[Any, Any, Any]) -> None:
        """Begin an act, and answer the modal that asks about it."""
        await begins
        if not ACTIONS[act].asks or (view := self.slack.modal_of(by.id)) is None:
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
        before, had, happened = self.model.control, self.model.done, ACTIONS[act].signal
        if act is Act.HAND_BACK and self.model.apart:
            happened = ACTIONS[Act.RESOLVE].signal
        after = TABLE.get((before, happened)) if act in self.model.can else None
        jo = self._says(JO, act, JO) if in_words else self._presses_card(JO, act, JO)
        self.known = False
        self.world.begin(self._says(MINA, act, MINA), jo)
        self.settle()
        note(f"  it is {self.model.owner}")
        with self.said():
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
        self.do(lambda: self.model.choose(watch.reply, by, choice), press, wait=wait)

    @a_reply
    @rule(which=WHICH, by=ANYBODY, wait=WAIT)
    def retries(self, which: int, by: str, wait: bool) -> None:
        """Also what needs it no more."""
        if watch := self._seen(which, "failed", "uncertain"):
            watch.retried += 1
            press = self._presses(PEOPLE[by], self._shown(RETRY, watch), RETRY)
            self.do(lambda: self.model.retry(watch.reply, PEOPLE[by]), press, wait=wait)

    @a_reply
    @rule(by=ANYBODY, wait=WAIT)
    def corrects(self, by: str, wait: bool) -> None:
        """By the offer that stands in the thread. It has to slip nothing; the model knows none."""
        offers = [one for one in self.talk.thread if CORRECT in [name for name, _ in checks.buttons(one)]]
        if offers:
            self.known = False
            self.do(_nothing, self._presses(PEOPLE[by], offers[-1], CORRECT), wait=wait)

    @a_reply
    @rule(which=WHICH, by=AGENT)
    def wants_to_be_asked_again(self, which: int, by: str) -> None:
        if (reply := self._there(which)) is not None:
            use = self.slack.shortcut(PEOPLE[by].id, self._thread()[reply.ts], "ask_again")
            self.do(_nothing, use)

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

    # ── how ──────────────────────────────────────────────────────────────────────────────────────

    def _thread(self) -> dict[str, Message]:
        return {message.ts: message for message in self.talk.thread}

    def _there(self, which: int) -> Reply | None:
        """A reply whose message was not deleted."""
        watch = _pick(self.watches, which)
        return watch.reply if watch is not None and watch.reply.ts in self._thread() else None


def _nothing() -> None:
    """What the model plays where nothing is to change."""


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
