"""What happened and what was said, in our own terms: independent of every vendor and of Slack.

Everything here is frozen, does no I/O and survives a round trip through JSON, since this is what
the store keeps. An adapter makes events; `render` shows them; `compose` makes replies.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


# ── who and where ────────────────────────────────────────────────────────────────────────────────


class ConversationKey(Frozen):
    """One customer's talk with one source. `id` is the vendor's, opaque: never parsed, any length."""

    source: str
    id: str

    def __str__(self) -> str:
        return f"{self.source}/{self.id}"


class ThreadKey(Frozen):
    """The Slack thread that shows a conversation; `ts` is its card's."""

    team: str
    channel: str
    ts: str


class Role(StrEnum):
    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"
    SYSTEM = "system"


class Author(Frozen):
    role: Role
    id: str | None = None
    name: str | None = None
    avatar: str | None = None


class Customer(Frozen):
    """What a vendor told of the customer in this event; absent fields are unknown, not empty."""

    id: str | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    avatar: str | None = None
    language: str | None = None


class Channel(Frozen):
    """Where the customer is: the vendor's channel, not Slack's."""

    id: str | None = None
    name: str | None = None
    type: str | None = None
    modality: str | None = None


# ── parts ────────────────────────────────────────────────────────────────────────────────────────


class Part(Frozen):
    """One piece of a message. `label` names the branch of a vendor's flow that said it."""

    label: str | None = None


class Text(Part):
    kind: Literal["text"] = "text"
    text: str
    format: Literal["plain", "markdown"] | None = None  # None: not said; then only an AI agent's is Markdown


class Image(Part):
    kind: Literal["image"] = "image"
    url: str
    name: str | None = None


class Video(Part):
    kind: Literal["video"] = "video"
    url: str
    name: str | None = None


class Audio(Part):
    kind: Literal["audio"] = "audio"
    url: str
    name: str | None = None
    transcript: str | None = None


class File(Part):
    """A file at `url`, or one the vendor keeps under `id` and gives an address for on request."""

    kind: Literal["file"] = "file"
    url: str | None = None
    id: str | None = None
    name: str | None = None
    mime_type: str | None = None
    size: int | None = None  # bytes


class Link(Part):
    kind: Literal["link"] = "link"
    url: str
    text: str | None = None


class Webview(Part):
    kind: Literal["webview"] = "webview"
    url: str
    text: str | None = None
    height: str | None = None  # full | tall | compact | new_window, or what the vendor adds next


class Option(Frozen):
    """What the customer was offered: `text` is shown, `value` is said when they choose it."""

    text: str
    value: str | None = None


class Options(Part):
    kind: Literal["options"] = "options"
    options: tuple[Option, ...]


class Media(Frozen):
    type: str  # image | video, or what the vendor adds next
    url: str


class Button(Frozen):
    type: str  # postback | url | webview | phone, or what the vendor adds next
    text: str
    value: str | None = None
    url: str | None = None
    height: str | None = None


class Card(Frozen):
    title: str | None = None
    subtitle: str | None = None
    media: Media | None = None
    buttons: tuple[Button, ...] = ()


class Carousel(Part):
    kind: Literal["carousel"] = "carousel"
    cards: tuple[Card, ...]


class UnknownPart(Part):
    """A part of a type we do not know: kept whole, shown as such, counted."""

    kind: Literal["unknown"] = "unknown"
    type: str
    data: dict[str, Any] = Field(default_factory=dict)


AnyPart = Annotated[
    Text | Image | Video | Audio | File | Link | Webview | Options | Carousel | UnknownPart,
    Field(discriminator="kind"),
]


# ── events ───────────────────────────────────────────────────────────────────────────────────────


class Event(Frozen):
    """Something a vendor reported.

    `id` is unique within the source and the same at every redelivery: the store keeps one of each.
    `at` is the vendor's time, maybe hours before ours (retries); if not `dated`, when we received it.
    `details` is what else the vendor said, by its field names; of a webhook's events only the first has it.
    `late`: no webhook told it while it happened; it was found in the vendor's history afterwards.
    `earlier`: it was said before the first webhook of its conversation."""

    id: str
    conversation: ConversationKey
    at: AwareDatetime
    dated: bool = True
    customer: Customer | None = None
    channel: Channel | None = None
    details: dict[str, Any] = Field(default_factory=dict)
    late: bool = False
    earlier: bool = False


class ConversationStarted(Event):
    kind: Literal["conversation_started"] = "conversation_started"
    start_page: str | None = None


