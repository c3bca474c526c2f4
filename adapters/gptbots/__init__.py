"""GPTBots (gptbots.ai): the message webhook and the human service come in, people's messages go out."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import httpx
from pydantic import Field, SecretStr

from adapters.gptbots import checking, human_service, messages
from adapters.gptbots.api import API
from adapters.gptbots.replaying import replayed
from bridge.adapter import (
    Capabilities,
    FileRules,
    Finding,
    Received,
    Secrets,
    Settings,
    Webhook,
    same_secret,
    token_of,
    variable_for,
)
from bridge.errors import NotAuthentic, NotFound
from bridge.model import Act, ConversationKey, Reply, Sent

__all__ = ["GPTBots"]

CANNOT = {
    Act.TAKE_OVER: "GPTBots hands a conversation over only by itself; "
    "the customer has to ask its AI agent for a person",
    Act.REOPEN: "GPTBots has no call that reopens a session; "
    "when the customer asks for a person again, a new one begins, in a thread of its own",
}


class GPTBotsSettings(Settings):
    base_url: str = Field("https://api.gptbots.ai", pattern=r"^https?://[^\s?#]+$")
    """Your region's API; the bare host is Singapore's."""

    bot_ids: tuple[str, ...] = Field(min_length=1)
    """The Agents that may hand over to you, one or more. Required."""

    wait: float = Field(human_service.WAIT, gt=0, le=86_400, allow_inf_nan=False)
    """Seconds, more than 0 and at most 86400, as the waiting time in GPTBots' console says: a handoff without
    an answer ends then, and the alert shows until when to answer."""


class GPTBotsSecrets(Secrets):
    api_key: SecretStr = Field(
        description="it is the Agent's API key in GPTBots: Integration > API > API key"
    )
    path_token: tuple[SecretStr, ...] = Field(
        min_length=1,
        description="it is a long random text of your own, part of the address that you give GPTBots: "
        "Agent settings > Human handoff > Webhook",
    )
    webhook_token: tuple[SecretStr, ...] = Field(
        (),
        description="it is the token that GPTBots sends where Integration > API > webhook asks for one, if "
        "that is not the API key",
    )


class GPTBots:
    vendor: ClassVar[str] = "gptbots"
    title: ClassVar[str] = "GPTBots"
    erasure: ClassVar[str] = "GPTBots documents no call for it; ask its support"
    settings: ClassVar[type[Settings]] = GPTBotsSettings
    secrets: ClassVar[type[Secrets]] = GPTBotsSecrets
    capabilities: ClassVar[Capabilities] = Capabilities(
        writes_again="ai_agent",
        tells_humans_apart=False,
        files=FileRules(how="link"),
        handoff_is_own_conversation=True,
        cannot=CANNOT,
    )

    def __init__(
        self, source: str, settings: GPTBotsSettings, secrets: GPTBotsSecrets, http: httpx.AsyncClient
    ) -> None:
        self._source = source
        self._bot_ids = frozenset(settings.bot_ids)
        self._path_token = secrets.path_token
        # Its page shows the API key as the token, and that the scheme may be Basic:
        # gptbots.ai/docs/api-reference/conversation-api/webhook-receives-messages-v2
        self._webhook_token = (*secrets.webhook_token, secrets.api_key)
        self._wait = settings.wait
        self._api = API(http, settings.base_url, secrets.api_key, variable_for(source, "api_key"))

    def receive(self, webhook: Webhook) -> Received:
        first, *path = webhook.path.split("/")
        if not path:
            if first != "messages":
                raise NotFound("GPTBots has no such hook", remedy="Messages go to /messages")
            self._check_webhook_token(webhook)
            return messages.read(webhook, source=self._source)
        # The human service is documented without any authentication: its address is the secret.
        if not same_secret(first, self._path_token):
            raise NotAuthentic("the token in the path is wrong")
        if path == ["messages"]:
            return messages.read(webhook, source=self._source)
        return human_service.read(webhook, path, source=self._source, bot_ids=self._bot_ids, wait=self._wait)

    @classmethod
    def preview(cls, webhook: Webhook, source: str) -> Received:
        body = webhook.json_object()
        call = human_service.call_of(body)
        if call is None:
            return messages.read(webhook, source=source)
        bot_ids = frozenset({str(body.get("bot_id"))})
        return human_service.read(
            webhook, call.split("/"), source=source, bot_ids=bot_ids, wait=human_service.WAIT
        )

    def _check_webhook_token(self, webhook: Webhook) -> None:
        """GPTBots sends a token only if its console is set to; both schemes are documented. Without a token,
        only the address with the path token is accepted: else anyone could speak as the AI agent."""
        if not same_secret(token_of(webhook.headers, "bearer", "basic"), self._webhook_token):
            raise NotAuthentic(
                "the token of the message webhook is missing or wrong",
                remedy="Let GPTBots send the API key, or set "
                f"{variable_for(self._source, 'webhook_token')} to what it sends; where it sends none, give "
                "it the address with the path token in it, which may end with /messages",
            )

    def replay(self, body: bytes, at: datetime, *, fresh: bool) -> Webhook:
        return replayed(
            body,
            at,
            fresh=fresh,
            path_token=self._path_token[0],
            webhook_token=self._webhook_token[0],
            bot_ids=self._bot_ids,
        )

    async def send(self, reply: Reply) -> Sent:
        return await self._api.send(reply)

    async def say(self, conversation: ConversationKey, text: str) -> None:
        """For the Agent's own conversations on the API channel; a human session's id is refused."""
        await self._api.say(conversation, text)

    async def hand_back(self, conversation: ConversationKey) -> None:
        await self._api.close(conversation)

    async def resolve(self, conversation: ConversationKey) -> None:
        await self._api.close(conversation)

    async def check(self, address: str | None) -> tuple[Finding, ...]:
        return await checking.check(self._api, self._source, address, self._bot_ids, self._path_token)
