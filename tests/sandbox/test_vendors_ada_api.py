"""The API of the sandbox's Ada, over real HTTP: what it does, and what it refuses."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.sandbox.ada_world import SECRET, TEXT, World, running_world
from tests.sandbox.receiver import Clock


@pytest.fixture
def options() -> dict[str, Any]:
    return {}


@pytest.fixture
async def world(options: dict[str, Any]) -> AsyncIterator[World]:
    async with running_world(options) as world:
        yield world


async def test_a_reply_reaches_the_customer_and_is_echoed(world: World) -> None:
    conversation = await world.handed_over()
    body = {**TEXT, "author": {**TEXT["author"], "avatar": "https://example.com/mina.png"}}
    answer = await world.post(conversation, "messages", json=body)
    await world.ada.settled()
    assert answer.status_code == 201
    assert set(answer.json()) == {
        "id",
        "conversation_id",
        "author",
        "content",
        "created_at",
        "updated_at",
    }
    shown = conversation.messages[-1]
    assert (shown.role, shown.name, shown.text) == ("agent", "Mina K.", "Hi")
    echo = world.events[-1]["data"]
    assert echo["author"] == {
        "id": None,
        "role": "human_agent",
        "avatar": "https://example.com/mina.png",
        "display_name": "Mina K.",
    }
    assert (echo["content"], echo["handoff_integration"]) == (TEXT["content"], "slack-bridge")
    assert echo["message_id"] != answer.json()["id"]
    history = (await world.http.get(f"/api/v2/conversations/{conversation.id}/messages/")).json()["data"]
    assert history[-1]["message_id"] == echo["message_id"]
    assert (history[-1]["type"], history[-1]["author"]) == ("message_logs", echo["author"])


def reply(author: Any = TEXT["author"], content: Any = TEXT["content"]) -> dict[str, Any]:
    return {"author": author, "content": content}


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        (reply(author={"role": "human_agent"}), "author.display_name"),
        (reply(author={"role": "human_agent", "display_name": ""}), "author.display_name"),
        (reply(author={"role": "ai_agent", "display_name": "Ada"}), "author.role"),
        (reply(author={"role": "system", "display_name": "Ada"}), "author.role"),
        (reply(author={"role": "end_user"}), "author.id"),
        (reply(author={"role": "end_user", "id": "u1"}), "author.role"),
        (reply(author={"role": "human_agent", "display_name": "M", "avatar": 1}), "author.avatar"),
        (reply(author=None), "author"),
        (reply(content={"type": "link", "url": "https://example.com"}), "content.type"),
        (reply(content={"type": "presence", "body": "joined"}), "content.type"),
        (reply(content={"type": "text"}), "content.body"),
        (reply(content="Hi"), "content"),
        (reply(content={"type": "file", "url": "https://example.com/a.png"}), "content.mime_type"),
        (
            reply(
                content={
                    "type": "file",
                    "url": "https://files.slack.com/a.png",
                    "mime_type": "image/png",
                    "filename": "a.png",
                }
            ),
            "content.url",
        ),
    ],
)
async def test_an_invalid_message_is_refused(world: World, body: Any, parameter: str) -> None:
    conversation = await world.handed_over()
    count = len(conversation.messages)
    answer = await world.post(conversation, "messages", json=body)
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["type"] == "validation_error"
    assert parameter in [detail["parameter"] for detail in error["details"]]
    assert len(conversation.messages) == count


async def test_what_is_unknown_unauthorized_or_too_large_is_refused(world: World) -> None:
    conversation = await world.handed_over()
    paths = {
        "POST": ["messages", "attachments", "end-handoff", "end"],
        "GET": ["messages"],
    }
    for method, calls in paths.items():
        for call in calls:
            unknown = await world.http.request(method, f"/api/v2/conversations/nobody/{call}/", json=TEXT)
            assert (unknown.status_code, unknown.json()["errors"][0]["type"]) == (
                404,
                "resource_not_found",
            )
            for key in ("", "Bearer wrong", "Bearer ada-key2", "apikey ada-key"):
                refused = await world.http.request(
                    method,
                    f"/api/v2/conversations/{conversation.id}/{call}/",
                    headers={"authorization": key},
                )
                assert refused.status_code == 401
    assert (await world.http.get("/api/v2/end-users/nobody")).status_code == 404
    assert (await world.post(conversation, "messages", content=b"{")).status_code == 400
    large = {**TEXT, "content": {"type": "text", "body": "x" * 10 * 1024**2}}
    assert (await world.post(conversation, "messages", json=large)).status_code == 413
    assert conversation.state == "handoff"


async def test_the_transcript_is_paged(world: World) -> None:
    conversation = await world.handed_over()
    for _ in range(4):
        assert (await world.post(conversation, "messages", json=TEXT)).status_code == 201
    url: str | None = f"/api/v2/conversations/{conversation.id}/messages/?limit=3"
    ids: list[str] = []
    sizes = []
    while url:
        page = (await world.http.get(url)).json()
        sizes.append(len(page["data"]))
        ids += [message["message_id"] for message in page["data"]]
        url = page["meta"]["next_page_url"]
    assert sizes == [3, 3, 1]
    assert ids == [message.id for message in conversation.messages]
    for query in ("limit=101", "limit=0", "limit=x", "cursor=!", "cursor=bm9uZQ=="):
        refused = await world.http.get(f"/api/v2/conversations/{conversation.id}/messages/?{query}")
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["details"][0]["location"] == "query"


async def test_conversation_and_end_user_can_be_read(world: World) -> None:
    conversation = await world.opened()
    read = (await world.http.get(f"/api/v2/conversations/{conversation.id}/")).json()
    assert (read["id"], read["status"]) == (conversation.id, "active")
    user = (await world.http.get(f"/api/v2/end-users/{read['end_user_id']}")).json()
    assert user["profile"]["display_name"] == "Ada Lovelace"


async def test_a_file_is_uploaded_sent_and_fetched(world: World) -> None:
    conversation = await world.handed_over()
    content = b"\x89PNG\r\n\r\n--not the boundary\r\n" + bytes(range(256))
    answer = await world.post(
        conversation, "attachments", files={"file": ("schön.png", content, "image/png")}
    )
    assert answer.status_code == 201
    stored = answer.json()
    assert (stored["mime_type"], stored["filename"]) == ("image/png", "schön.png")
    sent = await world.post(conversation, "messages", json=reply(content={"type": "file", **stored}))
    await world.ada.settled()
    assert sent.status_code == 201
    assert world.events[-1]["data"]["content"] == {"type": "file", **stored}
    async with httpx.AsyncClient() as anybody:
        fetched = await anybody.get(stored["url"])
        assert (fetched.content, fetched.headers["content-type"]) == (content, "image/png")
        assert (await anybody.get(stored["url"][:-1])).status_code == 403
    assert (await world.http.get(stored["url"])).status_code == 400  # two credentials


async def test_files_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.sandbox.vendors.ada_api.MAX_ATTACHMENT", 100)
    conversation = await world.opened()
    small = {"file": ("a.png", b"x" * 100, "image/png")}
    assert (await world.post(conversation, "attachments", files=small)).status_code == 400
    world.ada.say(conversation.id, "human")
    await world.ada.settled()
    assert (await world.post(conversation, "attachments", files=small)).status_code == 201
    for files, status in (
        ({"file": ("a.png", b"x" * 101, "image/png")}, 413),
        ({"file": ("a.webp", b"x", "image/webp")}, 400),
        ({"file": ("README", b"x", "text/plain")}, 400),
        ({"other": ("a.png", b"x", "image/png")}, 400),
    ):
        assert (await world.post(conversation, "attachments", files=files)).status_code == status
    assert (await world.post(conversation, "attachments", json={"file": "a.png"})).status_code == 400


async def test_end_handoff_only_in_a_handoff(world: World) -> None:
    conversation = await world.opened()
    early = await world.post(conversation, "end-handoff")
    assert early.status_code == 422
    assert list(early.json()) == ["errors"]
    world.ada.say(conversation.id, "person")
    await world.ada.settled()
    done = await world.post(conversation, "end-handoff")
    assert (done.status_code, done.json()) == (200, {"message": "Handoff ended successfully."})
    assert (await world.post(conversation, "end-handoff")).status_code == 422
    await world.ada.settled()
    assert "v1.conversation.handoff.ended" in [event["type"] for event in world.events]
    assert conversation.state == "bot"


async def test_end_ends_for_good(world: World) -> None:
    conversation = await world.opened()
    assert (await world.post(conversation, "end")).status_code == 200
    await world.ada.settled()
    assert world.events[-1]["data"]["ended_by"] == {"id": None, "role": "system"}
    read = (await world.http.get(f"/api/v2/conversations/{conversation.id}/")).json()
    assert read["status"] == "ended"
    assert (await world.post(conversation, "messages", json=TEXT)).status_code == 400


_STILL = Clock(time.time())


@pytest.mark.parametrize("options", [{"rate_limit": [(2, 60)], "clock": _STILL}])
async def test_the_rate_limit_is_per_instance_and_moves_on(world: World) -> None:
    conversation = await world.opened()
    statuses = [(await world.post(conversation, "messages", json=TEXT)).status_code for _ in range(3)]
    assert statuses == [201, 201, 429]
    _STILL.now += 61
    assert (await world.post(conversation, "messages", json=TEXT)).status_code == 201


async def test_its_webhook_is_listed_with_its_secret_and_sends_what_was_chosen(world: World) -> None:
    """https://docs.ada.cx/reference/webhooks/list-webhooks, …/get-webhook-secret"""
    world.ada.event_filters = ("v1.conversation.created",)

    (webhook,) = (await world.http.get("/api/v2/webhooks/")).json()["data"]
    secret = await world.http.get(f"/api/v2/webhooks/{webhook['id']}/secret/")
    conversation = await world.opened()
    world.ada.say(conversation.id, "Hello")
    await world.ada.settled()
    world.ada.webhook_enabled = False
    await world.opened()

    assert webhook["url"] == world.ada.webhook_url
    assert (webhook["enabled"], webhook["event_filters"]) == (True, ["v1.conversation.created"])
    assert secret.json() == {"key": SECRET}
    assert (await world.http.get("/api/v2/webhooks/other/secret/")).status_code == 404
    assert [one["type"] for one in world.events] == ["v1.conversation.created"]
