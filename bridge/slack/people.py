"""Who and what the ids in a message stand for, asked of Slack every few minutes at most."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from bridge.compose import Mentions, Names
from bridge.errors import DeliveryError
from bridge.slack.answers import list_at, next_cursor, table_at, text_at
from bridge.slack.api import SlackApi
from bridge.slack.hosts import is_public_picture
from bridge.slack.inbound import SLACKBOT

KEEP = 300.0  # seconds; a changed display name is followed within it
JOINED = 5.0  # seconds; who is not in a channel may have joined since
MOST = 5000  # entries, so that memory stays bounded
NAMING = 3.0  # seconds in which the names that a message mentions are looked up
UNNAMED = 60.0  # seconds before a name is asked for again that could not be looked up

_T = TypeVar("_T")


@dataclass(frozen=True)
class Person:
    id: str
    name: str
    avatar: str | None
    guest: bool  # a guest of the workspace, or no member of it (Slack Connect)
    bot: bool = False  # an app's user, a workflow's, or Slackbot
    gone: bool = False  # deactivated


class People:
    def __init__(self, api: SlackApi) -> None:
        self._api = api
        self._cache: dict[str, tuple[float, Any]] = {}

    async def person(self, user: str) -> Person:
        """The person behind a user id. Raises a `DeliveryError`."""
        return await self._cached(f"user:{user}", lambda: self._ask_person(user))  # type: ignore[no-any-return]

    async def is_in(self, user: str, channel: str) -> bool:
        """Whether somebody is a member of a channel. Raises a `DeliveryError`."""
        key, ask = f"members:{channel}", lambda: self._ask_members(channel)
        return user in await self._cached(key, ask) or user in await self._cached(key, ask, keep=JOINED)

    async def names(self, mentioned: Mentions) -> Names:
        """Names for all that is mentioned. A name that Slack does not give at once, for whatever reason, is
        left out: no reply waits for it."""
        users, channels = sorted(mentioned.users), sorted(mentioned.channels)
        user_names, channel_names, groups = await asyncio.gather(
            asyncio.gather(*(self._if_known(f"user:{one}", self._user_name(one)) for one in users)),
            asyncio.gather(*(self._if_known(f"channel:{one}", self._channel_name(one)) for one in channels)),
            self._if_known("usergroups", self._usergroups()) if mentioned.usergroups else _nothing(),
        )
        return Names(
            users={id: name for id, name in zip(users, user_names, strict=True) if name},
            channels={id: name for id, name in zip(channels, channel_names, strict=True) if name},
            usergroups={id: name for id, name in (groups or {}).items() if id in mentioned.usergroups},
        )

    async def _user_name(self, user: str) -> str:
        return (await self.person(user)).name

    async def _channel_name(self, channel: str) -> str:
        return await self._cached(f"channel:{channel}", lambda: self._ask_channel(channel))  # type: ignore[no-any-return]

    async def _usergroups(self) -> dict[str, str]:
        return await self._cached("usergroups", self._ask_usergroups)  # type: ignore[no-any-return]

    async def _if_known(self, key: str, look: Coroutine[Any, Any, _T]) -> _T | None:
        """What `look` gives within `NAMING` seconds; after a failure, nothing for `UNNAMED` seconds."""
        unnamed = f"unnamed:{key}"
        if self._kept(unnamed, UNNAMED) is not None:
            look.close()
            return None
        try:
            async with asyncio.timeout(NAMING):
                return await look
        except (DeliveryError, TimeoutError, LookupError, TypeError, AttributeError):  # or an odd answer
            self._keep(unnamed, True)
            return None

    async def _ask_person(self, user: str) -> Person:
        told = table_at(await self._api.call("users.info", {"user": user}, read=True), "users.info", "user")
        profile = told.get("profile") or {}
        name = (
            profile.get("display_name")
            or profile.get("real_name")
            or told.get("real_name")
            or told.get("name")
        )
        pictures = (profile.get("image_192"), profile.get("image_72"))
        return Person(
            id=user,
            name=str(name or "Agent"),
            avatar=next((one for one in pictures if isinstance(one, str) and is_public_picture(one)), None),
            guest=not is_member(told, self._api.known().team),
            # `is_app_user` is not among them: it says of a person that they have authorized an app.
            bot=user == SLACKBOT or bool(told.get("is_bot") or told.get("is_workflow_bot")),
            gone=bool(told.get("deleted")),
        )

    async def _ask_members(self, channel: str) -> frozenset[str]:
        """https://docs.slack.dev/reference/methods/conversations.members"""
        found: set[str] = set()
        cursor = ""
        while True:
            params = {"channel": channel, "limit": "1000", **({"cursor": cursor} if cursor else {})}
            told = await self._api.call("conversations.members", params, read=True)
            found.update(list_at(told, "conversations.members", "members"))
            cursor = next_cursor(told)
            if not cursor:
                return frozenset(found)

    async def _ask_channel(self, channel: str) -> str:
        told = await self._api.call("conversations.info", {"channel": channel}, read=True)
        return text_at(told, "conversations.info", "channel", "name")

    async def _ask_usergroups(self) -> dict[str, str]:
        told = await self._api.call("usergroups.list", {}, read=True)
        groups = list_at(told, "usergroups.list", "usergroups")
        return {group["id"]: group["handle"] for group in groups if group.get("id") and group.get("handle")}

    async def _cached(self, key: str, ask: Callable[[], Awaitable[Any]], keep: float = KEEP) -> Any:
        """What was told in the last `keep` seconds, or is told now."""
        if (kept := self._kept(key, keep)) is not None:
            return kept
        value = await ask()
        self._keep(key, value)
        return value

    def _kept(self, key: str, keep: float) -> Any:
        at, value = self._cache.get(key, (0.0, None))
        return value if value is not None and time.monotonic() - at < keep else None

    def _keep(self, key: str, value: Any) -> None:
        while len(self._cache) >= MOST:
            del self._cache[next(iter(self._cache))]
        self._cache[key] = (time.monotonic(), value)


def is_member(user: Mapping[str, Any], team: str) -> bool:
    """Whether users.info's `user` is a full member of the workspace `team`.

    In an Enterprise Grid `team_id` is one of a person's workspaces, which need not be `team`;
    `enterprise_user.teams` has all of them. https://docs.slack.dev/reference/objects/user-object
    """
    if any(user.get(name) for name in ("is_restricted", "is_ultra_restricted", "is_stranger")):
        return False
    grid = user.get("enterprise_user")
    teams = grid.get("teams") if isinstance(grid, Mapping) else None
    return user.get("team_id") in (None, team) or (isinstance(teams, list) and team in teams)


async def _nothing() -> None:
    return None
