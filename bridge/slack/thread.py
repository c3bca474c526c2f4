"""Carries events into the conversation's thread: the card first, then every message, once each."""

from __future__ import annotations

import time
from collections.abc import Mapping

from bridge.engine.echo import ECHO, SHORT_ECHO
from bridge.engine.echo import digest as said_digest
from bridge.engine.ports import Ledger
from bridge.engine.vendor import notice as notice_in
from bridge.engine.work import Again, Change, Conversation, Done, NewDelivery, Outcome, PutBack, Turn
from bridge.model import EVENT, AnyEvent, ConversationStarted, Direction, Message, Role, ThreadKey
from bridge.render import Shown, SlackFile, SlackMessage, notice, render
from bridge.slack.api import ChannelAway, SlackApi, ThreadGone
from bridge.slack.corrections import offer
from bridge.slack.files import Files
from bridge.slack.opening import Opener, Slots
from bridge.slack.routes import Routes
from bridge.slack.view import digest, learn

class ThreadCarrier:
    def __init__(self, api: SlackApi, ledger: Ledger, routes: Routes, files: Files) -> None:
        self._api = api
        self._ledger = ledger
        self._routes = routes
        self._files = files
        self._opener = Opener(api, ledger, routes)

    async def carry(self, turn: Turn) -> Outcome:
        if turn.kind == "notice":
            return await self._show(turn, (notice(turn.read()["text"]),), turn.conversation.facts)
        if turn.kind == "too_late":
            offered = offer(turn.read(), self._routes.vendor(turn.conversation))
            return await self._show(turn, (offered,), turn.conversation.facts)
        event = EVENT.validate_json(turn.payload)
        if (heard := await self._echo(turn, event)) is not None:
            return Done(ref="echo", change=Change(heard=heard))
        facts = learn(turn.conversation.facts, event)
        messages = render(event, self._routes.view(turn.conversation, facts))
        opens = bool(messages) or isinstance(event, ConversationStarted)
        return await self._show(turn, messages, facts, opens=opens)

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        if isinstance(outcome, Again) or turn.kind != "event":
            return ()
        problem = getattr(outcome, "problem", "")
        return (notice_in(turn, f"A message of this conversation could not be shown here: {problem}"),)

    async def _echo(self, turn: Turn, event: AnyEvent) -> str | None:
        """The digest of the reply of ours that `event` tells back."""
        if not isinstance(event, Message):
            return None
        told = said_digest(event, tells_humans_apart=self._routes.tells_humans_apart(turn.conversation))
        within = ECHO if event.author.role is Role.AGENT else SHORT_ECHO
        return told if told is not None and await self._ledger.was_said(told, within) else None

    async def _show(
        self,
        turn: Turn,
        messages: tuple[Shown, ...],
        facts: Mapping[str, object],
        *,
        opens: bool = True,
    ) -> Outcome:
        """Post what of `messages` does not stand in the thread yet, each as Slack's pace allows."""
        change = None if facts == turn.conversation.facts else Change(facts=facts)
        slots = Slots(self._api, turn)
        conversation = turn.conversation
        if conversation.thread is None and opens:
            opened = await self._opener.open(turn, facts, slots)
            if isinstance(opened, PutBack):
                return opened
            conversation = opened
        thread = conversation.thread
        if thread is None or not messages:
            return Done(change=change, follow=self._after(turn, conversation, facts))
        try:
            outcome = await self._post(turn, thread, messages, slots)
        except (ThreadGone, ChannelAway) as error:
            if not self._opener.has_elsewhere(conversation, facts, error):
                raise
            await self._ledger.leave_thread(conversation.id, thread)
            return PutBack(0.0)  # the next turn opens another
        if not isinstance(outcome, str):
            return outcome
        return Done(outcome, change=change, follow=self._after(turn, conversation, facts))

    async def _post(
        self, turn: Turn, thread: ThreadKey, messages: tuple[Shown, ...], slots: Slots
    ) -> str | PutBack | Again:
        """Post what does not stand in the thread yet; the last message's ts."""
        done = dict(turn.refs)
        if turn.doubt:
            done |= await self._api.posted(thread, turn.delivery)
        ts = ""
        for index, message in enumerate(messages):
            step = str(index)
            if step in done:
                ts = done[step]
                continue
            if isinstance(message, SlackFile):
                became = await self._files.show(turn, step, message, thread, done, slots)
            else:
                became = message
            if isinstance(became, SlackMessage):
                if (wait := await slots.wait(thread.channel)) > 0:
                    return PutBack(wait)
                payload = {"delivery": turn.delivery, "step": step}
                posted = await self._api.post(thread.channel, became, payload, thread.ts)
                if posted.rung:  # kept with the delivery, for whoever asks why it looks so plain
                    turn.refs[f"{step}.rung"] = str(posted.rung)
                became = posted.ts
            if not isinstance(became, str):
                return became
            ts = became
            if index + 1 < len(messages):
                await self._ledger.progress(turn, {step: ts})
        return ts

    def _after(
        self, turn: Turn, conversation: Conversation, facts: Mapping[str, object]
    ) -> tuple[NewDelivery, ...]:
        """The card, where it would look different now; the typing status, which our post took away."""
        follow = []
        if conversation.thread is not None:
            if digest(self._routes.card(conversation, facts)) != conversation.card:
                follow.append(NewDelivery(Direction.MARKS, "card", f"card:{turn.delivery}", "{}"))
            if conversation.typing is not None and conversation.typing.until > time.time():
                follow.append(NewDelivery(Direction.STATUS, "again", f"again:{turn.delivery}", "{}"))
        return tuple(follow)
