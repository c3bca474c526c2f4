"""Who a user id stands for: a member, a guest, an app; under which name, and with which picture."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from bridge.compose import Mentions, Names
from bridge.config import Slack
from bridge.engine.ports import Ledger
from bridge.errors import DeliveryError
from bridge.sandbox.slack.state import User
from bridge.slack import people
from bridge.slack.api import SlackApi
from bridge.slack.hosts import is_public_picture
from bridge.slack.people import People, is_member
from tests.sandbox.slack_running import Running, running

OURS = "T0SANDBOX"


def grid(*teams: str) -> dict[str, Any]:
    return {"id": "U0JO", "enterprise_id": "E0ACME", "enterprise_name": "Acme", "teams": list(teams)}


MEMBERS: list[dict[str, Any]] = [
    {"team_id": OURS},
    {},  # not every answer says which workspace
    {"team_id": "T0HOME", "enterprise_user": grid(OURS, "T0HOME"), "is_stranger": False},
    {"team_id": "T0HOME", "enterprise_user": grid("T0HOME", OURS)},
    {"team_id": OURS, "enterprise_user": grid("T0HOME")},
    {"team_id": OURS, "is_app_user": True},  # a person who has authorized an app
]
OTHERS: list[dict[str, Any]] = [
    {"team_id": "T0HOME"},
    {"team_id": "T0HOME", "enterprise_user": grid("T0HOME", "T0OTHER")},
    {"team_id": "T0HOME", "enterprise_user": grid()},
    {"team_id": "T0HOME", "enterprise_user": {"teams": None}},
    {"team_id": "T0HOME", "enterprise_user": {"teams": f"x{OURS}x"}},
    {"team_id": "T0HOME", "enterprise_user": [OURS]},
    {"team_id": OURS, "is_stranger": True},
    {"team_id": "T0HOME", "enterprise_user": grid(OURS), "is_stranger": True},
    {"team_id": "T0HOME", "enterprise_user": grid(OURS), "is_restricted": True},
    {"team_id": "T0HOME", "enterprise_user": grid(OURS), "is_ultra_restricted": True},
    {"team_id": OURS, "is_restricted": True},
]


@pytest.mark.parametrize("user", MEMBERS, ids=str)
def test_members(user: dict[str, Any]) -> None:
    assert is_member(user, OURS)


@pytest.mark.parametrize("user", OTHERS, ids=str)
def test_guests_and_strangers(user: dict[str, Any]) -> None:
    assert not is_member(user, OURS)


@pytest.mark.parametrize(
    "url",
    [
        "https://avatars.slack-edge.com/2023-01-30/4703448917447_873b33c8a4d1b95cf440_192.jpg",
        "https://a.slack-edge.com/df10d/img/avatars/ava_0008-192.png",
        "https://ca.slack-edge.com/T0-U0-abc-512",
    ],
)
def test_slacks_own_pictures_may_go_to_vendors(url: str) -> None:
    assert is_public_picture(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://secure.gravatar.com/avatar/0c5f7a9e6e8b4a0d9a51b6a9d0f3c111.jpg?s=192"
        "&d=https%3A%2F%2Fa.slack-edge.com%2Fdf10d%2Fimg%2Favatars%2Fava_0008-192.png",
        "https://www.gravatar.com/avatar/0c5f7a9e6e8b4a0d9a51b6a9d0f3c111",
        "https://a.slack-edge.com/x.png?d=https%3A%2F%2Fsecure.gravatar.com%2Favatar%2F0c5f",
        "https://a.slack-edge.com/x.png#secure.gravatar.com/avatar/0c5f",
        "https://a.slack-edge.com@secure.gravatar.com/avatar/0c5f",
        "https://secure.gravatar.com\\@a.slack-edge.com/avatar/0c5f",
        "https://slack-edge.com.gravatar.com/avatar/0c5f",
        "https://notslack-edge.com/x.png",
        "http://avatars.slack-edge.com/x.png",
        "https://avatars.slack-edge.com:8443/x.png",
        "https://files.slack.com/x.png",  # wants a token
        "https://[",
        "",
    ],
)
def test_no_other_picture_goes_to_vendors(url: str) -> None:
    assert not is_public_picture(url)


# ── asked of Slack ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def run() -> AsyncIterator[Running]:
    async with running(channel_rate=0) as one:
        yield one


async def people_of(run: Running) -> People:
    api = SlackApi(run.client, Slack(), cast("Ledger", None))
    await api.authenticate()
    return People(api)


@pytest.mark.parametrize(
    ("id", "more", "bot"),
    [
        ("U0BOT", {"is_bot": True}, True),
        ("U0FLOW", {"is_workflow_bot": True}, True),
        ("USLACKBOT", {}, True),
        ("U0JO", {}, False),
    ],
)
async def test_bots(run: Running, id: str, more: dict[str, Any], bot: bool) -> None:
    run.slack.state.users[id] = User(id, "x", "X", **more)
    assert (await (await people_of(run)).person(id)).bot is bot


async def test_a_picture_that_is_gravatars_is_none(run: Running) -> None:
    run.slack.state.users["U0JO"].avatar = "https://secure.gravatar.com/avatar/0c5f.jpg?s=192"
    asked = await people_of(run)
    assert (await asked.person("U0JO")).avatar is None
    assert (await asked.person("U0MINA")).avatar == run.slack.state.users["U0MINA"].avatar


ALL = Mentions(
    users=frozenset({"U0JO"}), channels=frozenset({"C0SUPPORT"}), usergroups=frozenset({"S0SUPPORT"})
)
NAMED = Names({"U0JO": "Jo"}, {"C0SUPPORT": "support"}, {"S0SUPPORT": "support-team"})
LOOKUPS = ("users.info", "conversations.info", "usergroups.list")


async def test_names(run: Running) -> None:
    assert await (await people_of(run)).names(ALL) == NAMED


@pytest.mark.parametrize(
    "fault",
    [
        {"ok_error": "a_new_error"},
        {"ok_error": "not_allowed_token_type"},
        {"ok_error": "invalid_auth"},
        {"ok_error": "not_in_channel"},
        {"ok_error": "fatal_error"},
        {"ok_error": "service_unavailable"},
        {"status": 200, "body": '{"ok": true}'},
        {"status": 200, "body": '{"ok": true, "user": 1, "channel": [], "usergroups": [1]}'},
        {"status": 429, "retry_after": 3600},
        {"status": 500},
        {"status": 502, "body": "<html>"},
    ],
    ids=str,
)
async def test_a_name_that_cannot_be_looked_up_is_left_out_at_once(
    run: Running, fault: dict[str, Any]
) -> None:
    asked = await people_of(run)
    for method in LOOKUPS:
        run.slack.faults.next(method, **fault)
    assert await asked.names(ALL) == Names()
    assert await asked.names(ALL) == Names()  # and it is not asked for again with every reply
    assert [run.slack.calls.count(method) for method in LOOKUPS] == [1, 1, 1]


async def test_what_comes_too_late_is_left_out(run: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "NAMING", 0.2)
    asked = await people_of(run)
    run.slack.faults.next("usergroups.list", delay=30)
    assert await asked.names(ALL) == Names(NAMED.users, NAMED.channels)


async def test_a_name_is_asked_for_again_later(run: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = await people_of(run)
    run.slack.faults.next("usergroups.list", ok_error="a_new_error")
    assert (await asked.names(ALL)).usergroups == {}
    monkeypatch.setattr(people, "UNNAMED", 0.0)
    assert await asked.names(ALL) == NAMED


async def test_whoever_writes_is_still_waited_for(run: Running) -> None:
    """Whether somebody may reply is no matter of names."""
    asked = await people_of(run)
    run.slack.faults.next("users.info", ok_error="fatal_error")
    assert (await asked.names(ALL)).users == {}
    run.slack.faults.next("users.info", ok_error="fatal_error")
    with pytest.raises(DeliveryError):
        await asked.person("U0JO")
    assert (await asked.person("U0JO")).name == "Jo"
