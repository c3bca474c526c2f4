"""What a vendor may report, by a name that reads well in a failing story, and what each should mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from bridge.control import Signal
from bridge.model import (
    AnyEvent,
    Author,
    ConversationEnded,
    ConversationKey,
    ConversationReopened,
    HandoffEnded,
    HandoffStarted,
    MemberJoined,
    MemberLeft,
    Message,
    Role,
    Text,
)

CUSTOMER = Author(role=Role.CUSTOMER, name="Lena")
VERA = Author(role=Role.AGENT, name="Vera")  # answers in the vendor's own inbox
AI = Author(role=Role.BOT, name="Ada")

REPORTS: dict[str, tuple[Signal | None, type[Any], dict[str, Any]]] = {
    "a handoff starts": (Signal.HANDOFF_STARTED, HandoffStarted, {"reason": "a refund"}),
    "the handoff ends": (Signal.HANDOFF_ENDED, HandoffEnded, {}),
    "it ends": (Signal.ENDED, ConversationEnded, {"by": CUSTOMER}),
    "it times out": (Signal.ENDED, ConversationEnded, {"reason": "TIMEOUT"}),
    "it is reopened": (Signal.REOPENED, ConversationReopened, {}),
    "the customer writes": (Signal.CUSTOMER_SPOKE, Message, {"author": CUSTOMER}),
    "the customer writes in a handoff": (
        Signal.SPOKE_IN_HANDOFF,
        Message,
        {"author": CUSTOMER, "handoff": "us"},
    ),
    "the AI agent writes": (None, Message, {"author": AI}),
    "Vera answers": (Signal.AGENT_SPOKE, Message, {"author": VERA}),
    "Vera joins": (Signal.AGENT_JOINED, MemberJoined, {"author": VERA}),
    "Vera leaves": (Signal.AGENT_LEFT, MemberLeft, {"author": VERA}),
}


def report(kind: str, id: str, about: ConversationKey, at: float) -> AnyEvent:
    _, made, more = REPORTS[kind]
    if made is Message:
        more = {**more, "parts": (Text(text=f"{kind} ({id})"),)}
    event: AnyEvent = made(id=id, conversation=about, at=datetime.fromtimestamp(at, UTC), **more)
    return event


def echo(id: str, about: ConversationKey, at: float, name: str, words: str) -> AnyEvent:
    """The vendor tells back what somebody of ours said."""
    author, parts = Author(role=Role.AGENT, name=name), (Text(text=words),)
    return Message(id=id, conversation=about, at=datetime.fromtimestamp(at, UTC), author=author, parts=parts)
