"""Requests as Slack makes them, made by hand: any envelope, signed with any secret, at any time."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
from slack_sdk.signature import SignatureVerifier

from bridge.sandbox.stage import Stage
from tests.bridge.scene import Scene


def envelope(stage: Stage, event: Mapping[str, Any], event_id: str = "Ev1", **more: Any) -> dict[str, Any]:
    """An `event_callback` with `event` in it."""
    told = {"type": "event_callback", "team_id": stage.slack.state.team_id, "event_id": event_id}
    return {**told, "event_time": int(time.time()), "event": dict(event), **more}


def reply(scene: Scene, text: str, **more: Any) -> dict[str, Any]:
    """The event of a reply in the thread that the sandbox itself knows nothing of."""
    ts = scene.stage.slack.state.next_ts()
    told = {"type": "message", "user": "U0MINA", "text": text, "ts": ts, "thread_ts": scene.card.ts}
    return {**told, "channel": scene.card.channel, "client_msg_id": f"cm-{ts}", **more}


def signed(secret: str, body: bytes, at: float | None = None) -> dict[str, str]:
    """Slack's headers, by Slack's own library."""
    timestamp = str(int(time.time() if at is None else at))
    signature = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)
    assert signature is not None
    return {"x-slack-request-timestamp": timestamp, "x-slack-signature": signature}


async def tell(stage: Stage, payload: Mapping[str, Any], retry: int = 0) -> httpx.Response:
    """Send an event, with the number of its repetition."""
    repeated = {"x-slack-retry-num": str(retry), "x-slack-retry-reason": "http_error"} if retry else {}
    return await post(stage, json.dumps(payload).encode(), {"content-type": "application/json", **repeated})


async def interact(stage: Stage, payload: Mapping[str, Any]) -> httpx.Response:
    """Send what somebody pressed, chose or filled in."""
    return await form(stage, {"payload": json.dumps(payload)})


async def form(stage: Stage, fields: Mapping[str, str]) -> httpx.Response:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return await post(stage, urlencode(fields).encode(), headers)


async def post(
    stage: Stage, body: bytes, headers: Mapping[str, str], *, secret: str | None = None
) -> httpx.Response:
    sign = signed(secret or stage.environ["SLACK_SIGNING_SECRET"].split(",")[0], body)
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.post(f"{stage.bridge_url}/slack/events", content=body, headers={**sign, **headers})
