"""A recorded payload as GPTBots would send it now."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection
from datetime import datetime

from pydantic import SecretStr

from adapters.gptbots.human_service import call_of
from bridge.adapter import Webhook


def replayed(
    body: bytes,
    at: datetime,
    *,
    fresh: bool,
    path_token: SecretStr,
    webhook_token: SecretStr,
    bot_ids: Collection[str],
) -> Webhook:
    """Times are seconds in the message webhook and milliseconds in the human service. A session that is
    `fresh` is of one of our own Agents, since no other may hand off."""
    told = Webhook("", {}, body, at).json_object()
    call = call_of(told)
    if fresh:
        new = {
            "message_id": secrets.token_hex(12),
            "create_time": int(at.timestamp()),
            "timestamp": round(at.timestamp() * 1000),
            "bot_id": told.get("bot_id") if told.get("bot_id") in bot_ids else min(bot_ids),
        }
        told |= {name: new[name] for name in new if name in told}
        body = json.dumps(told, ensure_ascii=False).encode()
    if call is not None:
        return Webhook(f"{path_token.get_secret_value()}/{call}", {}, body, at)
    token = f"Bearer {webhook_token.get_secret_value()}"
    return Webhook("messages", {"authorization": token}, body, at)
