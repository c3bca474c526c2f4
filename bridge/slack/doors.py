"""Where Slack's events and interactions come in: a door for each workspace, and at which one something is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from slack_bolt.async_app import AsyncApp

from bridge.errors import Unavailable
from bridge.slack import inbound, pressed
from bridge.slack.api import SlackApi


@dataclass(frozen=True)
class Door:
    """One workspace's; what comes in is signed with one of `secrets`."""

    app: AsyncApp
    api: SlackApi
    secrets: tuple[SecretStr, ...]


def door_for(doors: Sequence[Door], body: Mapping[str, Any]) -> Door:
    """The one of `doors` whose workspace `body` names; what is of no workspace, or of a foreign one, may go
    to any: each ignores it. Raises `Unavailable` while Slack has not told which workspace each of them is."""
    team = inbound.team_of(body) if "event" in body else pressed.team_of(body)
    known = [door for door in doors if door.api.identity is not None]
    for door in known:
        if door.api.known().team == team:
            return door
    unknown = [door for door in doors if door.api.identity is None]
    if unknown and (team is not None or not known):  # Slack asks again
        problem = unknown[0].api.problem or "auth.test has not been answered"
        raise Unavailable(problem, where="/slack/events")
    return known[0]
