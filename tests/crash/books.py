"""What the sandbox's Slack has, held against what the vendor sent; and who carried it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise

from sqlalchemy import select

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from bridge.store.tables import attempt
from tests.stores import connect


def shown(stage: Stage) -> dict[str, list[int]]:
    """The numbers said in each thread, in the order they stand there, by conversation."""
    found: dict[str, list[int]] = {}
    for channel in stage.slack.state.channels.values():
        for root in channel.messages.values():
            if root.is_reply:
                continue
            for reply in root.replies:
                if said := re.fullmatch(r"(\S+) says (\d+)", reply.text):
                    found.setdefault(said[1], []).append(int(said[2]))
    return found


def cards(stage: Stage) -> list[Message]:
    """The first messages of all threads."""
    return [
        message
        for channel in stage.slack.state.channels.values()
        for message in channel.messages.values()
        if not message.is_reply
    ]


def differences(books: dict[str, list[int]], conversations: int, each: int) -> Counter[str]:
    """How many messages are lost, twice there, or out of order."""
    count: Counter[str] = Counter()
    for number in range(conversations):
        seen = books.get(f"c{number}", [])
        count["lost"] += len(set(range(each)) - set(seen))
        count["twice"] += len(seen) - len(set(seen))
        once = list(dict.fromkeys(seen))
        count["out of order"] += sum(two < one for one, two in pairwise(once))
    return count


async def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until `condition` holds; fails after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:.0f} s: {what}") from None


async def carried_by(url: str) -> set[int]:
    """The workers that have carried something, by the attempts they recorded."""
    store = connect(url)
    try:
        found = await store._database.run(
            lambda connection: connection.execute(select(attempt.c.worker).distinct()).scalars().all()
        )
    finally:
        await store.close()
    return set(found)
