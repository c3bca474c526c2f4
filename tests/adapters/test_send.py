"""What each vendor is sent, and what each of its answers means for the reply."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from bridge.errors import DeliveryError, OutcomeUnknown, Rejected, RetryAfter, RetryLater
from bridge.model import File, Image, Link, Option, Options, Sent, Text
from tests.vendors import Answer, Answering, make, reply

HTML = "<html>Bad day</html>"
#: how each vendor says what is wrong
FAULT: dict[str, Any] = {
    "ada": {"errors": [{"type": "validation_error", "message": "the vendor's reason", "details": None}]},
    "gptbots": {"message": "the vendor's reason"},
    "moveo": {"error_code": "invalid-payload", "error_message": "the vendor's reason"},
}
SENT: dict[str, tuple[httpx.Response, Sent]] = {
    "ada": (
        httpx.Response(201, json={"id": "66aa00000000000000000009"}),
        Sent(ref="66aa00000000000000000009"),
    ),
    "gptbots": (httpx.Response(200, json={"code": 0, "message": "OK"}), Sent()),
    "moveo": (httpx.Response(202, json={"request_id": "req-1"}), Sent(ref="req-1")),
}
vendors = pytest.mark.parametrize("vendor", FAULT)


async def send(vendor: str, answer: Answer, *parts: Any, **author: Any) -> tuple[Sent, httpx.Request]:
    http = Answering(answer)
    sent = await make(vendor, http=http).send(reply(vendor, *parts, **author))
    (request,) = http.requests
    return sent, request


# ── what goes out ────────────────────────────────────────────────────────────────────────────────

REQUESTS: dict[str, tuple[str, str, Any]] = {
    "ada": (
        "https://acme.ada.support/api/v2/conversations/c%2F1%20%C3%A4/messages/",
        "Bearer the-key",
        {
            "author": {
                "role": "human_agent",
                "display_name": "Mina K.",
                "avatar": "https://img.example.org/mina.png",
            },
            "content": {"type": "text", "body": "Looking into it now"},
        },
    ),
    "gptbots": (
        "https://api.gptbots.ai/v1/human/message/receive",
        "Bearer the-key",
        {"conversation_id": "c/1 ä", "timestamp": 1777886220250, "body": "Looking into it now"},
    ),
    "moveo": (
        "https://channels.moveo.ai/v1/custom/intg-001/sessions/c%2F1%20%C3%A4/messages/agent",
        "apikey the-key",
        {
            "input": {"text": "Looking into it now"},
            "agent": {
                "agent_id": "slack:U0MINA",
                "agent_name": "Mina K.",
                "agent_avatar": "https://img.example.org/mina.png",
            },
        },
    ),
}


@vendors
async def test_request(vendor: str) -> None:
    answer, sent = SENT[vendor]
    told = await send(vendor, answer)

    request = told[1]
    url, authorization, body = REQUESTS[vendor]
    assert (request.method, str(request.url)) == ("POST", url)
    assert request.headers["authorization"] == authorization
    assert request.headers["content-type"] == "application/json"
    assert json.loads(request.content) == body
    assert told[0] == sent


@vendors
async def test_base_url_may_point_elsewhere(vendor: str) -> None:
    http = Answering(SENT[vendor][0])
    await make(vendor, http=http, base_url="http://127.0.0.1:8123/gateway/").send(reply(vendor))

    path = REQUESTS[vendor][0].split("/", 3)[3]
    assert str(http.requests[0].url) == f"http://127.0.0.1:8123/gateway/{path}"


def said(vendor: str, request: httpx.Request) -> Any:
    body = json.loads(request.content)
    return {"ada": body.get("content"), "gptbots": {"body": body.get("body")}, "moveo": body.get("input")}[
        vendor
    ]


@vendors
async def test_links_and_files_are_told_as_text(vendor: str) -> None:
    parts = (
        Text(text="Here:"),
        Link(url="https://example.org/a", text="the form"),
        Link(url="https://example.org/b"),
        File(url="https://example.org/c.pdf", name="c.pdf"),
        Image(url="https://example.org/d.png"),
    )
    _, request = await send(vendor, SENT[vendor][0], *parts)

    text = (
        "Here:\nthe form: https://example.org/a\nhttps://example.org/b\n"
        "c.pdf: https://example.org/c.pdf\nhttps://example.org/d.png"
    )
    assert text in said(vendor, request).values()


@vendors
@pytest.mark.parametrize(
    "part", [File(id="at the vendor"), Options(options=(Option(text="Yes"),)), Text(text=" \n")]
)
async def test_what_is_no_text_is_not_sent(vendor: str, part: Any) -> None:
    http = Answering(SENT[vendor][0])

    with pytest.raises(Rejected):
        await make(vendor, http=http).send(reply(vendor, part))
    assert http.requests == []


@pytest.mark.parametrize(
    ("vendor", "author"),
    [
        ("ada", {"role": "human_agent", "display_name": "Support"}),
        ("moveo", {"agent_id": "slack:", "agent_name": "Support"}),
    ],
)
async def test_who_has_no_name_is_support(vendor: str, author: dict[str, str]) -> None:
    _, request = await send(vendor, SENT[vendor][0], id=None, name=None, avatar=None)

    body = json.loads(request.content)
    assert body.get("author", body.get("agent")) == author


# ── what the answers mean ────────────────────────────────────────────────────────────────────────


async def refused(vendor: str, answer: Answer) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await send(vendor, answer)
    told = str(caught.value)
    assert "the-key" not in told
    assert "Looking into it now" not in told
    return caught.value


@vendors
@pytest.mark.parametrize(
    ("status", "meaning"),
    [(400, Rejected), (404, Rejected), (413, Rejected), (422, Rejected), (401, Rejected), (500, RetryLater)],
)
async def test_an_answer_with_a_reason(vendor: str, status: int, meaning: type[DeliveryError]) -> None:
    error = await refused(vendor, httpx.Response(status, json=FAULT[vendor]))

    assert type(error) is meaning
    assert f"{status}: " in error.problem
    assert "the vendor's reason" in error.problem


@vendors
@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (200, OutcomeUnknown),
        (302, Rejected),
        (401, Rejected),
        (403, Rejected),
        (404, Rejected),
        (422, Rejected),
        (500, OutcomeUnknown),
        (502, OutcomeUnknown),
        (503, RetryLater),
        (504, OutcomeUnknown),
        (429, RetryLater),
    ],
)
async def test_an_answer_without_one(vendor: str, status: int, meaning: type[DeliveryError]) -> None:
    error = await refused(vendor, httpx.Response(status, text=HTML))

    assert type(error) is meaning
    assert str(status) in error.problem


@vendors
@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_names_its_variable(vendor: str, status: int) -> None:
    error = await refused(vendor, httpx.Response(status, json=FAULT[vendor]))

    assert error.remedy == f"Check ACME_{vendor.upper()}_API_KEY"


@vendors
async def test_an_unknown_conversation_is_called_so(vendor: str) -> None:
    error = await refused(vendor, httpx.Response(404, json=FAULT[vendor]))

    assert error.remedy == "The conversation is unknown there, or has ended"


async def test_a_key_that_gptbots_refuses_with_any_code_names_its_variable() -> None:
    error = await refused("gptbots", httpx.Response(403, json={"code": 40300}))

    assert (error.problem, error.remedy) == (
        "answered code 40300: no reason given",
        "Check ACME_GPTBOTS_API_KEY",
    )


@vendors
async def test_the_pace_is_the_vendors(vendor: str) -> None:
    error = await refused(vendor, httpx.Response(429, headers={"retry-after": "7"}))

    assert isinstance(error, RetryAfter)
    assert error.seconds == 7.0


@vendors
@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_no_redirect_is_followed(vendor: str, status: int) -> None:
    http = Answering(httpx.Response(status, headers={"location": "https://elsewhere.example.org/"}))

    with pytest.raises(Rejected) as caught:
        await make(vendor, http=http).send(reply(vendor))
    assert len(http.requests) == 1
    assert caught.value.remedy == "Check base_url"


@vendors
@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        (httpx.ConnectError, RetryLater),
        (httpx.ConnectTimeout, RetryLater),
        (httpx.ReadTimeout, OutcomeUnknown),
        (httpx.ReadError, OutcomeUnknown),
        (httpx.RemoteProtocolError, OutcomeUnknown),
    ],
)
async def test_no_answer(
    vendor: str, fault: type[httpx.TransportError], meaning: type[DeliveryError]
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise fault("gone", request=request)

    assert type(await refused(vendor, fail)) is meaning


@pytest.mark.parametrize("vendor", ["gptbots", "moveo"])
@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_an_empty_success_is_one_where_no_body_is_documented(vendor: str, status: int) -> None:
    sent, _ = await send(vendor, httpx.Response(status))

    assert sent == Sent()


async def test_ada_says_what_is_wrong_with_each_parameter() -> None:
    details = [{"parameter": "content.body", "message": "too long"}]
    fault = {"errors": [{"message": "bad", "details": details}, {"message": "worse", "details": "much"}]}
    error = await refused("ada", httpx.Response(400, json=fault))

    assert error.problem == "answered 400: bad; too long; worse; much"


@pytest.mark.parametrize("body", [{}, {"code": 0}, {"code": 200}, {"code": "200"}, {"code": None}])
async def test_gptbots_took_it(body: dict[str, Any]) -> None:
    sent, _ = await send("gptbots", httpx.Response(200, json=body))

    assert sent == Sent()


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize(
    ("code", "meaning", "remedy"),
    [
        (40001, RetryLater, ""),
        (50000, RetryLater, ""),
        (40127, Rejected, "Check ACME_GPTBOTS_API_KEY"),
        (40356, Rejected, ""),
        ("40000", Rejected, ""),
    ],
)
async def test_the_code_of_gptbots_decides_whatever_the_status(
    status: int, code: Any, meaning: type[DeliveryError], remedy: str
) -> None:
    error = await refused("gptbots", httpx.Response(status, json={"code": code, "message": "why"}))

    assert type(error) is meaning
    assert error.problem == f"answered code {code}: why"
    assert error.remedy == remedy
