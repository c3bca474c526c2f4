"""What each of Whimbrel's payloads becomes, and what it is sent: what the contract does not ask for."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bridge.adapter import Received
from bridge.errors import NotAuthentic, NotFound, OutcomeUnknown, Rejected
from bridge.model import (
    AnyEvent,
    Author,
    ConversationEnded,
    ConversationKey,
    ConversationStarted,
    Customer,
    File,
    HandoffEnded,
    HandoffStarted,
    Image,
    Message,
    Option,
    Options,
    Role,
    Sent,
    Text,
    Typing,
    UnknownEvent,
    UnknownPart,
)
from bridge.preview import preview
from tests import signing
from tests.render.slack_rules import check
from tests.vendors import AT, EVERY, Answering, folder, genuine, make, names, reply

LENA = Author(role=Role.CUSTOMER, id="cus_31", name="Lena Brandt")
WIM = Author(role=Role.BOT, id="as_1", name="Wim")
MINA = Author(role=Role.AGENT, id="op_7", name="Mina K.", avatar="https://img.example.org/mina.png")


def told(kind: Any, number: int, **fields: Any) -> AnyEvent:
    """An event with what stands in all of the payloads."""
    common = {
        "id": f"evt_{number:04}",
        "conversation": ConversationKey(source="acme-whimbrel", id="talk_9f2"),
        "at": datetime(2026, 5, 4, 9, 15, number, 120_000, tzinfo=UTC),
        "customer": Customer(id="cus_31", name="Lena Brandt", email="lena@example.org", language="de"),
        "details": {"sequence": number, "conversation.plan": "gold", **fields.pop("details", {})},
    }
    return kind(**common, **fields)  # type: ignore[no-any-return]


EVENTS: dict[str, AnyEvent] = {
    "opened": told(ConversationStarted, 1, start_page="https://shop.example.org/cart"),
    "message": told(Message, 2, author=LENA, parts=(Text(text="Where is my **order**?"),)),
    "message-assistant": told(
        Message,
        3,
        author=WIM,
        parts=(
            Text(text="Which one?"),
            Options(
                options=(Option(text="The last one", value="My last order"), Option(text="Another")),
            ),
            Image(url="https://img.example.org/parcel.png", name="parcel"),
        ),
    ),
    "message-operator": told(
        Message,
        4,
        author=MINA,
        parts=(Text(text="Mina here."), File(url="https://files.example.org/label.pdf", name="label.pdf")),
    ),
    "message-new-content": told(
        Message,
        6,
        author=Author(role=Role.SYSTEM, id="au_1", name="auditor"),
        parts=(UnknownPart(type="hologram", data={"type": "hologram", "depth": 3}),),
    ),
    "message-odd-values": told(
        Message,
        7,
        author=LENA,
        parts=(
            UnknownPart(type="text", data={"type": "text", "text": None}),
            UnknownPart(type="image", data={"type": "image", "url": "javascript:alert(1)"}),
            UnknownPart(type="choices", data={"type": "choices", "choices": [{"say": "x"}]}),
        ),
    ),
    "message-without-content": told(
        UnknownEvent,
        9,
        type="message.created",
        problem="message.content is not a list",
        details={
            "message.id": "msg_9",
            "message.from.kind": "customer",
            "message.from.id": "cus_31",
            "message.from.name": "Lena Brandt",
        },
    ),
    "typing": told(Typing, 10, author=WIM, active=True),
    "typing-odd": told(
        UnknownEvent,
        11,
        type="typing",
        problem="active is neither true nor false",
        details={"active": "yes", "from.kind": "assistant", "from.id": "as_1", "from.name": "Wim"},
    ),
    "handoff-requested": told(HandoffStarted, 12, reason="asked for a person", department="billing"),
    "handoff-returned": told(HandoffEnded, 13),
    "closed": told(ConversationEnded, 14, by=MINA, reason="solved"),
    "closed-by-nobody": told(ConversationEnded, 15),
    "new-type": told(UnknownEvent, 16, type="survey.answered", details={"score": 4}),
}


#: what is kept, counted and not shown
UNREAD = {
    "message-echo": "echo",
    "message-empty": "empty message",
    "without-conversation": "message.created",
}


def receive(name: str) -> Received:
    return make("whimbrel").receive(genuine("whimbrel", name))  # type: ignore[no-any-return]


def test_every_payload_is_told_about() -> None:
    assert {*EVENTS, *UNREAD, "ping"} == {*names("whimbrel")}


@pytest.mark.parametrize("name", EVENTS)
def test_what_it_becomes(name: str) -> None:
    assert receive(name).events == (EVENTS[name],)
    assert receive(name).key == EVENTS[name].id


@pytest.mark.parametrize("name", UNREAD)
def test_what_is_only_counted(name: str) -> None:
    assert receive(name) == Received(receive(name).key, unread=(UNREAD[name],))


def test_a_ping_leaves_no_trace() -> None:
    assert not receive("ping").kept


@pytest.mark.parametrize("name", names("whimbrel"))
def test_slack_takes_what_is_shown_of_it(name: str) -> None:
    """The file's folder says whose it is, as with `bridge render FILE`."""
    shown = preview(folder("whimbrel") / f"{name}.json", None, EVERY, at=AT["whimbrel"])

    assert len(shown) == (name in EVENTS)
    for one in shown:
        for message in (one.card, *one.messages):
            check(message)


