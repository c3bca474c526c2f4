"""One customer, their thread, and what both sides of it have: what nearly every test here begins with."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import AnyVendor, Stage
from tests.crash.books import cards, until

SENT, FAILED, WAITING = "white_check_mark", "x", "hourglass_flowing_sand"
RECORDED = "ledger"
UNCERTAIN, HELD = "grey_question", "double_vertical_bar"

PATIENCE = 40.0  # seconds at the most: a machine may be slow, and a bridge be killed meanwhile

_numbers = itertools.count(1)


@dataclass
class Scene:
    """`thread` is what stands below the card in Slack, `sent` what agents' replies came to at the vendor.

    `id` is the conversation's in the bridge, `talk` the customer's in the sandbox: GPTBots' human service
    has ids of its own.
    """

    stage: Stage
    vendor: AnyVendor
    id: str
    talk: str
    card: Message

    @property
    def thread(self) -> list[Message]:
        return self.card.replies

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.thread]

    @property
    def sent(self) -> list[str]:
        messages = self.vendor.conversations[self.talk].messages
        return [message.text for message in messages if message.role == "agent"]

    @property
    def taken(self) -> str:
        """The mark of a reply that the vendor has: Moveo only records it."""
        return RECORDED if self.vendor is self.stage.moveo else SENT

    def says(self, *texts: str) -> None:
        """The customer writes."""
        for text in texts:
            self.vendor.say(self.talk, text)

    def writes(self, text: str, user: str = "U0MINA", **more: Any) -> Message:
        """Somebody writes in the thread."""
        return self.stage.slack.post_as(user, self.card.channel, text, thread_ts=self.card.ts, **more)

    def fault(self, method: str = "chat.postMessage", **fault: Any) -> None:
        """What the next call about this thread meets."""
        self.stage.slack.faults.next(method, when=lambda call: call.get("thread_ts") == self.card.ts, **fault)

    async def until(self, condition: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
        try:
            await until(lambda: bool(condition()), seconds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the thread: {self.texts}") from None

    async def shows(self, *texts: str) -> None:
        """Wait until the thread holds all of these, and that it holds them once and in this order."""
        await self.until(lambda: set(texts) <= set(self.texts), f"{texts} in the thread")
        assert [text for text in self.texts if text in texts] == list(texts)

    async def tells(self, *words: str) -> str:
        """Wait for a message in the thread that has all of `words`; its text."""
        return (await self.told(*words)).text

    async def told(self, *words: str) -> Message:
        """The same; the message itself, the last of several."""
        found = lambda: [one for one in self.thread if all(word in one.text for word in words)]
        await self.until(found, f"a message with {words}")
        return found()[-1]

    async def stands(self, words: str) -> None:
        """Wait until the card says so of who has the conversation."""
        await self.until(lambda: words in self.card.text, f"{words!r} on the card, {self.card.text!r}")

    async def held(
        self, text: str, user: str = "U0MINA", *words: str, **more: Any
    ) -> tuple[Message, Message]:
        """Somebody writes what is held: their message, and what they are asked, with `words` in it."""
        message = self.writes(text, user, **more)
        await self.marked(message, HELD)
        return message, await self.whispered(user, "not sent", *(words or (text,)))

    async def presses(self, where: Message, action: str, user: str = "U0MINA") -> None:
        """Somebody presses a button, and Slack is answered."""
        answer = await self.stage.slack.press(user, where, action)
        assert answer.ok, answer

    def edits(self, message: Message, text: str) -> None:
        """Its author changes it."""
        self.stage.slack.edit_as(str(message.user), message.channel, message.ts, text)

    def deletes(self, message: Message) -> None:
        """Its author deletes it."""
        self.stage.slack.delete_as(str(message.user), message.channel, message.ts)

    def locks(self, message: Message, user: str = "U0JO") -> None:
        """Somebody puts a lock on it."""
        self.stage.slack.react_as(user, message.channel, message.ts, "lock")

    def whispers(self, user: str) -> list[Message]:
        """What only `user` sees in the thread, oldest first."""
        told = self.stage.slack.state.channels[self.card.channel].ephemerals.values()
        return [one for one in told if one.ephemeral_to == user and one.thread_ts == self.card.ts]

    async def whispered(self, user: str, *words: str) -> Message:
        """Wait for something that only `user` sees, and that has all of `words`."""
        found = lambda: [one for one in self.whispers(user) if all(word in one.text for word in words)]
        await self.until(found, f"a whisper to {user} with {words}")
        return found()[-1]

    async def marked(self, message: Message, *marks: str) -> None:
        """Wait until `message` carries these marks, and no others; `SENT` as its vendor has it."""
        wanted = [self.taken if mark == SENT else mark for mark in marks]
        await self.until(lambda: list(message.reactions) == wanted, f"the marks {wanted}")

    async def carried(self, text: str = "and that is all") -> None:
        """Wait until a reply got through: everything written before it has been decided by then."""
        await self.marked(self.writes(f"{text} {next(_numbers)}"), SENT)


def buttons(message: Message) -> list[str]:
    """What can be pressed in a message, by its action_id."""
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [str(element["action_id"]) for row in rows for element in row]


async def opened(stage: Stage, vendor: AnyVendor | None = None, name: str = "Lena") -> Scene:
    """A customer who has just been greeted."""
    vendor = vendor or stage.ada
    conversation = vendor.open(name)
    if vendor is stage.gptbots:  # its greeting is the app's own
        vendor.say(conversation.id, "Hello")
    scene = await thread_of(stage, conversation.id, vendor)
    await scene.tells("How can I help you")
    return scene


async def waiting(stage: Stage, vendor: AnyVendor | None = None, name: str = "Lena") -> Scene:
    """A customer who waits for a human: the AI agent says nothing more."""
    scene = await opened(stage, vendor, name)
    scene.says("I want a human")
    conversation = scene.vendor.conversations[scene.id]
    await scene.until(lambda: conversation.state == "handoff", "the handoff")
    if human_id := getattr(conversation, "human_id", None):  # a session, and a thread, of its own
        scene = await thread_of(stage, human_id, scene.vendor, talk=scene.id)
    await scene.tells("waits for a human")
    return scene


async def thread_of(stage: Stage, id: str, vendor: AnyVendor | None = None, talk: str = "") -> Scene:
    """The one thread of a conversation."""
    vendor = vendor or stage.ada
    marker = {"card": f"acme-{vendor.name}/{id}"}
    found = lambda: [card for card in cards(stage) if (card.metadata or {}).get("event_payload") == marker]
    await until(lambda: bool(found()), PATIENCE, f"the card of {marker}")
    (card,) = found()
    return Scene(stage, vendor, id, talk or id, card)


async def counted(stage: Stage, metric: str) -> float:
    """The value of a counter, with its labels as `/metrics` writes them; 0 where it is not there yet."""
    async with httpx.AsyncClient(trust_env=False) as http:
        shown = (await http.get(f"{stage.bridge_url}/metrics")).text
    return sum(float(line.rsplit(" ", 1)[1]) for line in shown.splitlines() if line.startswith(f"{metric} "))


async def ready(stage: Stage) -> tuple[int, dict[str, str]]:
    """What /readyz answers: its status and what is missing."""
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.get(f"{stage.bridge_url}/readyz")
    return answer.status_code, answer.json()["missing"]


async def later(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> None:
    """Wait until `condition`, which has to be awaited, holds."""
    try:
        async with asyncio.timeout(seconds):
            while not await condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {seconds:.0f} s: {what}") from None
