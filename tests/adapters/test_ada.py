"""Ada: what is taken for genuine, and what each of its events becomes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.adapter import Received, Webhook
from bridge.errors import Malformed, NotAuthentic, NotFound
from bridge.model import (
    AnyEvent,
    Author,
    Channel,
    ConversationEnded,
    ConversationKey,
    ConversationStarted,
    Customer,
    File,
    HandoffEnded,
    HandoffStarted,
    Link,
    Message,
    Presence,
    Role,
    Text,
    UnknownEvent,
    UnknownPart,
)
from tests import signing
from tests.vendors import ADA_SECRET, AT, TOKEN, body_of, genuine, make, names

ID = "msg_2testAdaBridge0001"
SEED = datetime(2020, 9, 20, tzinfo=UTC)
LATER = datetime(2026, 5, 4, 9, 15, 30, 412_000, tzinfo=UTC)

TALK = "66aa00000000000000000001"
VISITOR = "66aa00000000000000000002"
NATIVE = Channel(id="66aa00000000000000000003", name="Chat", type="native", modality="messaging")


def receive(name: str, **settings: Any) -> Received:
    return make("ada", **settings).receive(genuine("ada", name))  # type: ignore[no-any-return]


def key(id: str) -> ConversationKey:
    return ConversationKey(source="acme-ada", id=id)


def said(n: int, author: Author, *parts: Any, label: str | None = None, **more: Any) -> Message:
    """A message of the fixtures' one native conversation, with what they have in common."""
    message_id = f"0b8d7c1e-2f6a-4c55-9f0e-7a1d3c9b2e1{n}"
    details = {
        "message_id": message_id,
        **({"handoff_integration": label} if label else {}),
        "channel.description": "web chat",
        "channel.capabilities.markdown": False,
        "created_at": f"2026-05-04T09:15:3{n}+00:00",
        "ai_agent_domain": "acme.ada.support",
        **more.pop("details", {}),
    }
    fields: dict[str, Any] = {
        "id": f"message:{message_id}",
        "conversation": key(TALK),
        "at": LATER + timedelta(seconds=n),
        "customer": Customer(id=VISITOR),
        "channel": NATIVE,
        "author": author,
        "parts": parts,
        "handoff": label,
        "details": details,
        **more,
    }
    return Message(**fields)


THEM = Author(role=Role.CUSTOMER, id=VISITOR)
AGENT = Author(role=Role.AGENT, name="Mina K.")
BOT = Author(role=Role.BOT)

