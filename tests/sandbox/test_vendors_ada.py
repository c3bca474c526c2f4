"""What the sandbox's Ada sends, over real HTTP, verified with Svix's own library and by hand."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.sandbox.vendors import AdaSandbox
from tests.sandbox.ada_world import EVENTS, MESSAGE, START, World, running_world, verified
from tests.sandbox.receiver import Clock, until


@pytest.fixture
def options() -> dict[str, Any]:
    return {}


@pytest.fixture
async def world(options: dict[str, Any]) -> AsyncIterator[World]:
    async with running_world(options) as world:
        yield world


# ── webhooks ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_talk_with_the_ai_agent_is_reported_in_order(world: World) -> None:
    conversation = await world.opened()
    world.ada.say(conversation.id, "Where is parcel 42?")
    world.ada.say(conversation.id, "and your products?")
    await world.ada.settled()

    created, *messages = world.events
    assert created["type"] == "v1.conversation.created"
    assert created["data"]["conversation_id"] == conversation.id
    assert created["data"]["ai_agent_domain"] == "acme.ada.support"
    assert {message["type"] for message in messages} == {MESSAGE}
    assert [(m["data"]["author"]["role"], m["data"]["content"]["type"]) for m in messages] == [
        ("ai_agent", "text"),
        ("end_user", "text"),
        ("ai_agent", "text"),
        ("end_user", "text"),
        ("ai_agent", "text"),
        ("ai_agent", "link"),
    ]
    assert "Parcel 42" in messages[2]["data"]["content"]["body"]
    assert all(message["data"]["handoff_integration"] is None for message in messages)
    times = [event["timestamp"] for event in world.events]
    assert times == sorted(set(times))
    assert [message.id for message in conversation.messages] == [m["data"]["message_id"] for m in messages]


async def test_the_handoff_begins_when_the_start_call_succeeds(world: World) -> None:
    conversation = await world.handed_over()
    (start,) = world.bridge.at(START)
    assert start.headers["authorization"] == "Bearer start-token"
    assert not [name for name in start.headers if name.startswith(("svix-", "webhook-"))]
    assert start.json["ada_conversation_id"] == conversation.id
    assert world.bridge.calls[-1] == start  # the customer's words were told before it

    world.ada.say(conversation.id, "are you there?")
    await world.ada.settled()
    last = world.events[-1]["data"]
    assert (last["content"]["body"], last["handoff_integration"]) == ("are you there?", "slack-bridge")
    assert conversation.messages[-1].role == "customer"  # the AI agent is silent


@pytest.mark.parametrize("status", [401, 503])
async def test_a_refused_start_call_is_no_handoff(world: World, status: int) -> None:
    conversation = await world.opened()
    world.bridge.plan[START].append(status)
    world.ada.say(conversation.id, "human")
    await world.ada.settled()
    assert len(world.bridge.at(START)) == 1
    assert conversation.state == "bot"
    assert "could not reach" in conversation.messages[-1].text
    assert "could not reach" in world.events[-1]["data"]["content"]["body"]


@pytest.mark.parametrize("options", [{"clock": Clock(step=1.0)}])
async def test_every_failure_is_tried_again_with_one_id_and_a_fresh_time(world: World) -> None:
    world.bridge.plan[EVENTS].extend([500, 404, 302])
    conversation = await world.opened()
    attempts = world.bridge.at(EVENTS)[:4]
    assert [verified(attempt)["type"] for attempt in attempts] == ["v1.conversation.created"] * 4
    assert len({attempt.headers["svix-id"] for attempt in attempts}) == 1
    assert len({attempt.body for attempt in attempts}) == 1
    times = [int(attempt.headers["svix-timestamp"]) for attempt in attempts]
    assert times == sorted(set(times))
    created, greeting = world.ada.deliveries
    assert [attempt.status for attempt in created.attempts] == [500, 404, 302, 200]
    assert (created.state, created.conversation_id) == ("delivered", conversation.id)
    assert (greeting.status, len(greeting.attempts)) == (200, 1)
    assert world.events[-1]["type"] == MESSAGE


async def test_a_delivery_is_given_up_after_the_last_attempt(world: World) -> None:
    world.bridge.plan[EVENTS].extend([503] * 4)
    await world.opened()
    (failed,) = world.ada.failed_deliveries
    assert (failed.kind, len(failed.attempts), failed.status) == ("v1.conversation.created", 4, 503)
    assert world.ada.deliveries[-1].state == "delivered"


@pytest.mark.parametrize("options", [{"in_order": False, "retry_delays": (0.05,)}])
async def test_without_order_a_retry_is_overtaken(world: World) -> None:
    world.bridge.plan[EVENTS].append(500)
    await world.opened()
    assert [event["type"] for event in world.events] == [
        "v1.conversation.created",
        MESSAGE,
        "v1.conversation.created",
    ]


@pytest.mark.parametrize("options", [{"timeout": 0.1}])
async def test_no_answer_in_time_is_a_failure(world: World) -> None:
    world.bridge.held.add(EVENTS)
    conversation = world.ada.open("Ada Lovelace")
    await until(lambda: len(world.bridge.calls) >= 2)
    world.bridge.held.clear()
    world.bridge.release.set()
    await world.ada.settled()
    first = world.ada.deliveries[0]
    assert (first.attempts[0].status, first.attempts[0].error) == (None, "SocketTimeoutError")
    assert first.state == "delivered"
    assert conversation.state == "bot"


async def test_one_conversation_that_hangs_holds_up_no_other(world: World) -> None:
    world.bridge.held.add(EVENTS)
    world.ada.open("Slow One")
    await until(lambda: world.bridge.calls)
    world.bridge.held.clear()
    quick = world.ada.open("Quick One")
    await until(lambda: len(world.bridge.calls) >= 3)
    assert [call.json["data"]["conversation_id"] for call in world.bridge.calls[1:]] == [quick.id] * 2
    world.bridge.release.set()
    await world.ada.settled()


async def test_the_end_of_handoff_and_conversation_are_reported(world: World) -> None:
    conversation = await world.handed_over()
    world.ada.end_handoff(conversation.id)
    await world.ada.settled()
    ended, back = world.events[-2:]
    assert ended["type"] == "v1.conversation.handoff.ended"
    assert set(ended["data"]) == {
        "conversation_id",
        "end_user_id",
        "handoff_integration",
        "ai_agent_domain",
    }
    assert back["data"]["handoff_integration"] is None
    with pytest.raises(ValueError, match="not in a handoff"):
        world.ada.end_handoff(conversation.id)

    world.ada.end(conversation.id)
    world.ada.end(conversation.id)
    await world.ada.settled()
    assert world.events[-1]["type"] == "v1.conversation.ended"
    assert world.events[-1]["data"]["ended_by"] == {"id": conversation.end_user_id, "role": "end_user"}
    assert len([event for event in world.events if event["type"] == "v1.conversation.ended"]) == 1
    with pytest.raises(ValueError, match="has ended"):
        world.ada.say(conversation.id, "hello?")


async def test_leaving_in_a_handoff_ends_both(world: World) -> None:
    conversation = await world.handed_over()
    world.ada.end(conversation.id)
    await world.ada.settled()
    assert [event["type"] for event in world.events[-2:]] == [
        "v1.conversation.handoff.ended",
        "v1.conversation.ended",
    ]


# ── samples ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", AdaSandbox.samples)
async def test_every_documented_event_can_be_sent(world: World, kind: str) -> None:
    conversation = await world.opened()
    verbatim = world.ada.send_sample(kind)
    about_it = world.ada.send_sample(kind, conversation.id)
    await world.ada.settled()
    assert (verbatim.state, about_it.state) == ("delivered", "delivered")
    bodies = [delivery.payload for delivery in (verbatim, about_it)]
    if kind == "handoff.start":
        assert [call.headers["authorization"] for call in world.bridge.at(START)] == [
            "Bearer start-token"
        ] * 2
        assert bodies[1]["ada_conversation_id"] == conversation.id
        return
    assert all(body in world.events for body in bodies)
    assert [body["type"] for body in bodies] == [kind.partition("/")[0]] * 2
    assert verbatim.payload["timestamp"] == "2020-09-20T00:00:00+00:00"
    assert about_it.payload["timestamp"] > "2025"
    if kind.startswith("v1.conversation."):
        assert about_it.payload["data"]["conversation_id"] == conversation.id
        assert set(bodies[0]["data"]) == set(bodies[1]["data"])


async def test_the_examples_are_the_printed_ones(world: World) -> None:
    message = world.ada.send_sample("v1.conversation.message").payload["data"]
    assert message["handoff_integration"] == {}
    assert message["author"] == {
        "id": "5df263b7db5a7e6ea03fae9b",
        "role": "end_user",
        "avatar": "https://www.gravatar.com",
        "display_name": "Ada Lovelace",
    }
    assert message["channel"]["metadata"] == {
        "example_key1": "example_string_value",
        "example_key2": True,
        "example_key3": 123,
    }
    ended = world.ada.send_sample("v1.conversation.ended").payload["data"]
    assert ended["ended_by"] == {"id": "5df263b7db5a7e6ea03fae9b", "role": "end_user"}
    await world.ada.settled()


async def test_nothing_is_left_running(world: World) -> None:
    before = asyncio.all_tasks()
    world.bridge.plan[EVENTS].append(500)
    world.ada._events = type(world.ada._events)(world.ada._signed, (3600.0,))
    happenings = world.ada.subscribe()
    world.ada.open("Ada Lovelace")
    await until(lambda: world.ada.deliveries[0].attempts)
    assert any("sandbox/vendors" in task.get_coro().cr_code.co_filename for task in asyncio.all_tasks())
    await world.ada.stop()
    left = asyncio.all_tasks() - before
    assert not [task for task in left if "sandbox/vendors" in task.get_coro().cr_code.co_filename]
    told = [happening async for happening in happenings]  # ends
    assert [happening["type"] for happening in told[:2]] == ["conversation", "message"]
    assert told[-1] == {
        "vendor": "ada",
        "type": "delivery",
        "conversation_id": told[0]["conversation_id"],
        "id": world.ada.deliveries[0].id,
        "kind": "v1.conversation.created",
        "attempt": 1,
        "status": 500,
        "state": "queued",
    }
