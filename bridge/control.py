"""Who has the conversation: state × what happened -> state. Pure; the docs' table is made from this one.

What a vendor tells and what agents do is the same kind of thing here: a `Signal`. A pair that is not in
the table changes nothing, so repeated and impossible signals do no harm. Whether one comes too late to
count is `overtaking`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from bridge.model import (
    AnyEvent,
    Control,
    ConversationEnded,
    ConversationReopened,
    HandoffEnded,
    HandoffStarted,
    MemberJoined,
    MemberLeft,
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
    AGENT_LEFT = "the human who has it leaves at the vendor"
    CUSTOMER_SPOKE = "the customer writes"
    SPOKE_IN_HANDOFF = "the customer writes within a handoff"
    CLAIMED = "an agent claims it"
    RELEASED = "an agent releases it"
    TRANSFERRED = "an agent gives it to another"
    TAKEN_OVER = "an agent takes it over from the AI agent"
    HANDED_BACK = "an agent hands it back"
    RESOLVED = "an agent resolves it"
    REOPENED_BY_AGENT = "an agent reopens it"


_BOT, _WAITING, _HUMAN, _CLOSED = Control.BOT, Control.WAITING, Control.HUMAN, Control.CLOSED

#: a pair that leads to its own state changes who the human is
TABLE: dict[tuple[Control, Signal], Control] = {
    (_BOT, Signal.HANDOFF_STARTED): _WAITING,
    (_BOT, Signal.SPOKE_IN_HANDOFF): _WAITING,
    (_BOT, Signal.AGENT_SPOKE): _HUMAN,
    (_BOT, Signal.AGENT_JOINED): _HUMAN,
    (_BOT, Signal.ENDED): _CLOSED,
    (_BOT, Signal.TAKEN_OVER): _HUMAN,
    (_BOT, Signal.REOPENED_BY_AGENT): _HUMAN,  # the same
    (_BOT, Signal.RESOLVED): _CLOSED,
    (_WAITING, Signal.AGENT_SPOKE): _HUMAN,
    (_WAITING, Signal.AGENT_JOINED): _HUMAN,
    (_WAITING, Signal.HANDOFF_ENDED): _BOT,
    (_WAITING, Signal.ENDED): _CLOSED,
    (_WAITING, Signal.CLAIMED): _HUMAN,
    (_WAITING, Signal.TRANSFERRED): _HUMAN,
    (_WAITING, Signal.TAKEN_OVER): _HUMAN,  # the vendor has told of it before it answered
    (_WAITING, Signal.HANDED_BACK): _BOT,
    (_WAITING, Signal.RESOLVED): _CLOSED,
    (_HUMAN, Signal.HANDOFF_ENDED): _BOT,
    (_HUMAN, Signal.ENDED): _CLOSED,
    (_HUMAN, Signal.AGENT_LEFT): _WAITING,
    (_HUMAN, Signal.RELEASED): _WAITING,
    (_HUMAN, Signal.TRANSFERRED): _HUMAN,
    (_HUMAN, Signal.HANDED_BACK): _BOT,
    (_HUMAN, Signal.RESOLVED): _CLOSED,
    (_CLOSED, Signal.HANDOFF_STARTED): _WAITING,
    (_CLOSED, Signal.AGENT_SPOKE): _HUMAN,
    (_CLOSED, Signal.REOPENED): _BOT,
    (_CLOSED, Signal.CUSTOMER_SPOKE): _BOT,
    (_CLOSED, Signal.SPOKE_IN_HANDOFF): _WAITING,
    (_CLOSED, Signal.REOPENED_BY_AGENT): _HUMAN,
}

#: what a vendor says of the state itself; the others only hint at it
STATED = {
    Signal.HANDOFF_STARTED,
    Signal.HANDOFF_ENDED,
    Signal.ENDED,
    Signal.REOPENED,
    Signal.AGENT_JOINED,
    Signal.AGENT_LEFT,
}

#: the customer waits for a person by these: in doubt one alert too many is better than none
ASKED = {Signal.HANDOFF_STARTED, Signal.SPOKE_IN_HANDOFF}

WHOLE_SECOND = 1.0  # some of a vendor's times are cut to it
#: seconds by which a report has to be older than an act, or a message of the customer's than a closing, to be
#: a late delivery: less may be a clock that was set meanwhile, and then the order of writing decides
LONG_BEFORE = 300.0
JITTER = 2.0  # seconds that deliveries of one vendor differ in, and times that are cut to a second
ENOUGH = 3  # webhooks that show how a vendor's clock runs


@dataclass(frozen=True, slots=True)
class Mark:
    """A time by the vendor's clock that later reports are compared with, written at `written_at` by ours."""

    at: float
    written_at: float

    @property
    def lead(self) -> float:
        return self.at - self.written_at


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
        case MemberLeft(author=author) if author.role is Role.AGENT:
            return Signal.AGENT_LEFT
        case Message(author=author) if author.role is Role.AGENT:
            return Signal.AGENT_SPOKE
        case Message(author=author, handoff=label) if author.role is Role.CUSTOMER:
            return Signal.SPOKE_IN_HANDOFF if label else Signal.CUSTOMER_SPOKE
        case _:
            return None


