"""The customers and agents of a soak, who do what the plan says, each in their own time, and keep books."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from bridge.render.acts import HELD
from bridge.sandbox.slack import Message
from bridge.sandbox.stage import AnyVendor
from bridge.sandbox.vendors import AdaSandbox
from bridge.sandbox.vendors.conversation import Conversation
from bridge.sandbox.vendors.delivery import Delivery
from bridge.sandbox.vendors.gptbots import GPTBotsConversation, GPTBotsSandbox
from bridge.sandbox.vendors.gptbots_events import ESTABLISH
from tests.bridge import scene
from tests.crash.books import cards
from tests.model.checks import buttons
from tests.soak.plan import Deed
from tests.soak.town import ALERTS, Town

T = TypeVar("T")

PATIENCE = 60.0  # seconds for which an agent waits to see what is told of a customer
IN_TIME = 0.1  # seconds after which an agent thinks again about what they wrote

SAYS = {
    "question": "Where is order {}?",
    "products": "Show me your products, case {}",
    "answer": "said {}",
    "ask": "I want a human about case {}",
}
WRITES = {"note": "// note {}", "note word": "!note note {}"}
WRITTEN, EDITED = "written {}", "written {} better"


@dataclass
class Reply:
    """What an agent wrote in a thread, and what they meant to become of it."""

    number: int
    by: str
    how: str
    message: Message
    held: bool = False  # at some time, so that its turn came later

    @property
    def is_note(self) -> bool:
        return self.how in WRITES

    @property
    def marks(self) -> list[str]:
        """What the bridge says of it, but for the customer's receipts."""
        ours = [name for name, users in self.message.reactions.items() if "U0BRIDGE" in users]
        plain = ["white_check_mark" if name == "ledger" else name for name in ours]  # Moveo only records
        return [name for name in plain if name not in ("inbox_tray", "eyes")]


