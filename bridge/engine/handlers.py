"""How a carrier finds the method for a delivery: by the type of its payload."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, TypeVar

from bridge.delivery.kind import Payload
from bridge.engine.work import NewDelivery, Outcome, Turn

C = TypeVar("C")
P = TypeVar("P", bound=Payload)
Handler = Callable[[C, Turn, P], Awaitable[Outcome]]


def handles(*payloads: type[P]) -> Callable[[Handler[C, P]], Handler[C, P]]:
    """Let a carrier's method carry the deliveries with these payloads."""

    def mark(method: Handler[C, P]) -> Handler[C, P]:
        method.handles = payloads  # type: ignore[attr-defined]
        return method

    return mark


class Handlers:
    """Base class of what carries the deliveries of one lane, each kind by the method that `handles` it."""

    methods: ClassVar[Mapping[type[Payload], Callable[..., Awaitable[Outcome]]]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        own = {payload: one for one in vars(cls).values() for payload in getattr(one, "handles", ())}
        cls.methods = {**cls.methods, **own}

    async def carry(self, turn: Turn) -> Outcome:
        return await self.methods[type(turn.payload)](self, turn, turn.payload)

    def follow(self, turn: Turn, outcome: Outcome) -> tuple[NewDelivery, ...]:
        return ()
