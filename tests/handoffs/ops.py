"""What ops see of handoffs, as it is read: a conversation's alerts, and what is said where they watch."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from bridge.sandbox.seen import words
from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.scene import Scene

ALERTS, LEADS = "C0HANDOFFS", "C0LEADS"
COLOURS = {
    "waiting": "#ECB22E",
    "human": "#2EB67D",
    "bot": "#1264A3",
    "closed": "#9E9EA6",
    "missed": "#E01E5A",
}

#: what else is told to a whole channel about a conversation
_ELSE = (
    "has waited",
    "goes on answering",
    "wrote again",
    "was reopened",
    "said this after a human took over",
)


def link(scene: Scene) -> str:
    """The address of the conversation's thread."""
    return scene.stage.slack.state.permalink(scene.card)


def told(stage: Stage, channel: str) -> list[Message]:
    """What stands in a channel itself: without replies in threads, also those that it was told of."""
    return [one for one in stage.slack.state.messages(channel) if not one.is_reply]


def alerts_of(scene: Scene, channel: str | None = ALERTS) -> list[Message]:
    """The alerts of the conversation, oldest first: in its thread, and those elsewhere that lead to it."""
    found = [one for one in scene.thread if one.broadcast]
    if channel is not None:
        found += [one for one in told(scene.stage, channel) if link(scene) in words(one)]
    return [one for one in found if not any(other in words(one) for other in _ELSE)]


async def alerts(
    scene: Scene, *said: str, number: int = 1, channel: str | None = ALERTS
) -> tuple[Message, Message]:
    """The `number`th alert in the thread and in the alert channel, once both say all of `said`; there are no
    more. Without a `channel`, the thread's twice."""

    def found() -> list[list[Message]]:
        both = alerts_of(scene, channel)
        return [
            [one for one in both if one.is_reply],
            [one for one in both if not one.is_reply or not channel],
        ]

    def say() -> bool:
        newest = [one[number - 1 : number] for one in found()]
        return all(one and all(text in words(one[0]) for text in said) for one in newest)

    try:
        await scene.until(say, f"both alerts with {said}")
    except AssertionError as error:
        shown = [[words(one) for one in these] for these in found()]
        raise AssertionError(f"{error}; the alerts: {shown}") from None
    assert [len(these) for these in found()] == [number, number]
    return found()[0][-1], found()[1][-1]


def colour(message: Message) -> str:
    return str(message.attachments[0]["color"])


def markers(messages: Collection[Message], name: str) -> list[Any]:
    """What the messages with a marker of this name are about: handoffs, deliveries, days."""
    found = [(one.metadata or {}).get("event_payload", {}) for one in messages]
    return [one[name] for one in found if name in one]
