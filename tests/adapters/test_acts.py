"""What each vendor is asked when an agent acts, and what it may answer where that is so already."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from bridge.errors import DeliveryError, OutcomeUnknown, Rejected, RetryLater
from bridge.model import Act, ConversationKey
from tests.vendors import Answer, Answering, make

ADA = "https://acme.ada.support/api/v2/conversations/c%2F1%20%C3%A4"
MOVEO = "https://channels.moveo.ai/v1/custom/intg-001/sessions/c%2F1%20%C3%A4"
REQUESTS: dict[tuple[str, Act], tuple[str, Any]] = {
    ("ada", Act.HAND_BACK): (f"{ADA}/end-handoff/", None),
    ("ada", Act.RESOLVE): (f"{ADA}/end/", None),
    ("gptbots", Act.HAND_BACK): ("https://api.gptbots.ai/v1/human/close", {"conversation_id": "c/1 ä"}),
    ("gptbots", Act.RESOLVE): ("https://api.gptbots.ai/v1/human/close", {"conversation_id": "c/1 ä"}),
    ("moveo", Act.TAKE_OVER): (f"{MOVEO}/handover", {}),
    ("moveo", Act.RESOLVE): (f"{MOVEO}/conversation/close", {}),
    ("moveo", Act.REOPEN): (f"{MOVEO}/conversation/reopen", {}),
}
KEYS = {"ada": "Bearer the-key", "gptbots": "Bearer the-key", "moveo": "apikey the-key"}


async def do(vendor: str, act: Act, answer: Answer) -> list[httpx.Request]:
    http = Answering(answer)
    key = ConversationKey(source=f"acme-{vendor}", id="c/1 ä")
    await getattr(make(vendor, http=http), act)(key)
    return http.requests


async def refused(vendor: str, act: Act, answer: Answer) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await do(vendor, act, answer)
    return caught.value


@pytest.mark.parametrize(("vendor", "act"), REQUESTS)
async def test_request(vendor: str, act: Act) -> None:
    (request,) = await do(vendor, act, httpx.Response(200, json={"message": "done"}))

    url, body = REQUESTS[vendor, act]
    assert (request.method, str(request.url)) == ("POST", url)
    assert request.headers["authorization"] == KEYS[vendor]
    told: Any = json.loads(request.content) if request.content else None
    if vendor == "gptbots":
        assert told.pop("timestamp") > 10**12  # milliseconds
    assert told == body


@pytest.mark.parametrize(("vendor", "act"), [one for one in REQUESTS if one[0] != "ada"])
@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_an_empty_success_is_one_where_no_body_is_documented(
    vendor: str, act: Act, status: int
) -> None:
    assert len(await do(vendor, act, httpx.Response(status))) == 1


# ── Ada ──────────────────────────────────────────────────────────────────────────────────────────

NO = {"errors": [{"type": "some_error", "message": "why", "details": None}]}


async def test_ada_says_that_there_is_no_handoff_to_end() -> None:
    assert len(await do("ada", Act.HAND_BACK, httpx.Response(422, json=NO))) == 1


async def test_a_422_of_somebody_else_is_no_such_answer() -> None:
    error = await refused("ada", Act.HAND_BACK, httpx.Response(422, text="<html>"))

    assert (type(error), error.problem) == (Rejected, "answered 422")


def ada_with(status: int, then: httpx.Response) -> Callable[[httpx.Request], httpx.Response]:
    """Ada, that refuses to end the conversation, and answers `then` when it is asked about it."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            return httpx.Response(status, json=NO)
        assert str(request.url) == f"{ADA}/"
        return then

    return answer


@pytest.mark.parametrize("status", [400, 409, 422])
async def test_a_conversation_that_has_ended_at_ada_need_not_end(status: int) -> None:
    requests = await do("ada", Act.RESOLVE, ada_with(status, httpx.Response(200, json={"status": "ended"})))

    assert [request.method for request in requests] == ["POST", "GET"]


@pytest.mark.parametrize("known", [{"status": "active"}, {}])
async def test_one_that_has_not_is_adas_to_refuse(known: dict[str, Any]) -> None:
    error = await refused("ada", Act.RESOLVE, ada_with(400, httpx.Response(200, json=known)))

    assert (type(error), error.problem) == (Rejected, "answered 400: why")


async def test_where_ada_cannot_be_asked_now_it_is_tried_again() -> None:
    error = await refused("ada", Act.RESOLVE, ada_with(400, httpx.Response(503)))

    assert type(error) is RetryLater


# ── GPTBots ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("act", [Act.HAND_BACK, Act.RESOLVE])
@pytest.mark.parametrize("status", [200, 404, 500])
async def test_a_session_that_gptbots_no_longer_knows_is_closed(act: Act, status: int) -> None:
    answer = httpx.Response(status, json={"code": 40356, "message": "Conversation does not exist"})

    assert len(await do("gptbots", act, answer)) == 1


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize(
    ("code", "meaning", "remedy"),
    [
        (40001, RetryLater, ""),
        (50000, RetryLater, ""),
        (40127, Rejected, "Check ACME_GPTBOTS_API_KEY"),
        (40358, Rejected, ""),
    ],
)
async def test_any_other_code_of_gptbots_decides(
    status: int, code: int, meaning: type[DeliveryError], remedy: str
) -> None:
    error = await refused("gptbots", Act.HAND_BACK, httpx.Response(status, json={"code": code}))

    assert (type(error), error.remedy) == (meaning, remedy)


async def test_a_success_code_with_a_failing_status_is_none() -> None:
    error = await refused("gptbots", Act.HAND_BACK, httpx.Response(500, json={"code": 0}))

    assert type(error) is OutcomeUnknown


# ── Moveo ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("act", [Act.TAKE_OVER, Act.RESOLVE, Act.REOPEN])
async def test_a_session_that_moveo_does_not_know(act: Act) -> None:
    answer = httpx.Response(404, json={"error_code": "session-not-found", "error_message": "Not found"})
    error = await refused("moveo", act, answer)

    assert (type(error), error.problem) == (Rejected, "answered 404: session-not-found: Not found")
    assert error.remedy == "The conversation is unknown there, or has ended"
