"""Handoffs in the three sandboxes, over real HTTP: how they begin, end, begin again, and what goes wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.sandbox import ada_world, gptbots_world, moveo_world
from tests.sandbox.gptbots_world import CHAT, CLOSE, ESTABLISH, MESSAGES


@pytest.fixture
async def ada() -> AsyncIterator[ada_world.World]:
    async with ada_world.running_world({}) as world:
        yield world


@pytest.fixture
async def gptbots() -> AsyncIterator[gptbots_world.World]:
    async with gptbots_world.running_world({}) as world:
        yield world


@pytest.fixture
async def moveo() -> AsyncIterator[moveo_world.World]:
    async with moveo_world.running_world({}) as world:
        yield world


# ── Ada ──────────────────────────────────────────────────────────────────────────────────────────


async def test_ada_hands_off_again_with_other_words(ada: ada_world.World) -> None:
    conversation = await ada.handed_over()
    assert (await ada.post(conversation, "end-handoff")).is_success
    ada.ada.say(conversation.id, "no, a person!")
    await ada.ada.settled()

    assert conversation.state == "handoff"
    starts = [call.json for call in ada.bridge.at(ada_world.START)]
    assert [start["reason"] for start in starts] == ["a human, please", "no, a person!"]
    assert {start["ada_conversation_id"] for start in starts} == {conversation.id}


async def test_ada_ends_in_a_handoff_and_only_once(ada: ada_world.World) -> None:
    conversation = await ada.handed_over()
    ada.bridge.calls.clear()
    answers = [await ada.post(conversation, "end") for _ in range(2)]
    await ada.ada.settled()

    assert [answer.status_code for answer in answers] == [200, 400]
    assert [event["type"] for event in ada.events] == [
        "v1.conversation.handoff.ended",
        "v1.conversation.ended",
    ]
    assert ada.events[1]["data"]["ended_by"] == {"id": None, "role": "system"}


async def test_adas_ai_agent_speaks_in_a_handoff(ada: ada_world.World) -> None:
    conversation = await ada.handed_over()
    ada.ada.bot_says(conversation.id, "May I help meanwhile?")
    await ada.ada.settled()

    told = ada.events[-1]["data"]
    assert (told["author"]["role"], told["content"]["body"]) == ("ai_agent", "May I help meanwhile?")
    assert told["handoff_integration"] == "slack-bridge"
    assert conversation.state == "handoff"
    ada.ada.end(conversation.id)
    await ada.ada.settled()
    with pytest.raises(ValueError, match="has ended"):
        ada.ada.bot_says(conversation.id, "Still there?")


# ── GPTBots ──────────────────────────────────────────────────────────────────────────────────────


async def test_after_a_close_gptbots_agent_answers_again(gptbots: gptbots_world.World) -> None:
    conversation = await gptbots.says("human")
    closing = {"conversation_id": conversation.human_id, "timestamp": 1}
    assert (await gptbots.http.post("/v1/human/close", json=closing)).is_success
    gptbots.gptbots.say(conversation.id, "where is order 7?")
    gptbots.gptbots.say(conversation.id, "a person again")
    await gptbots.gptbots.settled()

    assert (gptbots.at(CLOSE), gptbots.at(CHAT)) == ([], [])
    assert "Parcel 7" in gptbots.at(MESSAGES)[-2].json["output"][0]["content"]["text"]
    sessions = [call.json["conversation_id"] for call in gptbots.at(ESTABLISH)]
    assert sessions == [closing["conversation_id"], conversation.human_id]
    assert len(set(sessions)) == 2


@pytest.mark.parametrize("replied", [False, True])
async def test_a_gptbots_session_times_out(gptbots: gptbots_world.World, replied: bool) -> None:
    conversation = await gptbots.says("human")
    human_id = conversation.human_id
    if replied:
        await gptbots.receive(conversation, "Mina here")
    gptbots.gptbots.time_out(conversation.id)
    await gptbots.gptbots.settled()

    (close,) = gptbots.at(CLOSE)
    assert (close.json["conversation_id"], close.json["type"]) == (human_id, "TIMEOUT")
    assert (conversation.state, gptbots.gptbots._clocks) == ("bot", {})
    with pytest.raises(ValueError, match="no human session"):
        gptbots.gptbots.time_out(conversation.id)


async def test_gptbots_agent_speaks_beside_the_session(gptbots: gptbots_world.World) -> None:
    conversation = await gptbots.says("human")
    gptbots.gptbots.bot_says(conversation.id, "May I help meanwhile?")
    await gptbots.gptbots.settled()

    told = gptbots.at(MESSAGES)[-1].json
    assert told["conversation_id"] == conversation.id != conversation.human_id
    assert told["output"][0]["content"] == {"text": "May I help meanwhile?"}
    assert conversation.state == "handoff"


# ── Moveo ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_moveo_conversation_is_taken_over_resolved_and_reopened(moveo: moveo_world.World) -> None:
    conversation = await moveo.says()
    for call, status, state in (
        ("handover", 200, "handoff"),
        ("handover", 200, "handoff"),
        ("conversation/close", 200, "ended"),
        ("handover", 400, "ended"),
        ("conversation/reopen", 200, "bot"),
        ("handover", 200, "handoff"),
    ):
        answer = await moveo.call(conversation, call, json={})
        assert (call, answer.status_code, conversation.state) == (call, status, state)
    await moveo.moveo.settled()
    assert moveo.kinds == ["conversation:closed", "conversation:reopened"]
    moveo.moveo.say(conversation.id, "are you a person?")
    await moveo.moveo.settled()
    assert moveo.kinds[2:] == ["message:delivered"]  # and no answer of the AI agent's


async def test_moveo_hands_off_again_after_a_resolve(moveo: moveo_world.World) -> None:
    conversation = await moveo.says("a person please")
    await moveo.call(conversation, "conversation/close", json={})
    moveo.moveo.say(conversation.id, "a person again")
    await moveo.moveo.settled()

    said = [event["output"]["responses"] for event in moveo.events if "output" in event]
    assert [responses[-1]["type"] for responses in said] == ["handover", "handover"]
    assert conversation.state == "handoff"


async def test_one_of_moveos_people_joins_and_leaves(moveo: moveo_world.World) -> None:
    conversation = await moveo.says()
    moveo.moveo.member_joins(conversation.id)
    moveo.moveo.say(conversation.id, "hello")
    moveo.moveo.member_leaves(conversation.id)
    moveo.moveo.say(conversation.id, "hello?")
    await moveo.moveo.settled()

    assert sorted(moveo.kinds) == [
        "conversation:member_join",
        "conversation:member_leave",
        "message:delivered",
        "message:delivered",
    ]
    joined = moveo.events[0]
    told: tuple[Any, ...] = tuple(joined[f"author_{name}"] for name in ("id", "name", "type"))
    assert told == ("agent-123", "Sarah Johnson", "agent")
    assert conversation.state == "handoff"


async def test_moveos_ai_agent_speaks_in_a_handoff(moveo: moveo_world.World) -> None:
    conversation = await moveo.says("human")
    moveo.bridge.calls.clear()
    moveo.moveo.bot_says(conversation.id, "May I help meanwhile?")
    await moveo.moveo.settled()

    (said,) = [event["output"]["responses"] for event in moveo.events if "output" in event]
    assert said[-1] == {"type": "text", "text": "May I help meanwhile?"}
    assert conversation.state == "handoff"
