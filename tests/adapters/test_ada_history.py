"""What Ada tells was said: asked of its messages, where webhooks may have been lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bridge.adapter import TellsHistory
from bridge.errors import RetryLater
from bridge.model import (
    AnyEvent,
    Author,
    ConversationKey,
    Customer,
    File,
    Link,
    Message,
    Presence,
    Role,
    Text,
    UnknownEvent,
    UnknownPart,
)
from tests.adapters.test_ada_find import FIRST, pages
from tests.vendors import VENDORS, Answering, genuine, make

KEY = ConversationKey(source="acme-ada", id="c/1 ä")
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
ADA = {"id": "u1", "role": "end_user", "avatar": None, "display_name": "Ada Lovelace"}


def entry(content: dict[str, Any] | None = None, after: float = 0.0, **changes: Any) -> dict[str, Any]:
    told = {
        "type": "message_logs",
        "message_id": f"m{after:g}",
        "created_at": (NOON + timedelta(seconds=after)).isoformat(),
        "author": ADA,
        "content": content or {"type": "text", "body": "where is it?"},
    }
    return {**told, **changes}


async def history(*told: list[dict[str, Any]], since: datetime = NOON) -> tuple[AnyEvent, ...]:
    adapter = make("ada", http=pages(*told))
    assert isinstance(adapter, TellsHistory)
    return await adapter.history(KEY, since)


def test_ada_can_be_asked_and_the_others_cannot() -> None:
    assert {vendor for vendor in VENDORS if isinstance(make(vendor), TellsHistory)} == {"ada"}


async def test_an_entry_is_what_its_webhook_would_be() -> None:
    """But for what only the webhook says: of the channel, and of who handles it."""
    webhook = make("ada").receive(genuine("ada", "message"))
    (event,) = webhook.events
    body = genuine("ada", "message").json_object()["data"]
    told = {name: body[name] for name in ("message_id", "created_at", "author", "content")}
    http = pages([{"type": "message_logs", **told}])
    (found,) = await make("ada", http=http).history(event.conversation, event.at - timedelta(days=1))

    same = ("id", "conversation", "author", "parts", "kind", "late")
    assert {name: getattr(found, name) for name in same} == {name: getattr(event, name) for name in same}
    assert (found.handoff, found.channel) == (None, None)
    assert abs(found.at - event.at) < timedelta(seconds=1)


async def test_all_pages_in_the_order_of_time() -> None:
    found = await history([entry(after=3), entry(after=1)], [], [entry(after=2)])

    assert [event.id for event in found] == ["message:m1", "message:m2", "message:m3"]
    assert [event.at for event in found] == [NOON + timedelta(seconds=one) for one in (1, 2, 3)]


async def test_what_was_said_before_or_at_no_time_is_not_told() -> None:
    told = [entry(after=-1), entry(after=0), entry(after=9, created_at=None), entry(after=9, created_at="?")]

    assert [event.id for event in await history(told)] == ["message:m0"]


async def test_each_kind_and_who_said_it() -> None:
    bot = {"id": None, "role": "ai_agent", "avatar": None, "display_name": "Ada"}
    agent = {**bot, "role": "human_agent", "display_name": "Grace"}
    found = await history(
        [
            entry({"type": "link", "url": "https://example.org", "link_text": None}, 1, author=bot),
            entry({"type": "file", "url": "https://example.org/a", "mime_type": "a/b", "filename": "a"}, 2),
            entry({"type": "presence", "body": "Grace joined"}, 3, author=agent),
            entry({"type": "hologram", "x": 1}, 4),
            entry({"type": "text", "body": 7}, 5, author=agent),
            entry({"type": "text"}, 6),
        ]
    )

    link, file, presence, unknown, number, unreadable = found
    assert isinstance(link, Message) and isinstance(file, Message) and isinstance(unknown, Message)
    assert (link.author.role, link.parts) == (Role.BOT, (Link(url="https://example.org"),))
    assert file.parts == (File(url="https://example.org/a", mime_type="a/b", name="a"),)
    assert file.customer == Customer(name="Ada Lovelace")
    assert isinstance(presence, Presence)
    assert presence.author == Author(role=Role.AGENT, name="Grace")
    assert isinstance(unknown.parts[0], UnknownPart)
    assert isinstance(number, Message) and number.parts == (Text(text="7"),)
    assert isinstance(unreadable, UnknownEvent)
    assert {event.customer for event in (link, presence, number, unreadable)} == {None}


async def test_what_has_no_id_has_one_of_its_own() -> None:
    told = [entry(after=1, message_id=None), entry(after=2, message_id=None)]
    found = [await history(told) for _ in range(2)]

    assert found[0] == found[1]
    assert len({event.id for event in found[0]}) == 2


async def test_what_no_store_can_keep_is_replaced() -> None:
    (event,) = await history([entry({"type": "text", "body": "a\x00b"})])

    assert isinstance(event, Message) and event.parts == (Text(text="a\ufffdb"),)


@pytest.mark.parametrize("odd", [{}, {"data": None}, {"data": [None, 3, {"created_at": []}]}])
async def test_an_odd_answer_tells_nothing(odd: dict[str, Any]) -> None:
    http = Answering(httpx.Response(200, json=odd))

    assert await make("ada", http=http).history(KEY, NOON) == ()
    assert [str(request.url) for request in http.requests] == [FIRST]


async def test_no_answer_is_not_nothing() -> None:
    with pytest.raises(RetryLater):
        await make("ada", http=Answering(httpx.Response(503))).history(KEY, NOON)


async def test_a_customer_is_known_by_what_can_be_stored() -> None:
    """JSON text can say half a surrogate pair, and a Postgres keeps no NUL."""
    body = rb'{"end_user_id": "u1", "profile": {"first_name": "Ada \ud83d", "last_name": "\u0000", "x": NaN}}'
    found = await make("ada", http=Answering(httpx.Response(200, content=body))).customer("u1")
    assert (found.id, found.name) == ("u1", "Ada \ufffd\ufffd\ufffd \ufffd")
    assert json.loads(found.model_dump_json())["name"] == found.name