# ── who sent it ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("off", "taken"), [(299, True), (-299, True), (302, False), (-302, False)])
def test_how_old_it_may_be(off: int, taken: bool) -> None:
    adapter, webhook = make("whimbrel"), genuine("whimbrel", "message", at=AT["whimbrel"])
    late = replace(webhook, at=webhook.at + timedelta(seconds=off))

    if taken:
        assert adapter.receive(late).events
    else:
        with pytest.raises(NotAuthentic, match="too long ago, or too far ahead"):
            adapter.receive(late)


def test_one_of_several_secrets_will_do() -> None:
    adapter = make("whimbrel", secrets={"webhook_secret": ("new", "old")})
    webhook = genuine("whimbrel", "message")

    for secret in ("new", "old"):
        headers = signing.whimbrel(webhook.body, secret, webhook.at)
        assert adapter.receive(replace(webhook, headers=headers)).events
    with pytest.raises(NotAuthentic, match="no signature fits"):
        adapter.receive(webhook)


def test_there_is_one_hook() -> None:
    webhook = genuine("whimbrel", "message")

    with pytest.raises(NotFound):
        make("whimbrel").receive(replace(webhook, path="handoff"))


# ── what it is sent ──────────────────────────────────────────────────────────────────────────────

MESSAGES = "https://api.whimbrel.example/v1/conversations/c%2F1%20%C3%A4/messages"


async def test_a_reply() -> None:
    http = Answering(httpx.Response(201, json={"id": "msg_8"}))

    assert await make("whimbrel", http=http).send(reply("whimbrel")) == Sent(ref="msg_8")
    (request,) = http.requests
    assert (request.method, str(request.url)) == ("POST", MESSAGES)
    assert request.headers["authorization"] == "Bearer the-key"
    assert json.loads(request.content) == {
        "client_id": "slack:reply-1",
        "operator": {"name": "Mina K.", "picture": "https://img.example.org/mina.png"},
        "text": "Looking into it now",
    }


async def test_a_reply_that_is_refused_says_why() -> None:
    closed = {"error": {"code": "closed", "message": "the conversation is closed"}}
    http = Answering(httpx.Response(410, json=closed))

    with pytest.raises(Rejected, match="answered 410: the conversation is closed"):
        await make("whimbrel", http=http).send(reply("whimbrel"))


@pytest.mark.parametrize(
    ("listed", "found"),
    [([{"id": "msg_8", "client_id": "slack:reply-1"}], Sent(ref="msg_8")), ([], None)],
)
async def test_it_is_asked_whether_it_has_a_reply(listed: list[Any], found: Sent | None) -> None:
    http = Answering(httpx.Response(200, json={"messages": listed}))

    assert await make("whimbrel", http=http).find(reply("whimbrel"), 60.0) == found
    assert str(http.requests[0].url) == f"{MESSAGES}?client_id=slack%3Areply-1"


async def test_an_answer_that_lists_nothing_is_no_answer() -> None:
    with pytest.raises(OutcomeUnknown):
        await make("whimbrel", http=Answering(httpx.Response(200, json={}))).find(reply("whimbrel"), 60.0)
