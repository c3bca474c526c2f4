"""What the sandbox's Moveo sends, over real HTTP, its signatures checked by hand."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.sandbox.vendors import MoveoSandbox
from tests.sandbox.moveo_world import AGENT, ENVELOPE, EVENTS, World, running_world
from tests.sandbox.receiver import Clock


@pytest.fixture
def options() -> dict[str, Any]:
    return {}


@pytest.fixture
async def world(options: dict[str, Any]) -> AsyncIterator[World]:
    async with running_world(options) as world:
        yield world


# ── webhooks ─────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_comes_between_two_composes(world: World) -> None:
    conversation = await world.says("Show me your products")
    assert world.kinds == [
        "message:delivered",
        "message:read",
        "message:compose",
        "message:brain_send",
        "message:compose",
    ]
    assert [event["action"] for event in world.events if "action" in event] == ["start", "stop"]
    assert all(set(event) >= ENVELOPE for event in world.events)
    assert {event["session_id"] for event in world.events} == {conversation.id}
    times = [event["timestamp"] for event in world.events]
    assert times == sorted(set(times))
    assert times[0] > 10**12  # milliseconds
    responses = world.events[3]["output"]["responses"]
    assert [response["type"] for response in responses] == ["pause", "carousel", "text"]
    assert [len(card["buttons"]) for card in responses[1]["cards"]] == [3, 3, 3]
    assert {button["type"] for button in responses[1]["cards"][0]["buttons"]} == {
        "postback",
        "url",
        "webview",
    }
    assert [set(option) for option in responses[2]["options"]] == [{"label", "text"}] * 3
    assert all("Show me your products" not in str(event) for event in world.events)


async def test_opening_greets_with_options(world: World) -> None:
    conversation = world.moveo.open("Alan Turing")
    await world.moveo.settled()
    (greeting,) = [event for event in world.events if event["event_type"] == "message:brain_send"]
    assert greeting["external_session_id"] == conversation.external_session_id
    assert greeting["context"]["user"]["display_name"] == "Alan Turing"
    assert len(greeting["output"]["responses"][1]["options"]) == 3


async def test_a_handover_silences_the_ai_agent(world: World) -> None:
    conversation = await world.says("a person please")
    send = next(event for event in world.events if event["event_type"] == "message:brain_send")
    responses = send["output"]["responses"]
    assert [response["type"] for response in responses] == ["pause", "text", "handover"]
    assert responses[2]["department_id"] == "support"
    assert conversation.state == "handoff"
    world.bridge.calls.clear()
    world.moveo.say(conversation.id, "anybody?")
    await world.moveo.settled()
    assert world.kinds == ["message:delivered"]


async def test_5xx_is_tried_again_with_the_same_body(world: World) -> None:
    conversation = await world.says()
    world.bridge.plan[EVENTS].extend([500, 503, 502])
    world.moveo.say(conversation.id, "voice")
    await world.moveo.settled()
    calls = world.bridge.at(EVENTS)
    assert len({call.body for call in calls[:4]}) == 1
    assert world.kinds[3:6] == ["message:delivered", "message:read", "message:compose"]
    retried = world.moveo.deliveries[-5]
    assert [attempt.status for attempt in retried.attempts] == [500, 503, 502, 200]


async def test_five_retries_and_it_is_lost(world: World) -> None:
    conversation = await world.says()
    world.bridge.plan[EVENTS].extend([500] * 6)
    world.moveo.say(conversation.id, "voice")
    await world.moveo.settled()
    (lost,) = world.moveo.failed_deliveries
    assert (lost.kind, len(lost.attempts)) == ("message:delivered", 6)
    assert world.kinds[6:] == ["message:read", "message:compose", "message:brain_send", "message:compose"]


@pytest.mark.parametrize("status", [400, 401, 429, 302])
async def test_4xx_is_final(world: World, status: int) -> None:
    conversation = await world.says()
    world.bridge.plan[EVENTS].append(status)
    world.moveo.say(conversation.id, "voice")
    await world.moveo.settled()
    (lost,) = world.moveo.failed_deliveries
    assert [attempt.status for attempt in lost.attempts] == [status]
    assert world.kinds.count("message:delivered") == 1


async def test_resolved_and_reopened_by_the_customer(world: World) -> None:
    conversation = await world.says("human")
    world.bridge.calls.clear()
    world.moveo.end_handoff(conversation.id)
    await world.moveo.settled()
    (closed,) = world.events
    assert (closed["event_type"], closed["status"], closed["agent_name"]) == (
        "conversation:closed",
        "resolved",
        "Sarah Johnson",
    )
    assert conversation.state == "ended"
    world.moveo.say(conversation.id, "one more thing")
    await world.moveo.settled()
    assert world.kinds[1] == "conversation:reopened"
    assert conversation.state == "bot"
    with pytest.raises(ValueError, match="not handed over"):
        world.moveo.end_handoff(conversation.id)


@pytest.mark.parametrize(("over", "kind"), [("end", "session:closed"), ("expire", "session:expired")])
async def test_a_session_ends(world: World, over: str, kind: str) -> None:
    conversation = await world.says()
    getattr(world.moveo, over)(conversation.id)
    await world.moveo.settled()
    assert world.kinds == [kind]
    assert world.events[0].get("status") == ("closed" if over == "end" else None)
    with pytest.raises(ValueError, match="has ended"):
        world.moveo.say(conversation.id, "hello?")
    gone = await world.call(conversation, "messages/agent", json=AGENT)
    assert (gone.status_code, gone.json()["error_code"]) == (404, "session-not-found")


# ── samples ──────────────────────────────────────────────────────────────────────────────────────

EVENT_TYPES = {
    "message:brain_send",
    "message:send",
    "message:compose",
    "message:read",
    "message:delivered",
    "conversation:member_join",
    "conversation:member_leave",
    "conversation:closed",
    "conversation:reopened",
    "session:closed",
    "session:expired",
}
RESPONSE_TYPES = {
    "text",
    "image",
    "video",
    "audio",
    "file",
    "carousel",
    "webview",
    "handover",
    "pause",
}


_NOW = time.time()


@pytest.mark.parametrize("options", [{"clock": Clock(_NOW)}])
@pytest.mark.parametrize("kind", MoveoSandbox.samples)
async def test_every_documented_event_can_be_sent(world: World, kind: str) -> None:
    conversation = await world.says()
    verbatim = world.moveo.send_sample(kind)
    about_it = world.moveo.send_sample(kind, conversation.id)
    await world.moveo.settled()
    assert verbatim.payload in world.events
    assert about_it.payload in world.events
    assert {event["event_type"] for event in world.events} == {kind.partition("/")[0]}
    assert verbatim.payload["session_id"] == "sess-456"
    assert verbatim.payload["request_id"].startswith("req-1") or verbatim.payload["request_id"] in (
        "req-456",
        "req-789",
    )
    assert about_it.payload["session_id"] == conversation.id
    # An old timestamp would be a replay: all are of now.
    assert all(0 <= event["timestamp"] / 1000 - _NOW < 60 for event in world.events)
    assert set(verbatim.payload) == set(about_it.payload)


async def test_no_event_and_no_response_type_is_missing(world: World) -> None:
    for kind in world.moveo.samples:
        world.moveo.send_sample(kind)
    await world.moveo.settled()
    assert set(world.kinds) == EVENT_TYPES
    sent = [event for event in world.events if event["event_type"] == "message:brain_send"]
    types = {response["type"] for event in sent for response in event["output"]["responses"]}
    assert types >= RESPONSE_TYPES
    assert world.moveo.send_sample("message:brain_send/file").payload["output"]["responses"] == [
        {
            "type": "file",
            "url": "https://example.com/document.pdf",
            "name": "Invoice.pdf",
            "size": 102400,
        }
    ]
    await world.moveo.settled()
