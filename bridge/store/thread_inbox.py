"""What people write, change and press in Slack, kept before Slack has its answer."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.delivery.kinds import SlackReply
from bridge.engine.work import Incoming, NewDelivery
from bridge.model import HeldChoice, ThreadKey
from bridge.store import changes, replies
from bridge.store.database import Database


class ThreadInbox:
    """The part of the store for Slack's events. Each method is one transaction and raises `Unavailable`."""

    _database: Database

    def _wake(self) -> None:
        raise NotImplementedError

    async def keep_reply(self, incoming: Incoming, where: ThreadKey | int, new: NewDelivery) -> str:
        """Keep what was written in a thread, or pressed, and queue it: see `replies.keep_reply`."""
        became = await self._database.run(replies.keep_reply, incoming, where, new)
        if became == "queued":
            self._wake()
        return became

    async def amend_reply(
        self,
        incoming: Incoming,
        where: ThreadKey | None,
        key: str,
        after: SlackReply | None,
        late: Sequence[NewDelivery],
        place: ThreadKey | None = None,
    ) -> str:
        """Change or cancel a reply that waits, or remember the change: see `changes.amend_reply`."""
        became = await self._database.run(changes.amend_reply, incoming, where, key, after, late, place)
        if became == "too_late":
            self._wake()
        return became

    async def send_on(
        self, incoming: Incoming, where: ThreadKey | int, delivery: int, user: str, choice: HeldChoice | None
    ) -> str:
        """Queue again what was held or failed: see `replies.send_on`."""
        became = await self._database.run(replies.send_on, incoming, where, delivery, user, choice)
        if became == "queued":
            self._wake()
        return became

    async def ask_again(self, incoming: Incoming, where: ThreadKey, ts: str, user: str) -> str:
        """Ask about a held reply once more: see `replies.ask_again`."""
        became = await self._database.run(replies.ask_again, incoming, where, ts, user)
        if became == "queued":
            self._wake()
        return became

    async def lock_message(self, incoming: Incoming, where: ThreadKey, late: Sequence[NewDelivery]) -> str:
        """The message at `where` is a note: see `changes.lock_message`."""
        became = await self._database.run(changes.lock_message, incoming, where, late)
        self._wake()
        return became

    async def forget_thread(self, incoming: Incoming, where: ThreadKey) -> str:
        return await self._database.run(changes.forget_thread, incoming, where)
