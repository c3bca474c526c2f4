"""Which routes count in a workspace, and where a conversation without a thread belongs."""

from __future__ import annotations

from typing import Any

from bridge.config import Match, Route
from bridge.engine.work import Conversation
from bridge.model import Control, ConversationKey
from bridge.slack.routes import Routes

FRENCH = Route(match=Match(language=("fr",)), workspace="emea", channel="C0FRENCH", alert_channel="C0ALERTS")
GERMAN = Route(match=Match(language=("de",)), workspace="emea", channel="C0GERMAN")
REST = Route(channel="C0REST", alert_channel="C0OWN", digest_at="09:00", reply_mode="live")
ALL = (FRENCH, GERMAN, REST)


def speaking(language: str | None = None) -> Conversation:
    facts: dict[str, Any] = {"customer": {"language": language}} if language else {}
    return Conversation(
        1, ConversationKey(source="s", id="1"), Control.BOT, None, created_at=0.0, facts=facts
    )


def of(workspace: str, language: str | None = None) -> Route:
    return Routes(ALL, {}, workspace).of(speaking(language))


def test_the_first_of_all_that_fits_says_where_it_belongs() -> None:
    routes = Routes(ALL, {}, "slack")
    assert [routes.workspace(speaking(one)) for one in ("fr", "de", "en", None)] == [
        "emea",
        "emea",
        "slack",
        "slack",
    ]
    assert routes.workspace(speaking(), {"customer": {"language": "fr"}}) == "emea"


def test_in_a_workspace_its_own_count() -> None:
    assert (of("emea", "fr"), of("slack", "en")) == (FRENCH, REST)


def test_a_thread_that_stands_keeps_to_the_last_of_its_workspace() -> None:
    assert of("emea", "en").channel == "C0GERMAN"
    assert of("slack", "fr") == REST


def test_where_no_route_leads_any_more_nothing_is_told_to_other_channels() -> None:
    route = of("apac")
    assert (route.alert_channel, route.fallback_channel, route.digest_at) == (None, None, None)
    assert route.reply_mode == "live"
