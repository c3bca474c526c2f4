"""The tour of `bridge demo --check`: each step goes the real way, and counts once its end was seen.

Customer -> vendor -> webhook -> bridge -> Slack, and back. Every vendor takes the same steps; where they
differ stands in `ways`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Iterable

from bridge.sandbox import handing_over, talking
from bridge.sandbox.handing_over import ROUTE
from bridge.sandbox.seen import Seen, Unseen
from bridge.sandbox.stage import Stage
from bridge.sandbox.trip import CUSTOMER, Trip, expect, once

__all__ = ["ROUTE", "Seen", "Trip", "Unseen", "killed", "take", "travel"]

Tell = Callable[[str], None]

ORDERS = 6  # that each customer asks for around the kill

#: what each returns is printed; None where the vendor has no such thing
STEPS: tuple[Callable[[Trip], Awaitable[str | None]], ...] = (
    talking.opens,
    talking.rich_answer,
    talking.forged,
    talking.repeated,
    handing_over.held,
    handing_over.asks_for_a_human,
    handing_over.reminded,
    handing_over.claimed_by_two,
    handing_over.agent_replies,
    handing_over.customer_answers,
    handing_over.handed_back,
    handing_over.resolved,
    handing_over.reopened,
    handing_over.ends,
)


# ── the last step, of all vendors together ───────────────────────────────────────────────────────


async def killed(trips: list[Trip]) -> str:
    """SIGKILL while Slack has messages that the bridge has not heard of: it must look before it repeats."""
    seen = trips[0].seen
    for trip in trips:
        trip.conversation = trip.vendor.open(CUSTOMER)
        for order in range(trip.order, trip.order + ORDERS):
            trip.says(f"Where is order {order}?")
        late = _tells(f"Parcel {trip.order + ORDERS // 2}")
        seen.stage.slack.faults.next("chat.postMessage", delay=2.0, when=late)
    for trip in trips:
        trip.thread = await seen.thread(trip.ways.channel, f"Parcel {trip.order + ORDERS // 2}")
    assert seen.bridge is not None  # noqa: S101 - the tour has started it
    await seen.bridge.kill()
    seen.bridge = await seen.stage.serve()
    for trip in trips:
        # A vendor that does not try again (GPTBots) keeps what came while nobody listened.
        await trip.vendor.settled()
        trip.says(f"Where is order {trip.order + ORDERS}?")
        await trip.shows(trip.ways.ai, f"Parcel {trip.order + ORDERS}")
        once(trip.thread)
        shown, taken = _orders(line.words for line in trip.thread.lines), _taken(trip)
        expect(shown == sorted(shown), f"{trip.ways.name}'s messages in order", trip.thread)
        missing = f"all that {trip.ways.name} could deliver: orders {taken}"
        expect([one for one in shown if one in taken] == taken, missing, trip.thread)
    return "killed in the middle of it and started again, everything is in the threads once and in order"


def _tells(text: str) -> Callable[[object], bool]:
    return lambda call: text in str(call)


def _taken(trip: Trip) -> list[int]:
    """What the bridge has answered with 200."""
    said = (one for one in trip.vendor.deliveries if one.conversation_id == trip.conversation.id)
    return _orders(one.body.decode() for one in said if one.state == "delivered")


def _orders(texts: Iterable[str]) -> list[int]:
    """The orders that are asked for and told of, as they come."""
    return [int(number) for text in texts for number in re.findall(r"(?:order|Parcel) (\d+)", text)]


# ── taking it ────────────────────────────────────────────────────────────────────────────────────


async def take(stage: Stage, tell: Tell, *, patience: float = 15.0) -> bool:
    """Start the bridge and take every step. Tells a line a step; whether all of it was seen."""
    seen = Seen(stage, patience)

    async def start() -> str:
        try:
            seen.bridge = await stage.serve()
        except (RuntimeError, TimeoutError) as error:
            raise Unseen("a bridge that is ready", str(error) or "not ready in time") from None
        return "it is ready"

    well = await _step("the bridge", "start", start(), tell)
    if well:
        for number, vendor in enumerate(stage.vendors, 1):
            well &= await travel(Trip(seen, vendor, number * 1000), tell)
        trips = [Trip(seen, vendor, number * 1100) for number, vendor in enumerate(stage.vendors, 1)]
        well = well and await _step("the bridge", "killed", killed(trips), tell)
    if not well and seen.bridge is not None:
        tell(f"\nThe end of the bridge's log:\n{seen.bridge.tail()}")
    return well


async def travel(trip: Trip, tell: Tell) -> bool:
    """The steps build on one another, so the first that fails is the last."""
    for step in STEPS:
        if not await _step(trip.ways.name, step.__name__, step(trip), tell):
            return False
    return True


async def _step(of: str, name: str, step: Awaitable[str | None], tell: Tell) -> bool:
    began = time.monotonic()
    try:
        told = await step
    except Unseen as unseen:
        tell(f"FAILED  {of}: {name.replace('_', ' ')}")
        for what, text in (("expected", unseen.expected), ("seen", unseen.instead)):
            tell(f"        {what}: " + text.replace("\n", "\n            "))
        return False
    if told:
        tell(f"ok  {of}: {told} ({time.monotonic() - began:.1f} s)")
    return True
