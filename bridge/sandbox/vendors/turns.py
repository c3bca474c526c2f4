"""Jobs of one conversation run one after another, those of different conversations side by side."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

Job = Callable[[], Awaitable[None]]

log = logging.getLogger(__name__)


class Turns:
    def __init__(self) -> None:
        self._lines: dict[str, deque[Job]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, key: str, job: Job) -> None:
        """Run `job` when everything put before it under `key` is done."""
        if (line := self._lines.get(key)) is not None:
            line.append(job)
            return
        self._lines[key] = deque([job])
        task = asyncio.create_task(self._run(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, key: str) -> None:
        line = self._lines[key]
        try:
            while line:
                try:
                    await line.popleft()()
                except Exception:
                    log.exception("a job of the sandbox failed")
        finally:
            del self._lines[key]

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    async def settled(self) -> None:
        """Wait until nothing is left to run."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Drop what waits, cancel what runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
