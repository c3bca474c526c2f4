"""The Web API's edge as the real slack_sdk meets it: tokens, scopes, pace, faults."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import aiohttp
import httpx
import pytest
from slack_sdk.errors import SlackApiError

from tests.sandbox.slack_running import (
    APP_TOKEN,
    BOT_TOKEN,
    SUPPORT,
    Clock,
    Running,
    refused,
    running,
    web_client,
)


@pytest.fixture
async def run() -> AsyncIterator[Running]:
    async with running(clock=Clock(), channel_rate=0) as one:
        yield one


# ── who may call ─────────────────────────────────────────────────────────────────────────────────


async def test_auth_test_names_the_app(run: Running) -> None:
    answer = await run.client.auth_test()
    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == ("T0SANDBOX", "U0BRIDGE", "B0BRIDGE")
    assert answer["url"].startswith("https://") and answer["team"] and answer["user"]
    assert "chat:write" in answer.headers["x-oauth-scopes"]


async def test_tokens_are_checked(run: Running) -> None:
    assert await refused(web_client(run.url, "xoxb-other").auth_test()) == "invalid_auth"
    assert await refused(web_client(run.url, APP_TOKEN).auth_test()) == "not_allowed_token_type"
    assert await refused(run.client.apps_connections_open(app_token=BOT_TOKEN)) == "not_allowed_token_type"
    run.slack.faults.token_error = "token_revoked"
    assert await refused(run.client.auth_test()) == "token_revoked"


async def test_ways_to_bring_arguments_and_token(run: Running) -> None:
    api = f"{run.url}/slack/api"
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{api}/auth.test")).json() == {"ok": False, "error": "not_authed"}
        assert (await http.get(f"{api}/auth.test", params={"token": BOT_TOKEN})).json()["ok"]
        assert (await http.post(f"{api}/auth.test", data={"token": BOT_TOKEN})).json()["ok"]
        assert (await http.post(f"{api}/auth.test", json={"token": BOT_TOKEN})).json()[
            "error"
        ] == "not_authed"
        header = {"authorization": f"Bearer {BOT_TOKEN}"}
        form = {"channel": SUPPORT, "blocks": json.dumps([{"type": "divider"}]), "unfurl_links": "0"}
        sent = (await http.post(f"{api}/chat.postMessage", data=form, headers=header)).json()
        assert sent["message"]["blocks"][0]["type"] == "divider"
        message = run.slack.state.channels[SUPPORT].messages[sent["ts"]]
        assert message.options == {"unfurl_links": False}
        for body, error in ((b"{", "invalid_json"), (b"[]", "json_not_object")):
            answer = await http.post(
                f"{api}/auth.test", content=body, headers={**header, "content-type": "application/json"}
            )
            assert answer.json()["error"] == error
        assert (await http.post(f"{api}/chat.shout", headers=header)).json() == {
            "ok": False, "error": "unknown_method",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "method", "arguments"),
    [
        ("chat:write", "chat.postMessage", {"channel": SUPPORT, "text": "x"}),
        ("chat:write.customize", "chat.postMessage", {"channel": SUPPORT, "text": "x", "username": "Ana"}),
        ("reactions:write", "reactions.add", {"channel": SUPPORT, "timestamp": "1.000000", "name": "eyes"}),
        ("channels:history", "conversations.replies", {"channel": SUPPORT, "ts": "1.000000"}),
        ("users:read", "users.info", {"user": "U0MINA"}),
    ],
)
async def test_a_missing_scope_is_named(
    run: Running, scope: str, method: str, arguments: dict[str, str]
) -> None:
    run.slack.state.app.scopes.remove(scope)
    with pytest.raises(SlackApiError) as caught:
        await run.client.api_call(method, json=arguments)
    assert caught.value.response["error"] == "missing_scope" and caught.value.response["needed"] == scope


# ── pace and faults ──────────────────────────────────────────────────────────────────────────────


async def test_past_a_burst_a_channel_takes_one_message_a_second() -> None:
    clock = Clock()
    async with running(clock=clock) as run:
        post = run.client.chat_postMessage
        for number in range(4):
            await post(channel=SUPPORT, text=str(number))
        with pytest.raises(SlackApiError) as caught:
            await post(channel=SUPPORT, text="4")
        answer = caught.value.response
        assert (answer.status_code, answer["error"]) == (429, "ratelimited")
        assert answer.headers["Retry-After"] == "1"
        assert (await post(channel="C0VIP", text="elsewhere"))["ok"]
        clock.now += 1
        assert (await post(channel=SUPPORT, text="4"))["ok"]
        assert await refused(post(channel=SUPPORT, text="5")) == "ratelimited"
        assert [message.text for message in run.slack.state.messages(SUPPORT)] == ["0", "1", "2", "3", "4"]
        assert run.slack.calls.count("chat.postMessage") == 8
        assert [call.error for call in run.slack.calls.of("chat.postMessage")].count("429") == 2


async def test_faults_refuse_without_effect(run: Running) -> None:
    faults, post = run.slack.faults, run.client.chat_postMessage
    faults.next("chat.postMessage", status=429, retry_after=7)
    faults.next("chat.postMessage", status=502, body="<html>Bad gateway</html>", times=2)
    faults.next("chat.postMessage", ok_error="is_archived")
    with pytest.raises(SlackApiError) as caught:
        await post(channel=SUPPORT, text="x")
    assert caught.value.response.headers["Retry-After"] == "7"
    for _ in range(2):
        with pytest.raises(SlackApiError) as caught:
            await post(channel=SUPPORT, text="x")
        assert caught.value.response.status_code == 502
    assert await refused(post(channel=SUPPORT, text="x")) == "is_archived"
    assert (await post(channel=SUPPORT, text="y"))["ok"]
    assert [message.text for message in run.slack.state.messages(SUPPORT)] == ["y"]


async def test_a_fault_can_choose_its_calls(run: Running) -> None:
    run.slack.faults.next("*", ok_error="fatal_error", when=lambda args: args.get("text") == "b")
    assert (await run.client.chat_postMessage(channel=SUPPORT, text="a"))["ok"]
    assert await refused(run.client.chat_postMessage(channel=SUPPORT, text="b")) == "fatal_error"


async def test_a_reset_comes_after_the_message_was_booked_and_a_drop_instead(run: Running) -> None:
    run.slack.faults.next("chat.postMessage", reset=True)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await run.client.chat_postMessage(channel=SUPPORT, text="booked")
    run.slack.faults.next("chat.postMessage", drop=True)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await run.client.chat_postMessage(channel=SUPPORT, text="lost")
    assert [message.text for message in run.slack.state.messages(SUPPORT)] == ["booked"]


async def test_a_late_answer_is_late_after_the_message_was_booked(run: Running) -> None:
    run.slack.faults.next("chat.postMessage", delay=30)
    call = asyncio.create_task(run.client.chat_postMessage(channel=SUPPORT, text="booked"))
    seen = run.slack.subscribe()
    assert (await anext(seen))["message"]["text"] == "booked"
    assert not call.done()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
