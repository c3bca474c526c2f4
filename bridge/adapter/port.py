"""What a vendor adapter is, and the optional things it can do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any, ClassVar, Literal, Protocol, runtime_checkable

import httpx
from pydantic import BaseModel, ConfigDict, Field, field_validator

from bridge.adapter.checking import Finding
from bridge.adapter.reading import callable_address, storable
from bridge.errors import Malformed
from bridge.model import Act, AnyEvent, AnyPart, ConversationKey, Customer, Frozen, Reply, Sent


class Settings(BaseModel):
    """A source's own keys in config.toml. Subclasses add theirs; an unknown key is a start-up error.

    The text below a key is its description in docs/configuration.md and config.example.toml.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    console_url: str | None = Field(None, pattern=r"^https?://\S*\{id\}\S*$")
    """Where people see a conversation at the vendor; {id} stands for its id. Default: none, the card has no
    link."""

    @field_validator("base_url", check_fields=False)
    @classmethod
    def _can_be_called(cls, value: str) -> str:
        """Where an adapter has such a key."""
        return callable_address(value)


class Secrets(BaseModel):
    """A source's secrets. Field `api_key` of source `acme-ada` is the environment's `ACME_ADA_API_KEY`.

    A `tuple[SecretStr, ...]` field takes several, separated by commas, so that one can be rotated
    without a gap; a field with a default is optional.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Webhook:
    """One incoming request as it came: `body` is the raw bytes that were signed.

    `path` is what follows `/webhooks/{source}/`, without slashes at its ends; header names are in
    lower case; `at` is when we received it. Path and headers may hold a secret: neither is in the repr.
    """

    path: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    at: datetime

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object, as `storable` has it. Raises `Malformed` where it is none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            raise Malformed("the body is not JSON") from None
        if not isinstance(value, dict):
            raise Malformed("the body is JSON, but not an object")
        return storable(value)


@dataclass(frozen=True, slots=True)
class Received:
    """What a verified webhook amounts to.

    `key` is the same at every redelivery of this webhook and unique within the source.
    `events` may be empty (a probe, or nothing that belongs to a conversation); `kept=False` leaves
    no trace at all. `answer` is the vendor's own success body, sent with 200.
    `unread` names what was not understood, by kind, for the counters. `customers` are profiles, each with its
    `id`, that are about no conversation: the cards of these customers show them.
    """

    key: str
    events: tuple[AnyEvent, ...] = ()
    answer: Mapping[str, Any] = field(default_factory=lambda: {"ok": True})
    kept: bool = True
    unread: tuple[str, ...] = ()
    customers: tuple[Customer, ...] = ()


class FileRules(Frozen):
    """Which files of agents the vendor's customers can get, and how.

    "upload": the vendor stores them, and its adapter `TakesFiles`. "link": the vendor carries only text, so
    the text ends with a link to each file, which the bridge serves for a while.
    """

    how: Literal["upload", "link"]
    endings: frozenset[str] | None = None  # of names, in small letters and without the dot; None takes any
    max_size: int | None = None  # bytes

    def objection(self, name: str, size: int) -> str | None:
        """Why the vendor will not take a file of this name and size, in words that follow its own name."""
        ending = name.rpartition(".")[2].lower() if "." in name else ""
        if self.endings is not None and ending not in self.endings:
            return f"does not take .{ending} files" if ending else "takes no files without an ending"
        if self.max_size is not None and size > self.max_size:
            return f"takes files up to {self.max_size / 1024**2:.3g} MB"
        return None


class Limit(Frozen):
    """At most `count` calls in any `seconds`, of all that a source's credential makes."""

    count: int
    seconds: float

    @property
    def burst(self) -> int:
        return max(self.count // 5, 1)

    @property
    def interval(self) -> float:
        """Seconds between calls that come evenly: with a burst before them no span has more than `count`."""
        return self.seconds / max(self.count - self.burst, 1)


#: What the vendor does when the customer writes in a conversation that was closed: it begins another one,
#: under another id; the same goes on; the AI agent's own goes on, under its id; or it is not documented.
WritesAgain = Literal["new_conversation", "reopens", "ai_agent", "unknown"]


class Capabilities(Frozen):
    """What the vendor's API can do, so that the agent hears a no before anything is sent.

    `cannot` says in plain words why the vendor does not do an act that its adapter has no protocol for.
    `handoff_is_own_conversation`: what people and the customer say is a conversation beside the AI agent's,
    and over once it is handed back. `writes_again` is told to agents before they close a conversation.
    """

    text_limit: int | None = None  # characters in one message
    cannot: Mapping[Act, str] = {}
    handoff_is_own_conversation: bool = False
    files: FileRules | None = None  # None: it takes none
    delivers_replies: bool = True  # False: it only records them, and your own app shows them
    writes_again: WritesAgain = "unknown"
    tells_humans_apart: bool = True  # False: what a human said may come back as the bot's


@runtime_checkable
class Adapter(Protocol):
    """One source's vendor. Made once per configured source; `receive` must not block or do I/O."""

    vendor: ClassVar[str]
    settings: ClassVar[type[Settings]]
    secrets: ClassVar[type[Secrets]]
    capabilities: ClassVar[Capabilities]

    def __init__(self, source: str, settings: Any, secrets: Any, http: httpx.AsyncClient) -> None: ...

    def receive(self, webhook: Webhook) -> Received:
        """Verify the raw bytes, then read them. Pure: the clock is `webhook.at`.

        Raises `NotAuthentic`, `NotAllowed`, `NotFound` (no such hook) or `Malformed` (not a JSON
        object). A kind or field it does not know is never an error: it becomes an `UnknownEvent`,
        an `UnknownPart`, or an entry in `unread`.
        """
        ...

    async def send(self, reply: Reply) -> Sent:
        """Carry one reply to the customer. Raises a `DeliveryError`; its class decides what follows."""
        ...


@runtime_checkable
class Previews(Protocol):
    """What a recorded payload amounts to can be shown without any account."""

    @classmethod
    def preview(cls, webhook: Webhook, source: str) -> Received:
        """As `receive`, of a payload nobody signed, whose hook is told by what is in it. Never served."""
        ...


@runtime_checkable
class Replays(Protocol):
    """A recorded payload can be sent once more: for whoever tries things out."""

    def replay(self, body: bytes, at: datetime, *, fresh: bool) -> Webhook:
        """`body` as the vendor would send it `at` that time, to the hook it is for, as `receive` takes it for
        genuine. What is `fresh` happens at that time and has new ids, but for those of conversations and of
        people; else the same body is the same webhook. Raises `Malformed`.
        """
        ...


def title_of(adapter: Adapter | type[Adapter]) -> str:
    """The vendor's name as people write it: the adapter's `title`, or `vendor` where it has none."""
    title: str = getattr(adapter, "title", adapter.vendor)
    return title


@runtime_checkable
class FindsReplies(Protocol):
    """The vendor can be asked whether it already has a reply."""

    async def find(self, reply: Reply, within: float) -> Sent | None:
        """The vendor's record of `reply`, or None where it certainly has none. It can have got there in the
        last `within` seconds only; `reply.at` is by Slack's clock. Raises `DeliveryError`."""
        ...


@runtime_checkable
class TellsHistory(Protocol):
    """The vendor can be asked what was said, also by people and the customer in a handoff."""

    async def history(self, conversation: ConversationKey, since: datetime) -> tuple[AnyEvent, ...]:
        """What was said since then, oldest first, each under the id that its webhook has, as far as that is
        known. Raises a `DeliveryError`."""
        ...


@runtime_checkable
class KnowsCustomers(Protocol):
    """The vendor keeps a profile of each customer."""

    async def customer(self, id: str) -> Customer | None:
        """What the vendor knows of the customer `id`, None for nothing. Raises a `DeliveryError`."""
        ...


@runtime_checkable
class ResolvesFiles(Protocol):
    """The vendor keeps files under ids, and gives an address for one on request."""

    async def locate(self, conversation: ConversationKey, file_id: str) -> str:
        """An address at which the file can be fetched now, without a credential. Raises `DeliveryError`."""
        ...


@dataclass(frozen=True, slots=True)
class Upload:
    """A file of an agent's: `size` bytes, from the first one on."""

    name: str
    mime_type: str
    size: int
    content: IO[bytes] = field(repr=False)


@runtime_checkable
class TakesFiles(Protocol):
    """The vendor stores files; `capabilities.files` says which."""

    async def upload(self, conversation: ConversationKey, file: Upload) -> AnyPart:
        """Give the vendor the bytes. The customer sees nothing of them until `send` is given a reply with
        the part that this returns, and with no other. Raises a `DeliveryError`.

        `find` may be asked about such a reply with a `File` of that name and type alone.
        """
        ...


@runtime_checkable
class SpeaksAsCustomer(Protocol):
    """The vendor lets us say something in the customer's name."""

    async def say(self, conversation: ConversationKey, text: str) -> None:
        """Let the AI agent hear `text` from the customer. Raises a `DeliveryError`."""
        ...


@runtime_checkable
class Limited(Protocol):
    """The vendor refuses more than so many calls; they are spread over all workers, so that it has none to
    refuse."""

    limits: tuple[Limit, ...]


@runtime_checkable
class Checkable(Protocol):
    """The vendor can be asked whether it takes our credentials, and calls us where we are."""

    async def check(self, address: str | None) -> tuple[Finding, ...]:
        """What is so, for `bridge doctor`; nothing is changed at the vendor.

        `address` is that of the source's webhooks, `https://…/webhooks/{source}`, where a bridge should
        answer. Without it, only what needs none is asked. What the vendor has no call for is unknown.
        """
        ...


# ── acts: each returns once it is so, also where it was so already ────────────────────────────────


@runtime_checkable
class TakesOver(Protocol):
    """A conversation can be taken from the AI agent: from then on the vendor lets people answer."""

    async def take_over(self, conversation: ConversationKey) -> None:
        """Raises a `DeliveryError`."""
        ...


@runtime_checkable
class HandsBack(Protocol):
    """A handoff can be ended: the AI agent has the customer again."""

    async def hand_back(self, conversation: ConversationKey) -> None:
        """Raises a `DeliveryError`."""
        ...


@runtime_checkable
class Resolves(Protocol):
    """A conversation can be closed at the vendor."""

    async def resolve(self, conversation: ConversationKey) -> None:
        """Raises a `DeliveryError`."""
        ...


@runtime_checkable
class Reopens(Protocol):
    """A closed conversation can be opened again at the vendor."""

    async def reopen(self, conversation: ConversationKey) -> None:
        """Raises a `DeliveryError`."""
        ...
