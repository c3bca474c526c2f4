"""A queued Slack message becomes the reply it makes: who wrote it, and what of it goes out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bridge.compose import Note, compose, mentioned
from bridge.engine.work import Turn
from bridge.errors import Rejected
from bridge.model import Author, Reply, Role, Text
from bridge.slack.api import SlackApi
from bridge.slack.people import People
from bridge.slack.routes import Routes


class Replies:
    def __init__(self, api: SlackApi, people: People, routes: Routes, aliases: Mapping[str, str]) -> None:
        self._api = api
        self._people = people
        self._routes = routes
        self._aliases = aliases

    async def compose(self, turn: Turn) -> Reply | None:
        """The reply, or None where the message stays in as a note. Raises a `DeliveryError`."""
        message = await self._corrected(turn.read()) if turn.kind == "correction" else turn.read()
        route = self._routes.of(turn.conversation)
        if route.reply_mode == "notes_only":
            return None
        draft = compose(message, await self._people.names(mentioned(message)), note_prefix=route.note_prefix)
        if isinstance(draft, Note):
            return None
        person = await self._people.person(message["user"])
        if person.guest and not route.guests_may_reply:
            raise Rejected(
                "guests and people of other workspaces do not reply to customers here",
                remedy="A member of the workspace can send it, or the route can set guests_may_reply",
            )
        if draft.files:
            raise Rejected(
                "files cannot be sent to the customer",
                remedy="Nothing of this message was sent; write it again without the file",
            )
        name, avatar = route.team_name, None
        if route.identity == "agent":
            name, avatar = person.name, person.avatar
        elif route.identity == "alias":
            name = self._aliases.get(person.id, route.team_name)
        parts = draft.parts
        if turn.kind == "correction":
            parts = (Text(text="Correction:"), *parts)
        return Reply(
            id=f"{turn.conversation.key}:{turn.delivery}",
            conversation=turn.conversation.key,
            author=Author(role=Role.AGENT, id=person.id, name=name, avatar=avatar),
            parts=parts,
            at=datetime.fromtimestamp(float(message["ts"]), UTC),
        )

    async def _corrected(self, told: Mapping[str, Any]) -> Mapping[str, Any]:
        """The message as it stands in Slack now: the correction that was asked for."""
        message = await self._api.message(told["channel"], told["thread_ts"], told["ts"])
        if message is None:
            raise Rejected("the message was deleted meanwhile", remedy="Write the correction as a new reply")
        return {**message, "channel": told["channel"]}
