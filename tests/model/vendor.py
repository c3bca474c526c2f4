"""Three vendors that write down what their customers get, and fail when they are asked to.

Frank has a call for everything, and can be asked what he has; Moody takes over, resolves and reopens (as
Moveo); Grand hands back and resolves a conversation of its own (as GPTBots).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import httpx

from bridge.adapter import Adapter, Capabilities, Received, Secrets, Settings, Webhook
from bridge.errors import NotFound, OutcomeUnknown, Rejected, RetryLater
from bridge.model import Act, AnyEvent, ConversationKey, Reply, Sent, Text


class Fault(StrEnum):
    """What becomes of the vendor's next call."""

    NO = "a clear no"
    BUSY = "not taken now"
    ARRIVED = "it arrived, and no answer comes"
    LOST = "it is lost, and no answer comes"


@dataclass
class Meanwhile:
    """What the vendor reports before it answers its next call; `event` once it has."""

    kind: str
    event: AnyEvent | None = None


@dataclass(frozen=True)
class Got:
    """What a customer read."""

    reply: str
    text: str
    name: str


class Recording:
    """`got` is by conversation; `ahead` is what its next calls meet, one each."""

    vendor: ClassVar[str]
    settings: ClassVar[type[Settings]] = Settings
    secrets: ClassVar[type[Secrets]] = Secrets
    capabilities: ClassVar[Capabilities] = Capabilities()

    def __init__(self, source: str, settings: Any, secrets: Any, http: httpx.AsyncClient) -> None:
        self.got: defaultdict[str, list[Got]] = defaultdict(list)
        self.ahead: deque[Fault | Meanwhile] = deque()
        self.report: Callable[[ConversationKey, str], Awaitable[AnyEvent]]

    def receive(self, webhook: Webhook) -> Received:
        raise NotFound("what this vendor reports is kept by the test itself")

    async def send(self, reply: Reply) -> Sent:
        fault = await self._called(reply.conversation)
        if fault in (None, Fault.ARRIVED):
            text = " ".join(part.text for part in reply.parts if isinstance(part, Text))
            self.got[reply.conversation.id].append(Got(reply.id, text, reply.author.name or ""))
        _answer(fault)
        return Sent()

    async def _acts(self, conversation: ConversationKey) -> None:
        _answer(await self._called(conversation))

    async def _called(self, conversation: ConversationKey) -> Fault | None:
        """What this call meets; the vendor reports what it has to before it answers."""
        met = self.ahead.popleft() if self.ahead else None
        if not isinstance(met, Meanwhile):
            return met
        met.event = await self.report(conversation, met.kind)
        return None


def _answer(fault: Fault | None) -> None:
    match fault:
        case Fault.NO:
            raise Rejected("the vendor says no")
        case Fault.BUSY:
            raise RetryLater("the vendor is busy")
        case Fault.ARRIVED | Fault.LOST:
            raise OutcomeUnknown("the vendor gives no answer")


class Frank(Recording):
    vendor = "frank"

    async def find(self, reply: Reply, within: float) -> Sent | None:
        return Sent() if reply.id in [one.reply for one in self.got[reply.conversation.id]] else None

    async def take_over(self, conversation: ConversationKey) -> None:
        await self._acts(conversation)

    async def hand_back(self, conversation: ConversationKey) -> None:
        await self._acts(conversation)

    async def resolve(self, conversation: ConversationKey) -> None:
        await self._acts(conversation)

    async def reopen(self, conversation: ConversationKey) -> None:
        await self._acts(conversation)


class Moody(Recording):
    vendor = "moody"
    capabilities = Capabilities(cannot={Act.HAND_BACK: "Moody has no call for that"})

    async def take_over(self, conversation: ConversationKey) -> None:
        await self._acts(conversation)

    async def resolve(self, conversation: ConversationKey) -> None:
        await self._acts(conversation)

    async def reopen(self, conversation: ConversationKey) -> None:
        await self._acts(conversation)


class Grand(Recording):
    vendor = "grand"
    capabilities = Capabilities(
        handoff_is_own_conversation=True,
        cannot=dict.fromkeys((Act.TAKE_OVER, Act.REOPEN), "Grand has no call for that"),
    )

    async def hand_back(self, conversation: ConversationKey) -> None:
        await self._acts(conversation)

    async def resolve(self, conversation: ConversationKey) -> None:
        await self._acts(conversation)


VENDORS: dict[str, type[Adapter]] = {one.vendor: one for one in (Frank, Moody, Grand)}
