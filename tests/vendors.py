"""The adapters as the tests configure them, and webhooks that they take for genuine.

Three are ours. The fourth is the guide's (docs/new-vendor.md), and held to the same contract.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from adapters.ada import Ada
from adapters.gptbots import GPTBots
from adapters.moveo import Moveo
from bridge.adapter import Adapter, Webhook
from bridge.model import Author, ConversationKey, Reply, Role, Text
from tests import signing
from tests.newvendor.whimbrel import Whimbrel

Answer = httpx.Response | Callable[[httpx.Request], httpx.Response]

FIXTURES = Path(__file__).parent / "fixtures"
NEW = Path(__file__).parent / "newvendor" / "fixtures"
VENDORS: dict[str, type[Adapter]] = {"ada": Ada, "gptbots": GPTBots, "moveo": Moveo}
#: whoever is held to the contract
EVERY: dict[str, type[Adapter]] = {**VENDORS, "whimbrel": Whimbrel}
#: a fixture for each hook; the first is one message
HOOKS: dict[str, tuple[str, ...]] = {
    "ada": ("message", "start"),
    "gptbots": ("messages-v1", "establish", "chat", "close-timeout"),
    "moveo": ("send",),
    "whimbrel": ("message",),
}

ADA_SECRET = "whsec_" + base64.b64encode(b"bridge-test-key-24bytes!").decode()
TOKEN = "an-unguessable-token"
MOVEO_SECRET = "moveo's secret"
WHIMBREL_SECRET = "whimbrel's secret"

#: when the webhooks arrive; Moveo's published examples are all of one time
AT = {
    "ada": datetime(2026, 5, 4, 9, 16, tzinfo=UTC),
    "gptbots": datetime(2026, 5, 4, 9, 16, tzinfo=UTC),
    "moveo": datetime(2024, 1, 1, 0, 1, tzinfo=UTC),
    "whimbrel": datetime(2026, 5, 4, 9, 16, tzinfo=UTC),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "ada": {"base_url": "https://acme.ada.support", "handoff_label": "slack-bridge"},
    "gptbots": {"bot_ids": ("65a4ccfc7ce58e728d5897aa",)},
    "moveo": {"integration_id": "intg-001"},
    "whimbrel": {},
}
SECRETS: dict[str, dict[str, Any]] = {
    "ada": {"api_key": "the-key", "webhook_secret": (ADA_SECRET,), "handoff_token": (TOKEN,)},
    "gptbots": {"api_key": "the-key", "path_token": (TOKEN,), "webhook_token": ("the-webhook-token",)},
    "moveo": {"api_key": "the-key", "webhook_secret": (MOVEO_SECRET,)},
    "whimbrel": {"api_key": "the-key", "webhook_secret": (WHIMBREL_SECRET,)},
}


def make(
    vendor: str,
    *,
    http: httpx.AsyncClient | None = None,
    secrets: dict[str, Any] | None = None,
    **settings: Any,
) -> Any:
    """The source `acme-<vendor>`."""
    adapter = EVERY[vendor]
    return adapter(
        f"acme-{vendor}",
        adapter.settings(**{**SETTINGS[vendor], **settings}),
        adapter.secrets(**{**SECRETS[vendor], **(secrets or {})}),
        http or Answering(httpx.Response(500)),
    )


def folder(vendor: str) -> Path:
    """Where its recorded payloads are."""
    return (FIXTURES if vendor in VENDORS else NEW) / vendor


def names(vendor: str) -> list[str]:
    return sorted(path.stem for path in folder(vendor).glob("*.json"))


def body_of(vendor: str, name: str) -> bytes:
    return (folder(vendor) / f"{name}.json").read_bytes()


def genuine(vendor: str, name: str, body: bytes | None = None, at: datetime | None = None) -> Webhook:
    """The fixture `name`, or `body`, sent to the hook that the name begins with."""
    body = body_of(vendor, name) if body is None else body
    at = at or AT[vendor]
    hook = name.partition("-")[0]
    if vendor == "whimbrel":
        return Webhook("", signing.whimbrel(body, WHIMBREL_SECRET, at), body, at)
    if vendor == "moveo":
        return Webhook("", signing.moveo(body, MOVEO_SECRET), body, at)
    if vendor == "ada" and hook == "start":
        return Webhook("handoff", signing.ada_handoff(TOKEN), body, at)
    if vendor == "ada":
        return Webhook("", signing.ada(body, ADA_SECRET, at=at), body, at)
    if hook == "messages":
        return Webhook("messages", signing.gptbots("the-webhook-token"), body, at)
    call = {"chat": "chat"}.get(hook, f"conversation/{hook}")
    return Webhook(signing.gptbots_path(TOKEN, call, "human/service"), {}, body, at)


def reply(vendor: str, *parts: Any, conversation: str = "c/1 ä", **author: Any) -> Reply:
    told = {"id": "U0MINA", "name": "Mina K.", "avatar": "https://img.example.org/mina.png", **author}
    return Reply(
        id="reply-1",
        conversation=ConversationKey(source=f"acme-{vendor}", id=conversation),
        author=Author(role=Role.AGENT, **told),
        parts=parts or (Text(text="Looking into it now"),),
        at=datetime(2026, 5, 4, 9, 17, 0, 250_000, tzinfo=UTC),
    )


class Answering(httpx.AsyncClient):
    """A vendor's end of the wire: gives `answer` to each request, and keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        # follows redirects where the adapter lets it
        super().__init__(transport=httpx.MockTransport(self._handle), follow_redirects=True, trust_env=False)
        self.requests: list[httpx.Request] = []
        self._answer = answer

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return self._answer(request) if callable(self._answer) else self._answer
