"""What happens in a fake, told live to whoever subscribed: the sandbox's page, and tests."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from typing import Any


class Subscription(AsyncIterator[dict[str, Any]]):
    """Everything since `subscribe` was called, until the feed is closed. Forgotten, it costs nothing."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

    async def __anext__(self) -> dict[str, Any]:
        happening = await self._queue.get()
        if happening is None:
            self._queue.put_nowait(None)
            raise StopAsyncIteration
        return happening

    def put(self, happening: dict[str, Any] | None) -> None:
        self._queue.put_nowait(happening)


class Feed:
    def __init__(self) -> None:
        self._subscriptions: weakref.WeakSet[Subscription] = weakref.WeakSet()

    def subscribe(self) -> Subscription:
        subscription = Subscription()
        self._subscriptions.add(subscription)
        return subscription

    def publish(self, happening: dict[str, Any]) -> None:
        for subscription in list(self._subscriptions):
            subscription.put(happening)

    def close(self) -> None:
        """End every subscription."""
        for subscription in list(self._subscriptions):
            subscription.put(None)
        self._subscriptions.clear()
