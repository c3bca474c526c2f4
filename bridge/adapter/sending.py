"""Carrying a reply: as text, over the network, and what the vendor's answer means."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from bridge.adapter.reading import storable
from bridge.errors import DeliveryError, OutcomeUnknown, Rejected, RetryAfter, RetryLater
from bridge.model import Audio, File, Image, Link, Reply, Text, Video, Webview


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


#: among a request's extensions: what it is counted as
OPERATION = "operation"
#: nothing has arrived
UNCONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def date_of(response: httpx.Response) -> float | None:
    """What the clock of whoever answered says, cut to the second. RFC 9110, 6.6.1"""
    try:
        return parsedate_to_datetime(response.headers.get("date", "")).timestamp()
    except (ValueError, OverflowError):
        return None


async def call(
    http: httpx.AsyncClient, request: httpx.Request, operation: str | None = None
) -> httpx.Response:
    """Send `request`; turn what the network does into the class that says what may have happened.

    `operation` is what it is counted as: the method and what of the path is the same for everybody.

    A refused connection is a `RetryLater`: nothing arrived. A time-out or a reset after that is an
    `OutcomeUnknown`. 429 is a `RetryAfter`, 503 a `RetryLater`, 502 and 504 an `OutcomeUnknown`: a
    gateway cannot say what its backend did. Every other answer is the adapter's to read. A redirect
    is one too: it is never followed, lest a key goes where it does not belong.
    """
    where = _where(request)
    if operation is not None:
        request.extensions[OPERATION] = operation
    try:
        response = await http.send(request, follow_redirects=False)
    except UNCONNECTED as error:
        detail = f"could not connect ({type(error).__name__})"
        raise RetryLater("could not connect", where=where, detail=detail) from error
    except httpx.HTTPError as error:
        detail = f"no answer ({type(error).__name__})"
        raise OutcomeUnknown("no answer", where=where, detail=detail) from error
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
    """The JSON object in an answer, storable; None where there is none (a proxy's page, or nothing)."""
    try:
        value = response.json()
    except (ValueError, RecursionError):
        return None
    return storable(value) if isinstance(value, dict) else None


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
