"""Carries events into the conversation's thread: the card first, then every message, once each."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from typing import Any

from bridge.control import WHOLE_SECOND
from bridge.engine.echo import ECHO, SHORT_ECHO, was_handed_over_from
from bridge.engine.echo import digest as said_digest
from bridge.engine.follow import failure as failure_of
from bridge.engine.ports import Ledger
from bridge.engine.work import (
    COVERS,
    ECHOED,
    EVENTS,
    OWN_REPORT,
    QUIET,
    REVISION,
    Again,
    AlertPlace,
    Change,
    Conversation,
    Done,
    Handoff,
    NewDelivery,
    Outcome,
    PutBack,
    Turn,
)
from bridge.model import (
    EVENT,
    AnyEvent,
    Control,
    ConversationEnded,
    ConversationReopened,
    ConversationStarted,
    Direction,
    HandoffEnded,
    HandoffStarted,
    Message,
    Role,
    ThreadKey,
)
from bridge.render import (
    Shown,
    SlackFile,
    SlackMessage,
    failure,
    notice,
    opened_again,
    still_waits,
)
from bridge.slack.api import ChannelAway, SlackApi, ThreadGone
from bridge.slack.bursts import MOST, gathered
from bridge.slack.corrections import offer
from bridge.slack.files import Files
from bridge.slack.opening import Opener
from bridge.slack.pacing import Slots
from bridge.slack.rendering import rendered, transcribed
from bridge.slack.routes import Routes
from bridge.slack.view import customer, learn

MOST_QUIET = 200  # events of a quiet channel that a handoff's thread begins with
MOST_BEFORE = 200  # events among which the last answer before a handoff is looked for
BY_OUR_CLOCK = 10.0  # seconds that a vendor's clock may be ahead when an agent ended a handoff

_WAITS = {"reply": "A reply", "correction": "A correction", "choice": "What was chosen for the customer"}


@dataclasses.dataclass(frozen=True)
class Showing:
    """What goes into the thread for one delivery. `alert` says which of the messages is a handoff's alert."""

    messages: tuple[Shown, ...]
    facts: Mapping[str, Any]
    opens: bool = True
    alert: tuple[int, Handoff] | None = None
    follow: tuple[NewDelivery, ...] = ()
    covers: tuple[int, ...] = ()  # later deliveries that it shows as well


