"""What operators ask of the store, and what keeps it in order: the part of it that carries nothing."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.engine.work import Backlog
from bridge.model import DeliveryState
from bridge.store import deadletters, retention, watch
from bridge.store.clock import Clock
from bridge.store.database import Database
from bridge.store.deadletters import Attempt, Delivery


class Upkeep:
    _database: Database
    _clock: Clock

    async def dead_letters(self, source: str | None, most: int) -> list[Delivery]:
        """What failed or is uncertain, at one source or at all; what ended last comes first."""
        return await self._database.run(deadletters.newest, source, most)

    async def delivery(self, delivery: int) -> tuple[Delivery, list[Attempt]] | None:
        """Any delivery, and its attempts in their order."""
        return await self._database.run(deadletters.read, delivery)

    async def retry(self, delivery: int) -> DeliveryState | None:
        """Queue a dead letter again, wherever it is carried: see `deadletters.retry`."""
        return await self._database.run(deadletters.retry, delivery)

    async def drop(self, delivery: int) -> DeliveryState | None:
        """Give a dead letter up for good: see `deadletters.drop`."""
        return await self._database.run(deadletters.drop, delivery)

    async def is_waiting(self, delivery: int) -> bool:
        """Whether it is still to be carried."""
        return await self._database.run(watch.is_waiting, delivery)

    async def backlog(self, within: float) -> Backlog:
        """What waits now, and what ended badly `within` the last seconds."""
        return await self._database.run(watch.backlog, within)

    async def sweep(self, keep: float) -> Mapping[str, int]:
        """Delete what has been over for `keep` seconds, beside the traffic: how many of each kind. Nothing
        after the clock was set forward, until it is known to be right: what is young would look old."""
        if self._clock.leapt:
            return {}
        return await retention.sweep(self._database, keep)
