"""What a conversation's facts learn from its events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bridge.config import Route
from bridge.model import Author, ConversationKey, Customer, Message, Role, Text
from bridge.slack.view import learn
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
