"""What a conversation's facts learn from its events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.config import Route
from bridge.engine.work import Conversation
from bridge.model import Author, Control, ConversationKey, Customer, Message, Role, Text
from bridge.slack.view import learn, view
from tests.sandbox.slack_running import SUPPORT
from tests.slack.desk import routes_of


def said(number: int, **details: Any) -> Message:
    return Message(
        id=f"m{number}",
        conversation=ConversationKey(source="acme-ada", id="c1"),
        at=datetime(2026, 5, 4, 9, number, tzinfo=UTC),
        author=Author(role=Role.CUSTOMER),
        customer=Customer(name="Lena", language="de"),
        parts=(Text(text="Hello"),),
        details={"message_id": f"m{number}", "created_at": f"09:{number:02d}", **details},
    )


@pytest.mark.parametrize(
    ("routes", "details"),
    [
        ((), {}),
        (("metadata.*",), {"metadata.plan": "gold", "metadata.seats": 4}),
        (("*.plan", "metadata.seats"), {"metadata.plan": "gold", "metadata.seats": 4}),
    ],
)
def test_one_message_more_is_no_news(routes: tuple[str, ...], details: dict[str, Any]) -> None:
    """Else every message would write the conversation anew, and draw its card to hold it against."""
    asked = routes_of(
        *(Route(channel=SUPPORT, details=(one,)) for one in routes or ()), Route(channel=SUPPORT)
    )
    first = learn({}, said(1, **{"metadata.plan": "gold", "metadata.seats": 4}), asked.shown)
    assert first.get("details", {}) == details
    assert learn(first, said(2), asked.shown) == first
    news = learn(first, said(3, **{"metadata.plan": "blue"}), asked.shown)
    assert (news != first) == bool(details)


def test_ids_are_on_the_card_where_a_route_names_them() -> None:
    facts = {"customer": {"id": "u1", "name": "Lena"}, "details": {"plan": "gold"}}
    known = Conversation(1, ConversationKey(source="acme-ada", id="c1"), Control.BOT, None, 0.0)
    shown = view(known, facts, "ada", ("conversation_id", "customer_id")).details
    assert shown == {"conversation_id": "c1", "customer_id": "u1"}
    assert view(known, facts, "ada", ("*",)).details == {"plan": "gold"}
