"""Signs as the vendors do: body and secret -> the headers that go with it. Pure but for the clock."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime

from svix.webhooks import Webhook


def ada(
    body: bytes,
    secret: str,
    *,
    id: str = "msg_2testAdaBridge0001",
    at: datetime | None = None,
    family: str = "svix",
) -> dict[str, str]:
    """An event of Ada's, signed by the official library; `family` is svix or webhook."""
    at = at or datetime.now(UTC)
    return {
        f"{family}-id": id,
        f"{family}-timestamp": str(int(at.timestamp())),
        f"{family}-signature": Webhook(secret).sign(id, at.replace(microsecond=0), body.decode()),
    }


def ada_handoff(token: str) -> dict[str, str]:
    """Ada's start call, which nothing signs."""
    return {"authorization": f"Bearer {token}"}


def gptbots(token: str | None = None, scheme: str = "Bearer") -> dict[str, str]:
    """GPTBots' message webhook, which nothing signs either."""
    return {"authorization": f"{scheme} {token}"} if token else {}


def gptbots_path(token: str, call: str, prefix: str = "") -> str:
    """Where GPTBots' human service calls: conversation/establish, chat or conversation/close."""
    return "/".join(step for step in (token, prefix, call) if step)


def moveo(body: bytes, secret: str) -> dict[str, str]:
    return {"x-moveo-signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def whimbrel(body: bytes, secret: str, at: datetime) -> dict[str, str]:
    """The vendor of docs/new-vendor.md."""
    seconds = int(at.timestamp())
    digest = hmac.new(secret.encode(), b"%d.%b" % (seconds, body), hashlib.sha256)
    return {"whimbrel-signature": f"t={seconds},v1={digest.hexdigest()}"}
