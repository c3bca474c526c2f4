"""The API of the sandbox's Moveo, over real HTTP: what it does, and what it refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.sandbox.moveo_world import AGENT, World, running_world

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


@pytest.fixture
def options() -> dict[str, Any]:
    return {}


@pytest.fixture
async def world(options: dict[str, Any]) -> AsyncIterator[World]:
    async with running_world(options) as world:
        yield world


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


async def test_an_agents_message_may_bring_what_was_uploaded(world: World) -> None:
    conversation = await world.says("human")
    told = {"filename": "a.pdf", "content_type": "application/pdf"}
    upload = (await world.call(conversation, "files/upload-url", json=told)).json()
    attached = {"type": "file", "mime_type": "application/pdf", "id": upload["file_id"]}

    async def send(attachment: object) -> int:
        body = {**AGENT, "input": {"attachments": [attachment]}}
        return (await world.call(conversation, "messages/agent", json=body)).status_code

    assert await send(attached) == 400  # announced, and not there yet
    headers = {"content-type": "application/pdf"}
    async with httpx.AsyncClient() as anybody:
        twice = {**headers, "authorization": "apikey of ours"}
        assert (await anybody.put(upload["upload_url"], content=b"%PDF", headers=twice)).status_code == 400
        assert (await anybody.put(upload["upload_url"], content=b"%PDF", headers=headers)).is_success
    for wrong in ({"id": "file-1"}, {"mime_type": "text/plain"}, {"type": "pdf"}):
        assert await send({**attached, **wrong}) == 400
    assert await send("a.pdf") == 400
    assert await send(attached) == 200
    assert conversation.messages[-1].parts == [attached]
    assert world.moveo.file(conversation.messages[-1]) == b"%PDF"


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
