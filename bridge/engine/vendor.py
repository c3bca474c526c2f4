"""Carries what agents wrote and did to the vendor, and says on their own message what became of it."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Mapping
from typing import Protocol

from bridge import control
from bridge.adapter import (
    Adapter,
    FindsReplies,
    SpeaksAsCustomer,
    TakesFiles,
    TakesOver,
    title_of,
)
from bridge.control import Signal
from bridge.delivery.kinds import (
    Correction,
    Greeting,
    Look,
    OptionPressed,
    SlackReply,
    VendorAct,
    WantedAct,
)
from bridge.engine import acts, gate
from bridge.engine.acts import Asked
from bridge.engine.age import has_waited
from bridge.engine.echo import digests
from bridge.engine.follow import mark, notice, question, sent_late, whisper
from bridge.engine.gate import Held
from bridge.engine.handlers import handles
from bridge.engine.ports import Ledger
from bridge.engine.questions import Questions
from bridge.engine.steps import (
    Composed,
    Step,
    doubtful_of,
    is_namesake,
    is_pending,
    is_step,
    name_positions,
    none_pending,
    progress_of,
    steps_of,
)
from bridge.engine.twins import NEAR, has_twin
from bridge.engine.vendor_failures import after_failure
from bridge.engine.work import (
    MEANT,
    READ,
    SENDING,
    Change,
    Done,
    Found,
    Kept,
    NewDelivery,
    Outcome,
    PutBack,
    Turn,
    Uncertain,
)
from bridge.errors import (
    DeliveryError,
    FileUnavailable,
    OutcomeUnknown,
    Rejected,
)
from bridge.model import Act, Control, ConversationKey, HeldChoice, HeldFor, Reply


@dataclasses.dataclass(frozen=True)
class Choice:
    """What `by` pressed on the customer's behalf: `text` is said, `label` was on the button."""

    text: str
    label: str
    by: str


class Composer(Protocol):
    async def compose(self, turn: Turn, *, reread: bool = False) -> Composed | Held | None:
        """The reply that a queued Slack message makes, why it is held, or None where it is a note. `reread`:
        from the message as it is in Slack now. Raises `DeliveryError`."""
        ...

    async def message_now(self, turn: Turn) -> Found | PutBack | None:
        """The turn's message as Slack has it now; None where it was deleted. Raises `DeliveryError`."""
        ...

    async def choice(self, turn: Turn, pressed: OptionPressed) -> Choice:
        """What somebody pressed for the customer. Raises `DeliveryError`."""
        ...

    async def asked(self, turn: Turn, wanted: WantedAct) -> Asked:
        """The act that somebody wants. Raises `DeliveryError`."""
        ...

    def greeting(self, turn: Turn) -> Reply | None:
        """What the route lets the customer be told who waits."""
        ...


class Looker(Protocol):
    """Looks into threads for what was written there while the bridge was away."""

    async def carry(self, turn: Turn, look: Look) -> Outcome: ...
    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]: ...


