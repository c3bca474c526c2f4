"""The sandbox's Moveo, over real HTTP, its signatures checked by hand."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bridge.sandbox.vendors import MoveoSandbox
from bridge.sandbox.vendors.moveo import MoveoConversation
from tests.sandbox.receiver import Clock, Receiver, running

EVENTS = "events"
SECRET = "moveo-secret"
ENVELOPE = {
    "event_type",
    "request_id",
    "session_id",
    "external_session_id",
    "integration_id",
    "desk_id",
    "context",
    "timestamp",
}
AGENT = {
    "input": {"text": "Mina here"},
    "agent": {"agent_id": "slack:U1", "agent_name": "Mina K.", "agent_avatar": "https://example.com/m.png"},
}


class World:
    def __init__(self, moveo: MoveoSandbox, bridge: Receiver, http: httpx.AsyncClient) -> None:
        self.moveo, self.bridge, self.http = moveo, bridge, http

    @property
    def events(self) -> list[Any]:
        """What arrived, each one verified."""
        for call in self.bridge.at(EVENTS):
            digest = hmac.new(SECRET.encode(), call.body, hashlib.sha256).hexdigest()
            assert call.headers["x-moveo-signature"] == digest
        return [call.json for call in self.bridge.at(EVENTS)]

    @property
    def kinds(self) -> list[str]:
        return [event["event_type"] for event in self.events]

    async def says(self, *texts: str) -> MoveoConversation:
        """What a customer's words bring about, without the greeting before them."""
        conversation = self.moveo.open("Alan Turing")
        await self.moveo.settled()
        self.bridge.calls.clear()
        for text in texts:
            self.moveo.say(conversation.id, text)
        await self.moveo.settled()
        return conversation

    async def call(self, conversation: MoveoConversation, path: str, **how: Any) -> httpx.Response:
        method = how.pop("method", "POST")
        return await self.http.request(method, f"{self.sessions}/{conversation.id}/{path}", **how)

    @property
    def sessions(self) -> str:
        return f"/v1/custom/{self.moveo.integration_id}/sessions"


@pytest.fixture
def options() -> dict[str, Any]:
    return {}


@pytest.fixture
async def world(options: dict[str, Any]) -> AsyncIterator[World]:
    def build(bridge_url: str) -> MoveoSandbox:
        settings = {"retry_delays": (0, 0.01, 0.01, 0.01, 0.01), **options}
        return MoveoSandbox(
            api_key="moveo-key", webhook_secret=SECRET, webhook_url=f"{bridge_url}/{EVENTS}", **settings
        )

    headers = {"authorization": "apikey moveo-key"}
    async with (
        running(build) as (moveo, bridge, url),
        httpx.AsyncClient(base_url=url, headers=headers) as http,
    ):
        yield World(moveo, bridge, http)


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


# ── the API ──────────────────────────────────────────────────────────────────────────────────────

CALLS: list[tuple[str, str, Any]] = [
    ("PATCH", "context", {"context": {"tags": ["vip"]}}),
    ("POST", "messages", {"input": {"text": "hello"}}),
    ("POST", "messages/agent", AGENT),
    ("POST", "messages/read", {}),
    ("POST", "messages/delivered", {}),
    ("POST", "handover", {}),
    ("POST", "files/upload-url", {"filename": "a.png", "content_type": "image/png"}),
    ("POST", "files/download-url", {"file_id": "x"}),
    ("POST", "conversation/close", {}),
    ("POST", "conversation/reopen", {}),
    ("POST", "close", {}),
]


async def test_a_session_is_created_by_the_api(world: World) -> None:
    made = await world.http.post(
        world.sessions,
        json={
            "external_session_id": "your-session-789",
            "channel_user_id": "user-789",
            "context": {"user": {"display_name": "Alan Turing"}, "plan": "gold"},
        },
    )
    assert made.status_code == 201
    body = made.json()
    assert set(body) == {"request_id", "session_id", "context"}
    assert body["context"]["channels"]["custom"]["external_session_id"] == "your-session-789"
    assert body["context"]["user"] == {"display_name": "Alan Turing", "custom_psid": "user-789"}
    conversation = world.moveo.conversations[body["session_id"]]
    assert conversation.customer_name == "Alan Turing"
    empty = await world.http.post(world.sessions)
    assert empty.status_code == 201
    nameless = world.moveo.conversations[empty.json()["session_id"]]
    sent = await world.call(nameless, "messages", json={"input": {"text": "where is order 7?"}})
    assert (sent.status_code, set(sent.json())) == (202, {"request_id"})
    await world.moveo.settled()
    assert "external_session_id" not in world.events[-1]
    assert "Parcel 7" in nameless.messages[-1].text


