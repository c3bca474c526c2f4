"""The acts that agents do about a conversation, one row each: word, button, menu entry, what it needs. Pure.

Everything else about an act follows from its row. What it does to who has the conversation is in
`bridge.control.TABLE`, by its signal.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bridge.adapter import HandsBack, Reopens, Resolves, TakesOver
from bridge.control import Signal
from bridge.model import Act, Control, ConversationKey

BOT, WAITING, HUMAN, CLOSED = Control.BOT, Control.WAITING, Control.HUMAN, Control.CLOSED


@dataclass(frozen=True, slots=True)
class Call:
    """What an act needs of the vendor: an adapter with this protocol, and the call that does it."""

    protocol: type
    do: Callable[[Any, ConversationKey], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Action:
    """One act. Without a `call` it needs nothing of the vendor."""

    signal: Signal  # what has happened once it is done
    word: str  # written after a "!"
    help: str  # what the word does, in the answer to !help
    label: str  # on its button
    offered: frozenset[Control]  # while the conversation is so, the card has its button
    done: str  # what the thread says then; `by` did it, `to` got the conversation
    call: Call | None = None
    leaves: Control | None = None  # how the conversation is after the handoff that it ends
    asks: bool = False  # its button opens a modal first
    names_colleague: bool = False  # its word needs a mention, its modal a choice
    menu: str | None = None  # its description in a message's menu, where it has an entry


ACTIONS: Final[Mapping[Act, Action]] = {
    Act.CLAIM: Action(
        Signal.CLAIMED,
        word="claim",
        help="the conversation is yours",
        label="Claim",
        offered=frozenset({WAITING}),
        done="{by} claimed the conversation.",
        menu="The conversation of this thread is yours.",
    ),
    Act.RELEASE: Action(
        Signal.RELEASED,
        word="release",
        help="the customer waits again, for the first who claims",
        label="Release",
        offered=frozenset({HUMAN}),
        done="{by} released the conversation: the customer waits again.",
    ),
    Act.TRANSFER: Action(
        Signal.TRANSFERRED,
        word="transfer",
        help="with @colleague: the conversation is theirs",
        label="Transfer",
        offered=frozenset({HUMAN}),
        done="{by} gave the conversation to {to}.",
        asks=True,
        names_colleague=True,
        menu="Give the conversation of this thread to a colleague.",
    ),
    Act.TAKE_OVER: Action(
        Signal.TAKEN_OVER,
        word="takeover",
        help="you answer instead of the AI agent",
        label="Take over",
        offered=frozenset({BOT}),
        done="{by} took the conversation over from the AI agent.",
        call=Call(TakesOver, lambda vendor, key: vendor.take_over(key)),
    ),
    Act.HAND_BACK: Action(
        Signal.HANDED_BACK,
        word="bot",
        help="the AI agent answers again",
        label="Hand back",
        offered=frozenset({WAITING, HUMAN}),
        done="{by} handed the conversation back to the AI agent.",
        call=Call(HandsBack, lambda vendor, key: vendor.hand_back(key)),
        leaves=BOT,
        asks=True,
        menu="Give the conversation of this thread back to the AI agent.",
    ),
    Act.RESOLVE: Action(
        Signal.RESOLVED,
        word="resolve",
        help="the conversation is closed",
        label="Resolve",
        offered=frozenset({WAITING, HUMAN}),
        done="{by} resolved the conversation.",
        call=Call(Resolves, lambda vendor, key: vendor.resolve(key)),
        leaves=CLOSED,
        asks=True,
        menu="Close the conversation of this thread.",
    ),
    Act.REOPEN: Action(
        Signal.REOPENED_BY_AGENT,
        word="reopen",
        help="a closed conversation is open again, and yours",
        label="Reopen",
        offered=frozenset({CLOSED}),
        done="{by} reopened the conversation.",
        call=Call(Reopens, lambda vendor, key: vendor.reopen(key)),
    ),
}
#: the other words for the bridge, and what they do
OTHER_WORDS: Final[Mapping[str, str]] = {
    "note": "with words: they stay among us",
    "who": "who has the conversation, and for how long",
    "help": "these lines",
}
#: acts between people in Slack, which need nothing of the vendor
OWN: Final = frozenset(act for act, action in ACTIONS.items() if action.call is None)
