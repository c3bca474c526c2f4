"""An hour's traffic in a few minutes, with all that can go wrong in it; and at the end all books agree.

    pytest -m soak                                          # a few minutes of traffic, always the same
    BRIDGE_SOAK_MINUTES=60 pytest -m soak                   # an hour's
    BRIDGE_SOAK_SEED=7 BRIDGE_SOAK_MINUTES=60 pytest -m soak -k sqlite    # another, and the same again

Who does what when is drawn from the seed (`tests/soak/plan.py`). On a slow machine it takes longer.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from tests.bridge.scene import later
from tests.soak.audit import COUNTED, Audit, stands, trail, under_way
from tests.soak.people import Customer
from tests.soak.plan import Deed, Plan, plan
from tests.soak.town import Town, town
from tests.soak.trouble import Troubles

MINUTES = float(os.environ.get("BRIDGE_SOAK_MINUTES", "8"))
SEED = int(os.environ.get("BRIDGE_SOAK_SEED", "1"))
SCALE = 15.0  # minutes of traffic in one of ours
REST = 180.0  # seconds in which everything comes to rest, or never will
GROWTH = (1.5, 40.0)  # times what it had when it was ready, and MB more, that a process may have at its end

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600 + MINUTES * 60 / SCALE * 5)]


async def test_an_hour(tmp_path: Path, database_url: str, request: pytest.FixtureRequest) -> None:
    drawn = plan(SEED, MINUTES, SCALE)
    url = None if database_url.startswith("sqlite") else database_url
    counts: dict[str, float] = {}
    request.node.user_properties.append(("counts", counts))
    async with town(tmp_path, url, SCALE) as place:
        await place.start()
        customers = [Customer(place, number, source) for number, source in enumerate(drawn.customers)]
        troubles = Troubles(place)
        await live(drawn, place, customers, troubles)
        await at_rest(place)
        place.weigh()
        audit = Audit(place, await place.ask(stands))
        for customer in customers:
            audit.of(customer)
        for customer in audit.about:
            print(*await place.ask(partial(trail, customer)), sep="\n")
    counts |= told(drawn, troubles, audit) | {"could not be done": sum(one.missed for one in customers)}
    print(f"\nBRIDGE_SOAK_SEED={SEED}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    print(f"memory of each serve, MB: {place.memory}")
    assert not audit.wrong, "\n".join(
        [f"BRIDGE_SOAK_SEED={SEED} BRIDGE_SOAK_MINUTES={MINUTES:g}", *audit.wrong]
    )
    assert not any(counts[name] for name in ("lost", "duplicated", "out of order"))
    assert all(counts[name] for name in ("faults", "messages in", "replies out"))
    for first, last in filter(None, place.memory):
        assert last < GROWTH[0] * first + GROWTH[1]


async def live(drawn: Plan, place: Town, customers: list[Customer], troubles: Troubles) -> None:
    """Let everybody do what they do, each thing after the one before, and not earlier than planned."""
    loop = asyncio.get_running_loop()
    began = loop.time()

    async def lives(deeds: list[Deed], does: Callable[[Deed], Awaitable[None]]) -> None:
        for deed in deeds:
            await asyncio.sleep(max(0.0, began + deed.at / drawn.scale - loop.time()))
            await does(deed)

    async with asyncio.TaskGroup() as together:
        for kind in (("killed", "restarted"), ("fault",), ("repeated",)):
            deeds = [deed for deed in drawn.of(None) if deed.what in kind]
            together.create_task(lives(deeds, troubles.happens))
        for customer in customers:
            together.create_task(lives(drawn.of(customer.number), customer.does))
    troubles.end()


async def at_rest(place: Town) -> None:
    """Until all was told, and nothing is to be carried any more."""
    left: list[str] = []

    async def nothing_left() -> bool:
        for vendor in place.vendors.values():
            await vendor.settled()
        await place.stage.slack.settled()
        await asyncio.sleep(0.3)
        left[:] = await place.ask(under_way)
        return not left

    try:
        await later(nothing_left, "rest", REST)
    except AssertionError as error:
        raise AssertionError(f"{error}; left: {left[:20]}") from None


def told(drawn: Plan, troubles: Troubles, audit: Audit) -> dict[str, float]:
    return {
        "minutes": drawn.minutes,
        "conversations": len(drawn.customers),
        "restarts": troubles.counts["restarted"],
        "kills": troubles.counts["killed"],
        "faults": troubles.counts["faults"],
        **{name: audit.counts[name] for name in COUNTED},
    }
