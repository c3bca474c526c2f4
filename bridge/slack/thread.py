"""Carries events into the conversation's thread: the card first, then every message, once each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from bridge.control import WHOLE_SECOND
from bridge.delivery.kinds import (
    Alarm,
    CustomerFound,
    EventPosted,
    OfEvent,
    Profile,
    Reopened,
    Revision,
    Transcript,
)
from bridge.engine.echo import ECHO, SHORT_ECHO, was_handed_over_from
from bridge.engine.echo import digest as said_digest
from bridge.engine.follow import failure as failure_of
from bridge.engine.handlers import handles
from bridge.engine.work import (
    COVERS,
    ECHOED,
    OWN_REPORT,
    QUIET,
    Again,
    Change,
    Done,
    Handoff,
    NewDelivery,
    Outcome,
    Turn,
)
from bridge.model import (
    EVENT,
    AnyEvent,
    Control,
    ConversationEnded,
    ConversationReopened,
    ConversationStarted,
    HandoffEnded,
    HandoffStarted,
    Message,
    Role,
)
from bridge.render import (
    notice,
    opened_again,
)
from bridge.slack.bursts import MOST, gathered
from bridge.slack.rendering import rendered, transcribed
from bridge.slack.thread_posts import Showing, ThreadPosts
from bridge.slack.view import customer, learn

MOST_QUIET = 200  # events of a quiet channel that a handoff's thread begins with
MOST_BEFORE = 200  # events among which the last answer before a handoff is looked for
BY_OUR_CLOCK = 10.0  # seconds that a vendor's clock may be ahead when an agent ended a handoff


class ThreadCarrier(ThreadPosts):
    @handles(Reopened)
    async def say_reopened(self, turn: Turn, payload: Reopened) -> Outcome:
        stands, facts = turn.conversation, turn.conversation.facts
        if stands.thread is None and self._routes.of(stands).mirror == "handoff":
            return Done()  # it never needed a human; and it is no event, to be told later
        again = opened_again(self._routes.view(stands, facts))
        return await self._show(turn, await self._after_the_quiet(turn, Showing((again,), facts)))

    @handles(CustomerFound)
    async def show_customer(self, turn: Turn, payload: CustomerFound) -> Outcome:
        facts = turn.conversation.facts
        known = facts.get("customer", {}) | payload.customer.model_dump(exclude_none=True)
        return await self._show(turn, Showing((), {**facts, "customer": known}, opens=False))

    @handles(Transcript)
    async def show_transcript(self, turn: Turn, payload: Transcript) -> Outcome:
        showing = Showing((), turn.conversation.facts)
        return await self._show(turn, await self._folded(turn, showing, payload.left_out))

    @handles(Revision)
    async def correct(self, turn: Turn, payload: Revision) -> Outcome:
        event = payload.event
        if isinstance(event, Message) and await self._ledger.first_was_echo(turn, event):
            return Done(ref=ECHOED)
        return await self._post_event(turn, event, revises=True)

    @handles(EventPosted)
    async def post_event(self, turn: Turn, payload: EventPosted) -> Outcome:
        return await self._post_event(turn, payload.event)

    async def _post_event(self, turn: Turn, event: AnyEvent, *, revises: bool = False) -> Outcome:
        stands, facts = turn.conversation, turn.conversation.facts
        if event.earlier:
            return Done(QUIET, change=Change(facts=learn(facts, event, self._routes.shown)))
        if (heard := await self._echo(turn, event)) is not None:
            return Done(ref=ECHOED, change=Change(heard=heard))
        if isinstance(event, HandoffEnded | ConversationEnded) and await self._ledger.is_own_report(
            turn, event
        ):
            return Done(ref=OWN_REPORT)
        if await self._was_told(turn, event):
            return Done(ref="told")
        facts = learn(facts, event, self._routes.shown)
        covers: tuple[int, ...] = ()
        gathers = not revises and (turn.late is not None or COVERS in turn.refs)
        if gathers and isinstance(event, Message):
            event, covers, facts = await self._gathered(turn, event, facts)
        if await self._is_quiet(turn, event, facts):
            return Done(QUIET, change=None if facts == stands.facts else Change(facts=facts))
        showing = dataclasses.replace(await self._showing(turn, event, facts), covers=covers)
        return await self._show(turn, await self._after_the_quiet(turn, showing))

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        if isinstance(outcome, Again) or not isinstance(turn.payload, OfEvent):
            return ()
        problem = getattr(outcome, "problem", "")
        text = f"A message of this conversation could not be shown here: {problem}"
        return (failure_of(turn, text, can_retry=getattr(outcome, "can_retry", True)),)

    async def _echo(self, turn: Turn, event: AnyEvent) -> int | None:
        """The id of the digest of the reply of ours that `event` tells back."""
        if not isinstance(event, Message):
            return None
        told = said_digest(event, tells_humans_apart=self._routes.tells_humans_apart(turn.conversation))
        if told is None:
            return None
        as_agent = event.author.role is Role.AGENT
        for reply in await self._ledger.matching_replies(told, ECHO if as_agent else SHORT_ECHO):
            if as_agent or await self._is_same_customer(turn, event, reply.conversation):
                return reply.id
        return None

    async def _is_same_customer(self, turn: Turn, event: Message, replied: int | None) -> bool:
        """Whether the conversation `replied`, in which an agent replied, is of the customer of `event`."""
        if replied is None or replied == turn.conversation.id:
            return True
        who = event.customer or customer(turn.conversation.facts)
        other = customer((await self._ledger.conversation(replied)).facts)
        if who is not None and other is not None and who.id and other.id:
            return who.id == other.id
        handoff = await self._ledger.last_handoff(replied)
        if handoff is None or handoff.start is None:
            return False
        events = await self._ledger.newest_events(turn.conversation.id, MOST_BEFORE)
        return was_handed_over_from(handoff.start, (one for one in events if one.id != event.id))

    async def _was_told(self, turn: Turn, event: AnyEvent) -> bool:
        """Whether the vendor's history told it already, under another id."""
        may = turn.conversation.facts.get("late") and not event.late
        return bool(may) and await self._ledger.was_told(turn, event)

    async def _gathered(
        self, turn: Turn, event: Message, facts: Mapping[str, Any]
    ) -> tuple[Message, tuple[int, ...], Mapping[str, Any]]:
        """With what its author went on to say while it waited; the same at every attempt."""
        following: list[tuple[int, AnyEvent]] = []
        fixed = turn.refs.get(COVERS)
        among = None if fixed is None else {int(one) for one in fixed.split()}
        for delivery, payload in await self._ledger.following(turn, MOST):
            if among is not None and delivery not in among:
                break
            later = EVENT.validate_json(payload)
            if among is None and (
                await self._echo(turn, later) is not None or await self._was_told(turn, later)
            ):
                break
            following.append((delivery, later))
        message, covers = gathered(event, following)
        for delivery, later in following:
            facts = learn(facts, later, self._routes.shown) if delivery in covers else facts
        return message, covers, facts

    async def _showing(self, turn: Turn, event: AnyEvent, facts: Mapping[str, Any]) -> Showing:
        stands, view = turn.conversation, self._routes.view(turn.conversation, facts)
        if isinstance(event, HandoffStarted):
            handoff = await self._ledger.last_handoff(stands.id)
            if handoff is None or not _begins(handoff, event):
                return Showing((notice(_again(event)),), facts)
            messages = await rendered(event, view, len(turn.body))
            return Showing(messages, facts, alert=(0, handoff), follow=self._asks_for(turn, facts))
        follow: tuple[NewDelivery, ...] = ()
        if await self._is_out_of_turn(turn, event):
            view = dataclasses.replace(view, out_of_turn=True)
            if (handoff := await self._ledger.last_handoff(stands.id)) is not None:
                follow = (NewDelivery.of(Alarm(handoff=handoff.id), f"alarm:{handoff.id}"),)
        if isinstance(turn.payload, Revision) and isinstance(event, Message):
            overtaken = await self._ledger.is_overtaken(turn, event)
            view = dataclasses.replace(view, revision="earlier" if overtaken else "correction")
        messages = await rendered(event, view, len(turn.body))
        opens = bool(messages) or isinstance(event, ConversationStarted)
        return Showing(messages, facts, opens=opens, follow=follow)

    async def _is_out_of_turn(self, turn: Turn, event: AnyEvent) -> bool:
        """Whether the AI agent speaks although a human has the conversation. A late message is no sign."""
        stands = turn.conversation
        if not isinstance(event, Message) or event.author.role is not Role.BOT:
            return False
        if stands.control is not Control.HUMAN or stands.since is None or _written_at(turn) <= stands.since:
            return False
        return await self._ledger.happened_at(stands.id, event) > stands.since

    def _asks_for(self, turn: Turn, facts: Mapping[str, Any]) -> tuple[NewDelivery, ...]:
        """Ask the vendor for a customer who has no name, once in a conversation."""
        customer = facts.get("customer") or {}
        if (
            customer.get("name")
            or not customer.get("id")
            or not self._routes.knows_customers(turn.conversation)
        ):
            return ()
        return (NewDelivery.of(Profile(customer=customer["id"]), "profile"),)

    # ── quiet channels ───────────────────────────────────────────────────────────────────────────

    async def _is_quiet(self, turn: Turn, event: AnyEvent, facts: Mapping[str, Any]) -> bool:
        """Whether the route keeps this out of Slack: the AI agent's talk, outside of every handoff."""
        stands = turn.conversation
        if self._routes.of(stands, facts).mirror != "handoff" or isinstance(event, HandoffStarted):
            return False
        if isinstance(event, ConversationReopened) and stands.thread is not None:
            return False  # the customer wrote again: some vendors tell nothing else of it
        if stands.control not in (Control.BOT, Control.CLOSED):
            return False
        handoff = await self._ledger.last_handoff(stands.id)
        if handoff is None:
            return True
        # What belongs to the handoff is shown, also where its lane comes to it late.
        # By the order in which the store wrote them: the vendor's clock and ours may differ.
        ended = handoff.end_written_at or handoff.ended_at or 0.0
        return _written_at(turn) > ended + (BY_OUR_CLOCK if handoff.ended_by else WHOLE_SECOND)

    async def _after_the_quiet(self, turn: Turn, showing: Showing) -> Showing:
        """What was not shown so far comes first, folded."""
        stands, facts = turn.conversation, showing.facts
        if self._routes.of(stands, facts).mirror != "handoff":
            return showing
        return await self._folded(turn, showing)

    async def _folded(self, turn: Turn, showing: Showing, left_out: int = 0) -> Showing:
        stands, facts = turn.conversation, showing.facts
        since = int(facts.get("told_to", 0))
        payloads, more = await self._ledger.quiet_events(turn, since, MOST_QUIET)
        left_out += more
        events = [EVENT.validate_json(one) for one in payloads]
        view, length = self._routes.view(stands, facts), sum(map(len, payloads))
        before = await transcribed(events, view, length, left_out=left_out)
        if not payloads:
            return showing
        alert = showing.alert and (showing.alert[0] + len(before), showing.alert[1])
        return dataclasses.replace(
            showing,
            messages=(*before, *showing.messages),
            facts={**facts, "told_to": turn.delivery},
            alert=alert,
        )


def _written_at(turn: Turn) -> float:
    return turn.began - turn.waited


def _begins(handoff: Handoff, event: HandoffStarted) -> bool:
    """Whether `event` began it, and its alert does not stand in the thread for another reason."""
    return handoff.start is not None and handoff.start.id == event.id and "thread" not in handoff.places


def _again(event: HandoffStarted) -> str:
    why = f": {event.reason}" if event.reason else "."
    return f"A human was asked for, which is known already{why}"
