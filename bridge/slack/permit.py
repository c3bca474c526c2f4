"""Who may act on a conversation, and whom it may be given to: members of its channel; guests and people of
other workspaces only where its route lets them."""

from __future__ import annotations

from bridge.actions import ACTIONS
from bridge.compose import Mentions
from bridge.config import Route
from bridge.delivery.kinds import WantedAct
from bridge.engine.acts import Asked
from bridge.engine.age import is_expired
from bridge.engine.work import Owner, Turn
from bridge.errors import Forbidden, Rejected
from bridge.render.words import lasting
from bridge.slack.api import ChannelAway, ScopeMissing
from bridge.slack.people import People, Person
from bridge.slack.routes import Routes


class Permit:
    def __init__(self, people: People, routes: Routes) -> None:
        self._people = people
        self._routes = routes

    async def asked(self, turn: Turn, wanted: WantedAct) -> Asked:
        """The act that somebody wants and may do. Raises a `DeliveryError`."""
        thread = turn.conversation.thread
        if thread is None:
            raise Rejected("it has no thread in Slack yet", remedy="Try it again in a moment")
        if wanted.ts and turn.attempt == 1 and is_expired(turn.waited):  # the bridge was away meanwhile
            raise Rejected(
                f"it was written {lasting(turn.waited)} ago",
                remedy="Write it again if it still holds",
                can_retry=False,
            )
        route = self._routes.of(turn.conversation)
        if wanted.team not in (None, thread.team):
            raise Rejected("the conversation has its thread in another workspace")
        by = await self._people.person(wanted.user)
        if by.bot:
            raise Forbidden("apps do not act on conversations")
        if by.guest and not route.guests_may_reply:
            raise Forbidden(
                "guests and people of other workspaces do not act on conversations here",
                remedy="A member of the workspace can do it, or the route can set guests_may_reply",
            )
        # Who wrote it in the thread's channel is in there.
        wrote = wanted.ts and wanted.channel == thread.channel
        if not wrote and not await self._is_in(by, thread.channel):
            channel = await self._channel(thread.channel)
            raise Forbidden(
                f"only members of {channel} act on its conversations", remedy=f"Join {channel} first"
            )
        gives = ACTIONS[wanted.act].names_colleague
        to = await self._colleague(wanted.to, thread.channel, route) if gives else None
        return Asked(wanted.act, _owner(by), to, wanted.handoff)

    async def _colleague(self, user: str | None, channel: str, route: Route) -> Owner:
        """Whom a conversation is given to."""
        if user is None:
            raise Rejected("nobody was named", remedy="Write !transfer @somebody")
        person = await self._people.person(user)
        if person.bot:
            raise Rejected(f"“{person.name}” is an app")
        if person.gone:
            raise Rejected(f"“{person.name}” is not in the workspace any more")
        if person.guest and not route.guests_may_reply:
            raise Rejected(
                f"“{person.name}” is a guest or of another workspace, and does not reply to customers here",
                remedy="Give it to a member of the workspace, or let the route set guests_may_reply",
            )
        if not await self._is_in(person, channel):
            name = await self._channel(channel)
            raise Rejected(f"“{person.name}” is not in {name}", remedy=f"Invite them to {name} first")
        return _owner(person)

    async def _is_in(self, person: Person, channel: str) -> bool:
        try:
            return await self._people.is_in(person.id, channel)
        except (ScopeMissing, ChannelAway) as error:
            # Waiting would not help whoever asks, and not to know is not a yes.
            raise Rejected(
                "the app cannot see who is in the conversation's channel",
                where=error.where,
                remedy=error.remedy,
                detail=f"the app cannot see who is in the conversation's channel ({error.detail})",
            ) from None

    async def _channel(self, channel: str) -> str:
        names = await self._people.names(Mentions(channels=frozenset({channel})))
        return names.channel(channel)


def _owner(person: Person) -> Owner:
    return Owner(name=person.name, id=person.id)
