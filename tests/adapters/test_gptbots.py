"""GPTBots: who may call, what each call becomes, and the exact body it is answered with."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.adapter import Received, Webhook
from bridge.errors import NotAllowed, NotAuthentic, NotFound
from bridge.model import (
    AnyEvent,
    Audio,
    Author,
    ConversationEnded,
    ConversationKey,
    Customer,
    File,
    HandoffStarted,
    Image,
    Message,
    Quote,
    Role,
    Text,
    UnknownEvent,
    UnknownPart,
    Video,
)
from tests import signing
from tests.vendors import AT, TOKEN, body_of, genuine, make, names

MESSAGES = {"code": 200, "msg": "success"}
SERVICE = {"code": 200, "message": "success", "msg": "success"}

V1_AT = datetime(2023, 3, 23, 15, 56, 45, tzinfo=UTC)
V2_AT = datetime(2025, 3, 5, 3, 0, tzinfo=UTC)
SESSION_AT = datetime(2024, 7, 12, 5, 45, 8, 123_000, tzinfo=UTC)
BOT, CUSTOMER = Author(role=Role.BOT), Author(role=Role.CUSTOMER)


def receive(name: str) -> Received:
    return make("gptbots").receive(genuine("gptbots", name))  # type: ignore[no-any-return]


def digest(name: str) -> str:
    return hashlib.sha256(body_of("gptbots", name)).hexdigest()


def key(id: str) -> ConversationKey:
    return ConversationKey(source="acme-gptbots", id=id)


def v1(*parts: Any, author: Author = BOT, **details: Any) -> Message:
    return Message(
        id="message:657303a8a764d47094874bbe:65a4ccfC7ce58e728d5897e0",
        conversation=key("657303a8a764d47094874bbe"),
        at=V1_AT,
        author=author,
        parts=parts,
        details={"message_id": "65a4ccfC7ce58e728d5897e0", **details},
    )


def v1_unknown(type: str, problem: str | None = None, **details: Any) -> UnknownEvent:
    common = v1().model_dump(include={"id", "conversation", "at"})
    told = {**v1().details, "text": "Hi, is there anything I can help you?", **details}
    kept = {name: value for name, value in told.items() if value is not ...}
    return UnknownEvent(**common, type=type, problem=problem, details=kept)


def v2(*parts: Any, **changes: Any) -> Message:
    fields: dict[str, Any] = {
        "id": "message:657303a8a764d47094874bbe:67c7be2f1a2b3c4d5e6f7a8b",
        "conversation": key("657303a8a764d47094874bbe"),
        "at": V2_AT,
        "author": BOT,
        "parts": parts,
        "details": {"message_id": "67c7be2f1a2b3c4d5e6f7a8b"},
        **changes,
    }
    return Message(**fields)


def session(name: str, kind: Any, call: str, at: datetime = SESSION_AT, **fields: Any) -> AnyEvent:
    id, talk = f"{call}:{digest(name)}", key("6690c6e4d1d2b97b4c8d1a01")
    return kind(id=id, conversation=talk, at=at, **fields)  # type: ignore[no-any-return]


def establish(name: str, **fields: Any) -> AnyEvent:
    return session(name, HandoffStarted, "conversation/establish", wait=60.0, **fields)


QUOTES = (
    Quote(role=Role.CUSTOMER, text="I want a human"),
    Quote(role=Role.BOT, text="One moment please"),
    Quote(role=Role.SYSTEM, text="calm"),
)
BOT_ID = {"bot_id": "65a4ccfc7ce58e728d5897aa"}
GREETING = "Greeting · branch 1"
CHAT_AT = SESSION_AT + timedelta(seconds=10, milliseconds=333)
CLOSE_AT = datetime(2024, 7, 12, 5, 46, 28, tzinfo=UTC)

EVENTS: dict[str, AnyEvent] = {
    "messages-v1": v1(
        Text(text="Hi, is there anything I can help you?"),
        Text(label="User Input · branch 1", text="你好"),
    ),
    "messages-v1-question": v1(Text(text="Where is my order?"), author=CUSTOMER),
    "messages-v1-same-text": v1(Text(label="Answer", text="One."), Text(label="branch 2", text="Two.")),
    "messages-v1-empty": v1(Text(text="")),
    "messages-v1-unknown-type": v1_unknown("EVENT", message_type="EVENT"),
    "messages-v1-without-type": v1_unknown(
        "message",
        "message_type is missing",
        flow_output=[{"content": "你好", "branch": "1", "from_component_name": "User Input"}],
    ),
    "messages-v1-odd-text": v1_unknown(
        "message", "text is not a text", message_type="ANSWER", **{"text": ..., "text.en": "Hi"}
    ),
    "messages-v2": v2(
        Text(label=GREETING, text="Your parcel is on its way $[1]$"),
        Audio(
            label=GREETING, url="https://files.example.org/a/1.mp3", transcript="Your parcel is on its way"
        ),
        details={
            "message_id": "67c7be2f1a2b3c4d5e6f7a8b",
            "usage.tokens.total_tokens": 24,
            "usage.tokens.prompt_tokens": 20,
            "usage.tokens.completion_tokens": 4,
            "usage.tokens.prompt_tokens_details.audio_tokens": 0,
            "usage.tokens.prompt_tokens_details.text_tokens": 20,
            "usage.tokens.completion_tokens_details.reasoning_tokens": 0,
            "usage.tokens.completion_tokens_details.audio_tokens": 0,
            "usage.tokens.completion_tokens_details.text_tokens": 4,
            "usage.credits.total_credits": 0.0385,
            "usage.credits.text_input_credits": 0.015,
            "usage.credits.text_output_credits": 0.0235,
            "usage.credits.audio_input_credits": 0.0,
            "usage.credits.audio_output_credits": 0.0,
        },
    ),
    "messages-v2-branches": v2(
        Text(label="Left", text="A"),
        Text(label="branch 2", text="A"),
        at=V2_AT + timedelta(milliseconds=123),
    ),
    "messages-v2-media": v2(
        Image(url="https://files.example.org/i.png", name="i.png"),
        Video(url="https://files.example.org/v.mp4"),
        File(url="https://files.example.org/d.pdf", name="d.pdf"),
        File(url="https://files.example.org/f.zip"),
        UnknownPart(type="audio", data={"audio": "file:///etc/passwd", "transcript": "hm"}),
        UnknownPart(type="card", data={"card": {"title": "Parcel"}}),
    ),
    "messages-v2-odd-output": UnknownEvent(
        **v2().model_dump(include={"id", "conversation", "at"}),
        type="message",
        problem="output is not a list",
        details={"message_id": "67c7be2f1a2b3c4d5e6f7a8b", "output": "Hello"},
    ),
    "establish": establish(
        "establish",
        customer=Customer(id="user-7", email="ada@example.org"),
        context=QUOTES,
        details={**BOT_ID, "user_info.anonymous_id": "anon-7"},
    ),
    "establish-oldest": establish("establish-oldest", customer=Customer(), details=BOT_ID),
    "establish-whatsapp": establish(
        "establish-whatsapp",
        customer=Customer(id="wa-1", email="visitor@example.org", phone="+4912345"),
        context=QUOTES,
        details={**BOT_ID, "user_info.anonymous_id": "wa-1", "extra": "kept"},
    ),
    "chat": session(
        "chat", Message, "chat", CHAT_AT, author=CUSTOMER, parts=(Text(text="Is anybody there?"),)
    ),
    "chat-odd-body": session(
        "chat-odd-body",
        Message,
        "chat",
        CHAT_AT,
        author=CUSTOMER,
        parts=(
            Image(url="https://files.example.org/i.png"),
            UnknownPart(type="sticker", data={"sticker": {"id": 4}}),
        ),
    ),
    "chat-empty": session(
        "chat-empty",
        Message,
        "chat",
        datetime(2024, 7, 12, 5, 45, 18, 456_000, tzinfo=UTC),
        author=CUSTOMER,
        parts=(Text(text=" "),),
    ),
    "chat-without-body": session(
        "chat-without-body", UnknownEvent, "chat", CHAT_AT, type="chat", problem="body is missing"
    ),
    "close-timeout": session(
        "close-timeout",
        ConversationEnded,
        "conversation/close",
        CLOSE_AT,
        by=Author(role=Role.SYSTEM),
        reason="TIMEOUT",
    ),
    "close-by-user": session(
        "close-by-user", ConversationEnded, "conversation/close", CLOSE_AT, by=CUSTOMER, reason="USER_CLOSED"
    ),
    "close-otherwise": session(
        "close-otherwise",
        ConversationEnded,
        "conversation/close",
        AT["gptbots"],
        dated=False,
        reason="AGENT_CLOSED",
        details={"agent": "x"},
    ),
}
UNREAD = {
    "messages-v1-unknown-type": ("EVENT",),
    "messages-v1-without-type": ("message",),
    "messages-v1-odd-text": ("message",),
    "messages-v2-odd-output": ("message",),
    "messages-v2-media": ("audio", "card"),
    "chat-odd-body": ("sticker",),
    "chat-without-body": ("chat",),
}
NO_EVENT = {
    "messages-without-conversation": ("message",),
    "close-without-conversation": ("conversation/close",),
}
PROBES = {"messages-probe-v1", "messages-probe-v2", "establish-probe", "chat-probe"}


def answer(name: str) -> dict[str, Any]:
    return MESSAGES if name.startswith("messages") else SERVICE


def test_every_fixture_has_an_expectation() -> None:
    assert {*EVENTS, *NO_EVENT, *PROBES} == set(names("gptbots"))


@pytest.mark.parametrize("name", EVENTS)
def test_event(name: str) -> None:
    received, event = receive(name), EVENTS[name]

    assert received == Received(received.key, (event,), answer(name), unread=UNREAD.get(name, ()))
    assert received.key == event.id or name.startswith("messages-")
    # The key outlives a customer who is forgotten: it does not name their conversation.
    assert event.conversation.id not in received.key


@pytest.mark.parametrize("name", NO_EVENT)
def test_no_event(name: str) -> None:
    received = receive(name)

    assert received == Received(received.key, (), answer(name), unread=NO_EVENT[name])


@pytest.mark.parametrize("name", sorted(PROBES))
def test_a_probe_is_answered_like_anything_else_and_leaves_no_trace(name: str) -> None:
    received = receive(name)

    assert received == Received(received.key, (), answer(name), kept=False)


@pytest.mark.parametrize("text", ["你好", " 你好\n"])
def test_no_text_twice(text: str) -> None:
    body = body_of("gptbots", "messages-v1").replace(
        b"Hi, is there anything I can help you?", text.encode().replace(b"\n", b"\\n")
    )
    (event,) = make("gptbots").receive(genuine("gptbots", "messages", body)).events

    assert event.parts == (Text(label="User Input · branch 1", text="你好"),)


def test_a_message_is_the_same_by_its_id_and_a_call_by_its_body() -> None:
    gptbots = make("gptbots")
    first = body_of("gptbots", "messages-v1")
    again = json.dumps(json.loads(first), separators=(",", ":")).encode()
    assert first != again
    assert len({gptbots.receive(genuine("gptbots", "messages", body)).key for body in (first, again)}) == 1

    said = [body_of("gptbots", "chat"), body_of("gptbots", "chat").replace(b"456", b"457")]
    assert len({gptbots.receive(genuine("gptbots", "chat", body)).key for body in said}) == 2


def test_without_an_id_a_message_is_the_same_by_its_body() -> None:
    body = body_of("gptbots", "messages-v1").replace(b"message_id", b"id")
    received = make("gptbots").receive(genuine("gptbots", "messages", body))

    assert received.key == received.events[0].id == f"message:{hashlib.sha256(body).hexdigest()}"


# ── who may call ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scheme", ["Bearer", "Basic", "bearer"])
def test_the_token_of_the_message_webhook_comes_in_either_scheme(scheme: str) -> None:
    webhook = replace(genuine("gptbots", "messages-v1"), headers=signing.gptbots("the-webhook-token", scheme))

    assert make("gptbots").receive(webhook).events


@pytest.mark.parametrize("name", ["messages-v1", "messages-probe-v1"])
@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer wrong", "the-webhook-token", "Digest the-webhook-token", "Bearer ä"],
)
def test_without_the_token_of_the_message_webhook(name: str, header: str | None) -> None:
    headers = {} if header is None else {"authorization": header}

    with pytest.raises(NotAuthentic):
        make("gptbots").receive(replace(genuine("gptbots", name), headers=headers))


@pytest.mark.parametrize("header", [{}, {"authorization": "Bearer "}, {"authorization": "Bearer x"}])
def test_where_no_token_is_configured_messages_want_the_one_in_the_path(header: dict[str, str]) -> None:
    gptbots = make("gptbots", secrets={"webhook_token": ()})
    webhook = replace(genuine("gptbots", "messages-v1"), headers=header)

    assert gptbots.receive(replace(webhook, path=f"{TOKEN}/messages")) == receive("messages-v1")
    for path in ("messages", "wrong/messages"):
        with pytest.raises(NotAuthentic):
            gptbots.receive(replace(webhook, path=path))


@pytest.mark.parametrize("tokens", [(), ("the-webhook-token",)])
@pytest.mark.parametrize("scheme", ["Bearer", "Basic"])
def test_the_api_key_is_a_token_of_the_message_webhook(tokens: tuple[str, ...], scheme: str) -> None:
    gptbots = make("gptbots", secrets={"webhook_token": tokens})
    webhook = replace(genuine("gptbots", "messages-v1"), headers=signing.gptbots("the-key", scheme))

    assert gptbots.receive(webhook) == receive("messages-v1")
    with pytest.raises(NotAuthentic):
        gptbots.receive(replace(webhook, headers=signing.gptbots("the-key2", scheme)))
    with pytest.raises(NotAuthentic):  # the human service has its own secret
        gptbots.receive(replace(genuine("gptbots", "chat"), path="the-key/chat"))


def test_the_alert_has_the_waiting_time_of_the_console() -> None:
    gptbots = make("gptbots", wait=300.0)

    (started,) = gptbots.receive(genuine("gptbots", "establish")).events
    assert started.wait == 300.0
    for wait in (0, -1, 86_401, float("nan"), float("inf")):
        with pytest.raises(ValidationError):
            make("gptbots", wait=wait)


@pytest.mark.parametrize("prefix", ["", "human/service", "a//b"])
@pytest.mark.parametrize("name", ["establish", "chat", "close-timeout"])
def test_the_human_service_may_call_under_any_prefix(name: str, prefix: str) -> None:
    webhook = genuine("gptbots", name)
    call = webhook.path.removeprefix(f"{TOKEN}/human/service/")

    moved = replace(webhook, path=signing.gptbots_path(TOKEN, call, prefix))
    assert make("gptbots").receive(moved) == receive(name)


@pytest.mark.parametrize("token", ["wrong", "", TOKEN[:-1], f"{TOKEN}x", "messages", "ä"])
@pytest.mark.parametrize("call", ["conversation/establish", "chat", "conversation/close", "nothing"])
def test_without_the_token_of_the_path(token: str, call: str) -> None:
    with pytest.raises(NotAuthentic):
        make("gptbots").receive(Webhook(f"{token}/{call}", {}, b"{}", AT["gptbots"]))


def test_either_token_of_the_path_is_accepted_while_one_is_rotated() -> None:
    gptbots = make("gptbots", secrets={"path_token": ("new", TOKEN)})
    webhook = genuine("gptbots", "chat")

    assert gptbots.receive(webhook) == gptbots.receive(replace(webhook, path="new/chat"))


@pytest.mark.parametrize(
    "path", ["", "message", TOKEN, f"{TOKEN}/messages/x", f"{TOKEN}/xchat", f"{TOKEN}/close"]
)
def test_other_paths_are_no_hooks(path: str) -> None:
    with pytest.raises(NotFound):
        make("gptbots").receive(replace(genuine("gptbots", "messages-v1"), path=path))


@pytest.mark.parametrize("bot_id", [b'"another"', b"null", b'""', b"[]"])
def test_another_agent_may_not_establish(bot_id: bytes) -> None:
    body = body_of("gptbots", "establish").replace(b'"65a4ccfc7ce58e728d5897aa"', bot_id)

    with pytest.raises(NotAllowed):
        make("gptbots").receive(genuine("gptbots", "establish", body))


def test_the_token_is_in_no_repr() -> None:
    assert TOKEN not in repr(genuine("gptbots", "chat"))


@pytest.mark.parametrize("name", ["messages-v1", "messages-v2"])
def test_the_same_message_with_other_words_or_of_another_time_is_another_webhook(name: str) -> None:
    body = body_of("gptbots", name)
    later = body.replace(b'"create_time": 1', b'"create_time": 2')
    other = body.replace("你好".encode(), b"Goodbye").replace(b"on its way", b"delivered")
    assert body not in (later, other)

    first, again, dated, changed = (
        make("gptbots").receive(genuine("gptbots", name, one)) for one in (body, body, later, other)
    )
    assert first.key == again.key
    assert len({one.key for one in (first, dated, changed)}) == 3
    assert {one.events[0].id for one in (first, dated, changed)} == {first.events[0].id}
