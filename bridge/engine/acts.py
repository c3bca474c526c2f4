"""What agents' acts amount to: which need the vendor, what they change, what the thread is told. Pure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from bridge.actions import ACTIONS
from bridge.adapter import Adapter, title_of
from bridge.control import Signal
from bridge.engine.work import Conversation, Owner
from bridge.errors import Rejected
from bridge.model import Act, Control, ConversationKey

#: how a conversation stands after what ends its handoff, which a vendor tells by itself
LEAVES = {action.signal: action.leaves for action in ACTIONS.values() if action.leaves is not None}

#: what whoever wanted to end a handoff is told once there is another
ASKED_AGAIN = "The customer has asked for a human again since you wanted that: it was not done."

_STANDS = {
    Control.BOT: "The AI agent has this conversation.",
    Control.WAITING: "The customer waits: nobody has this conversation.",
    Control.CLOSED: "This conversation is closed.",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """`by` wants `act`; a conversation is transferred to `to`. `handoff` was the last one when they asked, 0
    where there was none."""

    act: Act
    by: Owner
    to: Owner | None = None
    handoff: int | None = None

    @property
    def told(self) -> str:
        """What the thread is told once it is done."""
        by, to = self.by.name or "Somebody", self.to and self.to.name
        return ACTIONS[self.act].done.format(by=by, to=to or "somebody")


def taken(by: Owner, stands: Conversation) -> str:
    """What the thread is told once a reply has taken the conversation over from whoever had it."""
    name, owner = by.name or "Somebody", stands.owner
    if stands.control is Control.HUMAN and owner is not None and owner.id != by.id:
        return f"{name} took the conversation over from {owner.name or 'a colleague'}."
    return ACTIONS[Act.TAKE_OVER if stands.control is Control.BOT else Act.CLAIM].done.format(by=name)


def stands(control: Control, owner: Owner | None, reader: str | None = None) -> str:
    """Who has the conversation, in a sentence for the Slack user with the id `reader`."""
    if control is Control.HUMAN:
        if owner is not None and owner.id is not None and owner.id == reader:
            return "You have this conversation."
        return f"{(owner and owner.name) or 'A human'} has this conversation."
    return _STANDS[control]


def can(adapter: type[Adapter] | Adapter) -> frozenset[Act]:
    """The acts that are possible in a conversation of this vendor's."""
    kind = adapter if isinstance(adapter, type) else type(adapter)
    calls = {act: action.call for act, action in ACTIONS.items()}
    return frozenset(act for act, call in calls.items() if call is None or issubclass(kind, call.protocol))


def signal_of(act: Act, adapter: Adapter) -> Signal:
    """What has happened once `act` is done."""
    if act is Act.HAND_BACK and adapter.capabilities.handoff_is_own_conversation:
        return Signal.RESOLVED
    return ACTIONS[act].signal


def call_of(act: Act, adapter: Adapter) -> Callable[[ConversationKey], Awaitable[None]]:
    """The vendor's side of `act`. Raises `Rejected` with the vendor's reason where it has none."""
    call = ACTIONS[act].call
    if call is not None and isinstance(adapter, call.protocol):
        return partial(call.do, adapter)
    raise Rejected(adapter.capabilities.cannot.get(act, f"{title_of(adapter)} cannot do that"))
