"""Routes: which conversations there are rules for, and the rules."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from bridge.config.sections import Section
from bridge.config.values import (
    ChannelId,
    Duration,
    Globs,
    GroupOrUserId,
    NotePrefix,
    Patterns,
    Pause,
    TimeOfDay,
    TimesOfWeek,
    TimeZone,
)
from bridge.hours import Hours


class Match(Section):
    """All keys given must fit; each is a name, a pattern with `*`, or a list of them. Empty fits all."""

    source: Globs | None = None
    vendor: Globs | None = None
    language: Globs | None = None
    customer_channel: Globs | None = None


ReplyMode = Literal["confirm", "live", "notes_only"]
Mirror = Literal["all", "handoff"]


def _ascending(pauses: tuple[float, ...]) -> tuple[float, ...]:
    if any(later <= earlier for earlier, later in pairwise(pauses)):
        raise ValueError("is not in ascending order")
    return pauses


class Route(Section):
    """Where a conversation goes, and what becomes of it there. The first whose `match` fits is taken."""

    match: Match = Match()
    channel: ChannelId
    fallback_channel: ChannelId | None = None
    alert_channel: ChannelId | None = None
    mirror: Mirror = "all"
    reply_mode: ReplyMode = "confirm"
    send_delay: Duration = 0.0
    note_prefix: NotePrefix = "//"
    guests_may_reply: bool = Field(False, strict=True)
    details: Patterns = ()
    identity: Literal["agent", "alias", "team"] = "agent"
    team_name: str = Field("Support", min_length=1, max_length=80)
    greeting: (
        Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)] | None
    ) = None
    hours: TimesOfWeek = ()
    time_zone: TimeZone = "UTC"
    remind_after: Annotated[tuple[Pause, ...], AfterValidator(_ascending)] = ()
    escalate_after: Pause | None = None
    escalate_channel: ChannelId | None = None
    escalate_to: GroupOrUserId | None = None
    digest_at: TimeOfDay | None = None

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