async def test_every_call_wants_the_key_and_a_session(world: World) -> None:
    conversation = await world.says()
    for method, path, body in CALLS:
        for key in ("", "moveo-key", "Bearer moveo-key", "apikey wrong"):
            refused = await world.call(
                conversation, path, method=method, json=body, headers={"authorization": key}
            )
            assert (refused.status_code, refused.json()["error_code"]) == (401, "unauthorized")
            assert set(refused.json()) == {"error_code", "error_message"}
        unknown = await world.http.request(method, f"{world.sessions}/nobody/{path}", json=body)
        assert (unknown.status_code, unknown.json()["error_code"]) == (404, "session-not-found")
        other = await world.http.request(
            method, f"/v1/custom/other/sessions/{conversation.id}/{path}", json=body
        )
        assert other.status_code == 404
    assert (await world.http.post("/v1/custom/other/sessions")).status_code == 401
    assert (conversation.state, len(conversation.messages)) == ("bot", 1)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("messages", {}),
        ("messages", {"input": {}}),
        ("messages", {"input": {"text": "  "}}),
        ("messages", {"input": {"text": 1}}),
        ("messages", {"input": "hello"}),
        ("messages/agent", {"agent": AGENT["agent"]}),
        ("messages/agent", {"input": AGENT["input"]}),
        ("messages/agent", {"input": AGENT["input"], "agent": {"agent_name": "Mina"}}),
        ("messages/agent", {"input": AGENT["input"], "agent": {"agent_id": "U1"}}),
        ("files/upload-url", {"filename": "a.png"}),
        ("files/upload-url", {"content_type": "image/png"}),
        ("files/download-url", {}),
        ("messages", ["hello"]),
    ],
)
async def test_invalid_payloads_are_refused(world: World, path: str, body: Any) -> None:
    conversation = await world.says()
    answer = await world.call(conversation, path, json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "invalid-payload")
    await world.moveo.settled()
    assert len(conversation.messages) == 1
    assert world.events == []


async def test_an_agents_message_is_recorded_not_delivered(world: World) -> None:
    conversation = await world.says("human")
    world.bridge.calls.clear()
    assert (await world.call(conversation, "messages/agent", json=AGENT)).is_success
    await world.moveo.settled()
    recorded = conversation.messages[-1]
    assert (recorded.role, recorded.name, recorded.text) == ("agent", "Mina K.", "Mina here")
    assert recorded.recorded
    assert recorded.avatar == "https://example.com/m.png"
    assert not any(message.recorded for message in conversation.messages[:-1])
    assert world.events == []  # no echo
    world.moveo.say(conversation.id, "thanks")
    world.moveo.say(conversation.id, "bye")
    await world.moveo.settled()
    assert world.kinds == ["message:read", "message:delivered", "message:delivered"]
    assert world.events[0]["author_type"] == "visitor"
    attached = {"type": "file", "mime_type": "application/pdf", "id": "file-1"}
    body = {**AGENT, "input": {"attachments": [attached]}}
    assert (await world.call(conversation, "messages/agent", json=body)).is_success
    assert conversation.messages[-1].parts == [attached]


async def test_the_api_moves_the_conversation(world: World) -> None:
    conversation = await world.says()
    for path, state, kinds in (
        ("handover", "handoff", []),
        ("messages/delivered", "handoff", ["message:delivered"]),
        ("messages/read", "handoff", ["message:read"]),
        ("conversation/close", "ended", ["conversation:closed"]),
        ("conversation/close", "ended", []),
        ("conversation/reopen", "bot", ["conversation:reopened"]),
        ("conversation/reopen", "bot", []),
        ("close", "ended", ["session:closed"]),
    ):
        world.bridge.calls.clear()
        answer = await world.call(conversation, path, json={})
        await world.moveo.settled()
        assert (answer.status_code, set(answer.json())) == (200, {"request_id"})
        assert (path, conversation.state, world.kinds) == (path, state, kinds)
    assert (await world.call(conversation, "close", json={})).status_code == 404


async def test_context_is_updated_in_part(world: World) -> None:
    conversation = await world.says()
    answer = await world.call(conversation, "context", method="PATCH", json={"context": {"tags": ["vip"]}})
    assert answer.status_code == 200
    assert conversation.context["tags"] == ["vip"]
    assert conversation.context["user"]["display_name"] == "Alan Turing"


async def test_files_go_by_presigned_addresses(world: World) -> None:
    conversation = await world.says()
    upload = (
        await world.call(
            conversation, "files/upload-url", json={"filename": "a.png", "content_type": "image/png"}
        )
    ).json()
    async with httpx.AsyncClient() as anybody:
        content = bytes(range(256))
        wrong = await anybody.put(
            upload["upload_url"], content=content, headers={"content-type": "text/plain"}
        )
        assert wrong.status_code == 403
        headers = {"content-type": "image/png"}
        unsigned = upload["upload_url"].partition("?")[0]
        assert (await anybody.put(unsigned, content=content, headers=headers)).status_code == 403
        assert (await anybody.put(upload["upload_url"], content=content, headers=headers)).is_success
        file = {"file_id": upload["file_id"]}
        download = (await world.call(conversation, "files/download-url", json=file)).json()
        fetched = await anybody.get(download["download_url"])
        assert (fetched.content, fetched.headers["content-type"]) == (content, "image/png")


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
