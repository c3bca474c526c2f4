"""GPTBots: an Agent on the API channel with the message webhook, and human service by webhook.

The customer's app talks to the Agent through the Send Message API in webhook mode; here `say` stands
for that app. The human service has conversation ids of its own, and what a person answers comes back
on the message webhook of the Agent's conversation, without any mark that it was a person.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from bridge.sandbox.vendors import brain, gptbots_api, gptbots_events
from bridge.sandbox.vendors.conversation import Conversation, Message
from bridge.sandbox.vendors.delivery import Delivery, Manner
from bridge.sandbox.vendors.gptbots_events import CHAT, CLOSE, ESTABLISH, MESSAGE
from bridge.sandbox.vendors.vendor import Vendor

_PATHS = {ESTABLISH: "/conversation/establish", CHAT: "/chat", CLOSE: "/conversation/close"}
_CONTEXT = 20  # messages that establish brings along; the pages say only "recent"
_PRODUCTS_BRANCH = "Products"
_ADVICE_BRANCH = "Advice"


@dataclass
class GPTBotsConversation(Conversation):
    """`human_id` is the human session's own id while there is one; `connected` once a person replied."""

    user_id: str = ""
    human_id: str | None = None
    connected: bool = False


class GPTBotsSandbox(Vendor[GPTBotsConversation]):
    """`wait` is the console's waiting time-out: seconds for a person's first reply."""

    name = "gptbots"
    samples = tuple(gptbots_events.SAMPLES)

    def __init__(
        self,
        *,
        api_key: str,
        webhook_token: str | None = None,
        webhook_url: str | None = None,
        human_url: str | None = None,
        bot_id: str = "65a4cc7c7ce58e728d589700",
        version: Literal["v1", "v2"] = "v2",
        wait: float = 60.0,
        clock: Callable[[], float] = time.time,
        timeout: float = 10.0,
    ) -> None:
        api = gptbots_api.GPTBotsApi(self, api_key=api_key)
        super().__init__(routes=api.routes(), clock=clock, timeout=timeout, in_order=True)
        self.webhook_url = webhook_url
        self.human_url = human_url
        self.bot_id = bot_id
        self.version = version
        self.wait = wait
        self._sessions: dict[str, GPTBotsConversation] = {}
        self._clocks: dict[str, asyncio.TimerHandle] = {}
        # No page knows of a retry, for either sort of call, nor of any credential on the human service.
        authorization = {} if webhook_token is None else {"authorization": f"Bearer {webhook_token}"}
        self._message = Manner(lambda delivery, now: authorization)
        self._human = Manner(lambda delivery, now: {})

    async def stop(self) -> None:
        for clock in self._clocks.values():
            clock.cancel()
        self._clocks.clear()
        await super().stop()

    # ── the customer ──────────────────────────────────────────────────────────────────────────────

    def open(self, customer_name: str) -> GPTBotsConversation:
        """A customer opens the app's chat. The greeting is the app's own: no webhook before a question."""
        conversation = self.create(customer_name.lower().replace(" ", "-")[:32], customer_name)
        self._add(conversation, "bot", brain.NAME, brain.GREETING.text)
        return conversation

    def create(self, user_id: str, customer_name: str) -> GPTBotsConversation:
        return self._opened(
            GPTBotsConversation(secrets.token_hex(12), customer_name, self._now(), user_id=user_id)
        )

    def end(self, conversation_id: str) -> None:
        """The customer leaves; a human session is closed as USER_CLOSED."""
        conversation = self.conversations[conversation_id]

        async def leave() -> None:
            if conversation.state == "handoff":
                self._close(conversation, "USER_CLOSED")
            if conversation.state != "ended":
                self._enter(conversation, "ended")

        self._turns.put(conversation_id, leave)

    # ── what the customer, the clock and the API do ───────────────────────────────────────────────

    def end_handoff(self, conversation_id: str) -> None:
        """The customer ends the human session and goes on with the Agent."""
        self._close(self.conversations[conversation_id], "USER_CLOSED")

    def time_out(self, conversation_id: str) -> None:
        """The human session ends as it does after `wait` without a reply, or later without a word."""
        self._close(self.conversations[conversation_id], "TIMEOUT")

    def in_session(self, human_id: str) -> GPTBotsConversation | None:
        """The conversation whose human session is open under this id."""
        return self._sessions.get(human_id)

    def take_reply(self, conversation: GPTBotsConversation, text: str) -> None:
        """A person's reply: the first one connects the session."""
        self._stop_clock(conversation)
        conversation.connected = True
        message = self._add(conversation, "agent", "Human service", text)
        # "The response message from the Bot or human customer service": so it is echoed, id unknown.
        self._emit(conversation, message, [("", "", {"text": text})], tokens=0)

    def close_session(self, conversation: GPTBotsConversation) -> None:
        """A person closed the session. Nothing calls back: the pages know no AGENT_CLOSED."""
        self._leave_session(conversation, "The agent has ended the conversation.")

    def send_sample(self, kind: str, conversation_id: str | None = None) -> Delivery:
        """One documented call: its example verbatim, or with the ids of a conversation."""
        fresh: dict[str, Any] | None = None
        conversation = None if conversation_id is None else self.conversations[conversation_id]
        if conversation is not None:
            now = self._now()
            fresh = {
                "conversation_id": conversation.id,
                "message_id": secrets.token_hex(12),
                "create_time": int(now),
                "timestamp": round(now * 1000),
                "bot_id": self.bot_id,
            }
            if not kind.startswith(MESSAGE):
                fresh["conversation_id"] = conversation.human_id or secrets.token_hex(12)
        call, body = gptbots_events.sample(kind, fresh)
        return self.call(call, body, conversation_id or "samples")

    def call(self, call: str, body: dict[str, Any], conversation_id: str) -> Delivery:
        """POST `body` to where `call` goes."""
        url = self.address(call)
        if url is None:
            raise ValueError(f"there is no address for {call}")
        manner = self._message if call == MESSAGE else self._human
        return self._deliver(conversation_id, call, url, body, manner)

    def address(self, call: str) -> str | None:
        if call == MESSAGE:
            return self.webhook_url
        return None if self.human_url is None else self.human_url.rstrip("/") + _PATHS[call]

    # ── turns ─────────────────────────────────────────────────────────────────────────────────────

    async def _hear(self, conversation: GPTBotsConversation, text: str) -> None:
        message = self._add(conversation, "customer", conversation.customer_name, text)
        if conversation.state == "handoff":
            self.call(CHAT, self._session(conversation, message.at, body=text), conversation.id)
            return
        if self.version == "v1":  # V1 knows QUESTION, though no page says when it is sent; V2 has none
            self._emit(conversation, message, [("", "", {"text": text})], tokens=0)
        await self._answer(conversation, brain.answer(text))

    async def _answer(self, conversation: GPTBotsConversation, answer: brain.Answer) -> None:
        spoken = self._add(conversation, "bot", brain.NAME, answer.text)
        branches: list[tuple[str, str, dict[str, Any]]] = [("", "", {"text": answer.text})]
        if answer.cards:
            listed = "\n".join(f"{card.title}: {card.subtitle}" for card in answer.cards)
            branches = [
                ("1", _PRODUCTS_BRANCH, {"text": listed}),
                ("2", _ADVICE_BRANCH, {"text": answer.text}),
            ]
        elif answer.audio:
            branches = [("1", "Speech", {"audio": [{"audio": answer.audio, "transcript": answer.text}]})]
        self._emit(conversation, spoken, branches, tokens=len(answer.text))
        if answer.hands_over:
            await self._hand_over(conversation)

    async def _hand_over(self, conversation: GPTBotsConversation) -> None:
        """ "Busy" where establish is not answered with 200; else "Connecting", and the clock runs."""
        if self.address(ESTABLISH) is None:
            self._busy(conversation)
            return
        human_id = conversation.human_id = secrets.token_hex(12)
        self._sessions[human_id] = conversation  # before the call: a reply may overtake its answer
        context = [
            {"message_type": "QUESTION" if said.role == "customer" else "ANSWER", "text": said.text}
            for said in conversation.messages
            if said.role != "system"
        ]
        body = self._session(
            conversation,
            self._now(),
            email="support@gptbots.ai",  # the default of API-initiated conversations
            bot_id=self.bot_id,
            body=context[-_CONTEXT:],
            user_info={
                "phone": None,
                "email": None,
                "user_id": conversation.user_id,
                "anonymous_id": None,
            },
        )
        call = self.call(ESTABLISH, body, conversation.id)
        await call.done.wait()
        if conversation.human_id != human_id:
            return  # a person has closed it already
        if call.status != 200:
            self._forget_session(conversation)
            self._busy(conversation)
            return
        self._add(conversation, "system", "", "Connecting you to a person …")
        self._enter(conversation, "handoff")
        if not conversation.connected:
            loop = asyncio.get_running_loop()
            self._clocks[human_id] = loop.call_later(self.wait, self._close, conversation, "TIMEOUT")

    def _busy(self, conversation: GPTBotsConversation) -> None:
        self._add(conversation, "system", "", "All our people are busy. Please try again later.")

    def _close(self, conversation: GPTBotsConversation, type: str) -> None:
        if conversation.state != "handoff":
            raise ValueError("there is no human session")
        self.call(CLOSE, self._session(conversation, self._now(), type=type), conversation.id)
        self._leave_session(conversation, "The conversation with our people has ended.")

    def _leave_session(self, conversation: GPTBotsConversation, notice: str) -> None:
        self._forget_session(conversation)
        self._add(conversation, "system", "", notice)
        self._enter(conversation, "bot")

    def _forget_session(self, conversation: GPTBotsConversation) -> None:
        self._stop_clock(conversation)
        self._sessions.pop(conversation.human_id or "", None)
        conversation.human_id = None
        conversation.connected = False

    def _stop_clock(self, conversation: GPTBotsConversation) -> None:
        if (clock := self._clocks.pop(conversation.human_id or "", None)) is not None:
            clock.cancel()

    # ── on the wire ───────────────────────────────────────────────────────────────────────────────

    def _session(self, conversation: GPTBotsConversation, at: float, **fields: Any) -> dict[str, Any]:
        return {"conversation_id": conversation.human_id, "timestamp": round(at * 1000), **fields}

    def _emit(
        self,
        conversation: GPTBotsConversation,
        message: Message,
        branches: list[tuple[str, str, dict[str, Any]]],
        *,
        tokens: int,
    ) -> None:
        """The message webhook: `branches` are (branch, component, content)."""
        if self.version == "v2":
            message.parts = [gptbots_events.branch_v2(content, *where) for *where, content in branches]
            body = gptbots_events.message_v2(
                conversation.id, message.id, message.at, message.parts, tokens=tokens
            )
        else:
            message.parts = [
                gptbots_events.branch_v1(_as_text(content), branch, component)
                for branch, component, content in branches
                if component
            ]
            body = gptbots_events.message_v1(
                conversation.id,
                message.id,
                message.at,
                message.text,
                type="QUESTION" if message.role == "customer" else "ANSWER",
                flow=message.parts,
            )
        if self.webhook_url is not None:
            self.call(MESSAGE, body, conversation.id)


def _as_text(content: dict[str, Any]) -> str:
    """V1 carries audio as a text with its address and transcript."""
    if "text" in content:
        return str(content["text"])
    return "\n".join(f"{audio['audio']}\n{audio['transcript']}" for audio in content["audio"])
