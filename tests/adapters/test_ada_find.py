"""Whether Ada has a reply already: asked of its messages, since a POST may not be repeated blindly."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from bridge.adapter import FindsReplies
from bridge.errors import OutcomeUnknown, Rejected, RetryLater
from bridge.model import Sent, Text
from tests.vendors import Answering, make, reply

FIRST = "https://acme.ada.support/api/v2/conversations/c%2F1%20%C3%A4/messages/?limit=100"


def entry(body: str = "Looking into it now", **changes: Any) -> dict[str, Any]:
    told = {
        "role": "human_agent",
        "name": "Mina K.",
        "at": "2026-05-04T09:17:01+00:00",
        "id": "m-7",
        **changes,
    }
    return {
        "type": "message_logs",
        "message_id": told["id"],
        "created_at": told["at"],
        "author": {"id": None, "role": told["role"], "avatar": None, "display_name": told["name"]},
        "content": {"type": "text", "body": body},
    }


def pages(
    *pages: list[dict[str, Any]], following: dict[int, str] | None = None, clock: str | None = None
) -> Answering:
    """Ada with these pages of messages, each naming the next one; `clock` is its own, if it tells."""
    told = {"date": clock} if clock else {}
    links = {n: f"{FIRST}&cursor={n + 1}" for n in range(len(pages) - 1)} | (following or {})

    def answer(request: httpx.Request) -> httpx.Response:
        n = int(request.url.params.get("cursor", "0"))
        answer = {"data": pages[n], "meta": {"next_page_url": links.get(n)}}
        return httpx.Response(200, json=answer, headers=told)

    return Answering(answer)


async def find(http: Answering, *parts: Any, within: float = 60.0) -> Sent | None:
    return await make("ada", http=http).find(reply("ada", *parts), within)  # type: ignore[no-any-return]


def test_ada_can_be_asked_and_the_others_cannot() -> None:
    assert [isinstance(make(vendor), FindsReplies) for vendor in ("ada", "gptbots", "moveo")] == [
        True,
        False,
        False,
    ]


async def test_every_page_is_looked_at() -> None:
    http = pages([entry("Hi")], [], [entry("Bye"), entry(id="m-9")])

    assert await find(http) == Sent(ref="m-9")
    assert [str(request.url) for request in http.requests] == [
        FIRST,
        f"{FIRST}&cursor=1",
        f"{FIRST}&cursor=2",
    ]
    assert {request.headers["authorization"] for request in http.requests} == {"Bearer the-key"}


@pytest.mark.parametrize("at", ["2026-05-04T09:16:56Z", "2026-05-04T10:00:00+00:00", None])
async def test_it_may_be_dated_a_little_earlier_or_not_at_all(at: str | None) -> None:
    assert await find(pages([entry(at=at)])) == Sent(ref="m-7")


@pytest.mark.parametrize(
    ("clock", "within", "found"),
    [
        ("Mon, 04 May 2026 09:17:31 GMT", 30.0, True),
        ("Mon, 04 May 2026 09:17:31 GMT", 20.0, False),  # it is older than ours can be
        ("Mon, 04 May 2026 09:27:31 GMT", 630.0, True),
        ("some day", 20.0, True),
    ],
)
async def test_how_old_it_may_be_goes_by_the_vendors_own_clock(
    clock: str, within: float, found: bool
) -> None:
    assert (await find(pages([entry()], clock=clock), within=within) is not None) is found


@pytest.mark.parametrize(
    ("ours", "twin", "clock"),
    [
        ("2026-05-04T09:07:01Z", "2026-05-04T09:06:30Z", "Mon, 04 May 2026 09:07:11 GMT"),
        ("2026-05-04T09:27:01Z", "2026-05-04T09:26:30Z", "Mon, 04 May 2026 09:27:11 GMT"),
    ],
    ids=["behind", "ahead"],
)
async def test_ten_minutes_between_the_clocks_change_nothing(ours: str, twin: str, clock: str) -> None:
    """The reply is found; and the same words from half a minute earlier are not taken for it."""
    before = entry(at=twin, id="m-1")
    assert await find(pages([before], [entry(at=ours)], clock=clock), within=12.0) == Sent(ref="m-7")
    assert await find(pages([before], clock=clock), within=12.0) is None


async def test_white_space_around_it_may_be_gone() -> None:
    assert await find(pages([entry("Done.")]), Text(text="Done.\n")) == Sent(ref="m-7")


@pytest.mark.parametrize(
    "other",
    [
        entry("Looking into it"),
        entry(role="ai_agent"),
        entry(role="end_user"),
        entry(name="Lou"),
        entry(at="2026-05-04T09:16:54Z"),  # the same words, said before
        {"author": "odd", "content": None},
        {},
    ],
)
async def test_what_is_another_message(other: dict[str, Any]) -> None:
    assert await find(pages([other])) is None


async def test_a_relative_next_page_is_on_the_same_host() -> None:
    http = pages([], [entry()], following={0: "?limit=100&cursor=1"})

    assert await find(http) == Sent(ref="m-7")


@pytest.mark.parametrize(
    "following",
    [
        "https://evil.example.org/api/v2/?cursor=1",
        "http://acme.ada.support/api/v2/?cursor=1",
        "https://acme.ada.support:8443/?cursor=1",
        "//evil.example.org/",
        "https://[",
        FIRST,
    ],
)
async def test_the_key_goes_to_no_other_host_nor_round_in_circles(following: str) -> None:
    http = pages([entry("Hi")], [], following={0: following})

    with pytest.raises(OutcomeUnknown):
        await find(http)
    assert len(http.requests) == 1


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (httpx.Response(200, text="<html>"), OutcomeUnknown),
        (httpx.Response(503), RetryLater),
        (httpx.Response(404, json={"errors": [{"message": "unknown"}]}), Rejected),
    ],
)
async def test_no_answer_is_not_a_no(answer: httpx.Response, meaning: type[Exception]) -> None:
    with pytest.raises(meaning):
        await find(Answering(answer))
