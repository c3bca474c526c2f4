"""One handoff, as its alerts and clocks show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Self

from bridge.model import Control, HandoffStarted

#: how a handoff ended: the AI agent has the customer again, all is over, or nobody answered in time
Ending = Literal["handed_back", "closed", "expired"]

_LONGEST_WAIT = 30 * 86400.0  # seconds; what a vendor says beyond it is no deadline


@dataclass(frozen=True)
class HandoffView:
    """`control` is WAITING or HUMAN while the handoff lasts, and what followed once `ending` is set.

    `waiting_since` is when the present wait began: later than `started_at` after a release, by `released_by`.
    `deadline` is when the vendor gives up, `opens_at` when business hours begin, if it is outside of them.
    """

    control: Control
    started_at: datetime
    waiting_since: datetime | None = None
    reason: str | None = None
    department: str | None = None
    told: str | None = None  # what the vendor told the customer
    last_words: str | None = None  # the customer's
    deadline: datetime | None = None
    opens_at: datetime | None = None
    owner: str | None = None
    claimed_at: datetime | None = None
    released_by: str | None = None
    ended_at: datetime | None = None
    ending: Ending | None = None
    ended_by: str | None = None
    thread: str | None = None  # the permalink of the conversation's thread

    @classmethod
    def of(cls, event: HandoffStarted) -> Self:
        """A handoff as it starts."""
        wait = event.wait if event.wait is not None and 0 < event.wait < _LONGEST_WAIT else None
        return cls(
            control=Control.WAITING,
            started_at=event.at,
            waiting_since=event.at,
            reason=event.reason,
            department=event.department,
            told=event.text,
            deadline=event.at + timedelta(seconds=wait) if wait is not None else None,
        )
