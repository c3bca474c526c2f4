"""Whose an event is, where one app, and so one secret or socket, serves several workspaces."""

from __future__ import annotations

from typing import Any, cast

import pytest

from bridge.errors import Unavailable
from bridge.slack.api import Identity
from bridge.slack.doors import Door, door_for


class Api:
    """As much of a workspace as Slack has told."""

    problem = "token_revoked"

    def __init__(self, team: str | None) -> None:
        self.identity = None if team is None else Identity(team=team, user="U1", bot="B1")

    def known(self) -> Identity:
        assert self.identity is not None
        return self.identity


def doors(*teams: str | None) -> list[Door]:
    return [Door(cast("Any", None), cast("Any", Api(team)), ()) for team in teams]


def told(team: str) -> dict[str, Any]:
    return {"type": "event_callback", "team_id": "T9", "authorizations": [{"team_id": team}], "event": {}}


def pressed(team: str) -> dict[str, Any]:
    return {"type": "block_actions", "team": {"id": team}}


def sent(team: str) -> dict[str, Any]:
    """A modal of somebody of T9, in a channel that is shared."""
    return {"type": "view_submission", "team": {"id": "T9"}, "view": {"app_installed_team_id": team}}


@pytest.mark.parametrize("make", [told, pressed, sent])
def test_the_team_s_own(make: Any) -> None:
    first, second = doors("T1", "T2")
    assert door_for([first, second], make("T1")) is first
    assert door_for([first, second], make("T2")) is second


@pytest.mark.parametrize("make", [told, pressed, sent])
def test_a_foreign_one_is_anybody_s_to_ignore(make: Any) -> None:
    first, second = doors("T1", "T2")
    assert door_for([first, second], make("T3")) is first


@pytest.mark.parametrize("make", [told, pressed, sent])
def test_what_may_be_that_of_one_that_is_not_known_yet_is_told_again(make: Any) -> None:
    first, second = doors(None, "T2")
    assert door_for([first, second], make("T2")) is second
    with pytest.raises(Unavailable, match="token_revoked"):
        door_for([first, second], make("T1"))


def test_a_challenge_is_of_no_workspace() -> None:
    first, second = doors(None, "T2")
    assert door_for([first, second], {"type": "url_verification", "challenge": "?"}) is second
    with pytest.raises(Unavailable):
        door_for([first], {"type": "url_verification", "challenge": "?"})


def test_of_two_with_one_team_the_first() -> None:
    first, second = doors("T1", "T1")
    assert door_for([first, second], told("T1")) is first


@pytest.mark.parametrize("team", [None, 7, ["T1"], {"id": "T1"}])
def test_what_is_no_team_is_nobody_s(team: Any) -> None:
    (first,) = doors("T1")
    assert door_for([first], told(team)) is first
