"""Posts in a thread, each message once and as Slack's pace allows; also the bridge's own words."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

from bridge.delivery.kinds import CardChanged, ChangedTooLate, FailureNotice, Notice, StuckNotice, TypingAgain
from bridge.engine.handlers import Handlers, handles
from bridge.engine.ports import Ledger
from bridge.engine.work import (
    COVERS,
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
from bridge.model import ThreadKey
from bridge.render import Shown, SlackFile, SlackMessage, failure, notice, still_waits
from bridge.slack.api import ChannelAway, SlackApi, ThreadGone
from bridge.slack.corrections import offer
from bridge.slack.files import Files
from bridge.slack.opening import Opener
from bridge.slack.pacing import Slots
from bridge.slack.routes import Routes

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


class ThreadPosts(Handlers):
    def __init__(self, api: SlackApi, ledger: Ledger, routes: Routes, files: Files) -> None:
        self._api = api
        self._ledger = ledger
        self._routes = routes
        self._files = files
        self._opener = Opener(api, ledger, routes)

    @handles(Notice)
    async def post_notice(self, turn: Turn, payload: Notice) -> Outcome:
        return await self._show(turn, Showing((notice(payload.text),), turn.conversation.facts))

    @handles(FailureNotice)
    async def post_failure(self, turn: Turn, payload: FailureNotice) -> Outcome:
        failed = failure(
            payload.text,
            delivery=payload.delivery,
            thread_ts=payload.thread_ts,
            uncertain=payload.uncertain,
            can_retry=payload.can_retry,
        )
        return await self._show(turn, Showing((failed,), turn.conversation.facts))

    @handles(ChangedTooLate)
    async def offer_correction(self, turn: Turn, payload: ChangedTooLate) -> Outcome:
        offered = offer(payload, self._routes.title(turn.conversation))
        return await self._show(turn, Showing((offered,), turn.conversation.facts))

    @handles(StuckNotice)
    async def say_stuck(self, turn: Turn, payload: StuckNotice) -> Outcome:
        if not await self._ledger.is_waiting(payload.delivery):
            return Done("not needed")
        what = _WAITS.get(payload.about, "What is written here")
        waits = still_waits(what, payload.problem, payload.until)
        return await self._show(turn, Showing((waits,), turn.conversation.facts))

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
                follow.append(NewDelivery.after(turn, CardChanged()))
            if conversation.typing is not None and conversation.typing.until > time.time():
                follow.append(NewDelivery.after(turn, TypingAgain()))
        return tuple(follow)
