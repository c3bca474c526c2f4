"""What a vendor sends to the bridge: signed anew at each attempt, retried as the vendor retries."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp

from bridge.sandbox.vendors.turns import Turns


@dataclass(frozen=True)
class Attempt:
    """One try. `status` is None where no answer came; `error` then says what happened."""

    at: float
    status: int | None
    error: str | None = None

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass
class Delivery:
    """One webhook or call to the bridge, with what became of it."""

    id: str
    kind: str
    conversation_id: str
    url: str
    body: bytes = field(repr=False)
    state: Literal["queued", "delivered", "failed"] = "queued"
    attempts: list[Attempt] = field(default_factory=list)
    answer: bytes = field(default=b"", repr=False)
    done: asyncio.Event = field(default_factory=asyncio.Event, repr=False)

    @property
    def status(self) -> int | None:
        """The last attempt's status code."""
        return self.attempts[-1].status if self.attempts else None

    @property
    def payload(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Manner:
    """How one sort of call is made: its headers, and when and whether it is tried again."""

    headers: Callable[[Delivery, float], Mapping[str, str]]
    retry_delays: Sequence[float] = ()
    retries: Callable[[int | None], bool] = lambda status: True


class Outbox:
    """Sends in order within a conversation, conversations side by side.

    `in_order=True` lets a delivery that is retried hold up those behind it; with False they overtake
    it, as at vendors that promise no order. While `loses` is set, whatever is sent is lost on its way.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        timeout: float,
        in_order: bool,
        on_attempt: Callable[[Delivery], None],
    ) -> None:
        self.deliveries: list[Delivery] = []
        self.loses = False
        self._clock = clock
        self._timeout = timeout
        self._in_order = in_order
        self._on_attempt = on_attempt
        self._turns = Turns()
        self._http: aiohttp.ClientSession | None = None

    def start(self) -> None:
        # aiohttp, not httpx: with hundreds of conversations at once its pool is 17 times as fast.
        # The wait for a connection is no part of the time limit: a queue here is no fault of the bridge.
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._timeout, sock_read=self._timeout),
            connector=aiohttp.TCPConnector(limit=64),
        )

    async def stop(self) -> None:
        await self._turns.stop()
        if self._http is not None:
            await self._http.close()
            self._http = None

    @property
    def busy(self) -> bool:
        return self._turns.busy

    async def settled(self) -> None:
        await self._turns.settled()

    def send(self, delivery: Delivery, manner: Manner) -> Delivery:
        """Queue `delivery`; its `done` is set once it was delivered or given up."""
        self.deliveries.append(delivery)
        if self.loses:
            delivery.state = "failed"
            delivery.done.set()
            return delivery
        self._turns.put(delivery.conversation_id, lambda: self._first(delivery, manner))
        return delivery

    async def _first(self, delivery: Delivery, manner: Manner) -> None:
        if await self._attempt(delivery, manner, last=not manner.retry_delays):
            return
        if self._in_order:
            await self._again(delivery, manner)
        else:
            self._turns.put(f"retries of {delivery.id}", lambda: self._again(delivery, manner))

    async def _again(self, delivery: Delivery, manner: Manner) -> None:
        for number, delay in enumerate(manner.retry_delays, start=1):
            await asyncio.sleep(delay)
            if await self._attempt(delivery, manner, last=number == len(manner.retry_delays)):
                return

    async def _attempt(self, delivery: Delivery, manner: Manner, *, last: bool) -> bool:
        """Try once; True when nothing more is to be tried."""
        assert self._http is not None, "the sandbox's vendor was not started"  # noqa: S101
        now = self._clock()
        headers = {"content-type": "application/json", **manner.headers(delivery, now)}
        try:
            async with self._http.post(
                delivery.url, data=delivery.body, headers=headers, allow_redirects=False
            ) as response:
                delivery.answer = await response.read()
                attempt = Attempt(now, response.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            attempt = Attempt(now, None, type(error).__name__)
        delivery.attempts.append(attempt)
        if attempt.ok:
            delivery.state = "delivered"
        elif last or not manner.retries(attempt.status):
            delivery.state = "failed"
        self._on_attempt(delivery)
        if delivery.state == "queued":
            return False
        delivery.done.set()
        return True
