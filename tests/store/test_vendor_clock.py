"""Reports by a vendor's clock: beside processes of an earlier version, beside busier sources, and after a
report of our own act that never came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from bridge.control import Signal
from bridge.engine.work import Incoming, Owner
from bridge.model import (
    Author,
    Control,
    ConversationEnded,
    ConversationKey,
    HandoffEnded,
    HandoffStarted,
    MemberJoined,
    Message,
    Role,
    Text,
)
from bridge.store import Store, handoffs, own_reports, vendor_clock
from bridge.store.tables import conversation, delivery, now, said
from tests.stores import opened

KEY = ConversationKey(source="acme-ada", id="c")
MINA = Owner("Mina", "U0MINA")
KIM = Author(role=Role.AGENT, name="Kim")
CUSTOMER = {"author": Author(role=Role.CUSTOMER), "parts": (Text(text="hi"),)}


class Vendor:
    """Reports with a clock that is `ahead` of ours."""

    def __init__(self, store: Store, ahead: float = 0.0) -> None:
        self.store, self.ahead, self.number = store, ahead, 0

    async def tells(
        self, kind: type[Any], after: float = 0.0, key: ConversationKey = KEY, **more: Any
    ) -> Control:
        """Something that happens `after` seconds from now."""
        self.number += 1
        at = datetime.now(UTC) + timedelta(seconds=self.ahead + after)
        event = kind(id=f"e{self.number}", conversation=key, at=at, **more)
        await self.store.keep_events(Incoming(key.source, event.id, "", b"{}"), (event,))
        return await self.control()

    async def talks(self, times: int = 5, key: ConversationKey = KEY) -> None:
        for _ in range(times):
            await self.tells(Message, key=key, **CUSTOMER)

    async def control(self) -> Control:
        return (await self.store.conversation(1)).control

    async def act(self, happened: Signal) -> Control:
        await self.store._database.run(lambda on: handoffs.act(on, 1, happened, MINA))
        return await self.control()

    async def by_an_earlier_version(self, **values: Any) -> None:
        """It knows the columns of the times only."""
        change = update(conversation).where(conversation.c.id == 1).values(**values)
        await self.store._database.run(lambda on: on.execute(change) and None)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with opened(database_url) as store:
        yield store


@pytest.mark.parametrize("ahead", [20.0, 250.0])
async def test_the_first_end_is_dated_ahead_and_the_customer_asks_again(store: Store, ahead: float) -> None:
    """Nothing else is known of the vendor's clock yet."""
    vendor = Vendor(store)
    await vendor.tells(HandoffStarted)
    assert await vendor.tells(HandoffEnded, ahead) is Control.BOT
    assert await vendor.tells(HandoffStarted) is Control.WAITING


@pytest.mark.parametrize("ahead", [0.0, 60.0, -30.0])
async def test_an_earlier_version_writes_the_next_start(store: Store, ahead: float) -> None:
    """The end of the handoff before comes late: it does not end this one."""
    vendor = Vendor(store, ahead)
    await vendor.talks()
    await vendor.tells(HandoffStarted)
    await vendor.tells(HandoffEnded)
    await vendor.by_an_earlier_version(control=Control.WAITING, vendor_at=now() + ahead + 200)
    assert await vendor.tells(HandoffEnded, 100) is Control.WAITING
    assert await vendor.tells(HandoffEnded, 201) is Control.BOT


@pytest.mark.parametrize("ahead", [0.0, 60.0, -30.0])
async def test_an_earlier_version_writes_the_next_act(store: Store, ahead: float) -> None:
    """An agent's words at the vendor from before it take nothing from the AI agent."""
    vendor = Vendor(store, ahead)
    await vendor.talks()
    await vendor.tells(HandoffStarted)
    await vendor.act(Signal.CLAIMED)
    await vendor.by_an_earlier_version(control=Control.BOT, owner=None, owner_id=None, acted_at=now() + 200)
    words = {"author": KIM, "parts": (Text(text="hello"),)}
    assert await vendor.tells(Message, 100, **words) is Control.BOT
    assert await vendor.tells(Message, 205, **words) is Control.HUMAN