class VendorCarrier(Questions):
    """`looks` are carried in this line as well: what they find goes before what was written since."""

    def __init__(
        self, adapters: Mapping[str, Adapter], composer: Composer, ledger: Ledger, looks: Looker
    ) -> None:
        super().__init__(adapters, ledger)
        self._composer = composer
        self._looks = looks

    @handles(OptionPressed)
    async def choose(self, turn: Turn, payload: OptionPressed) -> Outcome:
        return await self._choose(turn, await self._composer.choice(turn, payload))

    @handles(VendorAct)
    async def act(self, turn: Turn, payload: VendorAct) -> Outcome:
        return await self._act(turn, await self._composer.asked(turn, payload))

    @handles(Look)
    async def look(self, turn: Turn, payload: Look) -> Outcome:
        return await self._looks.carry(turn, payload)

    @handles(Correction)
    async def correct(self, turn: Turn, payload: Correction) -> Outcome:
        return await self._carry_reply(turn)

    @handles(SlackReply)
    async def reply(self, turn: Turn, payload: SlackReply) -> Outcome:
        # Not once it was begun: the vendor may have these words. What was sent on, the composer reads.
        waits = has_waited(turn.waited) and READ not in turn.refs
        if (payload.reread or waits) and not _is_begun(turn) and not turn.was:
            return await self._read_again(turn)
        return await self._carry_reply(turn)

    async def _carry_reply(self, turn: Turn) -> Outcome:
        try:
            return await self._reply(turn)
        except Rejected as error:
            if is_pending(turn):  # a no to this attempt says nothing of the one before
                return Uncertain(error.told, where=error.where, detail=error.detail and error.technical)
            # All files are fetched before the first send. The author may have deleted this file since.
            if not isinstance(error, FileUnavailable) or _is_begun(turn):
                raise
            return await self._reply(turn, reread=True)

    async def _reply(self, turn: Turn, *, reread: bool = False) -> Outcome:
        taken = time.monotonic()
        composed = await self._composer.compose(turn, reread=reread)
        if not isinstance(composed, Composed):
            return self._kept(turn, composed)
        if (rest := composed.delay - turn.waited) > 0:
            held = gate.admit(turn.conversation, composed.wish)
            # So long it can be changed, deleted or locked; what is to be asked is asked at once.
            return self._kept(turn, composed.held(held)) if isinstance(held, HeldFor) else PutBack(rest)
        adapter = self._adapter(turn)
        steps = await steps_of(composed, adapter)
        name_positions(turn.refs, steps, changed=bool(turn.was))
        try:
            return await self._send(turn, adapter, steps, composed, taken)
        except DeliveryError as error:
            error.add(progress_of(steps, turn.refs, doubtful_of(steps, turn)))
            raise

    async def _read_again(self, turn: Turn) -> PutBack | Kept:
        """Let the delivery be what its message says now: a reply, a command, or a note."""
        found = await self._composer.message_now(turn)
        if isinstance(found, PutBack):
            return found
        if found is None:
            return self._kept(turn, None)
        if isinstance(found.delivery.payload, SlackReply):
            turn.refs[READ] = ""
            await self._ledger.rewrite(turn, found.delivery.payload)
            return PutBack(0.0)
        await self._ledger.keep_found(turn, [found])
        return self._kept(turn, None)

    def _kept(self, turn: Turn, held: Held | None) -> Kept:
        """A note, or held until its author says what it is."""
        if held is None:
            # While it was not known to be a note, it had a mark.
            return Kept("note", follow=(mark(turn, "note"),) if turn.attempt > 1 or turn.was else ())
        if isinstance(turn.payload, Correction):  # whoever pressed for it is not who wrote it
            raise Rejected("the conversation is closed", remedy="Write it as a new reply", can_retry=False)
        adapter = self._adapter(turn)
        turn.refs[gate.ASKED] = held.why
        if held.left_out:
            turn.refs[gate.LEFT_OUT] = gate.kinds(held.left_out)
        asked = question(
            turn,
            held.why,
            gate.choices(held.why, acts.can(adapter)),
            [part.label for part in held.left_out],
        )
        return Kept("held", f"held: {held.why}", follow=(mark(turn, "held"), asked))

    async def _send(
        self, turn: Turn, adapter: Adapter, steps: tuple[Step, ...], composed: Composed, taken: float
    ) -> Done | Kept | PutBack | Uncertain:
        """Send what the vendor has not. All files are uploaded first: a no to one keeps the others back."""
        doubtful = doubtful_of(steps, turn)
        if doubtful is not None:
            if isinstance(adapter, FindsReplies) and not is_namesake(doubtful, steps, turn):
                # It was not sent before it was queued; so no two clocks are held against each other.
                found = await adapter.find(doubtful.reply, turn.waited + time.monotonic() - taken)
                if found is not None and await self._has_twin(turn, doubtful):
                    return Uncertain(
                        f"{title_of(adapter)} has {doubtful.name}, but cannot say whether that is an earlier "
                        f"reply like it{progress_of(steps, turn.refs, doubtful)}"
                    )
                if found is not None:
                    turn.refs[doubtful.key] = found.ref or ""
                none_pending(turn, steps)
            elif SENDING in turn.refs:
                return Uncertain(
                    f"{title_of(adapter)} gave no answer and cannot be asked whether it has {doubtful.name}"
                    f"{progress_of(steps, turn.refs, doubtful)}"
                )
        rest = [step for step in steps if step.key not in turn.refs]
        calls = len(rest) + sum(1 for step in rest if step.file is not None)
        if (wait := await self._room(turn, adapter, calls=calls)) > 0:
            return PutBack(wait)
        # Asked here so that nothing is fetched or taken over in vain; what counts is asked as it is begun.
        begun, wish = any(step.key in turn.refs for step in steps), composed.wish
        if not begun:
            if await self._ledger.is_locked(turn):
                return self._kept(turn, None)
            before = gate.admit(turn.conversation, wish)
            if isinstance(before, HeldFor):
                return self._kept(turn, composed.held(before))
            await self._clear_the_way(turn, adapter, wish)
        ready = [await _uploaded(step, adapter) for step in rest]
        for step in ready:
            first, begun = None if begun else wish, True
            with _until_no(turn):
                kept = await self._ledger.begin_reply(turn, step.key, digests(step.reply), first)
                if kept is not None:
                    return PutBack(0.0) if kept.changed else self._kept(turn, composed.held(kept.held))
                ref = (await adapter.send(step.reply)).ref
            if step.key == steps[-1].key:
                return _sent(turn, ref, composed.wish, adapter)
            await self._ledger.progress(turn, {step.key: ref or ""})
        return _sent(turn, turn.refs[steps[-1].key], composed.wish, adapter)

    async def _has_twin(self, turn: Turn, step: Step) -> bool:
        """Whether another reply of the conversation may be what the vendor has in place of this step."""
        own = turn.payload
        if not isinstance(own, SlackReply):
            return False
        return has_twin(step, own, await self._ledger.replies_near(turn, turn.waited + NEAR))

    async def _clear_the_way(self, turn: Turn, adapter: Adapter, wish: gate.Wish) -> None:
        """What the author's choice needs of the vendor first."""
        stands, key = turn.conversation.control, turn.conversation.key
        match wish.choice, stands:
            case HeldChoice.TAKE_OVER, Control.BOT:
                await _done_at(adapter, Act.TAKE_OVER, key)
            case HeldChoice.REOPEN, Control.CLOSED:
                await _done_at(adapter, Act.REOPEN, key)
            case HeldChoice.REOPEN, Control.BOT if isinstance(adapter, TakesOver):
                await adapter.take_over(key)  # the customer came back meanwhile, and the AI agent answers

    async def _act(self, turn: Turn, asked: Asked) -> Done | PutBack:
        """Done at the vendor, then here. A repeated one is the same as one: adapters see to that."""
        adapter, stands = self._adapter(turn), turn.conversation
        happened = acts.signal_of(asked.act, adapter)
        last = await self._ledger.last_handoff(stands.id) if happened in acts.LEAVES else None
        meant = int(turn.refs[MEANT]) if MEANT in turn.refs else asked.handoff
        done = Change(happened=happened, by=asked.by, meant=meant)
        if last is not None and last.is_later_than(meant):
            if turn.doubt:  # the vendor has done it: it tells of another handoff
                return Done(change=done, follow=(notice(turn, asked.told),))
            if stands.owner is None or stands.owner.id != asked.by.id:
                return Done("not needed", follow=(whisper(turn, acts.ASKED_AGAIN),))
            # They have it themselves by now: they know who asked.
            turn.refs[MEANT] = str(last.id)
            done = dataclasses.replace(done, meant=last.id)
        # After an attempt that nobody knows of the vendor may have told already that it is so.
        told = turn.doubt and acts.LEAVES.get(happened) is stands.control
        if control.after(stands.control, happened) is None and not told:
            has = acts.stands(stands.control, stands.owner, asked.by.id)
            return Done("not needed", follow=(whisper(turn, has),))
        if (wait := await self._room(turn, adapter, calls=1)) > 0:
            return PutBack(wait)
        await self._ledger.expect_report(turn, happened)
        try:
            await _done_at(adapter, asked.act, stands.key)
        except OutcomeUnknown:
            raise
        except DeliveryError:
            await self._ledger.expect_no_report(turn, happened)
            raise
        own = adapter.capabilities.handoff_is_own_conversation
        change = dataclasses.replace(done, final=own and happened is Signal.RESOLVED)
        return Done(change=change, follow=(notice(turn, asked.told),))

    @handles(Greeting)
    async def greet(self, turn: Turn, payload: Greeting) -> Outcome:
        """Say once that somebody will come, so that the vendor waits on. It answers nothing."""
        reply, handoff = self._composer.greeting(turn), await self._ledger.last_handoff(turn.conversation.id)
        if reply is None or handoff is None or handoff.answered_at or handoff.ended_at:
            return Done("not needed")
        adapter = self._adapter(turn)
        if SENDING in turn.refs:
            return Uncertain(f"{title_of(adapter)} gave no answer")
        with _until_no(turn):
            await self._ledger.begin_reply(turn, "0", digests(reply), None)
            ref = (await adapter.send(reply)).ref
        return Done(ref, follow=(notice(turn, _greeted(adapter)),))

    async def _choose(self, turn: Turn, choice: Choice) -> Done | Uncertain:
        """Say it once: no vendor can be asked whether it has heard something."""
        adapter = self._adapter(turn)
        if not isinstance(adapter, SpeaksAsCustomer):
            raise Rejected(f"{title_of(adapter)} does not let us speak for the customer", can_retry=False)
        if SENDING in turn.refs:
            return Uncertain(f"{title_of(adapter)} gave no answer")
        with _until_no(turn):
            await self._ledger.begin_reply(turn, "0", (), None)
            await adapter.say(turn.conversation.key, choice.text)
        return Done(follow=(notice(turn, f"{choice.by} chose “{choice.label}” for the customer."),))

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        return (
            self._looks.follow(turn, outcome)
            if isinstance(turn.payload, Look)
            else after_failure(turn, outcome)
        )


