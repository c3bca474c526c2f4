"""Every kind of delivery that can be queued: the one list of them. Pure.

The class is the payload; the first line of its docstring says what the delivery does.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Self

from pydantic import ConfigDict, Field

from bridge.delivery.kind import Failure, Key, Labels, Payload, Words, kind
from bridge.model import EVENT, Act, AnyEvent, Customer, Direction, HeldChoice, HeldFor

SLACK, VENDOR, MARKS, CARD = Direction.SLACK, Direction.VENDOR, Direction.MARKS, Direction.CARD
STATUS, ACTS, ALERTS, CLOCKS = Direction.STATUS, Direction.ACTS, Direction.ALERTS, Direction.CLOCKS


class InSlack(Payload):
    """Asked for by `user` in the message `ts` of a thread. A press has no `ts`, the App Home no `channel`."""

    user: str
    team: str | None = None
    channel: str | None = None
    thread_ts: str | None = None
    ts: str | None = None

    @property
    def workspace_team(self) -> str | None:
        return self.team


# ── into the thread ──────────────────────────────────────────────────────────────────────────────


class OfEvent(Payload):
    """Carries an event of a vendor's. The row is the event alone."""

    event: AnyEvent

    @classmethod
    def parse(cls, row: str) -> Self:
        return cls(event=EVENT.validate_json(row))

    def write(self) -> str:
        return self.event.model_dump_json()


@kind("event", SLACK, failure=Failure.THREAD)
class EventPosted(OfEvent):
    """Shows an event in the conversation's thread."""


@kind("revision", SLACK, failure=Failure.THREAD)
class Revision(OfEvent):
    """Shows as a correction a message that the vendor reports again with other words."""


@kind("event", STATUS)
class TypingShown(OfEvent):
    """Shows who types as the thread's status."""


@kind("event", MARKS)
class ReceiptShown(OfEvent):
    """Marks a reply as delivered or read."""


@kind("notice", SLACK, Key.ATTEMPT)
class Notice(Payload):
    """Posts the bridge's own words in the thread."""

    text: Words


@kind("failure", SLACK, Key.ATTEMPT)
class FailureNotice(Payload):
    """Says in the thread that `delivery` was not carried, or may not have been. A button retries it."""

    text: Words
    delivery: int
    thread_ts: str | None = None
    uncertain: bool = False
    can_retry: bool = True


@kind("too_late", SLACK)
class ChangedTooLate(Payload):
    """Says that a reply was edited or deleted after it was sent. An edit `ts` can be sent as a correction."""

    ts: str | None
    edit: str


@kind("opened_again", SLACK)
class Reopened(Payload):
    """Says that the customer writes again in a closed conversation."""


class Stuck(Payload):
    """`delivery`, of the kind `about`, is tried `until` then."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    delivery: int
    about: str = Field(alias="kind")
    problem: Words
    until: float | None = None


@kind("stuck", SLACK, Key.DELIVERY)
class StuckNotice(Stuck):
    """Says in the thread that a delivery to the vendor still waits."""


@kind("stuck", ALERTS, Key.DELIVERY)
class StuckAlert(Stuck):
    """Says in the alert channel that a delivery into the thread still waits."""


@kind("transcript", SLACK, Key.DELIVERY)
class Transcript(Payload):
    """Shows what was said before the handoff, folded, without the first `left_out` messages."""

    left_out: int = 0


@kind("customer", SLACK)
class CustomerFound(Payload):
    """Shows on the card what the vendor knows of the customer. The row is the customer alone."""

    customer: Customer

    @classmethod
    def parse(cls, row: str) -> Self:
        return cls(customer=Customer.model_validate_json(row))

    def write(self) -> str:
        return self.customer.model_dump_json(exclude_none=True)


# ── to the vendor ────────────────────────────────────────────────────────────────────────────────


class Decided(InSlack):
    """What `user` wants to reach the customer, as the author decided on it, or as `again_by` retries it."""

    choice: HeldChoice | None = None
    again_by: str | None = None


@kind("reply", VENDOR, failure=Failure.THREAD)
class SlackReply(Decided):
    """Sends an agent's message to the customer.

    The row is the message as Slack gave it, beside these fields. `late`: it was written while
    the bridge was away, and the delivery `look` found it. `reread`: Slack may have it in other words by now.
    `edited_at`: the ts of the newest edit that is in these words.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    user: str = ""  # Slack's reports of edits may lack it
    text: Words = ""
    late: bool = False
    look: int | None = None
    reread: bool = False
    edited_at: str | None = None

    @property
    def message(self) -> Mapping[str, Any]:
        """The message as Slack gave it."""
        return self.model_dump(exclude_unset=True, exclude={"choice", "again_by", "late", "look", "reread"})


@kind("correction", VENDOR, failure=Failure.THREAD)
class Correction(Decided):
    """Sends the new words of an edited message to the customer."""


