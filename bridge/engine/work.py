"""What the store hands to the engine and takes back: the words between the two.

A *turn* is one delivery at the head of a lane that this worker holds; an *outcome* is what became
of the attempt. Recording an outcome and taking the next turn of the lane are one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeVar

from bridge.control import Signal
from bridge.delivery.kind import Payload, payload_of
from bridge.delivery.kinds import EventPosted, Revision
from bridge.model import Control, ConversationKey, DeliveryState, Direction, HandoffStarted, ThreadKey

P = TypeVar("P", bound=Payload)


@dataclass(frozen=True, slots=True)
class Typist:
    """Who types: the words shown, under `name`, until `until` (epoch seconds). No words: nobody.

    `role` and `id` are the author's; `delivery` carried it, so what they said since is behind that.
    """

    text: str
    name: str | None = None
    until: float = 0.0
    role: str | None = None
    id: str | None = None
    delivery: int = 0


@dataclass(frozen=True, slots=True)
class Owner:
    """The human who has a conversation: in Slack under `id`, or without one at the vendor."""

    name: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as the store knows it; `id` is the store's row, `facts` what the card shows.

    `since` is when `control` became what it is, `owner` who has it while a human does.
    """

    id: int
    key: ConversationKey
    control: Control
    thread: ThreadKey | None
    created_at: float
    facts: Mapping[str, Any] = field(default_factory=dict)
    card: str | None = None
    typing: Typist | None = None
    since: float | None = None
    owner: Owner | None = None


@dataclass(frozen=True, slots=True)
class AlertPlace:
    """Where an alert stands, and the digest of how it looks: none where nobody knows."""

    channel: str
    ts: str
    looks: str = ""


@dataclass(frozen=True, slots=True)
class Handoff:
    """One handoff as the store knows it, in seconds since the epoch. `start` is the event that began it, if
    one did; `round` counts its waits. `places`: where its alerts stand, "thread" and "channel".
    """

    id: int
    started_at: float
    waiting_since: float | None
    round: int
    start: HandoffStarted | None = None
    claimed_at: float | None = None
    released_by: str | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    ending: str | None = None
    ended_by: str | None = None
    end_written_at: float | None = None
    breached_at: float | None = None
    alarmed_at: float | None = None
    places: Mapping[str, AlertPlace] = field(default_factory=dict)

    def is_later_than(self, meant: int | None) -> bool:
        """Whether the customer asked for a human again since the handoff that an act was `meant` for: what an
        agent began has no start of its own."""
        return meant is not None and self.id > meant and self.start is not None


@dataclass(frozen=True, slots=True)
class Row:
    """A handoff under way; `held` replies wait for their author's word."""

    conversation: Conversation
    handoff: Handoff
    held: int


@dataclass(frozen=True, slots=True)
class Course:
    """How a handoff went: `claim` and `answer` are seconds from its start to the first of each."""

    conversation: Conversation
    handoff: Handoff
    waited: bool
    claim: float | None
    answer: float | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What is under way, and what does not get on. `handoffs` by control: how many are open, and for how many
    seconds the first of them has been so. `deliveries` by direction: how many are queued, how many are being
    sent, and how many the lane has that has the most. `lanes` by direction: how many are due, or were tried
    and are to be tried again; and for how many seconds the first of them. `dead` by state: how many
    deliveries have ended so."""

    handoffs: Mapping[str, tuple[int, float]]
    deliveries: Mapping[Direction, tuple[int, int, int]]
    lanes: Mapping[Direction, tuple[int, float]]
    dead: Mapping[DeliveryState, int]


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request that came in, to be kept under `key` (unique in `source`) as `body`."""

    source: str
    key: str
    path: str
    body: bytes


@dataclass(frozen=True)
class NewDelivery:
    """A delivery to be queued, as its row has it. `key` is unique in its lane: the same queued twice is one.

    `body` is the payload as JSON; `message` is the ts of the Slack message that it carries.
    """

    direction: Direction
    kind: str
    key: str
    body: str
    message: str | None = None

    @classmethod
    def of(cls, payload: Payload, key: str, message: str | None = None) -> NewDelivery:
        return cls(payload.kind.lane, payload.kind.name, key, payload.write(), message)

    @classmethod
    def after(cls, turn: Turn, payload: Payload) -> NewDelivery:
        """One that the delivery of `turn` queues once, however often it is tried."""
        return cls.of(payload, f"{payload.kind.name}:{turn.delivery}")

    @cached_property
    def payload(self) -> Payload:
        return payload_of(self.direction, self.kind, self.body)


class SentDigest(NamedTuple):
    """The digest of a reply that the vendor may tell back: its row, and the reply's conversation."""

    id: int
    conversation: int | None


@dataclass(frozen=True, slots=True)
class Found:
    """Something written at `place` (its own ts) that was found there. It may have come as an event, and then
    `known_as` has the key of what that queued. `locked`: it carries a lock."""

    place: ThreadKey
    incoming: Incoming
    delivery: NewDelivery
    known_as: tuple[str, ...]
    locked: bool = False


#: the start from which on a delivery without an outcome is carried alone: twice may be by chance
SUSPECT = 3
#: starts without an outcome, after which a delivery is given up
STARTS = 4


