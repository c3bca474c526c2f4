"""Who and what the ids in a message stand for, asked of Slack every few minutes at most."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bridge.compose import Mentions, Names
from bridge.errors import Rejected
from bridge.slack.answers import list_at, next_cursor, table_at, text_at
from bridge.slack.api import ChannelAway, ScopeMissing, SlackApi

KEEP = 300.0  # seconds; a changed display name is followed within it
JOINED = 5.0  # seconds; who is not in a channel may have joined since
MOST = 5000  # entries, so that memory stays bounded


@dataclass(frozen=True)
class Person:
    id: str
    name: str
    avatar: str | None
    guest: bool  # a guest of the workspace, or somebody of another one (Slack Connect)
    bot: bool = False
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
        """Names for all that is mentioned; one that Slack will not tell is left out."""
        users = await asyncio.gather(*(self._name_of_user(one) for one in sorted(mentioned.users)))
        channels = await asyncio.gather(*(self._name_of_channel(one) for one in sorted(mentioned.channels)))
        groups: dict[str, str] = {}
        if mentioned.usergroups:
            groups = await self._cached("usergroups", self._ask_usergroups)
        return Names(
            users=dict(pair for pair in users if pair),
            channels=dict(pair for pair in channels if pair),
            usergroups={one: groups[one] for one in mentioned.usergroups if one in groups},
        )

    async def _name_of_user(self, user: str) -> tuple[str, str] | None:
        try:
            return user, (await self.person(user)).name
        except Rejected:
            return None

    async def _name_of_channel(self, channel: str) -> tuple[str, str] | None:
        try:
            return channel, await self._cached(f"channel:{channel}", lambda: self._ask_channel(channel))
        except (Rejected, ChannelAway, ScopeMissing):  # one that the app cannot see
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
        team = self._api.known().team
        elsewhere = told.get("team_id") not in (None, team) or told.get("is_stranger")
        return Person(
            id=user,
            name=str(name or "Agent"),
            avatar=profile.get("image_192") or profile.get("image_72"),
            guest=bool(told.get("is_restricted") or told.get("is_ultra_restricted") or elsewhere),
            bot=bool(told.get("is_bot")),
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
        try:
            told = await self._api.call("usergroups.list", {}, read=True)
        except (Rejected, ScopeMissing):
            return {}
        groups = list_at(told, "usergroups.list", "usergroups")
        return {one["id"]: one["handle"] for one in groups if one.get("id") and one.get("handle")}

    async def _cached(self, key: str, ask: Callable[[], Awaitable[Any]], keep: float = KEEP) -> Any:
        """What was told in the last `keep` seconds, or is told now."""
        kept = self._cache.get(key)
        if kept is not None and time.monotonic() - kept[0] < keep:
            return kept[1]
        value = await ask()
        while len(self._cache) >= MOST:
            del self._cache[next(iter(self._cache))]
        self._cache[key] = (time.monotonic(), value)
        return value
