"""The sandbox's GPTBots, over real HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.sandbox.vendors import GPTBotsSandbox
from tests.sandbox.gptbots_world import CHAT, CLOSE, ESTABLISH, MESSAGES, World, running_world
from tests.sandbox.receiver import until


@pytest.fixture
def options() -> dict[str, Any]:
    return {}


@pytest.fixture
async def world(options: dict[str, Any]) -> AsyncIterator[World]:
    async with running_world(options) as world:
        yield world


V1: dict[str, Any] = {"version": "v1"}


# ── the Agent's message webhook ──────────────────────────────────────────────────────────────────


async def test_v2_carries_outputs_and_no_author(world: World) -> None:
    conversation = await world.says("where is order 7?", "show me", "a voice message")
    order, products, voice = (call.json for call in world.at(MESSAGES))
    assert all(call.headers["authorization"] == "Bearer hook-token" for call in world.at(MESSAGES))
    assert set(order) == {"conversation_id", "message_id", "create_time", "output", "usage"}
    assert order["conversation_id"] == conversation.id
    assert order["create_time"] < 10**11  # seconds
    assert "Parcel 7" in order["output"][0]["content"]["text"]
    assert [one["from_component_branch"] for one in products["output"]] == ["1", "2"]
    ((spoken,),) = [one["content"]["audio"] for one in voice["output"]]
    assert set(spoken) == {"audio", "transcript"}
    assert len({one["message_id"] for one in (order, products, voice)}) == 3


@pytest.mark.parametrize("options", [V1])
async def test_v1_carries_questions_and_answers(world: World) -> None:
    conversation = await world.says("where is order 7?", "show me", "voice")
    bodies = [call.json for call in world.at(MESSAGES)]
    assert [body["message_type"] for body in bodies] == ["QUESTION", "ANSWER"] * 3
    assert bodies[0]["text"] == "where is order 7?"
    assert all(body["conversation_id"] == conversation.id for body in bodies)
    assert all(isinstance(body["create_time"], int) and "output" not in body for body in bodies)
    assert [set(one) for one in bodies[3]["flow_output"]] == [
        {"content", "branch", "from_component_name"}
    ] * 2
    assert ".mp3" in bodies[5]["flow_output"][0]["content"]


@pytest.mark.parametrize("options", [{"webhook_token": None}])
async def test_without_a_token_there_is_no_credential(world: World) -> None:
    await world.says("hello")
    (call,) = world.at(MESSAGES)
    assert "authorization" not in call.headers


async def test_nothing_is_tried_again(world: World) -> None:
    world.bridge.plan[MESSAGES].extend([503, 200])
    await world.says("hello", "order")
    assert len(world.at(MESSAGES)) == 2
    assert [delivery.status for delivery in world.gptbots.deliveries] == [503, 200]
    assert [delivery.status for delivery in world.gptbots.failed_deliveries] == [503]


# ── human service ────────────────────────────────────────────────────────────────────────────────


async def test_a_human_session_from_establish_to_close(world: World) -> None:
    conversation = await world.says("where is order 7?", "a human please", "anybody?")
    (establish,), (chat,) = world.at(ESTABLISH), world.at(CHAT)
    assert "authorization" not in establish.headers
    assert "authorization" not in chat.headers
    body = establish.json
    assert body["conversation_id"] == conversation.human_id != conversation.id
    assert (body["bot_id"], body["email"]) == (world.gptbots.bot_id, "support@gptbots.ai")
    assert body["timestamp"] > 10**12  # milliseconds
    assert [said["message_type"] for said in body["body"]] == [
        "ANSWER",
        "QUESTION",
        "ANSWER",
        "QUESTION",
        "ANSWER",
    ]
    assert body["body"][3]["text"] == "a human please"
    assert body["user_info"]["user_id"] == "grace-hopper"
    assert (chat.json["conversation_id"], chat.json["body"]) == (conversation.human_id, "anybody?")
    assert conversation.state == "handoff"
    agent_messages = len(world.at(MESSAGES))

    answer = await world.receive(conversation, "Mina here")
    assert (answer.status_code, answer.json()["message"]) == (200, "success")
    await world.gptbots.settled()
    assert (conversation.messages[-1].role, conversation.messages[-1].text) == ("agent", "Mina here")
    echo = world.at(MESSAGES)[agent_messages].json
    assert echo["conversation_id"] == conversation.id
    assert echo["output"][0]["content"] == {"text": "Mina here"}

    human_id = conversation.human_id
    closing = {"conversation_id": human_id, "timestamp": 2}
    assert (await world.http.post("/v1/human/close", json=closing)).status_code == 200
    await world.gptbots.settled()
    assert (conversation.state, world.at(CLOSE)) == ("bot", [])  # our own close is not called back
    again = await world.http.post("/v1/human/close", json=closing)
    assert (again.status_code, again.json()["code"]) == (404, 40356)
    late = await world.http.post("/v1/human/message/receive", json={**closing, "body": "too late"})
    assert (late.status_code, late.json()["code"]) == (404, 40356)

    world.gptbots.say(conversation.id, "human again")
    await world.gptbots.settled()
    assert conversation.human_id not in (None, human_id)


async def test_establish_that_is_not_answered_with_200_is_busy(world: World) -> None:
    world.bridge.plan[ESTABLISH].append(201)
    conversation = await world.says("human", "still there?")
    assert len(world.at(ESTABLISH)) == 1
    assert conversation.state == "bot"
    assert conversation.human_id is None
    assert "busy" in next(message for message in conversation.messages if message.role == "system").text
    assert world.at(CHAT) == []


@pytest.mark.parametrize("options", [{"human_url": None}])
async def test_without_human_service_all_are_busy(world: World) -> None:
    conversation = await world.says("human")
    assert (conversation.state, conversation.messages[-1].role) == ("bot", "system")


@pytest.mark.parametrize("options", [{"wait": 0.05}])
async def test_nobody_replies_in_time(world: World) -> None:
    conversation = await world.says("human")
    human_id = world.at(ESTABLISH)[0].json["conversation_id"]
    await until(lambda: world.at(CLOSE))
    close = world.at(CLOSE)[0].json
    assert (close["conversation_id"], close["type"]) == (human_id, "TIMEOUT")
    assert set(close) == {"conversation_id", "timestamp", "type"}
    assert (conversation.state, conversation.human_id) == ("bot", None)


async def test_a_reply_stops_the_clock_of_its_session(world: World) -> None:
    conversation, other = await world.says("human"), await world.says("human")
    assert set(world.gptbots._clocks) == {conversation.human_id, other.human_id}
    assert (await world.receive(conversation, "Here I am")).status_code == 200
    assert set(world.gptbots._clocks) == {other.human_id}
    clock = world.gptbots._clocks[other.human_id or ""]
    await world.gptbots.stop()
    assert clock.cancelled()


@pytest.mark.parametrize("options", [{"wait": 0.05}])
async def test_a_reply_may_overtake_the_answer_to_establish(world: World) -> None:
    world.bridge.held.add(ESTABLISH)
    conversation = world.gptbots.open("Grace Hopper")
    world.gptbots.say(conversation.id, "human")
    await until(lambda: world.at(ESTABLISH))
    assert (await world.receive(conversation, "At once")).status_code == 200
    world.bridge.release.set()
    await world.gptbots.settled()
    assert (conversation.state, conversation.connected) == ("handoff", True)
    assert world.gptbots._clocks == {}


@pytest.mark.parametrize("leave", ["end", "end_handoff"])
async def test_the_customer_leaves(world: World, leave: str) -> None:
    conversation = await world.says("human")
    human_id = conversation.human_id
    getattr(world.gptbots, leave)(conversation.id)
    await world.gptbots.settled()
    (close,) = world.at(CLOSE)
    assert (close.json["conversation_id"], close.json["type"]) == (human_id, "USER_CLOSED")
    assert conversation.state == ("ended" if leave == "end" else "bot")


async def test_leaving_the_agent_calls_nobody(world: World) -> None:
    conversation = await world.says("hello")
    world.gptbots.end(conversation.id)
    await world.gptbots.settled()
    assert world.at(CLOSE) == []
    with pytest.raises(ValueError, match="no human session"):
        world.gptbots.end_handoff(conversation.id)
    with pytest.raises(ValueError, match="has ended"):
        world.gptbots.say(conversation.id, "hello?")


# ── the API ──────────────────────────────────────────────────────────────────────────────────────


async def test_every_call_wants_the_key(world: World) -> None:
    for method, path in (
        ("POST", "/v1/human/message/receive"),
        ("POST", "/v1/human/close"),
        ("GET", "/v1/api-key/verify"),
        ("POST", "/v1/webhook/check"),
        ("POST", "/v1/conversation"),
        ("POST", "/v2/conversation/message"),
    ):
        for key in ("", "Bearer wrong", "Basic app-key"):
            answer = await world.http.request(method, path, headers={"authorization": key})
            assert (answer.status_code, answer.json()["code"]) == (401, 40127)
    verified = await world.http.get("/v1/api-key/verify")
    assert verified.json() == {"type": "agent", "id": world.gptbots.bot_id}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/human/message/receive", {"conversation_id": "x", "timestamp": 1}),
        ("/v1/human/message/receive", {"conversation_id": "x", "body": "hi"}),
        ("/v1/human/message/receive", {"timestamp": 1, "body": "hi"}),
        ("/v1/human/message/receive", {"conversation_id": "x", "timestamp": "1", "body": "hi"}),
        ("/v1/human/message/receive", {"conversation_id": "x", "timestamp": 1, "body": ["hi"]}),
        ("/v1/human/close", {"timestamp": 1}),
        ("/v1/conversation", {}),
        ("/v1/conversation", {"user_id": "u" * 33}),
        ("/v2/conversation/message", {"conversation_id": "x", "response_mode": "webhook"}),
        ("/v2/conversation/message", {"conversation_id": "x", "response_mode": "webhook", "messages": []}),
        ("/v2/conversation/message", []),
    ],
)
async def test_bad_parameters_are_refused(world: World, path: str, body: Any) -> None:
    answer = await world.http.post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (400, 40000)
    assert set(answer.json()) == {"code", "message"}


async def test_an_app_talks_through_the_api(world: World) -> None:
    made = await world.http.post("/v1/conversation", json={"user_id": "user-789"})
    conversation_id = made.json()["conversation_id"]
    for content in ("where is order 7?", [{"type": "text", "text": "where is order 8?"}]):
        sent = await world.http.post(
            "/v2/conversation/message",
            json={
                "conversation_id": conversation_id,
                "response_mode": "webhook",
                "messages": [
                    {"role": "assistant", "content": "Hi"},
                    {"role": "user", "content": content},
                ],
            },
        )
        assert sent.status_code == 200
    await world.gptbots.settled()
    texts = [call.json["output"][0]["content"]["text"] for call in world.at(MESSAGES)]
    assert ["Parcel 7" in texts[0], "Parcel 8" in texts[1]] == [True, True]
    world.gptbots.end(conversation_id)
    await world.gptbots.settled()
    gone = {
        "conversation_id": conversation_id,
        "response_mode": "webhook",
        "messages": [{"role": "user", "content": "hi"}],
    }
    assert (await world.http.post("/v2/conversation/message", json=gone)).json()["code"] == 40356


@pytest.mark.parametrize("options", [{}, V1])
async def test_the_check_probes_every_webhook(world: World) -> None:
    world.bridge.plan[CHAT].append(500)
    answer = (await world.http.post("/v1/webhook/check")).json()["results"]
    assert [(one["type"], one["reachable"], one["http_status"]) for one in answer] == [
        ("message", True, 200),
        ("human_service", True, 200),
        ("human_service", False, 500),
    ]
    assert [one["webhook_url"].partition("/bridge/")[2] for one in answer] == [MESSAGES, ESTABLISH, CHAT]
    assert [call.json["istest"] for call in world.bridge.calls] == [True] * 3
    assert ("output" in world.at(MESSAGES)[0].json) == (world.gptbots.version == "v2")
    assert world.gptbots.conversations == {}


# ── samples ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", GPTBotsSandbox.samples)
async def test_every_documented_call_can_be_sent(world: World, kind: str) -> None:
    conversation = await world.says("hello")
    verbatim = world.gptbots.send_sample(kind)
    about_it = world.gptbots.send_sample(kind, conversation.id)
    await world.gptbots.settled()
    assert [call.json for call in world.bridge.calls[-2:]] == [verbatim.payload, about_it.payload]
    path = {"message": MESSAGES, "establish": ESTABLISH, "chat": CHAT, "close": CLOSE}[kind.split("/")[0]]
    assert [call.path for call in world.bridge.calls[-2:]] == [path] * 2
    assert set(verbatim.payload) == set(about_it.payload)
    assert verbatim.payload.get("istest") is (True if kind.endswith("istest") else None)
    if kind.startswith("message"):
        assert about_it.payload["conversation_id"] == conversation.id
        assert verbatim.payload["create_time"] == 1679587005


async def test_the_example_is_the_printed_one(world: World) -> None:
    assert world.gptbots.send_sample("message/v1").payload == {
        "message_id": "65a4ccfC7ce58e728d5897e0",
        "message_type": "ANSWER",
        "text": "Hi, is there anything I can help you?",
        "flow_output": [{"content": "你好", "branch": "1", "from_component_name": "User Input"}],
        "create_time": 1679587005,
        "conversation_id": "657303a8a764d47094874bbe",
    }
    await world.gptbots.settled()
