"""Events that Slack cannot deliver while the bridge runs, and repeats later."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.events import tell


@contextlib.asynccontextmanager
async def unheard(stage: Stage) -> AsyncIterator[None]:
    """Slack cannot reach the bridge, and keeps its events."""
    slack = stage.slack
    await slack.settled()
    url, delays = slack.events_url, slack.events.retry_delays
    slack.events_url, slack.events.retry_delays = None, ()
    try:
        yield
        await slack.settled()
    finally:
        slack.events_url, slack.events.retry_delays = url, delays


def kept_by_slack(stage: Stage, message: Message, subtype: str | None = None) -> dict[str, Any]:
    """The envelope of an event about `message`: that it was written, or else changed or deleted."""
    for failed in reversed(stage.slack.events.failed):
        event = failed.envelope["event"]
        hidden = event.get("subtype") if event.get("hidden") else None
        about = event.get("deleted_ts") or event.get("message", event).get("ts")
        if about == message.ts and hidden == subtype:
            return failed.envelope
    raise AssertionError(f"no event about {message.text!r}")


async def repeats(stage: Stage, message: Message, subtype: str | None = None, number: int = 1) -> None:
    """Slack repeats an event, for the `number`th time."""
    answer = await tell(stage, kept_by_slack(stage, message, subtype), retry=number)
    assert answer.status_code == 200, answer.text


def reads(stage: Stage, message: Message) -> int:
    """How often the message was read from Slack by its time."""
    calls = [call.args for call in stage.slack.calls.of("conversations.replies")]
    return sum(args.get("oldest") == args.get("latest") == message.ts for args in calls)
