"""What is said in the customer's name, where the vendor's documents allow it."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from bridge.adapter import SpeaksAsCustomer
from bridge.errors import DeliveryError, OutcomeUnknown, Rejected, RetryAfter, RetryLater
from bridge.model import ConversationKey
from tests.vendors import VENDORS, Answering, make

REQUESTS: dict[str, tuple[str, str, Any]] = {
    "gptbots": (
        "https://api.gptbots.ai/v2/conversation/message",
        "Bearer the-key",
        {
            "conversation_id": "c/1 ä",
            "response_mode": "webhook",
            "messages": [{"role": "user", "content": "Track my order"}],
        },
    ),
    "moveo": (
        "https://channels.moveo.ai/v1/custom/intg-001/sessions/c%2F1%20%C3%A4/messages",
        "apikey the-key",
        {"input": {"text": "Track my order"}},
    ),
}
vendors = pytest.mark.parametrize("vendor", REQUESTS)


async def say(vendor: str, answer: httpx.Response) -> httpx.Request:
    http = Answering(answer)
    key = ConversationKey(source=f"acme-{vendor}", id="c/1 ä")
    await make(vendor, http=http).say(key, "Track my order")
    (request,) = http.requests
    return request


def test_who_can_say_something() -> None:
    assert {vendor for vendor in VENDORS if isinstance(make(vendor), SpeaksAsCustomer)} == REQUESTS.keys()


@vendors
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(202, json={"request_id": "r"}),
        httpx.Response(200, json={"code": 200}),
        httpx.Response(200),
    ],
    ids=range(3),
)
async def test_request(vendor: str, answer: httpx.Response) -> None:
    request = await say(vendor, answer)

    url, authorization, body = REQUESTS[vendor]
    assert (request.method, str(request.url)) == ("POST", url)
    assert request.headers["authorization"] == authorization
    assert json.loads(request.content) == body


@vendors
@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (httpx.Response(400, json={"message": "why"}), Rejected),
        (httpx.Response(404, json={"code": 40356, "error_code": "session-not-found"}), Rejected),
        (httpx.Response(429, headers={"retry-after": "7"}), RetryAfter),
        (httpx.Response(503), RetryLater),
        (httpx.Response(504), OutcomeUnknown),
        (httpx.Response(200, text="<html>"), OutcomeUnknown),
    ],
    ids=range(6),
)
async def test_what_is_not_heard(vendor: str, answer: httpx.Response, meaning: type[DeliveryError]) -> None:
    with pytest.raises(DeliveryError) as caught:
        await say(vendor, answer)
    assert type(caught.value) is meaning
    assert "Track my order" not in str(caught.value)
    assert "the-key" not in str(caught.value)
