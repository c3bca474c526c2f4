"""A recorded payload as Ada would send it now."""

from __future__ import annotations

import hashlib
import json
import secrets
import uuid
from datetime import datetime

import standardwebhooks
from pydantic import SecretStr

from bridge.adapter import Webhook, mapping


def event(body: bytes, at: datetime, signer: standardwebhooks.Webhook, *, fresh: bool) -> Webhook:
    """Signed under an id of Svix's form; the one it came with was in a header, which nobody recorded."""
    id = f"msg_{hashlib.sha256(body).hexdigest()[:24]}"
    if fresh:
        told, now = Webhook("", {}, body, at).json_object(), at.isoformat(timespec="milliseconds")
        new = {"created_at": now, "updated_at": now, "message_id": str(uuid.uuid4())}
        data = mapping(told.get("data"))
        told |= {"timestamp": now, "data": {**data, **{name: new[name] for name in new if name in data}}}
        id, body = f"msg_{secrets.token_hex(12)}", json.dumps(told, ensure_ascii=False).encode()
    headers = {
        "svix-id": id,
        "svix-timestamp": str(int(at.timestamp())),
        "svix-signature": signer.sign(id, at.replace(microsecond=0), body.decode()),
    }
    return Webhook("", headers, body, at)


def start(body: bytes, at: datetime, token: SecretStr) -> Webhook:
    """The handoff call has no id and no time of its own: the same within some seconds is one call."""
    return Webhook("handoff", {"authorization": f"Bearer {token.get_secret_value()}"}, body, at)
