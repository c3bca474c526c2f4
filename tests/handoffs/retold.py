"""What a vendor has told, told again by it: later, twice, or as if of an earlier time."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx

from bridge.sandbox.vendors.delivery import Delivery
from bridge.sandbox.ways import WAYS
from tests import signing
from tests.bridge.scene import Scene


async def tells(
    scene: Scene, delivery: Delivery, changes: Mapping[str, Any], *, earlier: float = 0.0
) -> None:
    """The vendor sends `delivery` as another one: with other values for some keys, and of an earlier time."""
    payload = _changed(delivery.payload, changes)
    if earlier:
        payload["timestamp"] = earlier_than(payload["timestamp"], earlier)
    body = json.dumps(payload).encode()
    environ, id = scene.stage.environ, f"msg_{secrets.token_hex(8)}"
    headers = WAYS[scene.vendor.name].headers(environ, id, body)
    if delivery.kind == "handoff.start":
        headers = signing.ada_handoff(environ["ACME_ADA_HANDOFF_TOKEN"])
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(delivery.url, content=body, headers=headers)
    assert answer.status_code == 200, answer.text


def _changed(value: Any, changes: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: changes.get(key, _changed(inner, changes)) for key, inner in value.items()}
    return value


def earlier_than(at: str | float, seconds: float) -> str | float:
    """`at` as Ada writes it, or in milliseconds as the others do."""
    if isinstance(at, str):
        return (datetime.fromisoformat(at) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
    return at - round(seconds * 1000)


def by_customer(scene: Scene) -> Delivery:
    """The first that the customer wrote, as Ada told it."""
    said = told(scene, "v1.conversation.message")
    return next(one for one in said if one.payload["data"]["author"]["role"] == "end_user")


def told(scene: Scene, kind: str) -> list[Delivery]:
    """What the vendor has sent of this conversation, of one kind, oldest first."""
    return [one for one in scene.vendor.deliveries if (one.conversation_id, one.kind) == (scene.talk, kind)]
