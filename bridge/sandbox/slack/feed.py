"""What changes in the workspace, told live to whoever watches: the page, and tests."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator

from bridge.sandbox.slack.state import Json


class Subscription(AsyncIterator[Json]):
    """Every change since it was made, until the feed is closed. Dropped, it costs nothing more."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Json | None] = asyncio.Queue()

    async def __anext__(self) -> Json:
        change = await self._waiting.get()
        if change is None:
            self._waiting.put_nowait(None)  # so that a second look ends as well
            raise StopAsyncIteration
        return change

    def put(self, change: Json | None) -> None:
        self._waiting.put_nowait(change)


class Feed:
    def __init__(self) -> None:
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()

    def subscribe(self) -> Subscription:
        subscription = Subscription()
        self._subscriptions.add(subscription)
        return subscription

    def tell(self, change: Json | None) -> None:
        for subscription in list(self._subscriptions):
            subscription.put(change)

    def close(self) -> None:
        self.tell(None)
        self._subscriptions.clear()