class Message(Event):
    """Parts said by one author, in order. `handoff` is the vendor's label of the handoff it belongs to."""

    kind: Literal["message"] = "message"
    author: Author
    parts: tuple[AnyPart, ...]
    handoff: str | None = None


class Presence(Event):
    """A notice in the vendor's own words ("Mina has joined"), not something somebody said."""

    kind: Literal["presence"] = "presence"
    author: Author
    text: str


class Typing(Event):
    kind: Literal["typing"] = "typing"
    author: Author
    active: bool
    seconds: float | None = None  # how long, where the vendor says (a pause)


class Receipt(Event):
    """The messages so far were read or delivered; no vendor here says which."""

    kind: Literal["receipt"] = "receipt"
    state: Literal["read", "delivered"]
    by: str  # customer | bot | agent, or what the vendor adds next


class Quote(Frozen):
    """A message told again as context, without an id or a time of its own."""

    role: Role
    text: str


class HandoffStarted(Event):
    """A human is wanted. `text` is what the customer was told; after `wait` seconds the vendor gives up."""

    kind: Literal["handoff_started"] = "handoff_started"
    text: str | None = None
    reason: str | None = None
    department: str | None = None
    context: tuple[Quote, ...] = ()
    wait: float | None = None
    unnamed: bool = False  # it has no id at the vendor


class HandoffEnded(Event):
    """The bot has the conversation again."""

    kind: Literal["handoff_ended"] = "handoff_ended"


class MemberJoined(Event):
    kind: Literal["member_joined"] = "member_joined"
    author: Author


class MemberLeft(Event):
    kind: Literal["member_left"] = "member_left"
    author: Author


class ConversationEnded(Event):
    """Over, by `by` where the vendor says. `reason` is the vendor's word (TIMEOUT, resolved, expired …)."""

    kind: Literal["conversation_ended"] = "conversation_ended"
    by: Author | None = None
    reason: str | None = None


class ConversationReopened(Event):
    kind: Literal["conversation_reopened"] = "conversation_reopened"


class UnknownEvent(Event):
    """A kind we do not know, or a known one we could not read (`problem` says why): kept, shown, counted."""

    kind: Literal["unknown"] = "unknown"
    type: str
    problem: str | None = None


AnyEvent = Annotated[
    ConversationStarted
    | Message
    | Presence
    | Typing
    | Receipt
    | HandoffStarted
    | HandoffEnded
    | MemberJoined
    | MemberLeft
    | ConversationEnded
    | ConversationReopened
    | UnknownEvent,
    Field(discriminator="kind"),
]

EVENT: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent, config=ConfigDict(defer_build=True))  # as stored


# ── what goes out ────────────────────────────────────────────────────────────────────────────────


class Reply(Frozen):
    """What a human wrote in the thread for the customer. `id` is ours, the same at every attempt."""

    id: str
    conversation: ConversationKey
    author: Author
    parts: tuple[AnyPart, ...]
    at: datetime


class Sent(Frozen):
    """The other side has it; `ref` is its own id for it, where it gave one."""

    ref: str | None = None


# ── the words the store, the card and the metrics share ──────────────────────────────────────────


class Control(StrEnum):
    """Who has the conversation."""

    BOT = "bot"
    WAITING = "waiting"
    HUMAN = "human"
    CLOSED = "closed"


class Act(StrEnum):
    """What an agent does about a conversation, beside writing in it."""

    CLAIM = "claim"
    RELEASE = "release"
    TRANSFER = "transfer"
    TAKE_OVER = "take_over"
    HAND_BACK = "hand_back"
    RESOLVE = "resolve"
    REOPEN = "reopen"


class HeldFor(StrEnum):
    """Why a reply waits for its author's word."""

    BOT = "bot"  # the AI agent has the conversation
    CLOSED = "closed"
    OWNED = "owned"  # somebody else has it
    UNCLEAR = "unclear"  # it may be a word for the bridge
    LEFT_OUT = "left_out"  # some of it cannot go out
    NOTHING_LEFT = "nothing_left"  # nothing of it can go out


class HeldChoice(StrEnum):
    """What its author may say to that."""

    TAKE_OVER = "take_over"
    ONCE = "once"
    REOPEN = "reopen"
    SEND = "send"
    WITHOUT = "without"
    NOTE = "note"


class DeliveryState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    CANCELLED = "cancelled"


class Direction(StrEnum):  # docs/design.md says what each carries
    SLACK = "slack"
    VENDOR = "vendor"
    MARKS = "marks"
    CARD = "card"
    STATUS = "status"
    ACTS = "acts"
    ALERTS = "alerts"
    CLOCKS = "clocks"
