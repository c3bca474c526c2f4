"""A queued Slack message becomes the reply it makes: who wrote it, and what of it goes out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

from bridge.compose import Note, compose, mentioned
from bridge.config import Route
from bridge.delivery.kinds import Correction, Decided, OptionPressed, SlackReply, WantedAct
from bridge.engine.acts import Asked
from bridge.engine.gate import ASKED, Held, Wish, agreed
from bridge.engine.steps import Composed
from bridge.engine.vendor import Choice
from bridge.engine.work import Found, Owner, PutBack, Turn
from bridge.errors import Forbidden, Rejected
from bridge.model import Author, HeldChoice, HeldFor, Reply, Role, Text, ThreadKey
from bridge.slack.api import SlackApi
from bridge.slack.downloads import Downloads, PostedFile
from bridge.slack.missed import message_now
from bridge.slack.people import People, Person
from bridge.slack.permit import Permit
from bridge.slack.routes import Routes


class Replies:
    def __init__(
        self,
        api: SlackApi,
        people: People,
        permit: Permit,
        routes: Routes,
        aliases: Mapping[str, str],
        downloads: Downloads,
    ) -> None:
        self._api = api
        self._people = people
        self._permit = permit
        self._routes = routes
        self._aliases = aliases
        self._downloads = downloads

    async def compose(self, turn: Turn, *, reread: bool = False) -> Composed | Held | None:
        """The reply, why its author is asked, or None where it is a note. Raises a `DeliveryError`."""
        wanted, route = turn.carries(Decided), self._routes.of(turn.conversation)
        choice, corrects = wanted.choice, isinstance(wanted, Correction)
        if corrects:  # of what the customer has: nobody gets the conversation by it
            choice = HeldChoice.ONCE
        if route.reply_mode == "notes_only" or choice is HeldChoice.NOTE:
            return None
        # What was held or failed, or is to be corrected, counts as it stands now.
        late = corrects or bool(turn.was)
        if isinstance(wanted, SlackReply) and not late and not reread:
            message = wanted.message
        else:
            message = await self._as_it_stands(wanted)
        names = await self._people.names(mentioned(message))
        # Whoever chose to send it, for whatever it was held, is not asked about its first word again.
        draft = compose(message, names, note_prefix=route.note_prefix, as_is=choice is not None)
        if isinstance(draft, Note) and draft.reason != "unclear":
            return None
        if (await self._people.person(message["user"])).bot:
            return None  # Slack did not mark it as an app's; nobody is there to be asked
        if isinstance(draft, Note):
            return Held(HeldFor.UNCLEAR)
        person = await self._person(message["user"], route)
        if wanted.again_by is not None:
            await self._person(wanted.again_by, route)
        if draft.left_out:
            if corrects:  # it has no question
                raise Rejected("there is something in it that cannot go out", remedy="Write a new reply")
            if not draft.parts and not draft.files:
                return Held(HeldFor.NOTHING_LEFT, draft.left_out)
            if not agreed(draft.left_out, turn.refs, choice):
                return Held(HeldFor.LEFT_OUT, draft.left_out)
        name, avatar = route.team_name, None
        if route.identity == "agent":
            name, avatar = person.name, person.avatar
        elif route.identity == "alias":
            name = self._aliases.get(person.id, route.team_name)
        parts, files = draft.parts, draft.files
        if corrects:  # of the words: the customer has the files
            if not parts:
                raise Rejected("there are no words left in it", remedy="Write a new reply", can_retry=False)
            parts, files = (Text(text="Correction:"), *parts), ()
        reply = Reply(
            id=f"{turn.conversation.key}:{turn.delivery}",
            conversation=turn.conversation.key,
            author=Author(role=Role.AGENT, id=person.id, name=name, avatar=avatar),
            parts=parts,
            at=datetime.fromtimestamp(float(message["ts"]), UTC),
        )
        asked = HeldFor(turn.refs[ASKED]) if ASKED in turn.refs else None
        return Composed(
            reply,
            wish=Wish(
                Owner(person.name, person.id),
                confirms=route.reply_mode == "confirm",
                choice=choice,
                asked=asked,
            ),
            files=_told_apart([await self._downloads.posted(one) for one in files]),
            delay=0.0 if late else route.send_delay,
            left_out=draft.left_out,
        )

    async def message_now(self, turn: Turn) -> Found | PutBack | None:
        """The turn's message as Slack has it now; None where it is a note, or was deleted. Raises a
        `DeliveryError`."""
        wanted, us = turn.carries(Decided), self._api.known()
        if wanted.channel is None or wanted.thread_ts is None or wanted.ts is None:
            return None
        if (wait := await self._api.ledger.take_each(self._api.to_read())) > 0:
            return PutBack(wait)
        thread = ThreadKey(team=us.team, channel=wanted.channel, ts=wanted.thread_ts)
        message = await self._api.message(thread.channel, thread.ts, wanted.ts)
        if message is None:
            return None
        whole = {"thread_ts": thread.ts, **message}
        return message_now(whole, thread, us, look=turn.delivery, now=time.time())

    async def asked(self, turn: Turn, wanted: WantedAct) -> Asked:
        """The act that somebody wants. Raises a `DeliveryError`."""
        return await self._permit.asked(turn, wanted)

    def greeting(self, turn: Turn) -> Reply | None:
        """What a customer who waits is told before the vendor gives up."""
        route = self._routes.of(turn.conversation)
        if route.greeting is None or route.reply_mode == "notes_only":
            return None
        return Reply(
            id=f"{turn.conversation.key}:{turn.delivery}",
            conversation=turn.conversation.key,
            author=Author(role=Role.AGENT, name=route.team_name),
            parts=(Text(text=route.greeting),),
            at=datetime.fromtimestamp(turn.began, UTC),
        )

    async def choice(self, turn: Turn, pressed: OptionPressed) -> Choice:
        """What somebody pressed for the customer. Raises a `DeliveryError`."""
        route = self._routes.of(turn.conversation)
        if route.reply_mode == "notes_only":
            remedy = "The route's reply_mode is notes_only"
            raise Forbidden("nothing goes to the customer here", remedy=remedy)
        person = await self._person(pressed.user, route)
        return Choice(text=pressed.text, label=pressed.label, by=person.name)

    async def _person(self, user: str, route: Route) -> Person:
        person = await self._people.person(user)
        if person.bot:
            raise Forbidden("apps do not reply to customers")
        if person.guest and not route.guests_may_reply:
            raise Forbidden(
                "guests and people of other workspaces do not reply to customers here",
                remedy="A member of the workspace can send it, or the route can set guests_may_reply",
            )
        return person

    async def _as_it_stands(self, wanted: Decided) -> Mapping[str, Any]:
        """The message as it is in Slack now."""
        channel, thread_ts, ts = wanted.channel or "", wanted.thread_ts or "", wanted.ts or ""
        message = await self._api.message(channel, thread_ts, ts)
        if message is None:
            remedy = "Write it as a new reply"
            raise Rejected("the message was deleted meanwhile", remedy=remedy, can_retry=False)
        return {**message, "channel": channel}


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
