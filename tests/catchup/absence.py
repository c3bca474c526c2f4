"""A bridge that is away for a while, and what stands in the thread once it is back."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from sqlalchemy import text

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.scene import Scene
from tests.stores import opened

LATE = "Written while the bridge was away"


@contextlib.asynccontextmanager
async def absence(stage: Stage) -> AsyncIterator[None]:
    """No bridge runs, and Slack gives up at once what it cannot tell."""
    delays, stage.slack.events.retry_delays = stage.slack.events.retry_delays, ()
    yield
    await stage.slack.settled()
    stage.slack.events.retry_delays = delays


async def aged(stage: Stage, seconds: float) -> None:
    """Let everything that ever came in have come in so much earlier. The bridge is away."""
    url = stage.environ.get("DATABASE_URL") or f"sqlite:///{stage.folder}/bridge.sqlite3"
    async with opened(url) as store:
        change = text("UPDATE inbox SET received_at = received_at - :seconds")
        await store._database.run(lambda connection: connection.execute(change, {"seconds": seconds}))


def at_another_time(scene: Scene, words: str, at: float, user: str = "U0MINA") -> Message:
    """Somebody wrote in the thread then."""
    message = Message(channel=scene.card.channel, ts=f"{at:.6f}", text=words, user=user)
    message.thread_ts, message.client_msg_id = scene.card.ts, f"cm-{at:.6f}"
    return scene.stage.slack.state.post(message)


def lines(scene: Scene, words: str) -> list[str]:
    """What stands in the thread with `words` in it."""
    return [one for one in scene.texts if words in one]


def looks(scene: Scene) -> list[Any]:
    """The calls that looked for what was missed in the thread, not for what a dead process posted."""
    calls = [call.args for call in scene.stage.slack.calls.of("conversations.replies")]
    whole = [args for args in calls if args["ts"] == scene.card.ts and args.get("limit") == "200"]
    return [args for args in whole if "include_all_metadata" not in args]
