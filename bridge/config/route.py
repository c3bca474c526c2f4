"""Routes: which conversations there are rules for, and the rules."""

from __future__ import annotations

from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from bridge.config.sections import Section
from bridge.config.values import (
    ChannelId,
    Duration,
    Globs,
    GroupOrUserId,
    Name,
    NotePrefix,
    Patterns,
    Pause,
    TimeOfDay,
    TimesOfWeek,
    TimeZone,
)
from bridge.hours import Hours


def fits(value: str, pattern: str) -> bool:
    """Whether a pattern of a route's `match` fits; capitals make no difference."""
    return fnmatchcase(value.lower(), pattern.lower())


class Match(Section):
    """All keys given must fit; each is a name, a pattern with `*`, or a list of them. Empty fits all."""

    source: Globs | None = None
    """Names of sources. Each has to fit one of [sources]."""

    vendor: Globs | None = None
    """"ada", "gptbots", "moveo", or another that is installed. Default: any."""

    language: Globs | None = None
    """What the vendor says of the customer's language. Default: any, also none."""

    customer_channel: Globs | None = None
    """Where the customer is, as the vendor names it. Default: any, also none."""


ReplyMode = Literal["confirm", "live", "notes_only"]
Mirror = Literal["all", "handoff"]


def _ascending(pauses: tuple[float, ...]) -> tuple[float, ...]:
    if any(later <= earlier for earlier, later in pairwise(pauses)):
        raise ValueError("is not in ascending order")
    return pauses


class Route(Section):
    """Where a conversation goes, and what becomes of it there. The first whose `match` fits is taken."""

    match: Match = Match()
    """Which conversations it takes. The last route has none and takes what the others leave."""

    channel: ChannelId
    """The channel's id, from the end of its details in Slack. Required."""

    workspace: Name = "slack"
    """Where its channels are: "slack" is the workspace of [slack], "emea" that of [workspaces.emea]."""

    fallback_channel: ChannelId | None = None
    """Where conversations go while that channel is archived, unknown or without the app. Default: none, they
    wait."""

    alert_channel: ChannelId | None = None
    """Where each handoff is announced too, beside its thread: one alert, kept up to date. Default: none."""

    mirror: Mirror = "all"
    """What of a conversation is shown: "all", or "handoff": it gets its thread when a human is needed, with
    what was said before."""

    reply_mode: ReplyMode = "confirm"
    """Whether a reply in a thread goes to the customer. "confirm": while a person has the conversation;
    otherwise it waits, and only its author is asked. "live": also while the AI agent has it. "notes_only":
    nothing ever does."""

    send_delay: Duration = 0.0
    """How long a reply waits before it goes. Until then, deleting it, editing it or a 🔒 on it changes what
    goes out."""

    note_prefix: NotePrefix = "//"
    """A reply that begins with it stays in the thread. 1 to 20 characters; "!" is how commands begin
    (!claim)."""

    guests_may_reply: bool = Field(False, strict=True)
    """Whether guests, and people of other organisations in a shared channel, may reply to customers and act
    on their conversations (claim, release, transfer, take over, hand back, resolve, reopen)."""

    details: Patterns = ()
    """What the card shows beyond name, channel, language and start page: "email", "phone", and the vendor's
    own fields by their dotted names; patterns with `*`; and "conversation_id" and "customer_id", the vendor's
    ids, by these names only. Customers' data may be among them. Fields of the vendor's that no route names
    are not learned: named later, they show once the vendor tells them again."""

    identity: Literal["agent", "alias", "team"] = "agent"
    """Who the customer sees: "agent" (the name and the picture in Slack), "alias" (the name in [aliases],
    else `team_name`) or "team" (`team_name` for all)."""

    team_name: str = Field("Support", min_length=1, max_length=80)
    """Who the customer hears from, where that is the team. 1 to 80 characters."""

    greeting: (
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)] | None
    ) = None
    """1 to 1000 characters, said to the customer when nobody has answered by half of the time after which the
    vendor gives up waiting for a person (GPTBots: 60 s). Default: none."""

    hours: TimesOfWeek = ()
    """When people are there: days (mon tue wed thu fri sat sun), and from when to when. "fri 22:00-06:00"
    runs over midnight, "00:00-24:00" is a whole day. The time of reminders and escalation only runs then.
    Empty means always."""

    time_zone: TimeZone = "UTC"
    """Of `hours` and `digest_at`: the name of a time zone. Changes to and from summer time are followed."""

    remind_after: Annotated[tuple[Pause, ...], AfterValidator(_ascending)] = ()
    """When it is said again that a customer waits and nobody has claimed, below the alert in `alert_channel`,
    or without one in the thread: each more than 0, and more than the one before it. Empty means never."""

    escalate_after: Pause | None = None
    """More than 0: when somebody else is told that nobody has. It needs `escalate_channel`, `escalate_to` or
    both. Default: never."""

    escalate_channel: ChannelId | None = None
    """Where that is said. Default: none, where reminders are."""

    escalate_to: GroupOrUserId | None = None
    """Whom it mentions: the id of a user group (S…) or of a member (U…, W…). Default: nobody."""

    digest_at: TimeOfDay | None = None
    """When `alert_channel` gets the day's numbers, as "HH:MM". Default: never."""

    @property
    def open_hours(self) -> Hours:
        return Hours.parse(self.hours, self.time_zone)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        problems = []
        told = self.escalate_channel or self.escalate_to
        if self.escalate_after is not None and not told:
            problems.append("escalate_after needs escalate_channel or escalate_to, or both")
        if told and self.escalate_after is None:
            problems.append("escalate_channel and escalate_to need escalate_after")
        if self.digest_at is not None and self.alert_channel is None:
            problems.append("digest_at needs alert_channel")
        if problems:
            raise ValueError("; ".join(problems))
        return self