@pytest.mark.parametrize("ahead", [60.0, -30.0, -120.0])
async def test_a_source_that_others_have_more_to_say_than(store: Store, ahead: float) -> None:
    vendor = Vendor(store, ahead)
    await vendor.talks()
    await vendor.tells(HandoffStarted)
    await vendor.act(Signal.CLAIMED)
    busy = ConversationKey(source="busy", id="b")
    events = [
        Message(id=f"b{number}", conversation=busy, at=datetime.now(UTC), **CUSTOMER)
        for number in range(vendor_clock.LOOKED_AT + 1)
    ]
    await store.keep_events(Incoming("busy", "b", "", b"{}"), events)
    assert await vendor.act(Signal.HANDED_BACK) is Control.BOT
    words = {"author": KIM, "parts": (Text(text="hello"),)}
    assert await vendor.tells(Message, -10, **words) is Control.BOT
    assert await vendor.tells(Message, 5, **words) is Control.HUMAN


async def test_an_event_that_cannot_be_read_stops_no_act(store: Store) -> None:
    vendor = Vendor(store)
    await vendor.talks()
    await vendor.tells(HandoffStarted)
    for payload in ("{}", "no json", '{"at": 5}', '{"at": "yesterday"}'):
        other = ConversationKey(source=KEY.source, id=payload)
        event = Message(id=payload, conversation=other, at=datetime.now(UTC), **CUSTOMER)
        await store.keep_events(Incoming(KEY.source, payload, "", b"{}"), [event])
        spoil = update(delivery).where(delivery.c.key == payload).values(payload=payload)
        await store._database.run(lambda on: on.execute(spoil))  # noqa: B023
    assert await vendor.act(Signal.CLAIMED) is Control.HUMAN


async def test_the_report_of_an_act_is_known_though_webhooks_take_a_second(store: Store) -> None:
    """So its clock seems to be behind, and the report of a time after the act."""
    vendor = Vendor(store)
    for _ in range(5):
        await vendor.tells(Message, -1, **CUSTOMER)
    await vendor.tells(HandoffStarted, -1)
    await vendor.act(Signal.CLAIMED)
    for number in range(5):
        await store._database.run(own_reports.expect, 1, number, Signal.HANDED_BACK)
        assert await vendor.act(Signal.HANDED_BACK) is Control.BOT
        await vendor.tells(HandoffEnded)
        reports = select(func.count()).where(said.c.event_id.is_not(None))
        assert await store._database.run(lambda on: on.execute(reports).scalar_one()) == number + 1  # noqa: B023
        await vendor.act(Signal.TAKEN_OVER)


@pytest.mark.parametrize("ahead", [0.0, 60.0, -30.0])
@pytest.mark.parametrize("by", ["joins", "speaks"])
async def test_an_end_counts_though_the_report_of_our_own_never_came(
    store: Store, ahead: float, by: str
) -> None:
    """An agent at the vendor has taken the conversation since, without a handoff."""
    vendor = Vendor(store, ahead)
    await vendor.talks()
    await vendor.tells(HandoffStarted)
    await vendor.act(Signal.CLAIMED)
    await store._database.run(own_reports.expect, 1, 77, Signal.HANDED_BACK)
    assert await vendor.act(Signal.HANDED_BACK) is Control.BOT
    ago = {"at": said.c.at - 60, "recorded_at": said.c.recorded_at - 60}
    await store._database.run(lambda on: on.execute(update(said).values(**ago)) and None)
    await vendor.by_an_earlier_version(acted_at=conversation.c.acted_at - 60)
    more = {"parts": (Text(text="hello"),)} if by == "speaks" else {}
    kind = Message if by == "speaks" else MemberJoined
    assert await vendor.tells(kind, author=KIM, **more) is Control.HUMAN
    assert await vendor.tells(HandoffEnded, -30) is Control.HUMAN  # that of ours
    assert await vendor.tells(HandoffEnded, 5) is Control.BOT


async def test_an_end_long_after_our_own_is_another(store: Store) -> None:
    """The customer came back to the AI agent meanwhile: no handoff began."""
    vendor = Vendor(store)
    await vendor.talks()
    await vendor.tells(HandoffStarted)
    await vendor.act(Signal.CLAIMED)
    await store._database.run(own_reports.expect, 1, 77, Signal.RESOLVED)
    assert await vendor.act(Signal.RESOLVED) is Control.CLOSED
    assert await vendor.tells(Message, 1, **CUSTOMER) is Control.BOT
    assert await vendor.tells(ConversationEnded, 400) is Control.CLOSED