@dataclass(frozen=True)
class Turn:
    """One delivery, held by this worker under `token` until its outcome is recorded.

    `attempt` counts from 1 and began at `began` by the store's clock, `age` seconds after the first.
    `doubt`: an earlier attempt may have arrived, so look before sending. `refs` maps the steps already
    taken to the other side's ids, and grows with the ledger's `progress`. `waited` is how many seconds ago it
    was queued, `late` how many past the slot that pacing reserved for it we are. `key` is its event's id, or
    whatever else the lane knows it by. `starts` is how many times in a row it was begun, this one included,
    since an outcome of it was recorded. `body` is the payload as the row has it.
    """

    lane: int
    token: int
    direction: Direction
    conversation: Conversation
    delivery: int
    kind: str
    body: str
    attempt: int
    began: float
    age: float
    doubt: bool
    refs: dict[str, str]
    waited: float = 0.0
    late: float | None = None
    key: str = ""
    starts: int = 1

    @property
    def is_suspect(self) -> bool:
        """Whether it may be what ended the processes that carried it."""
        return self.starts >= SUSPECT

    @cached_property
    def payload(self) -> Payload:
        """Raises a `DeliveryError` where this version cannot read it."""
        return payload_of(self.direction, self.kind, self.body)

    def carries(self, kind: type[P]) -> P:
        """The payload, which is a `kind`."""
        if not isinstance(self.payload, kind):
            raise TypeError(f"delivery {self.delivery} is a {self.kind}")
        return self.payload

    @property
    def was(self) -> list[str]:
        """What its message is marked with from before somebody sent it on."""
        return self.refs.get(WAS, "").split()


@dataclass(frozen=True, slots=True)
class Change:
    """What a delivery taught us, written with its outcome. `happened` is for the control that stands when it
    is written, done by `by`; `answered`: the customer has an agent's words; `heard` is the id of the
    `SentDigest` whose echo it was; `alert`: where that of a handoff stands in the thread; `meant` is the last
    handoff that it can end; after what is `final` the conversation is over at the vendor."""

    happened: Signal | None = None
    by: Owner | None = None
    answered: bool = False
    alert: tuple[int, AlertPlace] | None = None
    facts: Mapping[str, Any] | None = None
    card: str | None = None
    typing: Typist | None = None
    heard: int | None = None
    meant: int | None = None
    final: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    ref: str | None = None
    change: Change | None = None
    follow: tuple[NewDelivery, ...] = ()
    covers: tuple[int, ...] = ()  # later deliveries of the lane that are done with it


@dataclass(frozen=True, slots=True)
class Kept:
    """It does not go out: a `note` never does, a `held` one once its author says so."""

    why: Literal["note", "held"]
    problem: str | None = None
    follow: tuple[NewDelivery, ...] = ()


@dataclass(frozen=True, slots=True)
class PutBack:
    """Not tried: the other side's pace wants it in `wait` seconds. Counts as no attempt."""

    wait: float


@dataclass(frozen=True, slots=True)
class Again:
    """Tried, and to be tried again in `wait` seconds, `until` it is given up (by the store's clock).
    `doubt`: it may have arrived all the same."""

    wait: float
    problem: str
    doubt: bool = False
    until: float | None = None
    follow: tuple[NewDelivery, ...] = ()
    where: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """`can_retry`: whether it can be taken when it is tried again; `forbidden`: its author may not do it."""

    problem: str
    follow: tuple[NewDelivery, ...] = ()
    where: str = ""
    detail: str = ""
    can_retry: bool = True
    forbidden: bool = False


@dataclass(frozen=True, slots=True)
class Uncertain:
    problem: str
    follow: tuple[NewDelivery, ...] = ()
    where: str = ""
    detail: str = ""


#: among a reply's refs: the step that the vendor may have from here on
SENDING = "sending"

#: among an act's refs: the handoff that it is meant for, where that is a later one than when it was asked for
MEANT = "meant"

#: among a delivery's refs: why it was kept in
KEPT = "kept"
#: among a delivery's refs: the later ones that its message shows as well
COVERS = "covers"
#: the kinds of deliveries whose payload is an event
EVENTS = (EventPosted.kind.name, Revision.kind.name)
#: the outcome of an event that tells back what was said from here
ECHOED = "echo"
#: the outcome of an event that a quiet channel does not show
QUIET = "quiet"
#: the outcome of a vendor's report of an act of ours, which the thread says already
OWN_REPORT = "own report"
#: among a reply's refs: it has waited, and was read from Slack once more
READ = "read"
#: among its refs: the states it was in before somebody sent it on
WAS = "was"
#: among its refs: the vendor was asked for it since then, and has nothing of it
LOOKED = "looked"

Outcome = Done | Kept | PutBack | Again | Failed | Uncertain


def recorded(outcome: Outcome) -> str | None:
    """Why it did not end as sent, with where that was, in technical terms: for the log and the store. People
    get `problem`."""
    where, problem = getattr(outcome, "where", ""), getattr(outcome, "problem", None)
    problem = getattr(outcome, "detail", "") or problem
    return f"{where}: {problem}" if where and problem else problem
