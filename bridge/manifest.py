"""The manifest of the Slack app that the bridge needs: scopes, events, shortcuts, addresses. Pure.

https://docs.slack.dev/reference/app-manifest. `tests/test_docs.py` holds it against what the code calls,
hears and answers, so that none is forgotten and none is asked for in vain.
"""

from __future__ import annotations

from typing import Any

from bridge.actions import ACTIONS

NAME = "Handoff Bridge"
#: where Slack's events and interactions go
PATH = "/slack/events"

#: bot scope -> what it is for; docs/slack.md says more
SCOPES = {
    "chat:write": "posting and updating messages",
    "chat:write.customize": "messages under their author's own name and picture",
    "files:read": "seeing whether a file is shown, and the files in people's replies",
    "files:write": "files of customers and AI agents",
    "reactions:read": "a lock on a message, which makes it a note",
    "reactions:write": "the marks on people's replies",
    "commands": "the entries in a message's menu",
    "channels:history": "replies in threads",
    "groups:history": "replies in threads of private channels",
    "channels:read": "who is in a channel",
    "groups:read": "who is in a private channel",
    "users:read": "name and picture of whoever replies",
    "usergroups:read": "the name of a group that a reply mentions",
}
#: what can be done without: private channels, and files
SPARED = frozenset({"groups:history", "groups:read", "files:read", "files:write"})

EVENTS = ("app_home_opened", "message.channels", "message.groups", "reaction_added")

#: callback_id -> name and description, as entries in a message's menu
SHORTCUTS: dict[str, tuple[str, str]] = {
    **{
        act: (action.label + ("…" if action.asks else ""), action.menu)
        for act, action in ACTIONS.items()
        if action.menu is not None
    },
    "ask_again": ("Send or keep this reply…", "Decide about a reply of yours that is held."),
}


def manifest(public_url: str | None) -> dict[str, Any]:
    """The manifest of an app that Slack calls at `public_url`, or without one of an app in Socket Mode."""
    address = {} if public_url is None else {"request_url": public_url.rstrip("/") + PATH}
    return {
        "_metadata": {"major_version": 2},
        "display_information": {
            "name": NAME,
            "description": "AI-agent conversations as threads, and people's replies carried back.",
        },
        "features": {
            "app_home": {"home_tab_enabled": True, "messages_tab_enabled": False},
            "bot_user": {"display_name": NAME, "always_online": True},
            "shortcuts": [
                {"name": name, "type": "message", "callback_id": str(id), "description": description}
                for id, (name, description) in SHORTCUTS.items()
            ],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {**address, "bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, **address},
            "org_deploy_enabled": False,
            "socket_mode_enabled": public_url is None,
            "token_rotation_enabled": False,
        },
    }
