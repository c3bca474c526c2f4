"""What alerts and clocks show of a handoff, from the store, its conversation and its route."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, get_args

from bridge.config import Route
from bridge.engine.ports import Ledger
from bridge.engine.work import Conversation, Handoff
from bridge.model import AnyEvent, Control, HandoffStarted, Message, Role, Text
from bridge.render import ConversationView, HandoffView
from bridge.render.handoff import Ending
from bridge.slack.permalinks import Permalinks
from bridge.slack.routes import Routes
from bridge.slack.view import learn

MOST = 20  # events in which the customer's last words are looked for


@dataclasses.dataclass(frozen=True, slots=True)
class About:
    """A handoff and its conversation, as they are shown, and the rules for them."""

    route: Route
    view: ConversationView
    handoff: HandoffView


class Handoffs:
    def __init__(self, ledger: Ledger, routes: Routes, links: Permalinks) -> None:
        self._ledger = ledger
        self._routes = routes
        self._links = links

    def route(self, conversation: Conversation, handoff: Handoff) -> Route:
        return self._routes.of(conversation, known(conversation, handoff))

    async def about(self, conversation: Conversation, handoff: Handoff, at: float) -> About:
        """How it stands `at` this time."""
        facts, now, thread = known(conversation, handoff), _moment(at), conversation.thread
        route = self._routes.of(conversation, facts)
        events = await self._ledger.newest_events(conversation.id, MOST)
        if handoff.ended_at is not None:  # what is said since belongs to another, or to none
            events = [event for event in events if event.at.timestamp() <= handoff.ended_at]
        greeted = greets_at(route, handoff)
        shown = handoff_view(
            handoff,
            conversation,
            last_words=last_words(events, handoff.start),
            opens_at=route.open_hours.opens(now),
            thread=await self._links.of(thread.channel, thread.ts) if thread is not None else None,
            is_greeted=greeted is not None and greeted <= now,
        )
        return About(route, self._routes.view(conversation, facts), shown)


def known(conversation: Conversation, handoff: Handoff) -> Mapping[str, Any]:
    """The facts, and what the start of the handoff told of the customer: its thread may not know it yet."""
    facts = learn({}, handoff.start) if handoff.start is not None else {}
    for name, told in conversation.facts.items():
        facts[name] = {**facts.get(name, {}), **told} if isinstance(told, dict) else told
    return facts


def stands(handoff: Handoff) -> Control:
    """Who has the customer by this handoff alone: its conversation may be further already."""
    if handoff.ended_at is not None:
        return Control.BOT if handoff.ending == "handed_back" else Control.CLOSED
    return Control.WAITING if handoff.claimed_at is None else Control.HUMAN


def handoff_view(
    handoff: Handoff,
    conversation: Conversation,
    *,
    last_words: str | None = None,
    opens_at: datetime | None = None,
    thread: str | None = None,
    is_greeted: bool = False,
) -> HandoffView:
    """`thread` is the permalink of the conversation's; a vendor that heard of us waits on."""
    control, started_at = stands(handoff), _moment(handoff.started_at)
    view = HandoffView(control, started_at) if handoff.start is None else HandoffView.of(handoff.start)
    has = conversation.owner if control is Control.HUMAN else None
    heard = is_greeted or handoff.answered_at is not None
    return dataclasses.replace(
        view,
        control=control,
        started_at=started_at,
        waiting_since=_maybe(handoff.waiting_since),
        last_words=last_words,
        deadline=None if heard else view.deadline,
        opens_at=opens_at,
        owner=has.name if has is not None else None,
        claimed_at=_maybe(handoff.claimed_at),
        released_by=handoff.released_by,
        ended_at=_maybe(handoff.ended_at),
        ending=next((one for one in get_args(Ending) if one == handoff.ending), None),
        ended_by=handoff.ended_by,
        thread=thread,
    )


def last_words(events: Iterable[AnyEvent], start: HandoffStarted | None) -> str | None:
    """The customer's, of `events`, the newest first, or else of what the vendor told with the handoff."""
    for event in events:
        if isinstance(event, Message) and event.author.role is Role.CUSTOMER:
            said = "\n".join(part.text for part in event.parts if isinstance(part, Text))
            if said.strip():
                return said
    context = start.context if start is not None else ()
    return next((one.text for one in reversed(context) if one.role is Role.CUSTOMER), None)


def greets_at(route: Route, handoff: Handoff) -> datetime | None:
    """When the customer is told that somebody will come: halfway to where the vendor gives up."""
    deadline = HandoffView.of(handoff.start).deadline if handoff.start is not None else None
    if route.greeting is None or handoff.start is None or deadline is None:
        return None
    return handoff.start.at + (deadline - handoff.start.at) / 2


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def _maybe(at: float | None) -> datetime | None:
    return None if at is None else _moment(at)
