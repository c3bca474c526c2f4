"""Typing, as the thread's status: shown at once, kept up while it lasts, never a reason to fail.

Slack takes a status away after two minutes, and whenever we post in the thread
(https://docs.slack.dev/reference/methods/assistant.threads.setStatus).
"""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

from bridge.delivery.kinds import TypingAgain, TypingShown
from bridge.engine.handlers import Handlers, handles
from bridge.engine.ports import Ledger
from bridge.engine.work import Change, Conversation, Done, Outcome, Turn, Typist
from bridge.errors import BridgeError
from bridge.model import Message, Role, Typing
from bridge.render import identified, status, username
from bridge.slack.api import SlackApi
from bridge.slack.view import customer

LASTS = 60.0  # seconds that somebody types at the most, where the vendor never says that they stopped
AGAIN = 45.0  # seconds between two tellings of the same status
RECENT = 10  # events among which a message of theirs is looked for
STALE = 15.0  # seconds after which it is no news that somebody began to type


class TypingCarrier(Handlers):
    def __init__(self, api: SlackApi, ledger: Ledger) -> None:
        self._api = api
        self._ledger = ledger
        self._kept_up: dict[int, asyncio.Task[None]] = {}  # by conversation

    @handles(TypingAgain)
    async def show_again(self, turn: Turn, payload: TypingAgain) -> Outcome:
        """After our own post has cleared it."""
        conversation, shown = turn.conversation, turn.conversation.typing
        if (
            shown is not None
            and shown.until > time.time()
            and not await self._has_spoken(conversation, shown)
        ):
            await self._show(conversation, shown)
        return Done()

    @handles(TypingShown)
    async def show(self, turn: Turn, payload: TypingShown) -> Outcome:
        conversation, event = turn.conversation, payload.event
        if not isinstance(event, Typing) or (event.active and turn.waited > STALE):
            return Done()
        typist = Typist("")
        if event.active and (words := status(event)):
            lasts = min(event.seconds or LASTS, LASTS)
            known = identified(customer(conversation.facts), conversation.key)
            name = username(event.author, known)
            author = event.author
            typist = Typist(words, name, time.time() + lasts, author.role, author.id, turn.delivery)
            if await self._has_spoken(conversation, typist, event.at):
                return Done()
        elif conversation.typing is None:
            return Done()  # nobody was shown as typing
        await self._show(conversation, typist)
        if typist.text:
            self._keep_up(conversation, typist)
        return Done(change=Change(typing=typist))

    async def close(self) -> None:
        for task in self._kept_up.values():
            task.cancel()
        await asyncio.gather(*self._kept_up.values(), return_exceptions=True)

    async def _show(self, conversation: Conversation, typist: Typist) -> None:
        """Tell Slack, once. What becomes of it is not worth a retry."""
        thread = conversation.thread
        if thread is None:  # a message may just have opened it
            thread = (await self._ledger.conversation(conversation.id)).thread
        if thread is None:
            return
        told = {"channel_id": thread.channel, "thread_ts": thread.ts, "status": typist.text}
        if typist.text and typist.name:
            told["username"] = typist.name
        try:
            await self._api.call("assistant.threads.setStatus", told)
        except BridgeError:
            return  # counted by the call

    async def _has_spoken(
        self, conversation: Conversation, typist: Typist, began: datetime | None = None
    ) -> bool:
        """Whether the message that they typed came: behind the typing, or said after it `began`."""
        for delivery, event in await self._ledger.numbered_events(conversation.id, RECENT):
            if isinstance(event, Message) and _is_by(event, typist, conversation):
                return delivery > typist.delivery or (began is not None and event.at > began)
        return False

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
                spoken = await self._has_spoken(now, typist)
            except BridgeError:
                return
            if now.typing != typist or spoken:
                return
            await self._show(now, typist if typist.until > time.time() else Typist(""))


def _is_by(message: Message, typist: Typist, conversation: Conversation) -> bool:
    """Whether the typist said it. An agent is known by the id, or by the name where one has no id. A
    conversation has one customer and one AI agent, with a name in one event and none in another."""
    author = message.author
    if author.role != typist.role or author.role is not Role.AGENT:
        return author.role == typist.role
    if author.id and typist.id:
        return author.id == typist.id
    return username(author, identified(customer(conversation.facts), conversation.key)) == typist.name
