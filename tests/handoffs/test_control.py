"""Who has the conversation, by all that vendors tell: in order and out of it, late, twice, or not at all."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from bridge.sandbox.stage import Stage
from bridge.sandbox.vendors.delivery import Delivery
from bridge.sandbox.ways import WAYS
from tests.bridge.scene import SENT, Scene, buttons, opened, thread_of, waiting
from tests.handoffs.ways import (
    ALERTS,
    JO,
    LEE,
    MINA,
    alert,
    alerted,
    aside,
    asides,
    in_channel,
    in_thread,
    named,
    on_the_card,
    state,
    word,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'

every = pytest.mark.parametrize("name", ["ada", "gptbots", "moveo"])


async def tells(scene: Scene, delivery: Delivery, **changes: Any) -> None:
    """The vendor sends `delivery` once more, as another one: with other values for some keys, at any depth."""
    body = json.dumps(_changed(delivery.payload, changes)).encode()
    headers = WAYS[scene.vendor.name].headers(scene.stage.environ, f"msg_{secrets.token_hex(8)}", body)
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(delivery.url, content=body, headers=headers)
    assert answer.status_code == 200, answer.text


def _changed(value: Any, changes: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: changes.get(key, _changed(inner, changes)) for key, inner in value.items()}
    return value


def told(scene: Scene, kind: str) -> list[Delivery]:
    """What the vendor has sent of this conversation, of one kind, oldest first."""
    return [one for one in scene.vendor.deliveries if (one.conversation_id, one.kind) == (scene.talk, kind)]


async def settled(scene: Scene) -> None:
    """Wait until all that the vendor has told so far has been decided, and stands in Slack."""
    await scene.vendor.settled()
    mine = len(asides(scene.stage, LEE))
    one = in_channel(scene)
    where = one[-1] if one else scene.card
    scene.stage.slack.post_as(LEE, where.channel, "!who", thread_ts=where.ts)
    await aside(scene, LEE, "has this conversation" if False else "", but=mine)