class ThreadCarrier:
    def __init__(self, api: SlackApi, ledger: Ledger, routes: Routes, files: Files) -> None:
        self._api = api
        self._ledger = ledger
        self._routes = routes
        self._files = files
        self._opener = Opener(api, ledger, routes)

    async def carry(self, turn: Turn) -> Outcome:
        stands, facts = turn.conversation, turn.conversation.facts
        match turn.kind:
            case "notice":
                return await self._show(turn, Showing((notice(turn.read()["text"]),), facts))
            case "failure":
                told = turn.read()
                failed = failure(
                    told["text"],
                    delivery=told["delivery"],
                    thread_ts=told["thread_ts"],
                    uncertain=told["uncertain"],
                    can_retry=told.get("can_retry", True),  # rows of an earlier version do not say
                )
                return await self._show(turn, Showing((failed,), facts))
            case "too_late":
                offered = offer(turn.read(), self._routes.title(stands))
                return await self._show(turn, Showing((offered,), facts))
            case "stuck":
                told = turn.read()
                if not await self._ledger.is_waiting(told["delivery"]):
                    return Done("not needed")
                what = _WAITS.get(told["kind"], "What is written here")
                waits = still_waits(what, told["problem"], told["until"])
                return await self._show(turn, Showing((waits,), facts))
            case "opened_again":
                if stands.thread is None and self._routes.of(stands).mirror == "handoff":
                    return Done()  # it never needed a human; and it is no event, to be told later
                again = opened_again(self._routes.view(stands, facts))
                return await self._show(turn, await self._after_the_quiet(turn, Showing((again,), facts)))
            case "customer":
                known = {**facts.get("customer", {}), **turn.read()}
                return await self._show(turn, Showing((), {**facts, "customer": known}, opens=False))
            case "transcript":
                left_out = turn.read()["left_out"]
                return await self._show(turn, await self._folded(turn, Showing((), facts), left_out))
        event = EVENT.validate_json(turn.payload)
        if event.earlier:
            return Done(QUIET, change=Change(facts=learn(facts, event, self._routes.shown)))
        if (heard := await self._echo(turn, event)) is not None:
            return Done(ref=ECHOED, change=Change(heard=heard))
        revises = turn.kind == REVISION
        if revises and isinstance(event, Message) and await self._ledger.first_was_echo(turn, event):
            return Done(ref=ECHOED)
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
        if isinstance(outcome, Again) or turn.kind not in EVENTS:
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
            messages = await rendered(event, view, len(turn.payload))
            return Showing(messages, facts, alert=(0, handoff), follow=self._asks_for(turn, facts))
        follow: tuple[NewDelivery, ...] = ()
        if await self._is_out_of_turn(turn, event):
            view = dataclasses.replace(view, out_of_turn=True)
            if (handoff := await self._ledger.last_handoff(stands.id)) is not None:
                told = json.dumps({"handoff": handoff.id})
                follow = (NewDelivery(Direction.ALERTS, "alarm", f"alarm:{handoff.id}", told),)
        if turn.kind == REVISION and isinstance(event, Message):
            overtaken = await self._ledger.is_overtaken(turn, event)
            view = dataclasses.replace(view, revision="earlier" if overtaken else "correction")
        messages = await rendered(event, view, len(turn.payload))
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
        told = json.dumps({"customer": customer["id"]})
        return (NewDelivery(Direction.VENDOR, "profile", "profile", told),)

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

    # ── posting ──────────────────────────────────────────────────────────────────────────────────

    async def _show(self, turn: Turn, showing: Showing) -> Outcome:
        """Post what of the messages does not stand in the thread yet, each as Slack's pace allows."""
        facts = showing.facts
        change = None if facts == turn.conversation.facts else Change(facts=facts)
        conversation = turn.conversation
        slots = Slots(self._api, turn, len(showing.messages) + (conversation.thread is None))
        if conversation.thread is None and showing.opens:
            opened = await self._opener.open(turn, facts, slots)
            if isinstance(opened, PutBack):
                return opened
            conversation = opened
        thread = conversation.thread
        if thread is None or not showing.messages:
            return Done(change=change, follow=self._after(turn, conversation, showing))
        try:
            outcome = await self._post(turn, thread, showing, slots)
        except (ThreadGone, ChannelAway) as error:
            if not self._opener.has_elsewhere(conversation, facts, error):
                raise
            await self._ledger.leave_thread(conversation.id, thread)
            return PutBack(0.0)  # the next turn opens another
        if not isinstance(outcome, list):
            return outcome
        if showing.alert is not None:
            index, handoff = showing.alert
            place = AlertPlace(thread.channel, outcome[index])
            change = dataclasses.replace(change or Change(), alert=(handoff.id, place))
        if turn.conversation.thread is None:  # who types since it was opened was not shown yet, or is not now
            conversation = await self._ledger.conversation(conversation.id)
        follow = self._after(turn, conversation, showing)
        return Done(outcome[-1], change=change, follow=follow, covers=showing.covers)

    async def _post(
        self, turn: Turn, thread: ThreadKey, showing: Showing, slots: Slots
    ) -> list[str] | PutBack | Again:
        """Post what does not stand in the thread yet; each message's ts."""
        done, messages = dict(turn.refs), showing.messages
        if turn.doubt:
            done |= await self._api.posted(thread, turn.delivery)
        stand: list[str] = []
        for index, message in enumerate(messages):
            step = str(index)
            if step in done:
                stand.append(done[step])
                continue
            if isinstance(message, SlackFile):
                became = await self._files.show(turn, step, message, thread, done, slots)
            else:
                became = message
            if isinstance(became, SlackMessage):
                if (wait := await slots.wait(thread.channel)) > 0:
                    return PutBack(wait)
                if showing.covers and COVERS not in turn.refs:  # from here on it may stand there
                    await self._ledger.progress(turn, {COVERS: " ".join(map(str, showing.covers))})
                payload = {"delivery": turn.delivery, "step": step}
                posted = await self._api.post(thread.channel, became, payload, thread.ts)
                if posted.rung:  # kept with the delivery, for whoever asks why it looks so plain
                    turn.refs[f"{step}.rung"] = str(posted.rung)
                became = posted.ts
            if not isinstance(became, str):
                return became
            stand.append(became)
            if index + 1 < len(messages):
                await self._ledger.progress(turn, {step: became})
        return stand

    def _after(self, turn: Turn, conversation: Conversation, showing: Showing) -> tuple[NewDelivery, ...]:
        """The card, where it would look different now; the typing status, which our post took away."""
        follow = list(showing.follow)
        if conversation.thread is not None:
            if self._routes.looks(conversation, showing.facts) != conversation.card:
                follow.append(NewDelivery(Direction.CARD, "card", f"card:{turn.delivery}", "{}"))
            if conversation.typing is not None and conversation.typing.until > time.time():
                follow.append(NewDelivery(Direction.STATUS, "again", f"again:{turn.delivery}", "{}"))
        return tuple(follow)


def _written_at(turn: Turn) -> float:
    return turn.began - turn.waited


def _begins(handoff: Handoff, event: HandoffStarted) -> bool:
    """Whether `event` began it, and its alert does not stand in the thread for another reason."""
    return handoff.start is not None and handoff.start.id == event.id and "thread" not in handoff.places


def _again(event: HandoffStarted) -> str:
    why = f": {event.reason}" if event.reason else "."
    return f"A human was asked for, which is known already{why}"
