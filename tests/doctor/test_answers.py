"""What is answered that is neither yes nor no is told as what it is, and the rest is asked all the same."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.adapter import Checkable
from bridge.registry import BUILT_IN
from tests.doctor.bench import Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")

UNREADABLE = {"status": 200, "body": {"code": 0, "message": "success", "data": "as never documented"}}

#: whose faults, at which path, what is answered; then standing, and parts of what and remedy
ANSWERS: dict[str, tuple[str, str, dict[str, Any], str, str, str]] = {
    "Ada is away": (
        "ada",
        "*",
        {"html": True},
        "wrong",
        "a gateway answered 502",
        "whether the vendor is up",
    ),
    "Ada wants peace": (
        *("ada", "*/webhooks/", {"status": 429, "retry_after": 7}),
        *("unknown", "rate limited (429)", "Ask again in 7 s"),
    ),
    "Ada keeps its secret": (
        *("ada", "*/secret/", {"status": 403, "body": {"errors": [{"type": "forbidden", "message": "No"}]}}),
        *("unknown", "whether the webhook's secret is ours: answered 403: No", "copy the endpoint's signing"),
    ),
    "Ada tells no secret": (
        *("ada", "*/secret/", {"status": 200, "body": {"secret": "elsewhere"}}),
        *("unknown", "Ada did not tell it", "copy the endpoint's signing secret"),
    ),
    "GPTBots has too much to do": (
        *("gptbots", "*/verify", {"status": 200, "body": {"code": 40001, "message": "too frequent"}}),
        *("wrong", "answered code 40001: too frequent", "then ask again"),
    ),
    "GPTBots does not say whose key it is": (
        *("gptbots", "*/verify", UNREADABLE),
        *("unknown", "not whose it is can be read from its answer", ""),
    ),
    "GPTBots says it in an envelope": (
        *(
            "gptbots",
            "*/verify",
            {"status": 200, "body": {"code": 0, "data": {"type": "agent", "id": "other"}}},
        ),
        *("wrong", "that of the Agent other, which bot_ids does not name", "Set bot_ids to it"),
    ),
    "GPTBots does not say what its probes met": (
        *("gptbots", "*/webhook/check", UNREADABLE),
        *("unknown", "the answer to webhook/check cannot be read", ""),
    ),
    "Moveo is unreadable": (
        *("moveo", "*/download-url", {"status": 200, "body": ["what is this?"]}),
        *("wrong", "answered 200, but not as documented", "Check base_url"),
    ),
    "Moveo redirects": (
        *("moveo", "*/download-url", {"status": 302, "location": "https://elsewhere.example/"}),
        *("wrong", "answered 302, a redirect", "Check base_url"),
    ),
}


@pytest.mark.parametrize("row", ANSWERS)
async def test_an_answer_is_told_as_what_it_is(
    bench: Bench, row: str, capsys: pytest.CaptureFixture[str]
) -> None:
    vendor, path, how, standing, what, remedy = ANSWERS[row]
    faults = getattr(bench.stage, vendor).faults
    faults.next(path, times=100, **how)
    try:
        code, findings = await bench.findings(within=capsys)
    finally:
        faults.clear()

    found = [one for one in findings if one["where"].startswith(f"acme-{vendor}")]
    assert [
        one
        for one in found
        if one["standing"] == standing and what in one["what"] and remedy in one["remedy"]
    ], found
    others = [one for one in findings if one["subject"] == "sources" and one not in found]
    assert {one["where"].partition(":")[0] for one in others} == {
        f"acme-{one}" for one in ("ada", "gptbots", "moveo") if one != vendor
    }
    assert code == (1 if standing == "wrong" else 0)


async def test_slack_wants_peace(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.stage.slack.faults.next("conversations.info", status=429, retry_after=3)

    _, findings = await bench.findings(within=capsys)

    (found,) = (one for one in findings if "ratelimited" in one["what"])
    assert (found["standing"], found["remedy"]) == ("unknown", "Ask again in a minute")


async def test_slack_answers_with_a_page(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.stage.slack.faults.next("auth.test", status=502, body="<html>Bad gateway</html>")

    code, findings = await bench.findings(within=capsys)

    (found,) = (one for one in findings if one["subject"] == "slack" and one["standing"] == "wrong")
    assert found["what"] == "Slack answers HTTP 502"
    assert code == 1


async def test_each_of_our_adapters_can_be_asked() -> None:
    assert all(issubclass(one, Checkable) for one in BUILT_IN)