@dataclass(eq=False)
class Customer:
    town: Town
    number: int
    source: str
    conversation: Conversation = field(init=False)
    _patience: float = PATIENCE
    _cards: dict[str, Message] = field(default_factory=dict)
    replies: list[Reply] = field(default_factory=list)
    missed: int = 0  # what could not be done as things stood

    @property
    def vendor(self) -> AnyVendor:
        return self.town.vendors[self.source]

    @property
    def name(self) -> str:
        return f"Lena {self.number}"

    async def does(self, deed: Deed) -> None:
        """The customer, or an agent about them."""
        done = getattr(self, f"_{deed.what}")(deed)
        if done is not None:
            await done

    # ── the customer ─────────────────────────────────────────────────────────────────────────────

    def _opens(self, deed: Deed) -> None:
        self.conversation = self.vendor.open(self.name)

    def _says(self, deed: Deed) -> None:
        for number in deed.numbers:
            self._say(deed.how, number)

    def _asks(self, deed: Deed) -> None:
        self._say("ask", deed.numbers[0])

    def _say(self, how: str, number: int) -> None:
        vendor, conversation = self.vendor, self.conversation
        if conversation.state == "ended":
            if isinstance(vendor, AdaSandbox):  # the chat is opened again
                vendor._enter(vendor.conversations[conversation.id], "bot")
            elif not getattr(conversation, "alive", False):
                self.missed += 1
                return
        vendor.say(conversation.id, SAYS[how].format(number))

    def _leaves(self, deed: Deed) -> None:
        self.vendor.end(self.conversation.id)

    def _ends_at_the_vendor(self, deed: Deed) -> None:
        """GPTBots' time-out, Ada's own flow, Moveo's desk."""
        if self.conversation.state != "handoff":
            self.missed += 1
        elif isinstance(self.vendor, GPTBotsSandbox):
            self.vendor.time_out(self.conversation.id)
        else:
            self.vendor.end_handoff(self.conversation.id)

    # ── the agents ───────────────────────────────────────────────────────────────────────────────

    async def _claims(self, deed: Deed) -> None:
        if deed.how == "word" or not await self._pressed(deed, "act-claim"):
            await self._word("!claim", deed)

    async def _releases(self, deed: Deed) -> None:
        await self._word("!release", deed)

    async def _transfers(self, deed: Deed) -> None:
        await self._word(f"!transfer <@{deed.how}>", deed)

    async def _hands_back(self, deed: Deed) -> None:
        await self._word("!bot", deed)

    async def _resolves(self, deed: Deed) -> None:
        await self._word("!resolve", deed)

    async def _reopens(self, deed: Deed) -> None:
        await self._word("!reopen", deed)

    async def _writes(self, deed: Deed) -> None:
        text = WRITES.get(deed.how, WRITTEN)
        for number in deed.numbers:
            message = await self._word(text.format(number), deed)
            if message is None:
                continue
            self.replies.append(Reply(number, deed.who, deed.how, message))
            if deed.how in ("edited", "deleted", "locked"):
                await asyncio.sleep(IN_TIME)
                self._thinks_again(message, deed.how, number)

    def _thinks_again(self, message: Message, how: str, number: int) -> None:
        slack, place = self.town.stage.slack, (message.channel, message.ts)
        if how == "edited":
            slack.edit_as(str(message.user), *place, EDITED.format(number))
        elif how == "deleted":
            slack.delete_as(str(message.user), *place)
        else:
            slack.react_as("U0JO", *place, "lock")

    async def _decides(self, deed: Deed) -> None:
        """About what was held by now."""
        for reply in self.replies:
            if scene.HELD in reply.marks and reply.how != "deleted":
                reply.held = True
                question = await self._question(reply)
                if deed.how != "nothing" and question is not None:
                    offered = [name for name, _ in buttons(question)]
                    wanted = f"{HELD}{deed.how}"
                    await self._press(reply.by, question, wanted if wanted in offered else f"{HELD}note")

    async def _question(self, reply: Reply) -> Message | None:
        channel = self.town.stage.slack.state.channels[reply.message.channel]

        def found() -> Message | None:
            told = [one for one in channel.ephemerals.values() if one.ephemeral_to == reply.by]
            about = re.compile(rf"written {reply.number}\b")
            asked = [one for one in told if "not sent" in one.text and about.search(one.text)]
            return asked[-1] if asked else None

        return await self._seen(found)

    async def _word(self, text: str, deed: Deed) -> Message | None:
        """Write in the thread of the customer; None where there is none."""
        card = await self._card()
        if card is None:
            self.missed += 1
            return None
        return self.town.stage.slack.post_as(deed.who, card.channel, text, thread_ts=card.ts)

    async def _pressed(self, deed: Deed, action: str) -> bool:
        """Whether there was such a button."""
        card = await self._card()
        if card is None:
            return False
        where = card
        if deed.how == "alert":
            link = card.ts.replace(".", "")
            told = self.town.stage.slack.state.messages(ALERTS)
            where = next((one for one in told[::-1] if link in str(one.blocks)), card)
        return await self._press(deed.who, where, action)

    async def _press(self, who: str, where: Message, action: str) -> bool:
        """Press, again if nobody answers, as people do; whether the button was there."""
        for _ in range(90):
            try:
                answer = await self.town.stage.slack.press(who, where, action)
            except (LookupError, PermissionError):
                return False
            if answer.ok:
                return True
            await asyncio.sleep(1)
        raise AssertionError(f"{who} pressed {action} again and again, and was answered {answer}")

    # ── what they see ────────────────────────────────────────────────────────────────────────────

    async def _card(self) -> Message | None:
        """The card of the conversation as it goes on now, once it is there."""

        def found() -> Message | None:
            return self.card(self.keys[-1])

        def expected() -> bool:
            if self.source.startswith("quiet-") and self.conversation.state != "handoff":
                return False
            return any(one.state != "failed" for one in self.deliveries)

        return await self._seen(found, expected)

    async def _seen(
        self, look: Callable[[], T | None], expected: Callable[[], bool] = lambda: True
    ) -> T | None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                while (found := look()) is None and (expected() or self.vendor._turns.busy):
                    await asyncio.sleep(0.05)
                return found
        self._patience = 1.0  # what the vendor could not tell, nobody will see: not worth waiting for again
        return None

    def card(self, key: str) -> Message | None:
        if key not in self._cards and (found := self.cards(key)):
            self._cards[key] = found[0]
        return self._cards.get(key)

    def cards(self, key: str) -> list[Message]:
        """All that there are; there is to be one."""
        marker = {"card": f"{self.source}/{key}"}
        return [one for one in cards(self.town.stage) if (one.metadata or {}).get("event_payload") == marker]

    @property
    def deliveries(self) -> Iterator[Delivery]:
        """What the vendor has told of them."""
        return (one for one in self.vendor.deliveries if one.conversation_id == self.conversation.id)

    @property
    def keys(self) -> list[str]:
        """The ids of this customer's conversations in the bridge: GPTBots' human sessions have their own. One
        that could not be established is none."""
        if not isinstance(self.conversation, GPTBotsConversation):
            return [self.conversation.id]
        calls = [one for one in self.deliveries if one.kind == ESTABLISH and one.state != "failed"]
        return [self.conversation.id, *(call.payload["conversation_id"] for call in calls)]
