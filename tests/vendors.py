"""The three adapters as the tests configure them, and webhooks that they take for genuine."""

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

Answer = httpx.Response | Callable[[httpx.Request], httpx.Response]

FIXTURES = Path(__file__).parent / "fixtures"
VENDORS: dict[str, type[Adapter]] = {"ada": Ada, "gptbots": GPTBots, "moveo": Moveo}

ADA_SECRET = "whsec_" + base64.b64encode(b"bridge-test-key-24bytes!").decode()
TOKEN = "an-unguessable-token"
MOVEO_SECRET = "moveo's secret"

#: when the webhooks arrive; Moveo's published examples are all of one time
AT = {
    "ada": datetime(2026, 5, 4, 9, 16, tzinfo=UTC),
    "gptbots": datetime(2026, 5, 4, 9, 16, tzinfo=UTC),
    "moveo": datetime(2024, 1, 1, 0, 1, tzinfo=UTC),
}
SETTINGS: dict[str, dict[str, Any]] = {
    "ada": {"base_url": "https://acme.ada.support", "handoff_label": "slack-bridge"},
    "gptbots": {"bot_ids": ("65a4ccfc7ce58e728d5897aa",)},
    "moveo": {"integration_id": "intg-001"},
}
SECRETS: dict[str, dict[str, Any]] = {
    "ada": {"api_key": "the-key", "webhook_secret": (ADA_SECRET,), "handoff_token": (TOKEN,)},
    "gptbots": {"api_key": "the-key", "path_token": (TOKEN,), "webhook_token": ("the-webhook-token",)},
    "moveo": {"api_key": "the-key", "webhook_secret": (MOVEO_SECRET,)},
}


def make(
    vendor: str,
    *,
    http: httpx.AsyncClient | None = None,
    secrets: dict[str, Any] | None = None,
    **settings: Any,
) -> Any:
    """The source `acme-<vendor>`."""
    adapter = VENDORS[vendor]
    return adapter(
        f"acme-{vendor}",
        adapter.settings(**{**SETTINGS[vendor], **settings}),
        adapter.secrets(**{**SECRETS[vendor], **(secrets or {})}),
        http or Answering(httpx.Response(500)),
    )


def names(vendor: str) -> list[str]:
    return sorted(path.stem for path in (FIXTURES / vendor).glob("*.json"))


def body_of(vendor: str, name: str) -> bytes:
    return (FIXTURES / vendor / f"{name}.json").read_bytes()


def genuine(vendor: str, name: str, body: bytes | None = None, at: datetime | None = None) -> Webhook:
    """The fixture `name`, or `body`, sent to the hook that the name begins with."""
    body = body_of(vendor, name) if body is None else body
    at = at or AT[vendor]
    hook = name.partition("-")[0]
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
