"""One customer's way through one vendor, as the tour's steps see it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from bridge.sandbox.seen import Seen, Thread, Unseen, words
from bridge.sandbox.slack import Message
from bridge.sandbox.stage import AnyVendor
from bridge.sandbox.vendors.conversation import Conversation
from bridge.sandbox.vendors.delivery import Delivery
from bridge.sandbox.ways import WAYS, Ways

APP = "Handoff Bridge"
CUSTOMER = "Nora Lind"


@dataclass
class Trip:
    """One customer's way through one vendor, and what was found on it."""

    seen: Seen
    vendor: AnyVendor
    order: int  # asked for and told again by the AI agent, so it tells one customer's words from another's
    ways: Ways = field(init=False)
    conversation: Conversation = field(init=False)
    thread: Thread = field(init=False)  # where people answer
    owner: str = field(init=False)  # who claimed it, and who came too late
    other: str = field(init=False)

    def __post_init__(self) -> None:
        self.ways = WAYS[self.vendor.name]

    def says(self, text: str) -> None:
        self.vendor.say(self.conversation.id, text)

    def writes(self, user: str, text: str) -> Message:
        channel, ts = self.thread.where
        return self.seen.stage.slack.post_as(user, channel, text, thread_ts=ts)

    async def shows(self, who: str, *texts: str) -> None:
        for text in texts:
            await self.seen.line(self.thread, who, text)

    @property
    def reply(self) -> str:
        return f"Hello, I have found your order {self.order}."

    @property
    def agent(self) -> str:
        """The name under which the vendor has the owner's reply."""
        return self.ways.agent or self.name(self.owner)

    @property
    def customer(self) -> str:
        """The name above the customer's messages: the card's short name where the vendor has none."""
        found = re.search(r"Customer [0-9A-Z]{4}", self.thread.card)
        return self.ways.customer or (found[0] if found else "a customer with a short name")

    def name(self, user: str) -> str:
        """How Slack names a person."""
        found = self.seen.stage.slack.state.users[user]
        return found.display_name or found.real_name

    @property
    def root(self) -> Message:
        """The card."""
        channel, ts = self.thread.where
        return self.seen.stage.slack.state.channels[channel].messages[ts]

    @property
    def alerts(self) -> list[Message]:
        """Those in the thread."""
        return [one for one in self.root.replies if one.broadcast and "Source: " in words(one)]

    @property
    def replies(self) -> list[tuple[str, str]]:
        """What people said to the customer, as the vendor has it: under which name, and what."""
        return [(one.name, one.text) for one in self.conversation.messages if one.role == "agent"]

    def webhook(self, text: str) -> Delivery:
        """The one that told what the AI agent said."""
        said = (one for one in self.vendor.deliveries if one.kind == self.ways.webhook)
        return next(one for one in said if text.encode() in one.body)


def expect(holds: bool, expected: str, instead: object) -> None:
    if not holds:
        raise Unseen(expected, str(instead))


def once(thread: Thread) -> None:
    """Nobody on the tour says the same thing twice."""
    twice = sorted({str(line) for line in thread.lines if thread.lines.count(line) > 1})
    expect(not twice, "everything once", f"twice: {twice}\n{thread}")
