"""Asks the vendor what it knows: what was said, and who the customer is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from bridge.adapter import Adapter, KnowsCustomers, Limited, TellsHistory
from bridge.delivery.kinds import CustomerFound, History, Profile
from bridge.engine.handlers import Handlers, handles
from bridge.engine.policy import while_patient
from bridge.engine.ports import Ledger
from bridge.engine.work import Done, NewDelivery, Outcome, PutBack, Turn
from bridge.errors import DeliveryError, Rejected, RetryAfter, RetryLater

PROFILE_TRIES = 3


class Questions(Handlers):
    def __init__(self, adapters: Mapping[str, Adapter], ledger: Ledger) -> None:
        self._adapters = adapters
        self._ledger = ledger

    @handles(History)
    async def ask_back(self, turn: Turn, payload: History) -> Outcome:
        """Ask the vendor for what was said while the bridge was away, or before its first webhook."""
        adapter = self._adapter(turn)
        if not isinstance(adapter, TellsHistory):
            return Done("not told")
        if (wait := await self._room(turn, adapter, calls=1)) > 0:
            return PutBack(wait)
        with while_patient(turn, DeliveryError):
            told = await adapter.history(turn.conversation.key, datetime.fromtimestamp(payload.since, UTC))
        return Done(f"{await self._ledger.keep_history(turn, payload, told)} found")

    @handles(Profile)
    async def ask_for_customer(self, turn: Turn, payload: Profile) -> Outcome:
        """The customer's profile, for the card. Replies wait behind it, so it is not tried for long."""
        adapter = self._adapter(turn)
        if not isinstance(adapter, KnowsCustomers):
            return Done("not told")
        if (wait := await self._room(turn, adapter, calls=1)) > 0:
            return PutBack(wait)
        try:
            known = await adapter.customer(payload.customer)
        except DeliveryError as error:
            if isinstance(error, RetryAfter | RetryLater) and turn.attempt < PROFILE_TRIES:
                raise
            return Done("not told")
        if known is None:
            return Done("not told")
        return Done(follow=(NewDelivery.after(turn, CustomerFound(customer=known)),))

    def _adapter(self, turn: Turn) -> Adapter:
        source = turn.conversation.key.source
        adapter = self._adapters.get(source)
        if adapter is None:
            remedy = "Put it back into config.toml, then send the message again"
            raise Rejected(f"{source} is no longer configured", remedy=remedy)
        return adapter

    async def _room(self, turn: Turn, adapter: Adapter, *, calls: int) -> float:
        """Seconds until the vendor's limits let `calls` more calls go; 0 for now, and they are counted."""
        for limit in adapter.limits if isinstance(adapter, Limited) else ():
            key = f"calls:{turn.conversation.key.source}:{limit.seconds:g}"
            for _ in range(min(calls, limit.burst)):
                wait = await self._ledger.take(key, limit.interval, limit.burst)
                if wait > 0:
                    return wait
        return 0.0
