"""Carries what agents wrote to the vendor, and says on their own message what became of it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from bridge import control
from bridge.adapter import Adapter, FindsReplies, SpeaksAsCustomer, TakesFiles
from bridge.engine.echo import digests
from bridge.engine.ports import Ledger
from bridge.engine.steps import Composed, Step, progress_of, steps_of
from bridge.engine.work import SENDING, Again, Change, Done, NewDelivery, Outcome, Turn, Uncertain
from bridge.errors import DeliveryError, OutcomeUnknown, Rejected
from bridge.model import Direction, Reply

_TAKEN_OVER = "the lane was taken over by another worker"


@dataclasses.dataclass(frozen=True)
class Choice:
    """What `by` pressed on the customer's behalf: `text` is said, `label` was on the button."""

    text: str
    label: str
    by: str


class Composer(Protocol):
    async def compose(self, turn: Turn) -> Composed | None:
        """The reply that a queued Slack message makes, or None where it is a note. Raises `DeliveryError`."""
        ...

    async def choice(self, turn: Turn) -> Choice:
        """What somebody pressed for the customer. Raises `DeliveryError`."""
        ...


class VendorCarrier:
    def __init__(self, adapters: Mapping[str, Adapter], composer: Composer, ledger: Ledger) -> None:
        self._adapters = adapters
        self._composer = composer
        self._ledger = ledger

    async def carry(self, turn: Turn) -> Outcome:
        if turn.kind == "choice":
            return await self._choose(turn, await self._composer.choice(turn))
        composed = await self._composer.compose(turn)
        if composed is None:
            # While it was not known to be a note, it was marked as one that waits.
            return Done(ref="note", follow=(mark(turn, "note"),) if turn.attempt > 1 else ())
        adapter = self._adapter(turn)
        steps = await steps_of(composed, adapter)
        try:
            return await self._send(turn, adapter, steps, composed.reply)
        except DeliveryError as error:
            error.problem += progress_of(steps, turn.refs, _doubtful(turn, steps))
            raise

    def _adapter(self, turn: Turn) -> Adapter:
        adapter = self._adapters.get(turn.conversation.key.source)
        if adapter is None:
            raise Rejected(
                "its source is no longer configured",
                where=turn.conversation.key.source,
                remedy="Put it back into config.toml, then send the message again",
            )
        return adapter

    async def _send(
        self, turn: Turn, adapter: Adapter, steps: tuple[Step, ...], reply: Reply
    ) -> Done | Uncertain:
        """Send what the vendor has not. All files are uploaded first: a no to one keeps the others back."""
        doubtful = _doubtful(turn, steps)
        if doubtful is not None:
            if not isinstance(adapter, FindsReplies):
                return Uncertain(
                    f"{adapter.vendor} gave no answer and cannot be asked whether it has {doubtful.name}"
                    f"{progress_of(steps, turn.refs, doubtful)}"
                )
            found = await adapter.find(doubtful.reply)
            if found is not None:
                turn.refs[doubtful.key] = found.ref or ""
        ready = [await _uploaded(step, adapter) for step in steps if step.key not in turn.refs]
        for step in ready:
            async with self._begun(turn, step.key, digests(step.reply)):
                ref = (await adapter.send(step.reply)).ref
            if step.key == steps[-1].key:
                return _sent(turn, reply, ref)
            if not await self._ledger.progress(turn, {step.key: ref or ""}):
                raise OutcomeUnknown(_TAKEN_OVER)
        return _sent(turn, reply, turn.refs[steps[-1].key])

    @contextlib.asynccontextmanager
    async def _begun(self, turn: Turn, step: str, digests: Sequence[str]) -> AsyncIterator[None]:
        """While it lasts the vendor may have this step, and after it too, unless it said no."""
        before = {SENDING: turn.refs[SENDING]} if SENDING in turn.refs else {}
        if not await self._ledger.begin_reply(turn, step, digests):
            raise OutcomeUnknown(_TAKEN_OVER)
        try:
            yield
        except OutcomeUnknown:
            raise
        except DeliveryError:
            del turn.refs[SENDING]
            turn.refs.update(before)
            raise

    async def _choose(self, turn: Turn, choice: Choice) -> Done | Uncertain:
        """Say it once: no vendor can be asked whether it has heard something."""
        adapter = self._adapter(turn)
        if not isinstance(adapter, SpeaksAsCustomer):
            raise Rejected(f"{adapter.vendor} does not let us speak for the customer")
        if SENDING in turn.refs:
            return Uncertain(f"{adapter.vendor} gave no answer")
        async with self._begun(turn, "0", ()):
            await adapter.say(turn.conversation.key, choice.text)
        return Done(follow=(notice(turn, f"{choice.by} chose “{choice.label}” for the customer."),))

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        problem = getattr(outcome, "problem", "")
        if turn.kind == "choice":
            if isinstance(outcome, Again):
                return ()
            what = "Nobody knows whether it arrived" if isinstance(outcome, Uncertain) else "It was not said"
            return (notice(turn, f"Something was chosen for the customer. {what}: {problem}"),)
        if isinstance(outcome, Again):
            return (mark(turn, "waiting"),) if turn.attempt == 1 else ()
        if isinstance(outcome, Uncertain):
            told = (
                f"Nobody knows whether this reply arrived: {problem}. "
                "Look in the vendor's console before you write it again."
            )
            return mark(turn, "uncertain"), notice(turn, told)
        in_part = any(key.isdecimal() for key in turn.refs)
        what = "Only a part of a reply was sent" if in_part else "A reply was not sent"
        return mark(turn, "failed"), notice(turn, f"{what} to the customer: {problem}")


def _doubtful(turn: Turn, steps: Sequence[Step]) -> Step | None:
    """The step that the vendor may have from an attempt whose outcome nobody knows."""
    begun = turn.refs.get(SENDING)
    return next((step for step in steps if step.key == begun and begun not in turn.refs), None)


async def _uploaded(step: Step, adapter: Adapter) -> Step:
    """`step` with its file at the vendor, where nobody sees it yet."""
    if step.file is None or not isinstance(adapter, TakesFiles):
        return step
    async with step.file.open() as upload:
        part = await adapter.upload(step.reply.conversation, upload)
    return dataclasses.replace(step, reply=step.reply.model_copy(update={"parts": (part,)}))


def _sent(turn: Turn, reply: Reply, ref: str | None) -> Done:
    follow = (mark(turn, "sent"),)
    after = control.after_reply(turn.conversation.control)
    if after is None:
        return Done(ref, follow=follow)
    card = NewDelivery(Direction.MARKS, "card", f"card:{turn.delivery}", "{}")
    return Done(ref, change=Change(control=after, owner=reply.author.name), follow=(*follow, card))


def mark(turn: Turn, state: str) -> NewDelivery:
    """A mark on the agent's message: what became of it. Its lane replaces an earlier one."""
    message = turn.read()
    payload = {"channel": message["channel"], "ts": message["ts"], "state": state}
    payload["waited"] = turn.attempt > 1
    return NewDelivery(Direction.MARKS, "mark", f"{turn.delivery}:{state}", json.dumps(payload))


def notice(turn: Turn, text: str) -> NewDelivery:
    """The bridge's own words in the conversation's thread."""
    return NewDelivery(Direction.SLACK, "notice", f"notice:{turn.delivery}", json.dumps({"text": text}))
