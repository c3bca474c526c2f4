"""`bridge render --open`: what Slack would be sent, posted in the sandbox's Slack and shown on its page."""

from __future__ import annotations

import asyncio
import tempfile
import webbrowser
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from bridge.sandbox.demo import signals_cancel, stage_at
from bridge.sandbox.stage import Stage

CHANNEL = "C0SUPPORT"


async def show(shown: Sequence[Mapping[str, Any]], *, port: int) -> int:
    """Post each event's card and messages, say what Slack refused, and keep the page until Ctrl-C."""
    with tempfile.TemporaryDirectory(prefix="bridge-render-") as folder, signals_cancel():
        try:
            async with stage_at(Path(folder), port) as stage:
                async with httpx.AsyncClient(trust_env=False) as http:
                    await _post_all(http, stage, shown)
                print(f"\n  It is shown at {stage.base}\n  Ctrl-C ends it.", flush=True)
                await asyncio.to_thread(webbrowser.open, stage.base)
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            return 0
    return 0


async def _post_all(http: httpx.AsyncClient, stage: Stage, shown: Sequence[Mapping[str, Any]]) -> None:
    threads: dict[str, str] = {}
    for one in shown:
        thread = threads.get(one["conversation"])
        if thread is None:
            thread = threads[one["conversation"]] = await _post(http, stage, [one["card"]], None)
        for message in one["messages"]:
            await _post(http, stage, list(_rungs(message)), thread)


def _rungs(message: Any) -> Iterator[Mapping[str, Any]]:
    """A file is shown as what is said instead of it."""
    yield from message if isinstance(message, list) else _rungs(message["instead"])


async def _post(
    http: httpx.AsyncClient, stage: Stage, rungs: Sequence[Mapping[str, Any]], thread: str | None
) -> str:
    """Post the first of `rungs` that Slack takes; its ts, or nothing where it takes none."""
    headers = {"authorization": f"Bearer {stage.environ['SLACK_BOT_TOKEN']}"}
    for number, rung in enumerate(rungs):
        body = {**rung, "channel": CHANNEL, **({"thread_ts": thread} if thread else {})}
        while True:
            response = await http.post(f"{stage.base}/slack/api/chat.postMessage", json=body, headers=headers)
            if response.status_code != 429:
                break
            await asyncio.sleep(float(response.headers["retry-after"]))
        told = response.json()
        if told["ok"]:
            return str(told["ts"])
        problems = told.get("response_metadata", {}).get("messages", [])
        print(f"  Slack refuses rung {number}: {told['error']} {problems}", flush=True)
    return ""
