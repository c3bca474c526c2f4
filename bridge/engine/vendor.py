"""Carries what agents wrote to the vendor, and says on their own message what became of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Protocol

from bridge import control
from bridge.adapter import Adapter, FindsReplies
from bridge.engine.echo import digests
from bridge.engine.ports import Ledger
from bridge.engine.work import SENDING, Again, Change, Done, NewDelivery, Outcome, Turn, Uncertain
from bridge.errors import OutcomeUnknown, Rejected
from bridge.model import Direction, Reply


class Composer(Protocol):
    async def compose(self, turn: Turn) -> Reply | None:
        """The reply that a queued Slack message makes, or None where it is a note. Raises `DeliveryError`."""
        ...


class VendorCarrier:
    def __init__(self, adapters: Mapping[str, Adapter], composer: Composer, ledger: Ledger) -> None:
        self._adapters = adapters
        self._composer = composer
        self._ledger = ledger

    async def carry(self, turn: Turn) -> Outcome:
        reply = await self._composer.compose(turn)
        if reply is None:
            # While it was not known to be a note, it was marked as one that waits.
            return Done(ref="note", follow=(mark(turn, "note"),) if turn.attempt > 1 else ())
        adapter = self._adapters.get(turn.conversation.key.source)
        if adapter is None:
            raise Rejected(
                "its source is no longer configured",
                where=turn.conversation.key.source,
                remedy="Put it back into config.toml, then send the message again",
            )
        if turn.doubt and SENDING in turn.refs:
            if not isinstance(adapter, FindsReplies):
                return Uncertain(
                    f"{adapter.vendor} gave no answer and cannot be asked whether it has the reply"
                )
            found = await adapter.find(reply)
            if found is not None:
                return _sent(turn, reply, found.ref)
        if not await self._ledger.begin_reply(turn, digests(reply)):
            raise OutcomeUnknown("the lane was taken over by another worker")
        sent = await adapter.send(reply)
        return _sent(turn, reply, sent.ref)

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        if isinstance(outcome, Again):
            return (mark(turn, "waiting"),) if turn.attempt == 1 else ()
        if isinstance(outcome, Uncertain):
            told = (
                f"Nobody knows whether this reply arrived: {outcome.problem}. "
                "Look in the vendor's console before you write it again."
            )
            return mark(turn, "uncertain"), notice(turn, told)
        problem = getattr(outcome, "problem", "")
        return mark(turn, "failed"), notice(turn, f"A reply was not sent to the customer: {problem}")


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
