"""Carries events into the conversation's thread: the card first, then every message, once each."""

from __future__ import annotations

import json
from collections.abc import Mapping

from bridge import routing
from bridge.config import Route, Source
from bridge.engine.echo import digest as said_digest
from bridge.engine.ports import Ledger
from bridge.engine.work import Again, Change, Conversation, Done, NewDelivery, Outcome, PutBack, Turn
from bridge.errors import OutcomeUnknown
from bridge.model import EVENT, AnyEvent, ConversationStarted, Direction, Message, Role, ThreadKey
from bridge.render import SlackMessage, card, notice, render
from bridge.slack.api import SlackApi
from bridge.slack.view import digest, learn, view

SLOT = 2.0  # seconds that a reserved slot stays good when its turn comes late
LOOKBACK = 600.0  # seconds before a conversation's row in which its card is looked for: clocks differ


class Routes:
    """The configured routes and sources, asked by conversation."""

    def __init__(self, routes: tuple[Route, ...], sources: Mapping[str, Source]) -> None:
        self._routes = routes
        self._sources = sources

    def vendor(self, conversation: Conversation) -> str:
        source = self._sources.get(conversation.key.source)
        return source.adapter.vendor if source else conversation.key.source

    def of(self, conversation: Conversation, facts: Mapping[str, object] | None = None) -> Route:
        told = conversation.facts if facts is None else facts
        customer, channel = told.get("customer") or {}, told.get("channel") or {}
        return routing.choose(
            self._routes,
            source=conversation.key.source,
            vendor=self.vendor(conversation),
            language=customer.get("language") if isinstance(customer, dict) else None,
            customer_channel=channel.get("name") if isinstance(channel, dict) else None,
        )

    def card(self, conversation: Conversation, facts: Mapping[str, object] | None = None) -> SlackMessage:
        told = conversation.facts if facts is None else facts
        shown = self.of(conversation, told).details
        return card(view(conversation, told, self.vendor(conversation), shown))


class ThreadCarrier:
    def __init__(self, api: SlackApi, ledger: Ledger, routes: Routes) -> None:
        self._api = api
        self._ledger = ledger
        self._routes = routes

    async def carry(self, turn: Turn) -> Outcome:
        if turn.kind == "notice":
            return await self._show(turn, (notice(turn.read()["text"]),), turn.conversation.facts)
        event = EVENT.validate_json(turn.payload)
        if await self._is_echo(turn, event):
            return Done(ref="echo")
        facts = learn(turn.conversation.facts, event)
        vendor = self._routes.vendor(turn.conversation)
        shown = self._routes.of(turn.conversation, facts).details
        messages = render(event, view(turn.conversation, facts, vendor, shown))
        opens = bool(messages) or isinstance(event, ConversationStarted)
        return await self._show(turn, messages, facts, opens=opens)

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        if isinstance(outcome, Again) or turn.kind == "notice":
            return ()
        problem = getattr(outcome, "problem", "")
        text = f"A message of this conversation could not be shown here: {problem}"
        return (
            NewDelivery(Direction.SLACK, "notice", f"notice:{turn.delivery}", json.dumps({"text": text})),
        )

    async def _is_echo(self, turn: Turn, event: AnyEvent) -> bool:
        if not isinstance(event, Message) or event.author.role is not Role.AGENT:
            return False
        return await self._ledger.was_said(turn.conversation.id, said_digest(event.author, event.parts))

    async def _show(
        self,
        turn: Turn,
        messages: tuple[SlackMessage, ...],
        facts: Mapping[str, object],
        *,
        opens: bool = True,
    ) -> Outcome:
        """Post what of `messages` does not stand in the thread yet, each as Slack's pace allows."""
        team = self._api.known().team
        conversation = turn.conversation
        has_slot = turn.late is not None and turn.late < SLOT
        change = None if facts == conversation.facts else Change(facts=facts)

        if conversation.thread is None and opens:
            channel = self._routes.of(conversation, facts).channel
            ts = None
            if turn.doubt:
                oldest = conversation.created_at - LOOKBACK
                ts = await self._api.posted_card(channel, str(conversation.key), oldest)
            if ts is None:
                if not has_slot and (wait := await self._api.room(channel)) > 0:
                    return PutBack(wait)
                has_slot = False
                first = self._routes.card(conversation, facts)
                ts = await self._api.post(channel, first, {"card": str(conversation.key)})
            where = ThreadKey(team=team, channel=channel, ts=ts)
            conversation = await self._ledger.open_thread(conversation.id, where)

        thread = conversation.thread
        if thread is None or not messages:
            return Done(change=change, follow=self._card(turn, conversation, facts))
        done = dict(turn.refs)
        if turn.doubt:
            done |= await self._api.posted(thread, turn.delivery)
        ts = None
        for index, message in enumerate(messages):
            step = str(index)
            ts = done.get(step)
            if ts is None:
                if not has_slot and (wait := await self._api.room(thread.channel)) > 0:
                    return PutBack(wait)
                has_slot = False
                payload = {"delivery": turn.delivery, "step": step}
                ts = await self._api.post(thread.channel, message, payload, thread.ts)
                if index + 1 < len(messages) and not await self._ledger.progress(turn, {step: ts}):
                    raise OutcomeUnknown("the lane was taken over by another worker")
        return Done(ts, change=change, follow=self._card(turn, conversation, facts))

    def _card(
        self, turn: Turn, conversation: Conversation, facts: Mapping[str, object]
    ) -> tuple[NewDelivery, ...]:
        """An update of the card, where it would look different now."""
        if conversation.thread is None:
            return ()
        if digest(self._routes.card(conversation, facts)) == conversation.card:
            return ()
        return (NewDelivery(Direction.MARKS, "card", f"card:{turn.delivery}", "{}"),)
