"""What can be seen at both ends, waited for: a tour believes nothing but this.

In Slack it reads what a colleague would read, the blocks and not the `text` under them; at a vendor the
customer's chat.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Process, Stage

T = TypeVar("T")

SENT = "white_check_mark"
RECORDED = "ledger"
_WORDS = ("text", "url", "alt_text")
_ONE_LINE = ("rich_text_section", "rich_text_quote", "rich_text_preformatted")


class Unseen(Exception):
    """Something did not come to be seen: what was expected, and what was there instead."""

    def __init__(self, expected: str, instead: str) -> None:
        super().__init__(expected, instead)
        self.expected = expected
        self.instead = instead


@dataclass(frozen=True)
class Line:
    """One message as it is read: who said what, and whether the whole channel was told."""

    who: str
    words: str
    broadcast: bool = False

    def __str__(self) -> str:
        return f"{self.who}: {self.words}"


class Thread:
    """A thread of the sandbox's Slack; its first message is the card."""

    def __init__(self, root: Message, names: Callable[[Message], str]) -> None:
        self._root = root
        self._names = names

    @property
    def where(self) -> tuple[str, str]:
        return self._root.channel, self._root.ts

    @property
    def card(self) -> str:
        return words(self._root)

    @property
    def lines(self) -> list[Line]:
        return [
            Line(self._names(message), words(message), message.broadcast) for message in self._root.replies
        ]

    def __contains__(self, text: str) -> bool:
        return any(text in line.words for line in self.lines)

    def __str__(self) -> str:
        return "\n".join(f"{line}"[:160].replace("\n", " | ") for line in (f"card: {self.card}", *self.lines))


class Seen:
    """Waits at most `patience` seconds for anything; `bridge` is the process whose work is watched."""

    def __init__(self, stage: Stage, patience: float = 15.0) -> None:
        self.stage = stage
        self.patience = patience
        self.bridge: Process | None = None

    async def until(self, expected: str, look: Callable[[], T | None], instead: Callable[[], object]) -> T:
        """What `look` finds, as soon as it finds something. Raises `Unseen`."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.patience
        while True:
            if found := look():
                return found
            if self.bridge is not None and not self.bridge.running:
                raise Unseen(expected, "the bridge's process ended")
            if loop.time() > end:
                raise Unseen(expected, str(instead()) or "nothing")
            await asyncio.sleep(0.02)

    async def thread(self, channel: str, text: str, *, but: Thread | None = None) -> Thread:
        """The thread of `channel` in which somebody says `text`; not the one that is named."""
        known = but.where if but else None

        def look() -> Thread | None:
            return next((one for one in self.threads(channel) if text in one and one.where != known), None)

        def instead() -> str:
            return "\n\n".join(map(str, self.threads(channel)))

        return await self.until(f"a thread in #{channel} that says “{text}”", look, instead)

    async def line(self, thread: Thread, who: str, text: str) -> Line:
        """The message of the thread in which `who` says `text`."""

        def look() -> Line | None:
            return next((line for line in thread.lines if line.who == who and text in line.words), None)

        return await self.until(f"{who}: {text}", look, lambda: thread)

    async def card(self, thread: Thread, text: str) -> None:
        await self.until(f"a card that says “{text}”", lambda: text in thread.card, lambda: thread.card)

    def threads(self, channel: str) -> list[Thread]:
        messages = self.stage.slack.state.messages(channel)
        return [Thread(message, self._name) for message in messages if not message.is_reply]

    def _name(self, message: Message) -> str:
        """The name that Slack shows above a message."""
        if message.username:
            return message.username
        user = self.stage.slack.state.users.get(message.user or "")
        return (user.display_name or user.real_name) if user else "nobody"


def words(message: Message) -> str:
    """What a message says, line by line; its `text` only where it has no blocks."""
    shown = "\n".join(_words([message.blocks, message.attachments]))
    return shown or message.text


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if said := " ".join(value[key] for key in _WORDS if isinstance(value.get(key), str)):
            yield said
        inner = _words(list(value.values()))
        yield from ["".join(inner)] if value.get("type") in _ONE_LINE else inner
    elif isinstance(value, list):
        for one in value:
            yield from _words(one)