async def _done_at(adapter: Adapter, act: Act, key: ConversationKey) -> None:
    await acts.call_of(act, adapter)(key)
    if act is Act.REOPEN and isinstance(adapter, TakesOver):  # else the AI agent answers what comes next
        await adapter.take_over(key)


@contextlib.contextmanager
def _until_no(turn: Turn) -> Iterator[None]:
    """While it lasts the vendor may have what is begun in it, and after it too, unless it said no."""
    before = {SENDING: turn.refs[SENDING]} if SENDING in turn.refs else {}
    try:
        yield
    except OutcomeUnknown:
        raise
    except DeliveryError:
        turn.refs.pop(SENDING, None)
        turn.refs.update(before)
        raise


def _is_begun(turn: Turn) -> bool:
    return SENDING in turn.refs or any(map(is_step, turn.refs))


async def _uploaded(step: Step, adapter: Adapter) -> Step:
    """`step` with its file at the vendor, where nobody sees it yet."""
    if step.file is None or not isinstance(adapter, TakesFiles):
        return step
    async with step.file.open() as upload:
        part = await adapter.upload(step.reply.conversation, upload)
    return dataclasses.replace(step, reply=step.reply.model_copy(update={"parts": (part,)}))


def _greeted(adapter: Adapter) -> str:
    if adapter.capabilities.delivers_replies:
        return "The customer was told that somebody will come."
    return f"The greeting was recorded at {title_of(adapter)}. Your app has to show it to the customer."


def _sent(turn: Turn, ref: str | None, wish: gate.Wish, adapter: Adapter) -> Done:
    state = "sent" if adapter.capabilities.delivers_replies else "recorded"
    follow = [mark(turn, state), *sent_late(turn)]
    if wish.choice is HeldChoice.TAKE_OVER:
        follow.append(notice(turn, acts.taken(wish.by, turn.conversation)))
    return Done(ref, change=Change(answered=True), follow=tuple(follow))
