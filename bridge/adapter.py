"""The port: what a vendor adapter is, and the optional things it can do.

An adapter is a folder under `adapters/` (or a package of somebody else's, found through the
entry-point group `bridge.adapters`). It imports this module, `model` and `errors`, never Slack, the
store or the engine. `tests/contract` holds what every adapter is held to.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol, runtime_checkable

import httpx
from pydantic import BaseModel, ConfigDict, SecretStr

from bridge.errors import Malformed, OutcomeUnknown, RetryAfter, RetryLater
from bridge.model import AnyEvent, Frozen, Reply, Sent


class Settings(BaseModel):
    """A source's own keys in config.toml. Subclasses add theirs; an unknown key is a start-up error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Secrets(BaseModel):
    """A source's secrets. Field `api_key` of source `acme-ada` is the environment's `ACME_ADA_API_KEY`.

    A `tuple[SecretStr, ...]` field takes several, separated by commas, so that one can be rotated
    without a gap; a field with a default is optional.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True, slots=True)
class Webhook:
    """One incoming request as it came: `body` is the raw bytes that were signed.

    `path` is what follows `/webhooks/{source}/`, without slashes at its ends; header names are in
    lower case; `at` is when we received it.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    at: datetime

    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object. Raises `Malformed` where it is none."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            raise Malformed("the body is not JSON", where=self.path or "webhook") from None
        if not isinstance(value, dict):
            raise Malformed("the body is JSON, but not an object", where=self.path or "webhook")
        return value


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


class Capabilities(Frozen):
    """What the vendor's API can carry, so that the agent hears a no before anything is sent."""

    text_limit: int | None = None  # characters in one message
    delivers_replies: bool = True  # False: it only records them, and your own app shows them


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
class FindsReplies(Protocol):
    """The vendor can be asked whether it already has a reply."""

    async def find(self, reply: Reply) -> Sent | None:
        """The vendor's record of `reply`, or None where it certainly has none. Raises `DeliveryError`."""
        ...


# ── what several adapters need ───────────────────────────────────────────────────────────────────


def same_secret(given: str, accepted: tuple[SecretStr, ...]) -> bool:
    """Whether `given` is one of `accepted`, in constant time for each."""
    found = False
    for secret in accepted:
        found |= hmac.compare_digest(given.encode(), secret.get_secret_value().encode())
    return found


async def call(http: httpx.AsyncClient, request: httpx.Request) -> httpx.Response:
    """Send `request`; turn what the network does into the class that says what may have happened.

    A refused connection is a `RetryLater`: nothing arrived. A time-out or a reset after that is an
    `OutcomeUnknown`. 429 is a `RetryAfter`, 503 a `RetryLater`, 502 and 504 an `OutcomeUnknown`: a
    gateway cannot say what its backend did. Every other answer is the adapter's to read.
    """
    where = f"{request.method} {request.url.host}{request.url.path}"
    try:
        response = await http.send(request)
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


def _seconds(retry_after: str | None) -> float | None:
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None  # absent, or an HTTP date: our own backoff then
    return min(max(seconds, 0.0), 3600.0) if seconds == seconds else None
