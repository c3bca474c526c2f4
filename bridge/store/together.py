"""Many callers' work in one transaction: fewer statements, fewer round trips, one commit.

While a batch is being written the next one gathers; nobody waits for company. A batch that fails by a
fault in one of its items is written again item by item, so that only the guilty one fails.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from sqlalchemy import Connection

from bridge.errors import Unavailable
from bridge.store.database import Database

T = TypeVar("T")
R = TypeVar("R")

MOST = 64  # items in one transaction


class Together(Generic[T, R]):
    """`transaction(connection, items)` returns one result for each item, in their order."""

    def __init__(self, database: Database, transaction: Callable[[Connection, Sequence[T]], list[R]]) -> None:
        self._database = database
        self._transaction = transaction
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def add(self, item: T) -> R:
        """The result for `item`, once it is committed."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        return await future

    async def settle(self) -> None:
        """Wait until nothing is being written."""
        if self._writing is not None:
            await self._writing

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                results = await self._database.run(self._transaction, [item for item, _ in batch])
            except Unavailable as error:
                for _, future in batch:
                    if not future.done():
                        future.set_exception(error)
            except asyncio.CancelledError:
                # This task is cancelled when the loop ends, or by mistake: its callers must not wait forever.
                for _, future in batch:
                    if not future.done():
                        future.set_exception(Unavailable("the write was cancelled", where="the store"))
            except Exception:
                await self._one_by_one(batch)
            else:
                for (_, future), result in zip(batch, results, strict=True):
                    if not future.done():
                        future.set_result(result)

    async def _one_by_one(self, batch: list[tuple[T, asyncio.Future[R]]]) -> None:
        for item, future in batch:
            try:
                (result,) = await self._database.run(self._transaction, [item])
            except Exception as error:
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)