EVENTS: dict[str, AnyEvent] = {
    "message": Message(
        id="message:61f46e0b-fa39-4e44-850b-c1ca8f958dd3",
        conversation=key("5f7e0e2c1e7c7e000f0f9c3a"),
        at=SEED,
        customer=Customer(
            id="5f7e0e2c1e7c7e000f0f9c3a", name="Ada Lovelace", avatar="https://www.gravatar.com"
        ),
        channel=Channel(
            id="5f7e0e2c1e7c7e000f0f9c3a", name="My Custom Channel", type="custom", modality="messaging"
        ),
        author=Author(
            role=Role.CUSTOMER,
            id="5df263b7db5a7e6ea03fae9b",
            name="Ada Lovelace",
            avatar="https://www.gravatar.com",
        ),
        parts=(Text(text="I need help with my order"),),
        details={
            "message_id": "61f46e0b-fa39-4e44-850b-c1ca8f958dd3",
            "channel.description": "A custom messaging channel for my AI Agent",
            "channel.created_at": "2020-09-20T00:00:00+00:00",
            "channel.metadata.example_key1": "example_string_value",
            "channel.metadata.example_key2": True,
            "channel.metadata.example_key3": 123,
            "created_at": "2020-09-20T00:00:00+00:00",
            "ai_agent_domain": "acme.ada.support",
        },
    ),
    "created": ConversationStarted(
        id=ID,
        conversation=key("5df263b7db5a7e6ea03fae9b"),
        at=SEED,
        customer=Customer(id="5f7e0e2c1e7c7e000f0f9c3a", language="en-CA"),
        channel=Channel(id="5df263b7db5a7e6ea03fae9b"),
        start_page="https://example.com",
        details={
            "created_at": "2020-09-20T00:00:00+00:00",
            "metadata.pass": "example_string_value",
            "ai_agent_domain": "acme.ada.support",
        },
    ),
    "ended": ConversationEnded(
        id=ID,
        conversation=key("5df263b7db5a7e6ea03fae9b"),
        at=SEED,
        customer=Customer(id="5f7e0e2c1e7c7e000f0f9c3a", language="en-CA"),
        channel=Channel(id="5df263b7db5a7e6ea03fae9b"),
        by=Author(role=Role.CUSTOMER, id="5df263b7db5a7e6ea03fae9b"),
        details={
            "created_at": "2020-09-20T00:00:00+00:00",
            "updated_at": "2020-09-20T00:00:00+00:00",
            "metadata.pass": "example_string_value",
            "metadata.initial_url": "https://example.com",
            "ai_agent_domain": "acme.ada.support",
        },
    ),
    "ended-by-system": ConversationEnded(
        id=ID,
        conversation=key("5df263b7db5a7e6ea03fae9b"),
        at=datetime(2026, 5, 4, 10, 15, 30, tzinfo=UTC),
        customer=Customer(id="5f7e0e2c1e7c7e000f0f9c3a"),
        channel=Channel(id="5df263b7db5a7e6ea03fae9b"),
        by=Author(role=Role.SYSTEM),
        details={
            "created_at": "2020-09-20T00:00:00+00:00",
            "updated_at": "2020-09-20T00:00:00+00:00",
            "ai_agent_domain": "acme.ada.support",
        },
    ),
    "created-minimal": ConversationStarted(
        id=ID,
        conversation=key(TALK),
        at=datetime(2026, 5, 4, 9, 15, 0, 1_000, tzinfo=UTC),
        customer=Customer(),
        channel=Channel(),
    ),
    "handoff-ended": HandoffEnded(
        id=ID,
        conversation=key("c0ffee000000000000000001"),
        at=datetime(2025, 12, 1, 12, 0, 0, 123_000, tzinfo=UTC),
        customer=Customer(id="c0ffee000000000000000002"),
        details={"handoff_integration": "slack-bridge", "ai_agent_domain": "acme.ada.support"},
    ),
    "message-ai-agent": said(
        0,
        Author(role=Role.BOT, name="Acme helper"),
        Text(text="Parcel **42** is on its way."),
        at=datetime(2026, 5, 4, 9, 15, 30, tzinfo=UTC),
    ),
    "message-in-our-handoff": said(1, THEM, Text(text="where is parcel 42?"), label="slack-bridge"),
    "message-in-anothers-handoff": said(
        2,
        Author(role=Role.AGENT, name="Lou"),
        Text(text="One moment"),
        details={"handoff_integration": "zendesk_chat"},
    ),
    "message-human-agent": said(3, AGENT, Text(text="Looking into it now"), label="slack-bridge"),
    "message-link": said(
        4, BOT, Link(url="https://acme.ada.support/csat/1", text="How did we do?"), label="slack-bridge"
    ),
    "message-link-unsafe": said(
        5,
        THEM,
        UnknownPart(type="link", data={"type": "link", "url": "javascript:alert(1)", "link_text": "click"}),
    ),
    "message-file": said(
        6,
        THEM,
        File(url="https://files.example.org/a/receipt.png?sig=1", name="receipt.png", mime_type="image/png"),
        label="slack-bridge",
    ),
    "message-presence": Presence(
        **said(7, AGENT, label="slack-bridge").model_dump(exclude={"kind", "parts", "handoff"}),
        text="Mina has joined",
    ),
    "message-unknown-content": said(
        8,
        BOT,
        UnknownPart(type="quick_replies", data={"type": "quick_replies", "choices": ["Yes", "No"]}),
        details={"content.choices": ["Yes", "No"]},
    ),
    "message-unknown-role": said(
        9,
        Author(role=Role.SYSTEM, name="supervisor"),
        Text(text="I take over"),
        details={"author.rank": 3},
    ),
    "message-minimal": Message(
        id=ID,
        conversation=key(TALK),
        at=AT["ada"],
        dated=False,
        customer=Customer(),
        channel=Channel(),
        author=Author(role=Role.SYSTEM),
        parts=(Text(text="Hi"),),
    ),
    "message-with-odd-types": said(
        2,
        THEM,
        Text(text="still here"),
        at=datetime(2026, 5, 4, 9, 15, 32, tzinfo=UTC),
        customer=Customer(),
        channel=Channel(),
    ).model_copy(
        update={
            "details": {
                "message_id": "0b8d7c1e-2f6a-4c55-9f0e-7a1d3c9b2e12",
                "channel": "chat",
                "created_at": "2026-05-04T09:15:32+00:00",
                "ai_agent_domain": "acme.ada.support",
            }
        }
    ),
    "message-without-content": UnknownEvent(
        type="v1.conversation.message",
        problem="data.content has no type",
        **said(1, THEM).model_dump(include={"id", "conversation", "at", "customer"}),
        details={
            **said(1, THEM).details,
            "channel.type": "native",
            "channel.id": NATIVE.id,
            "channel.name": "Chat",
            "channel.modality": "messaging",
            "author.id": VISITOR,
            "author.role": "end_user",
        },
    ),
    "unknown-type": UnknownEvent(
        id=ID,
        conversation=key(TALK),
        at=LATER,
        customer=Customer(id=VISITOR),
        type="v1.conversation.rated",
        details={"score": 5, "answers": [1, 2], "by.role": "end_user"},
    ),
}
UNREAD = {
    "message-link-unsafe": ("link",),
    "message-unknown-content": ("quick_replies",),
    "message-without-content": ("v1.conversation.message",),
    "unknown-type": ("v1.conversation.rated",),
}
NO_EVENT = {
    "message-without-conversation": ("v1.conversation.message",),
    "audit-log": ("v1.audit_log.emitted",),
}
STARTS = {"start", "start-rich"}


