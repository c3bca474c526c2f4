"""The sandbox's Ada, over real HTTP, its signatures checked with Svix's own library and by hand."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from svix.webhooks import Webhook

from bridge.sandbox.vendors import AdaSandbox
from bridge.sandbox.vendors.ada import AdaConversation
from tests.sandbox.receiver import Call, Clock, Receiver, running, until

SECRET = "whsec_YnJpZGdlLXRlc3Qta2V5LTI0Ynl0ZXMh"
EVENTS, START = "events", "handoff"
MESSAGE = "v1.conversation.message"
TEXT = {
    "author": {"role": "human_agent", "display_name": "Mina K."},
    "content": {"type": "text", "body": "Hi"},
}


class World:
    def __init__(self, ada: AdaSandbox, bridge: Receiver, http: httpx.AsyncClient) -> None:
        self.ada, self.bridge, self.http = ada, bridge, http

    @property
    def events(self) -> list[Any]:
        """What arrived as events, each one verified."""
        return [verified(call) for call in self.bridge.at(EVENTS)]

    async def opened(self) -> AdaConversation:
        conversation = self.ada.open("Ada Lovelace")
        await self.ada.settled()
        return conversation

    async def handed_over(self) -> AdaConversation:
        conversation = await self.opened()
        self.ada.say(conversation.id, "a human, please")
        await self.ada.settled()
        assert conversation.state == "handoff"
        return conversation

    async def post(self, conversation: AdaConversation, call: str, **how: Any) -> httpx.Response:
        return await self.http.post(f"/api/v2/conversations/{conversation.id}/{call}/", **how)


def verified(call: Call) -> Any:
    Webhook(SECRET).verify(call.body, dict(call.headers))
    signed = f"{call.headers['svix-id']}.{call.headers['svix-timestamp']}.".encode() + call.body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert call.headers["svix-signature"] == f"v1,{digest}"
    return call.json


def build(bridge_url: str, **options: Any) -> AdaSandbox:
    return AdaSandbox(
        api_key="ada-key",
        webhook_secret=SECRET,
        handoff_token="start-token",
        webhook_url=f"{bridge_url}/{EVENTS}",
        handoff_url=f"{bridge_url}/{START}",
        **{"retry_delays": (0, 0.01, 0.01), **options},
    )


@pytest.fixture
def options() -> dict[str, Any]:
    return {}


@pytest.fixture
async def world(options: dict[str, Any]) -> AsyncIterator[World]:
    headers = {"authorization": "Bearer ada-key"}
    async with (
        running(lambda bridge_url: build(bridge_url, **options)) as (ada, bridge, url),
        httpx.AsyncClient(base_url=url, headers=headers) as http,
    ):
        yield World(ada, bridge, http)


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


@pytest.mark.parametrize("options", [{"clock": Clock(time.time(), step=1.0)}])
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
    assert (first.attempts[0].status, first.attempts[0].error) == (None, "ReadTimeout")
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


# ── the API ──────────────────────────────────────────────────────────────────────────────────────


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
