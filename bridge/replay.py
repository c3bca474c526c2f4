"""`bridge replay`: a recorded payload, signed with the source's own secret and sent to a bridge that runs."""

from __future__ import annotations

import argparse
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx

from bridge.adapter import Adapter, Replays, Webhook
from bridge.config import Config
from bridge.errors import ConfigError, Refused

PATIENCE = 30.0  # seconds for an answer: a store that is away takes its time


def options(command: argparse.ArgumentParser) -> None:
    command.add_argument("fixture", type=Path, metavar="FILE", help="the webhook's body")
    command.add_argument("--source", required=True, metavar="NAME", help="the source that it comes from")
    command.add_argument("--url", help="of the bridge; default: http://127.0.0.1 and the port in config.toml")
    command.add_argument(
        "--again", action="store_true", help="as it is: under the same ids, so that it is known the next time"
    )


async def run(config: Config, asked: argparse.Namespace) -> int:
    """0 where the bridge took it."""
    source = config.source(asked.source)
    url = (asked.url or f"http://127.0.0.1:{config.server.port}").rstrip("/")
    async with httpx.AsyncClient(timeout=PATIENCE, follow_redirects=False) as http:
        adapter = source.adapter(source.name, source.settings, source.secrets, http)
        webhook = _webhook(adapter, asked.fixture, fresh=not asked.again)
        path = "/".join(quote(one) for one in (source.name, *webhook.path.split("/")) if one)
        began = time.monotonic()
        try:
            answer = await http.post(
                f"{url}/webhooks/{path}",
                content=webhook.body,
                headers={"content-type": "application/json", **webhook.headers},
            )
        except httpx.HTTPError as error:
            raise ConfigError(
                f"gives no answer ({type(error).__name__})",
                where=url,
                remedy="Is the bridge there? See --url",
            ) from None
    print(f"{answer.status_code} in {(time.monotonic() - began) * 1000:.0f} ms: {answer.text}")
    if not answer.is_success:
        return 1
    _tell(adapter, webhook)
    return 0


def _webhook(adapter: Adapter, fixture: Path, *, fresh: bool) -> Webhook:
    if not isinstance(adapter, Replays):
        raise ConfigError(f"the adapter of {adapter.vendor} cannot replay a payload", where=str(fixture))
    try:
        return adapter.replay(fixture.read_bytes(), datetime.now(UTC), fresh=fresh)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(fixture)) from None
    except Refused as refusal:
        raise ConfigError(refusal.problem, where=str(fixture), remedy=refusal.remedy) from None


def _tell(adapter: Adapter, webhook: Webhook) -> None:
    """What the bridge reads in it, and how it is followed."""
    received = adapter.receive(webhook)
    for event in received.events:
        print(f"{event.kind} {event.id}: bridge trace {event.conversation}")
    if not received.events:
        print("bridge: it tells no event of a conversation, so nothing of it is shown", file=sys.stderr)
