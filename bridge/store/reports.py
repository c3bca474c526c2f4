"""What vendors report beside the talk, and again: ends that our acts bring about, profiles, revisions."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.control import Signal
from bridge.engine.work import Incoming, Turn
from bridge.model import AnyEvent, Customer, Message
from bridge.store import own_reports, profiles, revisions, vendor_clock
from bridge.store.database import Database


class Reports:
    """The part of the store that all this is called by. Each is one transaction and raises `Unavailable`."""

    _database: Database

    def _wake(self) -> None:
        raise NotImplementedError

    async def keep_customers(self, incoming: Incoming, customers: Sequence[Customer]) -> bool:
        """Keep a webhook about customers, for their cards. False where it is a duplicate."""
        new = await self._database.run(profiles.keep_customers, incoming, customers)
        self._wake()
        return new

    async def happened_at(self, conversation: int, event: AnyEvent) -> float:
        """When `event` happened, in seconds by the store's clock."""
        return await self._database.run(vendor_clock.ours, conversation, event)

    async def expect_report(self, turn: Turn, happened: Signal) -> None:
        """The vendor may report what this act is about to do there: see `own_reports`."""
        await self._database.run(own_reports.expect, turn.conversation.id, turn.delivery, happened)

    async def expect_no_report(self, turn: Turn, happened: Signal) -> None:
        await self._database.run(own_reports.refused, turn.conversation.id, turn.delivery, happened)

    async def is_own_report(self, turn: Turn, event: AnyEvent) -> bool:
        return await self._database.run(own_reports.is_own, turn.conversation.id, event)

    async def first_was_echo(self, turn: Turn, message: Message) -> bool:
        """Whether the message that `message` revises was our own reply, told back."""
        return await self._database.run(revisions.first_was_echo, turn, message)

    async def is_overtaken(self, turn: Turn, message: Message) -> bool:
        """Whether the revision `message` has earlier words than those that are shown."""
        return await self._database.run(revisions.is_overtaken, turn, message)