@kind("choice", VENDOR, failure=Failure.THREAD)
class OptionPressed(Decided):
    """Says `text` for the customer, who was offered it as `label`."""

    text: Words
    label: Words


class WantedAct(InSlack):
    """`user` wants `act`, and `to` gets the conversation. `handoff` was the last one then, 0 for none."""

    act: Act
    to: str | None = None
    handoff: int | None = None


@kind("act", VENDOR, failure=Failure.AUTHOR)
class VendorAct(WantedAct):
    """Does an act that the vendor takes part in."""


@kind("act", ACTS, failure=Failure.AUTHOR)
class OwnAct(WantedAct):
    """Does an act that needs no vendor."""


@kind("look", VENDOR, failure=Failure.THREAD)
class Look(Payload):
    """Reads a thread for what was written in it since then, `after` seconds from when it was queued.

    What was written until `until` is late; by default, until the look was queued.
    """

    team: str
    channel: str
    ts: str
    since: float
    after: float = 0.0
    until: float | None = None

    @property
    def workspace_team(self) -> str | None:
        return self.team


@kind("history", VENDOR, failure=Failure.THREAD)
class History(Payload):
    """Asks the vendor what was said since then; `earlier`: before the first webhook of the conversation."""

    since: float
    earlier: bool = False


@kind("profile", VENDOR)
class Profile(Payload):
    """Asks the vendor who the customer with this id is."""

    customer: str


@kind("greeting", VENDOR, Key.HANDOFF, failure=Failure.THREAD)
class Greeting(Payload):
    """Tells a waiting customer that a person will come."""


# ── words for the bridge ─────────────────────────────────────────────────────────────────────────


@kind("who", ACTS)
class Who(InSlack):
    """Answers `!who`: who has the conversation."""


@kind("help", ACTS)
class Help(InSlack):
    """Answers `!help`: the words that the bridge knows."""


# ── beside the thread ────────────────────────────────────────────────────────────────────────────


@kind("mark", MARKS, Key.ATTEMPT, failure=Failure.THREAD)
class Mark(Payload):
    """Sets the reaction of `state` on an agent's message, and takes off those of the states it `was` in."""

    team: str | None = None
    channel: str
    ts: str
    state: str
    was: tuple[str, ...] = ()

    @property
    def workspace_team(self) -> str | None:
        return self.team


@kind("question", MARKS, Key.ATTEMPT, failure=Failure.THREAD)
class Question(InSlack):
    """Asks the author of the held reply `delivery` what to do. What is `left_out` would not go out."""

    why: HeldFor
    choices: tuple[HeldChoice, ...]
    delivery: int
    text: Words = ""
    left_out: Labels = ()


@kind("whisper", MARKS, Key.ATTEMPT, failure=Failure.THREAD)
class Whisper(InSlack):
    """Shows words to one person alone."""

    text: Words


@kind("by_app", MARKS)
class PostedByApp(InSlack):
    """Says to a person that what an app posts for them is not sent."""


@kind("card", CARD, Key.DELIVERY)
class CardChanged(Payload):
    """Updates the card to how the conversation is now."""


@kind("again", STATUS, Key.DELIVERY)
class TypingAgain(Payload):
    """Shows again who types, since a post has cleared the status."""


# ── alerts ───────────────────────────────────────────────────────────────────────────────────────


class OfHandoff(Payload):
    """About one handoff."""

    handoff: int


@kind("alert", ALERTS, failure=Failure.THREAD)
class AlertChanged(OfHandoff):
    """Posts or updates the alerts of a handoff."""


@kind("alarm", ALERTS)
class Alarm(OfHandoff):
    """Says in the alert channel that the AI agent speaks beside a person."""


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────


@kind("clock", CLOCKS, Key.DELIVERY)
class Clock(OfHandoff):
    """Sleeps until the next reminder, escalation or greeting is due. Those until `past` are queued."""

    round: int
    past: float = 0.0


class Overdue(OfHandoff):
    """The wait number `round` of a handoff is too long; `breach`: no agent came in time."""

    round: int
    breach: bool = False


@kind("reminder", CLOCKS, Key.DELIVERY)
class Reminder(Overdue):
    """Reminds the alert channel of a waiting customer."""


@kind("escalation", CLOCKS, Key.DELIVERY, failure=Failure.THREAD)
class Escalation(Overdue):
    """Escalates a customer's wait."""


class OfChannel(Payload):
    """About a channel of a workspace, by the workspace's name in config.toml."""

    workspace: str = "slack"
    channel: str


class Daily(OfChannel):
    """The `day` that the numbers are about; `arranged` is when the clock was queued."""

    day: date
    arranged: float


@kind("digest", CLOCKS)
class DigestDue(Daily):
    """Sleeps until the numbers of a day are due."""


@kind("numbers", CLOCKS)
class DigestPosted(Daily):
    """Posts the numbers of a day in an alert channel."""


@kind("scan", CLOCKS)
class Scan(OfChannel):
    """Looks through a channel for threads that were written in since then."""

    since: float
