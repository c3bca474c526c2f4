"""Who has the conversation: state × what happened -> state. Pure; the docs' table is made from this one.

What a vendor tells and what agents do is the same kind of thing here: a `Signal`. A pair that is not in
the table changes nothing, so repeated and impossible signals do no harm. That late ones do none either is
the store's part: it holds the vendor's time of each event against that of the last change.
"""

from __future__ import annotations

from enum import StrEnum

from bridge.model import (
    AnyEvent,
    Control,
    ConversationEnded,
    ConversationReopened,
    HandoffEnded,
    HandoffStarted,
    MemberJoined,
    Message,
    Role,
)


class Signal(StrEnum):
    """Something that may change who has the conversation."""

    HANDOFF_STARTED = "a handoff starts"
    HANDOFF_ENDED = "the handoff ends"
    ENDED = "the conversation ends"
    REOPENED = "it is reopened"
    AGENT_SPOKE = "a human answers"
    AGENT_JOINED = "a human joins at the vendor"
    CUSTOMER_SPOKE = "the customer writes"
    SPOKE_IN_HANDOFF = "the customer writes within a handoff"


_BOT, _WAITING, _HUMAN, _CLOSED = Control.BOT, Control.WAITING, Control.HUMAN, Control.CLOSED

TABLE: dict[tuple[Control, Signal], Control] = {
    (_BOT, Signal.HANDOFF_STARTED): _WAITING,
    (_BOT, Signal.SPOKE_IN_HANDOFF): _WAITING,
    (_BOT, Signal.AGENT_SPOKE): _HUMAN,
    (_BOT, Signal.AGENT_JOINED): _HUMAN,
    (_BOT, Signal.ENDED): _CLOSED,
    (_WAITING, Signal.AGENT_SPOKE): _HUMAN,
    (_WAITING, Signal.AGENT_JOINED): _HUMAN,
    (_WAITING, Signal.HANDOFF_ENDED): _BOT,
    (_WAITING, Signal.ENDED): _CLOSED,
    (_HUMAN, Signal.HANDOFF_ENDED): _BOT,
    (_HUMAN, Signal.ENDED): _CLOSED,
    (_CLOSED, Signal.HANDOFF_STARTED): _WAITING,
    (_CLOSED, Signal.AGENT_SPOKE): _HUMAN,
    (_CLOSED, Signal.REOPENED): _BOT,
    (_CLOSED, Signal.CUSTOMER_SPOKE): _BOT,
    (_CLOSED, Signal.SPOKE_IN_HANDOFF): _WAITING,
}


def signal(event: AnyEvent) -> Signal | None:
    """What `event` means for who has the conversation."""
    match event:
        case HandoffStarted():
            return Signal.HANDOFF_STARTED
        case HandoffEnded():
            return Signal.HANDOFF_ENDED
        case ConversationEnded():
            return Signal.ENDED
        case ConversationReopened():
            return Signal.REOPENED
        case MemberJoined(author=author) if author.role is Role.AGENT:
            return Signal.AGENT_JOINED
        case Message(author=author) if author.role is Role.AGENT:
            return Signal.AGENT_SPOKE
        case Message(author=author, handoff=label) if author.role is Role.CUSTOMER:
            return Signal.SPOKE_IN_HANDOFF if label else Signal.CUSTOMER_SPOKE
        case _:
            return None


def after(control: Control, happened: Signal | None) -> Control | None:
    """The control that follows, or None where it stays."""
    return TABLE.get((control, happened)) if happened is not None else None


def missed(event: AnyEvent) -> HandoffStarted | None:
    """The start of a handoff that only `event` tells of: its own call was lost, or is yet to come."""
    if signal(event) is not Signal.SPOKE_IN_HANDOFF:
        return None
    return HandoffStarted(
        id=f"missed:{event.id}",
        conversation=event.conversation,
        at=event.at,
        customer=event.customer,
        reason="the customer writes within a handoff",
    )


def after_event(control: Control, event: AnyEvent) -> Control | None:
    """The control that follows from what the vendor reported, or None where it stays."""
    return after(control, signal(event))


def after_reply(control: Control) -> Control | None:
    """The control once a human's reply has reached the vendor, or None where it stays."""
    return after(control, Signal.AGENT_SPOKE)
