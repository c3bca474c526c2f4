"""Socket Mode with Bolt's own handler."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler

from bridge.sandbox.slack import socket as sandbox_socket
from tests.sandbox.slack_running import APP_TOKEN, Heard, Running, bolt, running, web_client

BUTTON = {
    "type": "button",
    "action_id": "claim",
    "text": {"type": "plain_text", "text": "Claim"},
    "value": "7",
}


@asynccontextmanager
async def connected(run: Running) -> AsyncIterator[Heard]:
    heard = Heard()
    handler = AsyncSocketModeHandler(
        bolt(run.client, heard), APP_TOKEN, web_client=web_client(run.url, APP_TOKEN), ping_interval=1.0
    )
    await handler.connect_async()
    try:
        yield heard
    finally:
        await handler.close_async()


async def raw_socket(run: Running, http: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
    opened = await run.client.apps_connections_open(app_token=APP_TOKEN)
    socket = await http.ws_connect(opened["url"])
    assert (await socket.receive_json())["type"] == "hello"
    return socket


async def test_events_and_presses_come_over_the_socket_and_are_acknowledged() -> None:
    async with running() as run, connected(run) as heard:
        run.slack.post_as("U0MINA", "support", "Hello")
        await run.slack.settled()
        assert heard.events[0]["text"] == "Hello"
        assert (run.slack.events.delivered, run.slack.events.failed) == (1, [])
        card = await run.client.chat_postMessage(
            channel="support", text="card", blocks=[{"type": "actions", "elements": [BUTTON]}]
        )
        await run.slack.settled()
        message = run.slack.state.channels["C0SUPPORT"].messages[card["ts"]]
        answers = await asyncio.gather(
            *(run.slack.press(user, message, "claim") for user in ("U0MINA", "U0JO"))
        )
        assert [answer.ok for answer in answers] == [True, True]
        assert [body["actions"][0]["value"] for body in heard.interactions] == ["7", "7"]
        run.slack.open_home("U0MINA")
        await run.slack.settled()
        assert heard.events[-1]["type"] == "app_home_opened"


async def test_after_a_disconnect_the_client_comes_again() -> None:
    async with running(retry_delays=[0.05] * 200) as run, connected(run) as heard:
        await run.slack.sockets.disconnect()
        run.slack.post_as("U0MINA", "support", "Hello again")
        await run.slack.settled()
        assert [event["text"] for event in heard.events] == ["Hello again"]


async def test_what_is_not_acknowledged_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_socket, "ANSWER_SECONDS", 1.0)
    async with running(retry_delays=(0.01, 0.01)) as run, aiohttp.ClientSession() as http:
        socket = await raw_socket(run, http)
        run.slack.post_as("U0MINA", "support", "Hello")
        first = await socket.receive_json()
        second = await socket.receive_json()
        assert first["type"] == second["type"] == "events_api"
        assert (first["retry_attempt"], second["retry_attempt"], second["retry_reason"]) == (0, 1, "timeout")
        assert first["payload"] == second["payload"] and first["envelope_id"] != second["envelope_id"]
        await socket.send_str("not json")
        await socket.send_str(json.dumps({"envelope_id": second["envelope_id"]}))
        await run.slack.settled()
        assert run.slack.events.failed == []
        await socket.close()


async def test_each_event_goes_to_one_of_the_open_sockets() -> None:
    async with running() as run, aiohttp.ClientSession() as http:
        sockets = [await raw_socket(run, http) for _ in range(2)]
        for number in range(2):
            run.slack.post_as("U0MINA", "support", str(number))
        for socket in sockets:
            envelope = await socket.receive_json()
            await socket.send_json({"envelope_id": envelope["envelope_id"]})
        await run.slack.settled()
        assert run.slack.events.delivered == 2
        for socket in sockets:
            await socket.close()


async def test_an_address_opens_one_socket_and_an_app_ten() -> None:
    async with running() as run, aiohttp.ClientSession() as http:
        opened = await run.client.apps_connections_open(app_token=APP_TOKEN)
        sockets = [await http.ws_connect(opened["url"])]
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await http.ws_connect(opened["url"])
        await sockets[0].receive_json()
        sockets += [await raw_socket(run, http) for _ in range(9)]
        extra = await http.ws_connect((await run.client.apps_connections_open(app_token=APP_TOKEN))["url"])
        assert await extra.receive_json() == {"type": "disconnect", "reason": "too_many_websockets"}
        await asyncio.gather(extra.close(), *(socket.close() for socket in sockets))
