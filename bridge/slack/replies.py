"""A queued Slack message becomes the reply it makes: who wrote it, and what of it goes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from bridge.compose import Note, compose, mentioned
from bridge.config import Route
from bridge.engine.steps import Composed
from bridge.engine.vendor import Choice
from bridge.engine.work import Turn
from bridge.errors import Rejected
from bridge.model import Author, Reply, Role, Text
from bridge.slack.api import SlackApi
from bridge.slack.downloads import Downloads, PostedFile
from bridge.slack.people import People, Person
from bridge.slack.routes import Routes


class Replies:
    def __init__(
        self,
        api: SlackApi,
        people: People,
        routes: Routes,
        aliases: Mapping[str, str],
        downloads: Downloads,
    ) -> None:
        self._api = api
        self._people = people
        self._routes = routes
        self._aliases = aliases
        self._downloads = downloads

    async def compose(self, turn: Turn) -> Composed | None:
        """The reply, or None where the message stays in as a note. Raises a `DeliveryError`."""
        message = await self._corrected(turn.read()) if turn.kind == "correction" else turn.read()
        route = self._routes.of(turn.conversation)
        if route.reply_mode == "notes_only":
            return None
        draft = compose(message, await self._people.names(mentioned(message)), note_prefix=route.note_prefix)
        if isinstance(draft, Note):
            return None
        person = await self._person(message["user"], route)
        name, avatar = route.team_name, None
        if route.identity == "agent":
            name, avatar = person.name, person.avatar
        elif route.identity == "alias":
            name = self._aliases.get(person.id, route.team_name)
        parts, files = draft.parts, draft.files
        if turn.kind == "correction":  # of the words: the customer has the files
            if not parts:
                raise Rejected("there are no words left in it", remedy="Write a new reply")
            parts, files = (Text(text="Correction:"), *parts), ()
        reply = Reply(
            id=f"{turn.conversation.key}:{turn.delivery}",
            conversation=turn.conversation.key,
            author=Author(role=Role.AGENT, id=person.id, name=name, avatar=avatar),
            parts=parts,
            at=datetime.fromtimestamp(float(message["ts"]), UTC),
        )
        return Composed(reply, _told_apart([await self._downloads.posted(one) for one in files]))

    async def choice(self, turn: Turn) -> Choice:
        """What somebody pressed for the customer. Raises a `DeliveryError`."""
        told, route = turn.read(), self._routes.of(turn.conversation)
        if route.reply_mode == "notes_only":
            raise Rejected("nothing goes to the customer here", remedy="The route's reply_mode is notes_only")
        person = await self._person(told["user"], route)
        return Choice(text=told["text"], label=told["label"], by=person.name)

    async def _person(self, user: str, route: Route) -> Person:
        person = await self._people.person(user)
        if person.guest and not route.guests_may_reply:
            raise Rejected(
                "guests and people of other workspaces do not reply to customers here",
                remedy="A member of the workspace can send it, or the route can set guests_may_reply",
            )
        return person

    async def _corrected(self, told: Mapping[str, Any]) -> Mapping[str, Any]:
        """The message as it stands in Slack now: the correction that was asked for."""
        message = await self._api.message(told["channel"], told["thread_ts"], told["ts"])
        if message is None:
            raise Rejected("the message was deleted meanwhile", remedy="Write the correction as a new reply")
        return {**message, "channel": told["channel"]}


def _told_apart(files: list[PostedFile]) -> tuple[PostedFile, ...]:
    """Each under a name of its own: several pasted pictures are all called image.png, and at a vendor the
    name is all that a file is known by."""
    found: dict[str, PostedFile] = {}
    for file in files:
        name, path, number = file.name, PurePosixPath(file.name), 1
        while name in found:
            number += 1
            name = f"{path.stem} ({number}){path.suffix}"
        found[name] = replace(file, name=name)
    return tuple(found.values())
