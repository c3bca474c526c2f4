"""The port: what a vendor adapter is, and the optional things it can do.

An adapter is a folder under `adapters/` (or a package of somebody else's, found through the
entry-point group `bridge.adapters`). It imports this module, `model` and `errors`, never Slack, the
store or the engine. `tests/contract` holds what every adapter is held to.
"""

from __future__ import annotations

import hmac
import json
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import IO, Any, ClassVar, Literal, Protocol, runtime_checkable

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bridge.errors import DeliveryError, Malformed, OutcomeUnknown, Rejected, RetryAfter, RetryLater
from bridge.model import (
    AnyEvent,
    AnyPart,
    Audio,
    ConversationKey,
    File,
    Frozen,
    Image,
    Link,
    Message,
    Reply,
    Sent,
    Text,
    UnknownEvent,
    UnknownPart,
    Video,
    Webview,
)


class Settings(BaseModel):
    """A source's own keys in config.toml. Subclasses add theirs; an unknown key is a start-up error.

    `console_url` is where people see a conversation at the vendor; `{id}` stands for the conversation's id.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    console_url: str | None = Field(None, pattern=r"^https?://\S*\{id\}\S*$")


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
        """The body as a JSON object. Raises `Malformed` where it is none.

        What JSON text can say but no store can keep is replaced: NUL and half surrogate pairs by
        U+FFFD, NaN and infinities by null, and whatever is nested deeper than 32 levels by null.
        """
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            raise Malformed("the body is not JSON") from None
        if not isinstance(value, dict):
            raise Malformed("the body is JSON, but not an object")
        return {_storable(name, 0): _storable(inner, 31) for name, inner in value.items()}


def _storable(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace").replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {_storable(k, 0): _storable(v, depth - 1) for k, v in value.items()} if depth else None
    if isinstance(value, list):
        return [_storable(inner, depth - 1) for inner in value] if depth else None
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True, slots=True)
class Received:
    """What a verified webhook amounts to.

    `key` is the same at every redelivery of this webhook and unique within the source.
    `events` may be empty (a probe, or nothing that belongs to a conversation); `kept=False` leaves
    no trace at all. `answer` is the vendor's own success body, sent with 200.
    `unread` names what was not understood, by kind, for the counters.
    """

    key: str
    events: tuple[AnyEvent, ...] = ()
    answer: Mapping[str, Any] = field(default_factory=lambda: {"ok": True})
    kept: bool = True
    unread: tuple[str, ...] = ()


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


class Capabilities(Frozen):
    """What the vendor's API can carry, so that the agent hears a no before anything is sent."""

    text_limit: int | None = None  # characters in one message
    files: FileRules | None = None  # None: it takes none
    delivers_replies: bool = True  # False: it only records them, and your own app shows them
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
class FindsReplies(Protocol):
    """The vendor can be asked whether it already has a reply."""

    async def find(self, reply: Reply) -> Sent | None:
        """The vendor's record of `reply`, or None where it certainly has none. Raises `DeliveryError`."""
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


# ── what several adapters need: secrets ──────────────────────────────────────────────────────────


def variable_for(source: str, field: str) -> str:
    """The environment variable of a source's secret: (`acme-ada`, `api_key`) -> `ACME_ADA_API_KEY`."""
    return f"{source}_{field}".replace("-", "_").upper()


def same_secret(given: str, accepted: tuple[SecretStr, ...]) -> bool:
    """Whether `given` is one of `accepted`, in constant time for each."""
    found = False
    for secret in accepted:
        found |= hmac.compare_digest(given.encode(), secret.get_secret_value().encode())
    return found


def token_of(headers: Mapping[str, str], *schemes: str) -> str:
    """The token after one of `schemes` (in lower case) in the Authorization header, or ""."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in schemes else ""


# ── reading what a vendor sent: any field may be missing or odd, so no reader raises ──────────────


class Unreadable(Exception):
    """What makes an event of a known kind readable is missing or odd; it becomes an `UnknownEvent`."""


def word(value: object) -> str | None:
    """A text, or a number as one; None where there is none, or nothing in it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value.strip() else None


def mapping(value: object) -> Mapping[str, Any]:
    """An object's fields; none where it is no object."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[Mapping[str, Any]]:
    """The objects in a list; what else is in it is passed over."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


_ADDRESS = re.compile(r"https?://[^\s\x00-\x20\x7f]+", re.IGNORECASE)


def address(value: object) -> str | None:
    """An http(s) address. Any other scheme (`javascript:`, `data:` …) must never become a link."""
    found = isinstance(value, str) and _ADDRESS.fullmatch(value.strip())
    return found[0] if found else None


