"""What was said and written while something was wrong, held against what arrived."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import AnyVendor, Stage
from tests.bridge.scene import SENT, Scene, waiting
from tests.crash.books import cards

COUNTED = ("deliveries", "failed", "uncertain", "lost", "duplicated", "out of order")

_numbers = itertools.count(1)
_SAID, _WRITTEN = re.compile(r"\bsaid (\d+)\b(?!-)"), re.compile(r"\bwritten (\d+)\b")


class Books:
    """What one test counted: `what` went wrong, and what became of the deliveries."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.counts = dict.fromkeys((what, *COUNTED), 0)
        self.takeovers: list[float] = []  # seconds until another worker went on

    def gone_through(self, *, failed: int = 0, uncertain: int = 0) -> None:
        """Once; how many deliveries ended otherwise than as sent, and were told."""
        for name, count in ((self.what, 1), ("failed", failed), ("uncertain", uncertain)):
            self.counts[name] += count

    def close(self, wanted: Sequence[int], seen: Sequence[int], *, maybe: Collection[int] = ()) -> None:
        """`wanted` has to be there, once and in this order; `maybe` may be."""
        once = list(dict.fromkeys(seen))
        self.counts["deliveries"] += len(wanted) + len(maybe)
        found = {
            "lost": len(set(wanted) - set(seen)),
            "duplicated": len(seen) - len(once),
            "out of order": sum(two < one for one, two in pairwise(once)),
        }
        for name, count in found.items():
            self.counts[name] += count
        assert not any(found.values()), f"{found}: wanted {wanted}, seen {seen}"
        assert set(seen) <= {*wanted, *maybe}, f"wanted {wanted}, seen {seen}"


def kept_for(request: pytest.FixtureRequest, what: str) -> Books:
    """Books for a test, which the end of the run adds up: see `tests/conftest.py`."""
    kept = Books(what)
    request.node.user_properties += [("counts", kept.counts), ("takeovers", kept.takeovers)]
    return kept


@dataclass
class Talk:
    """A customer and an agent, who number what they say and write."""

    scene: Scene
    name: str
    said: list[int] = field(default_factory=list)
    written: list[int] = field(default_factory=list)

    def says(self, count: int = 1, *, more: str = "") -> list[int]:
        """The customer says something, `count` times. Moveo tells nobody what its customers say."""
        if self.scene.vendor.name == "moveo":
            return []
        numbers = [next(_numbers) for _ in range(count)]
        self.said += numbers
        self.scene.says(*(f"said {number}{more}" for number in numbers))
        return numbers

    def writes(self) -> Message:
        """The agent answers."""
        number = next(_numbers)
        self.written.append(number)
        return self.scene.writes(f"written {number}")

    @property
    def threads(self) -> list[Message]:
        """The first messages of all threads that the conversation has had."""
        marker = (self.scene.card.metadata or {}).get("event_payload")
        return [one for one in cards(self.scene.stage) if (one.metadata or {}).get("event_payload") == marker]

    @property
    def lines(self) -> list[Message]:
        """What the app has posted in its threads, in order; an alert is changed in place, and quotes."""
        posted = [one for card in self.threads for one in card.replies if one.bot_id and not one.broadcast]
        return sorted(posted, key=lambda one: float(one.ts))

    @property
    def shown(self) -> list[int]:
        """What the customer said, as it stands in Slack."""
        return [int(found) for line in self.lines for found in _SAID.findall(line.text)]

    @property
    def sent(self) -> list[int]:
        """What the agent wrote, as the vendor has it."""
        return [int(found) for text in self.scene.sent for found in _WRITTEN.findall(text)]

    async def goes_on(self, books: Books) -> None:
        """Both sides arrive, now."""
        said, reply = self.says(), self.writes()
        await self.scene.until(lambda: {*said} <= {*self.shown}, f"{said} in another thread")
        await self.scene.marked(reply, SENT)
        books.close(said, [one for one in self.shown if one in said])
        books.close(self.written[-1:], self.sent[-1:])

    async def arrived(self, books: Books, *, but: Collection[int] = ()) -> None:
        """All that was said is in Slack, once and in order; `but` failed, and is not."""
        wanted = [one for one in self.said if one not in but]
        await self.scene.until(lambda: {*wanted} <= {*self.shown}, f"{wanted} in Slack", 40)
        books.close(wanted, self.shown)


async def talk(stage: Stage, vendor: AnyVendor) -> Talk:
    """A customer who waits for a human."""
    name = f"Lena {next(_numbers)}"
    return Talk(await waiting(stage, vendor, name), name)