def test_every_fixture_has_an_expectation() -> None:
    assert {*EVENTS, *NO_EVENT, *STARTS, "end-user-updated"} == set(names("ada"))


def test_a_profile_is_about_no_conversation() -> None:
    assert receive("end-user-updated") == Received(ID, customers=(Customer(id=VISITOR, name="Ada"),))


@pytest.mark.parametrize("name", EVENTS)
def test_event(name: str) -> None:
    assert receive(name) == Received(ID, (EVENTS[name],), unread=UNREAD.get(name, ()))


@pytest.mark.parametrize("name", NO_EVENT)
def test_no_event(name: str) -> None:
    assert receive(name) == Received(ID, unread=NO_EVENT[name])


def test_without_a_label_every_handoff_is_ours() -> None:
    (event,) = receive("message-in-anothers-handoff", handoff_label=None).events

    assert isinstance(event, Message)
    assert event.handoff == "zendesk_chat"


def test_a_message_under_two_ids_is_one_event() -> None:
    ada, body = make("ada"), body_of("ada", "message")
    first, again = (
        ada.receive(Webhook("", signing.ada(body, ADA_SECRET, id=id, at=AT["ada"]), body, AT["ada"]))
        for id in ("msg_1", "msg_2")
    )

    assert (first.key, again.key) == ("msg_1", "msg_2")
    assert first.events == again.events


def test_there_are_two_hooks() -> None:
    with pytest.raises(NotFound):
        make("ada").receive(replace(genuine("ada", "message"), path="messages"))


# ── the start call ───────────────────────────────────────────────────────────────────────────────


def test_start() -> None:
    received = receive("start")

    assert received == Received(
        received.key,
        (
            HandoffStarted(
                id=received.key,
                conversation=key(TALK),
                at=AT["ada"],
                dated=False,
                customer=Customer(),
                unnamed=True,
            ),
        ),
    )


def test_start_with_all_that_an_operator_may_send() -> None:
    received = receive("start-rich")

    assert received.events == (
        HandoffStarted(
            id=received.key,
            conversation=key(TALK),
            at=AT["ada"],
            dated=False,
            customer=Customer(
                id=VISITOR, name="Ada Lovelace", email="ada@example.org", phone="+4912345", language="en-CA"
            ),
            reason="refund",
            department="billing",
            details={"plan": "gold", "order.id": 42},
            unnamed=True,
        ),
    )


def test_the_same_start_is_one_within_ten_seconds_only() -> None:
    def key_at(seconds: int, name: str = "start") -> str:
        at = AT["ada"] + timedelta(seconds=seconds)
        return str(make("ada").receive(genuine("ada", name, at=at)).key)

    assert key_at(0) == key_at(9) != key_at(10)
    assert key_at(0) != key_at(0, "start-rich")


@pytest.mark.parametrize("body", [{}, {"ada_conversation_id": " "}, {"conversation_id": {"id": 1}}])
def test_a_start_without_a_conversation_is_refused_so_that_the_customer_is_told(body: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="names no conversation"):
        make("ada").receive(genuine("ada", "start", json.dumps(body).encode()))


def test_an_empty_name_does_not_hide_the_other() -> None:
    body = b'{"ada_conversation_id": "", "conversation_id": 7}'
    (event,) = make("ada").receive(genuine("ada", "start", body)).events

    assert event.conversation == key("7")


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer ä"]
)
def test_a_start_without_the_token_is_not_authentic(header: str) -> None:
    with pytest.raises(NotAuthentic):
        make("ada").receive(replace(genuine("ada", "start"), headers={"authorization": header}))


def test_either_token_is_accepted_while_one_is_rotated() -> None:
    ada = make("ada", secrets={"handoff_token": ("new", TOKEN)})

    assert ada.receive(genuine("ada", "start")).events
    assert ada.receive(replace(genuine("ada", "start"), headers={"authorization": "bearer new"})).events