def moment(value: object) -> datetime | None:
    """An ISO 8601 time, or seconds or milliseconds since 1970, told apart by magnitude."""
    try:
        if isinstance(value, str) and not value.isdecimal():
            at = datetime.fromisoformat(value)
            at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
        else:
            seconds = float(value)  # type: ignore[arg-type]  # anything but a number is a TypeError
            at = datetime.fromtimestamp(seconds / 1000 if seconds >= 1e12 else seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return at if 2000 <= at.year < 2100 else None  # else a unit or a zero we do not understand


def scalars(value: Mapping[str, Any], *, without: Collection[str] = ()) -> dict[str, Any]:
    """The plain values in `value` by dotted name, for an event's `details`: `{"metadata.locale": "en"}`.

    `without` names what was read already, dotted as well; a name there leaves out all below it.
    """
    return dict(_scalars(value, "", without))


def _scalars(value: Mapping[str, Any], prefix: str, without: Collection[str]) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        name = prefix + key
        if name in without:
            continue
        if isinstance(inner, dict):
            yield from _scalars(inner, f"{name}.", without)
        elif isinstance(inner, str | int | float):
            yield name, inner


def unread_in(events: Iterable[AnyEvent]) -> tuple[str, ...]:
    """What `Received.unread` says of `events`: the kinds of events and parts that nobody could read."""
    return tuple(
        found.type
        for event in events
        for found in (event, *(event.parts if isinstance(event, Message) else ()))
        if isinstance(found, UnknownEvent | UnknownPart)
    )


# ── carrying a reply ─────────────────────────────────────────────────────────────────────────────


def reply_text(reply: Reply) -> str:
    """A reply as one text, for a vendor that takes nothing else. Raises `Rejected` where it is none."""
    lines = []
    for part in reply.parts:
        match part:
            case Text(text=text):
                lines.append(text)
            case (
                Link(url=str(url), text=name)
                | Webview(url=str(url), text=name)
                | File(url=str(url), name=name)
                | Image(url=str(url), name=name)
                | Video(url=str(url), name=name)
                | Audio(url=str(url), name=name)
            ):
                lines.append(f"{name}: {url}" if name else url)
            case _:
                raise Rejected(f"a part of kind {part.kind} cannot be sent as text")
    text = "\n".join(lines)
    if not text.strip():
        raise Rejected("there is no text in it")
    return text


async def call(http: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """Send `request`; turn what the network does into the class that says what may have happened.

    A refused connection is a `RetryLater`: nothing arrived. A time-out or a reset after that is an
    `OutcomeUnknown`. 429 is a `RetryAfter`, 503 a `RetryLater`, 502 and 504 an `OutcomeUnknown`: a
    gateway cannot say what its backend did. Every other answer is the adapter's to read. A redirect
    is one too: it is never followed, lest a key goes where it does not belong.
    """
    where = _where(request)
    try:
        response = await http.send(request, follow_redirects=False)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol) as error:
        raise RetryLater(f"could not connect ({type(error).__name__})", where=where) from error
    except httpx.HTTPError as error:
        raise OutcomeUnknown(f"no answer ({type(error).__name__})", where=where) from error
    if response.status_code == 429:
        seconds = _seconds(response.headers.get("retry-after"))
        if seconds is None:
            raise RetryLater("rate limited (429, without Retry-After)", where=where)
        raise RetryAfter("rate limited (429)", seconds=seconds, where=where)
    if response.status_code == 503:
        raise RetryLater("unavailable (503)", where=where)
    if response.status_code in (502, 504):
        raise OutcomeUnknown(f"a gateway answered {response.status_code}", where=where)
    return response


def answer_of(response: httpx.Response) -> dict[str, Any] | None:
    """The JSON object in an answer; None where there is none (a proxy's page, or nothing)."""
    try:
        value = response.json()
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def failure(response: httpx.Response, reason: str | None, *, key: str) -> DeliveryError:
    """What an answer that is no success means. `reason`: the vendor's own words, None where it gave none.

    `key` is the environment variable of the API key. A 5xx that the vendor explains was not taken;
    one that nobody explains may have been.
    """
    status = response.status_code
    problem = f"answered {status}: {reason[:300]}" if reason else f"answered {status}"
    where = _where(response.request)
    if status < 300:
        return OutcomeUnknown(f"{problem}, but not as documented", where=where, remedy="Check base_url")
    if status < 400:
        return Rejected(f"{problem}, a redirect", where=where, remedy="Check base_url")
    if status in (401, 403):
        return Rejected(problem, where=where, remedy=f"Check {key}")
    if status == 404:
        return Rejected(problem, where=where, remedy="The conversation is unknown there, or has ended")
    if status < 500:
        return Rejected(problem, where=where)
    return RetryLater(problem, where=where) if reason else OutcomeUnknown(problem, where=where)


def _where(request: httpx.Request) -> str:
    return f"{request.method} {request.url.host}{request.url.path}"


def _seconds(retry_after: str | None) -> float | None:
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None  # absent, or an HTTP date: our own backoff then
    return min(max(seconds, 0.0), 3600.0) if seconds == seconds else None
