"""Moveo: what is taken for genuine, and what each of its events and responses becomes."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bridge.adapter import Received, Webhook
from bridge.errors import NotAuthentic, NotFound
from bridge.model import (
    AnyEvent,
    Audio,
    Author,
    Button,
    Card,
    Carousel,
    ConversationEnded,
    ConversationKey,
    ConversationReopened,
    Customer,
    File,
    HandoffStarted,
    Image,
    Link,
    Media,
    MemberJoined,
    MemberLeft,
    Message,
    Option,
    Options,
    Receipt,
    Role,
    Text,
    Typing,
    UnknownEvent,
    UnknownPart,
    Video,
    Webview,
)
from tests.vendors import AT, MOVEO_SECRET, Answering, body_of, genuine, make, names, reply

SENT_AT = datetime(2024, 1, 1, tzinfo=UTC)
BRAIN = Author(role=Role.BOT)
SARAH = Author(role=Role.AGENT, id="agent-123", name="Sarah Johnson")
PORTRAIT = "https://example.com/avatars/sarah.jpg"


def receive(name: str) -> Received:
    return make("moveo").receive(genuine("moveo", name))  # type: ignore[no-any-return]


def told(kind: Any, request: str, **fields: Any) -> AnyEvent:
    """An event with the envelope that all of the published examples have; its id is filled in later."""
    details = {
        "request_id": request,
        "external_session_id": "your-session-789",
        "integration_id": "intg-001",
        "desk_id": "desk-456",
        **fields.pop("details", {}),
    }
    common = {
        "id": "",
        "conversation": ConversationKey(source="acme-moveo", id="sess-456"),
        "at": SENT_AT,
        "customer": Customer(id="user-789"),
        "details": details,
    }
    return kind(**{**common, **fields})  # type: ignore[no-any-return]


def behind(kind: Any, **fields: Any) -> AnyEvent:
    """An event behind the first one of its webhook, which has what the envelope says."""
    common = {"id": "", "conversation": ConversationKey(source="acme-moveo", id="sess-456"), "at": SENT_AT}
    return kind(**{**common, **fields})  # type: ignore[no-any-return]


def brain(*parts: Any, **fields: Any) -> AnyEvent:
    return told(Message, "req-123", author=BRAIN, parts=parts, **fields)


def send(*parts: Any, author: Author, **details: Any) -> AnyEvent:
    return told(Message, "req-456", author=author, parts=parts, details={"to.user_id": "user-789", **details})


def unknown(type: str, request: str, problem: str | None = None, **details: Any) -> tuple[AnyEvent, ...]:
    return (told(UnknownEvent, request, type=type, problem=problem, details=details),)


WHO = {"author_id": "agent-123", "author_name": "Sarah Johnson", "author_type": "agent"}
FROM = {
    "from.agent_id": "agent-123",
    "from.agent_name": "Sarah Johnson",
    "from.agent_avatar": PORTRAIT,
    "from.team_id": "support-team",
    "to.user_id": "user-789",
}

BODY = {"body.text": ["Hello"], "body.attachments": []}

EVENTS: dict[str, tuple[AnyEvent, ...]] = {
    "brain-send": (
        brain(
            Text(text="Hello! How can I help you today?"),
            Options(
                options=(
                    Option(text="Check Order", value="I want to check my order"),
                    Option(text="Support", value="I need support"),
                )
            ),
        ),
    ),
    "brain-send-every-type": (
        brain(
            Text(text="Here's your order status."),
            Options(options=(Option(text="Track Order", value="Track my order"),)),
            Image(url="https://example.com/image.jpg", name="Product Image"),
            Video(url="https://example.com/video.mp4", name="Tutorial Video"),
            Audio(url="https://example.com/audio.mp3", name="Voice Message"),
            File(url="https://example.com/document.pdf", name="Invoice.pdf", size=102400),
            Carousel(
                cards=(
                    Card(
                        title="Product A",
                        subtitle="$29.99",
                        media=Media(type="image", url="https://example.com/product-a.jpg"),
                        buttons=(
                            Button(type="postback", text="Buy Now", value="buy_product_a"),
                            Button(type="url", text="Learn More", url="https://example.com/product-a"),
                        ),
                    ),
                )
            ),
            Webview(url="https://example.com/form", text="Fill out form", height="full"),
        ),
        behind(Typing, author=BRAIN, active=True, seconds=1.5, details={"pause.show_typing": True}),
        behind(
            HandoffStarted,
            customer=Customer(id="user-789"),
            text="Transferring you to a human agent...",
            department="support",
            details={"handover.desk_id": "desk-123"},
        ),
    ),
    "brain-send-siblings": (
        brain(
            Text(text="One"),
            Text(text="Two"),
            Link(url="https://example.com/"),
            Webview(url="https://example.com/s", text="Rate us"),
            details={"text.action_id": "act-1", "survey.trigger_node_id": "n1"},
        ),
        behind(Typing, author=BRAIN, active=False, details={"pause.show_typing": False}),
        behind(HandoffStarted, customer=Customer(id="user-789")),
        behind(ConversationEnded, by=BRAIN, reason="close"),
        behind(Message, author=BRAIN, parts=(Text(text="Bye"),)),
    ),
    "brain-send-unsafe": (
        brain(
            UnknownPart(type="image", data={"type": "image", "url": "data:image/png;base64,AA"}),
            UnknownPart(
                type="webview", data={"type": "webview", "label": "Go", "url": "javascript:alert(1)"}
            ),
            Carousel(
                cards=(
                    Card(
                        title="X",
                        buttons=(
                            Button(type="url", text="Go", value="javascript:alert(1)"),
                            Button(type="phone", text="+3021", value="+3021", height="tall"),
                            Button(type="untyped", text="untyped"),
                        ),
                    ),
                )
            ),
            UnknownPart(type="media", data={"type": "image", "url": "ftp://example.com/x"}),
        ),
    ),
    "brain-send-unknown-response": (
        brain(
            Text(text="Pay here"),
            UnknownPart(type="payment", data={"type": "payment", "amount": 3, "items": [1]}),
            UnknownPart(type="untyped", data={"text": "no type"}),
            UnknownPart(type="text", data={"type": "text", "text": {"el": "Γεια"}}),
        ),
    ),
    "brain-send-odd-values": (
        brain(
            File(url="https://example.com/a"),
            File(url="https://example.com/b"),
            File(url="https://example.com/c", size=0),
            Text(text="7"),
            Options(options=(Option(text="Only shown"), Option(text="Only said", value="Only said"))),
        ),
        behind(Typing, author=BRAIN, active=True),
        behind(Typing, author=BRAIN, active=True, seconds=0.0),
    ),
    "brain-send-odd": unknown(
        "message:brain_send",
        "req-123",
        "output.responses is not a list",
        **{"output.responses": "Hello"},
    ),
    "brain-send-bare": (
        Message(
            id="",
            conversation=ConversationKey(source="acme-moveo", id="sess-456"),
            at=SENT_AT + timedelta(milliseconds=123),
            author=BRAIN,
            parts=(Text(text="Hi"),),
            details={"request_id": "req-9"},
        ),
    ),
    "send": (
        send(
            Text(text="Hi! I'm Sarah from support. How can I help you?"),
            author=SARAH.model_copy(update={"avatar": PORTRAIT}),
            **{"from.team_id": "support-team"},
        ),
    ),
    "brain-send-blank": (brain(Text(text="")),),
    "send-empty": (
        send(
            Text(text=""),
            author=SARAH.model_copy(update={"avatar": PORTRAIT}),
            **{"from.team_id": "support-team"},
        ),
    ),
    "send-attachments": (
        send(
            Image(url="https://example.com/i.png", name="Look"),
            Video(url="https://example.com/v.mp4"),
            Audio(url="https://example.com/a.mp3"),
            File(url="https://example.com/d.pdf", id="f-1", name="d.pdf", mime_type="application/pdf"),
            File(id="f-2", name="e.png", mime_type="image/png"),
            UnknownPart(type="contact", data={"type": "contact"}),
            author=Author(role=Role.AGENT, id="agent-123"),
        ),
    ),
    "send-odd": unknown("message:send", "req-456", "body is not an object", body="Hello", **FROM),
    "send-odd-text": unknown("message:send", "req-456", "body.text is not a text", **FROM, **BODY),
    "compose-start": (told(Typing, "req-789", author=SARAH, active=True),),
    "compose-stop": (told(Typing, "req-789", author=BRAIN, active=False),),
    "compose-odd": unknown("message:compose", "req-789", "action is neither start nor stop", **WHO),
    "read": (told(Receipt, "req-101", state="read", by="agent"),),
    "read-by-visitor": (told(Receipt, "req-101", state="read", by="customer"),),
    "read-by-new-type": (told(Receipt, "req-101", state="read", by="supervisor"),),
    "read-by-nobody": unknown("message:read", "req-101", "author_type is missing"),
    "delivered": (told(Receipt, "req-102", state="delivered", by="bot"),),
    "member-join": (told(MemberJoined, "req-103", author=SARAH),),
    "member-join-new-type": (
        told(MemberJoined, "req-103", author=Author(role=Role.SYSTEM, name="supervisor")),
    ),
    "member-leave": (told(MemberLeft, "req-104", author=SARAH),),
    "closed": (told(ConversationEnded, "req-105", by=SARAH, reason="resolved"),),
    "closed-by-nobody": (told(ConversationEnded, "req-105", reason="resolved"),),
    "closed-with-new-status": (told(ConversationEnded, "req-105", by=SARAH, reason="spam"),),
    "session-closed-with-new-status": (told(ConversationEnded, "req-107", reason="merged"),),
    "reopened": (told(ConversationReopened, "req-106"),),
    "session-closed": (told(ConversationEnded, "req-107", reason="closed"),),
    "session-expired": (told(ConversationEnded, "req-108", reason="expired"),),
    "masked-customer": (
        told(
            ConversationReopened,
            "req-106",
            customer=Customer(id="user-789", phone="+3021", language="el"),
            details={
                "context.user.custom_psid": "c-1",
                "context.tags": ["vip"],
                "context.global.client_url": "https://example.com/",
                "context.live_instructions": "***",
            },
        ),
    ),
    "unknown-type": unknown("message:reaction", "req-110", emoji="+1"),
    "without-type": unknown("untyped", "req-111"),
}
UNREAD = {
    "brain-send-unsafe": ("image", "webview", "media"),
    "brain-send-unknown-response": ("payment", "untyped", "text"),
    "brain-send-odd": ("message:brain_send",),
    "send-odd": ("message:send",),
    "send-odd-text": ("message:send",),
    "send-attachments": ("contact",),
    "compose-odd": ("message:compose",),
    "read-by-nobody": ("message:read",),
    "unknown-type": ("message:reaction",),
    "without-type": ("untyped",),
}
NO_EVENT = {
    "brain-send-empty": ("empty message",),
    "send-echo": ("echo",),
    "without-session": ("session:expired",),
}


def test_every_fixture_has_an_expectation() -> None:
    assert {*EVENTS, *NO_EVENT} == set(names("moveo"))


@pytest.mark.parametrize("name", EVENTS)
def test_events(name: str) -> None:
    key = hashlib.sha256(body_of("moveo", name)).hexdigest()
    events = tuple(event.model_copy(update={"id": f"{key}:{n}"}) for n, event in enumerate(EVENTS[name]))

    assert receive(name) == Received(key, events, unread=UNREAD.get(name, ()))


@pytest.mark.parametrize("name", NO_EVENT)
def test_no_event(name: str) -> None:
    key = hashlib.sha256(body_of("moveo", name)).hexdigest()

    assert receive(name) == Received(key, unread=NO_EVENT[name])


async def test_what_we_send_is_known_again() -> None:
    """Whether Moveo reports it at all is not documented."""
    http = Answering(httpx.Response(200, json={}))
    await make("moveo", http=http).send(reply("moveo"))
    agent = json.loads(http.requests[0].content)["agent"]
    body = json.loads(body_of("moveo", "send")) | {"from": agent}

    echo = make("moveo").receive(genuine("moveo", "send", json.dumps(body).encode()))
    assert (echo.events, echo.unread) == ((), ("echo",))


# ── is it Moveo's ────────────────────────────────────────────────────────────────────────────────

BODY = body_of("moveo", "send")
GOOD = hmac.new(MOVEO_SECRET.encode(), BODY, hashlib.sha256).hexdigest()


def signed(signature: str | None, body: bytes = BODY) -> Webhook:
    headers = {} if signature is None else {"x-moveo-signature": signature}
    return Webhook("", headers, body, AT["moveo"])


@pytest.mark.parametrize("signature", [GOOD, GOOD.upper(), f"sha256={GOOD}", f" {GOOD} "])
def test_signature(signature: str) -> None:
    assert make("moveo").receive(signed(signature)).events


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        "é" * 64,
        "１" * 64,
        GOOD[:-1],
        f"{GOOD}0",
        f"{GOOD[:-1]}{'0' if GOOD[-1] != '0' else '1'}",
        f"sha1={GOOD}",
        hashlib.sha256(BODY).hexdigest(),
    ],
)
def test_what_is_no_signature(signature: str | None) -> None:
    with pytest.raises(NotAuthentic):
        make("moveo").receive(signed(signature))


@pytest.mark.parametrize("body", [BODY + b" ", BODY.replace(b"Sarah", b"sarah"), b"\xff", b""])
def test_the_raw_body_is_what_is_signed(body: bytes) -> None:
    with pytest.raises(NotAuthentic):
        make("moveo").receive(signed(GOOD, body))


def test_either_secret_is_accepted_while_one_is_rotated() -> None:
    assert make("moveo", secrets={"webhook_secret": ("new", MOVEO_SECRET)}).receive(signed(GOOD)).events


@pytest.mark.parametrize("seconds", [-300, 300])
def test_five_minutes_either_way_are_accepted(seconds: int) -> None:
    assert make("moveo").receive(genuine("moveo", "send", at=SENT_AT + timedelta(seconds=seconds))).events


@pytest.mark.parametrize(("settings", "seconds"), [({}, 301), ({}, -301), ({"max_age": 10}, 11)])
def test_what_is_too_old_or_too_new(settings: dict[str, Any], seconds: int) -> None:
    webhook = genuine("moveo", "send", at=SENT_AT + timedelta(seconds=seconds))

    with pytest.raises(NotAuthentic):
        make("moveo", **settings).receive(webhook)


@pytest.mark.parametrize("timestamp", [0, -1, 1704067200, 1e300, "1704067200000"])
def test_what_is_of_another_age_altogether(timestamp: Any) -> None:
    body = json.dumps(json.loads(BODY) | {"timestamp": timestamp}).encode()

    with pytest.raises(NotAuthentic):
        make("moveo").receive(genuine("moveo", "send", body, at=AT["ada"]))


@pytest.mark.parametrize("timestamp", [None, "soon", True, {}])
def test_what_says_no_time_is_dated_when_it_came(timestamp: Any) -> None:
    body = json.dumps(json.loads(BODY) | {"timestamp": timestamp}).encode()
    (event,) = make("moveo").receive(genuine("moveo", "send", body)).events

    assert event.at == AT["moveo"]


def test_there_is_one_hook() -> None:
    with pytest.raises(NotFound):
        make("moveo").receive(replace(genuine("moveo", "send"), path="messages"))


def test_replies_are_recorded_and_not_delivered() -> None:
    assert make("moveo").capabilities.delivers_replies is False