def after(control: Control, happened: Signal | None) -> Control | None:
    """The control that follows, or None where it stays."""
    return TABLE.get((control, happened)) if happened is not None else None


def after_event(control: Control, event: AnyEvent) -> Control | None:
    """The control that follows from what the vendor reported, or None where it stays."""
    return after(control, signal(event))


def overtaking(happened: Signal, at: float, *, stated: Mark | None, acted: Mark | None) -> list[Mark]:
    """The marks that a vendor's report, dated `at`, is older than. It is late unless these are `dated_ahead`.

    `stated` is the newest statement of the vendor's, `acted` the last act of an agent's; both are times of
    the vendor's clock, which is compared with no other. A message has to be newer than the statement: a
    handoff must not begin anew because of a message from its end. A customer who wrote while an agent
    resolved it is not overlooked. A report that was written after an act counts, unless it is much older.
    """
    states = happened in STATED
    found = []
    if stated is not None and (at < stated.at - WHOLE_SECOND if states else at <= stated.at):
        found.append(stated)
    allowed = LONG_BEFORE if states or happened is Signal.CUSTOMER_SPOKE else 0.0
    if acted is not None and at <= acted.at - allowed:
        found.append(acted)
    return found


def lead_of(leads: Sequence[float]) -> float:
    """Seconds that a vendor's clock is ahead of ours, by the `leads` of its webhooks: the time that each
    names less the time of its writing. Delivery can only lower a lead, and a single date may be wrong, so it
    is the one of the two largest that is nearer to 0. With fewer than two nothing is known of the clock: 0.
    """
    return min(sorted(leads)[-2:], key=abs) if len(leads) > 1 else 0.0


def dated_ahead(mark: Mark, leads: Sequence[float], *, asks: bool = False) -> bool:
    """Whether `mark` is further ahead than the vendor's other webhooks (their `leads`): a wrong date, or a
    clock that was set since. The order of writing decides then. With too few webhooks only a date counts as
    wrong that is further ahead of ours than a signature may be; where the customer `asks` for a person, each
    that is ahead.
    """
    first = sorted(leads)[-ENOUGH:]
    agree = any(two - one <= JITTER for one, two in pairwise(first))  # retries come after delays that differ
    if len(leads) < ENOUGH or not agree:
        return mark.lead > (JITTER if asks else LONG_BEFORE)
    return mark.lead > lead_of(leads) + JITTER


def missed(event: AnyEvent) -> HandoffStarted | None:
    """The start of a handoff that only `event` tells of: its own call was lost, or is yet to come."""
    if signal(event) is not Signal.SPOKE_IN_HANDOFF:
        return None
    return HandoffStarted(
        id=f"missed:{event.id}",
        conversation=event.conversation,
        at=event.at,
        dated=event.dated,
        customer=event.customer,
        reason="the customer writes within a handoff",
    )


def gave_up(event: AnyEvent | None) -> bool:
    """Whether the vendor ended a wait because nobody came, as far as it says."""
    if not isinstance(event, ConversationEnded):
        return False
    by_nobody = event.by is None or event.by.role is Role.SYSTEM
    return by_nobody and (event.reason or "").lower() in ("timeout", "expired", "session expired")
