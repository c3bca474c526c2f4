"""The workspace everybody meets first: its people, its channels and who is in them, its user groups.

Mina and Jo answer customers in #support. Lee leads them and is in every channel but that one. Sam is a
guest. Pat is at another company, which #vip is shared with. #support-leads is private.
"""

from __future__ import annotations

from bridge.sandbox.slack.state import Channel, Json, User
from bridge.sandbox.slack.workspace import Workspace

PARTNER = "T0PARTNER"


def furnish(workspace: Workspace) -> None:
    app = workspace.app
    for user in (
        User("U0MINA", "mina", "Mina Park", "Mina Park", email="mina@example.com"),
        User("U0JO", "jo", "Jo Alvarez", "Jo", email="jo@example.com"),
        User("U0GUEST", "guest", "Sam Guest", is_restricted=True, is_ultra_restricted=True),
        User(app.user, "handoff_bridge", app.name, is_bot=True, bot_id=app.bot_id),
        User("U0LEE", "lee", "Lee Novak", "Lee", email="lee@example.com"),
        User("U0PARTNER", "pat", "Pat Partner", team_id=PARTNER),
    ):
        if user.team_id != PARTNER:
            user.team_id = workspace.team_id
        workspace.users[user.id] = user
    team = ["U0MINA", "U0JO", "U0GUEST", app.user]
    for channel in (
        Channel("C0SUPPORT", "support", list(team)),
        Channel("C0ALERTS", "support-alerts", [*team, "U0LEE"]),
        Channel("C0VIP", "vip", [*team, "U0LEE", "U0PARTNER"], is_ext_shared=True),
        Channel("C0HANDOFFS", "handoff-alerts", ["U0MINA", "U0JO", app.user, "U0LEE"]),
        Channel("C0LEADS", "support-leads", ["U0MINA", app.user, "U0LEE"], is_private=True),
    ):
        workspace.channels[channel.id] = channel
    workspace.usergroups += [
        _usergroup(workspace, "S0SUPPORT", "Support team", "support-team", "U0MINA", "U0JO"),
        _usergroup(workspace, "S0LEADS", "Support leads", "support-leads", "U0MINA", "U0LEE"),
    ]


def _usergroup(workspace: Workspace, id: str, name: str, handle: str, *users: str) -> Json:
    return {
        "id": id,
        "team_id": workspace.team_id,
        "is_usergroup": True,
        "name": name,
        "handle": handle,
        "users": list(users),
        "date_delete": 0,
    }
