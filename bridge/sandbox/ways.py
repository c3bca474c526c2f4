"""How the three vendors of the tour differ; in all else they take the same steps."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from standardwebhooks import Webhook

Headers = dict[str, str]


@dataclass(frozen=True)
class Ways:
    """`customer` is how Slack names the customer once the bridge has heard of them.

    `hears` is when the customer's words come by webhook: always, in a human session only, or never.
    `products` is what has to be seen of the AI agent's answer about products, and `shape` what that is.
    `agent` is the name that the vendor gives to whoever replied, and `recorded` tells that it keeps
    the reply for the customer's own app to show. `webhook` is the event that carries what the AI agent says.
    """

    name: str
    source: str
    channel: str
    webhook: str
    ai: str
    customer: str | None
    hears: frozenset[str]
    shape: str
    products: tuple[str, ...]
    headers: Callable[[Mapping[str, str], str, bytes], Headers]
    signed: bool = True
    agent: str | None = None  # else the person's own
    recorded: bool = False
    own_session: bool = False  # the human session has an id of its own, so a thread of its own
    hands_back: str | None = "the AI agent has the conversation"  # what the card says then; None: it cannot
    reopens: bool = False


# The webhooks' headers, made of the bridge's own secrets and nothing else of the bridge.


def _ada(secrets: Mapping[str, str], id: str, body: bytes) -> Headers:
    now = datetime.now(UTC).replace(microsecond=0)
    signature = Webhook(secrets["ACME_ADA_WEBHOOK_SECRET"]).sign(id, now, body.decode())
    return {"svix-id": id, "svix-timestamp": f"{now.timestamp():.0f}", "svix-signature": signature}


def _gptbots(secrets: Mapping[str, str], id: str, body: bytes) -> Headers:
    return {"authorization": f"Bearer {secrets['ACME_GPTBOTS_WEBHOOK_TOKEN']}"}


def _moveo(secrets: Mapping[str, str], id: str, body: bytes) -> Headers:
    digest = hmac.new(secrets["ACME_MOVEO_WEBHOOK_SECRET"].encode(), body, hashlib.sha256)
    return {"x-moveo-signature": digest.hexdigest()}


WAYS = {
    "ada": Ways(
        name="Ada",
        source="acme-ada",
        channel="support",
        webhook="v1.conversation.message",
        ai="Shop Assistant (AI agent)",
        customer="Nora Lind (customer)",
        hears=frozenset(("bot", "handoff")),
        shape="the link",
        products=("These are our three favourites", "All our products", "https://example.com/shop"),
        headers=_ada,
    ),
    "gptbots": Ways(
        name="GPTBots",
        source="acme-gptbots",
        channel="support",
        webhook="message",
        ai="AI agent",
        customer=None,
        hears=frozenset(("handoff",)),
        shape="both branches",
        products=("Products · branch 1", "Mountain Mug", "Advice · branch 2", "our three favourites"),
        headers=_gptbots,
        signed=False,
        agent="Human service",  # the API takes no name
        own_session=True,
        hands_back="closed",
    ),
    "moveo": Ways(
        name="Moveo",
        source="acme-moveo",
        channel="vip",
        webhook="message:brain_send",
        ai="AI agent",
        customer="Nora Lind (customer)",
        hears=frozenset(),
        shape="the carousel",
        products=("Mountain Mug", "Trail Lamp", "Wool Blanket", "These are our three favourites"),
        headers=_moveo,
        recorded=True,
        hands_back=None,
        reopens=True,
    ),
}
