"""Typing, as the thread's status: shown at once, kept up while it lasts, never a reason to fail.

Slack takes a status away after two minutes, and whenever we post in the thread
(https://docs.slack.dev/reference/methods/assistant.threads.setStatus).
"""

from __future__ import annotations

import asyncio
import time

from bridge.engine.ports import Ledger
from bridge.engine.work import Change, Conversation, Done, NewDelivery, Outcome, Turn, Typist
from bridge.errors import BridgeError
from bridge.model import EVENT, Typing
from bridge.render import identified, status, username
from bridge.slack.api import SlackApi
from bridge.slack.view import customer

LASTS = 60.0  # seconds that somebody types at the most, where the vendor never says that they stopped
AGAIN = 45.0  # seconds between two tellings of the same status
STALE = 15.0  # seconds after which it is no news that somebody began to type


class TypingCarrier:
    def __init__(self, api: SlackApi, ledger: Ledger) -> None:
        self._api = api
        self._ledger = ledger
        self._kept_up: dict[int, asyncio.Task[None]] = {}  # by conversation

    async def carry(self, turn: Turn) -> Outcome:
        conversation = turn.conversation
        if turn.kind == "again":  # our own post has just cleared it
            typist = conversation.typing
            if typist is not None and typist.until > time.time():
                await self._show(conversation, typist)
            return Done()
        event = EVENT.validate_json(turn.payload)
        if not isinstance(event, Typing) or (event.active and turn.waited > STALE):
            return Done()
        typist = Typist("")
        if event.active and (words := status(event)):
            lasts = min(event.seconds or LASTS, LASTS)
            known = identified(customer(conversation.facts), conversation.key)
            name = username(event.author, known)
            typist = Typist(words, name, time.time() + lasts)
        elif conversation.typing is None:
            return Done()  # nobody was shown as typing
        await self._show(conversation, typist)
        if typist.text:
            self._keep_up(conversation, typist)
        return Done(change=Change(typing=typist))

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        return ()

    async def close(self) -> None:
        for task in self._kept_up.values():
            task.cancel()
        await asyncio.gather(*self._kept_up.values(), return_exceptions=True)

    async def _show(self, conversation: Conversation, typist: Typist) -> None:
        """Tell Slack, once. What becomes of it is not worth a retry."""
        thread = conversation.thread
        if thread is None:
            return
        told = {"channel_id": thread.channel, "thread_ts": thread.ts, "status": typist.text}
        if typist.text and typist.name:
            told["username"] = typist.name
        try:
            await self._api.call("assistant.threads.setStatus", told)
        except BridgeError:
            return  # counted by the call

    def _keep_up(self, conversation: Conversation, typist: Typist) -> None:
        before = self._kept_up.pop(conversation.id, None)
        if before is not None:
            before.cancel()
        task = asyncio.create_task(self._until_over(conversation, typist), name=f"typing-{conversation.id}")
        self._kept_up[conversation.id] = task
        task.add_done_callback(lambda done: self._forget(conversation.id, done))

    def _forget(self, conversation: int, task: asyncio.Task[None]) -> None:
        if self._kept_up.get(conversation) is task:
            del self._kept_up[conversation]

    async def _until_over(self, conversation: Conversation, typist: Typist) -> None:
        """Tell it again and again until it is over, or somebody else's telling has taken its place."""
        while (left := typist.until - time.time()) > 0:
            await asyncio.sleep(min(AGAIN, left))
            try:
                now = await self._ledger.conversation(conversation.id)
            except BridgeError:
                return
            if now.typing != typist:
                return
            await self._show(now, typist if typist.until > time.time() else Typist(""))
