"""How people act on a conversation, every way there is; and what they then see of it, and others do not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from bridge.sandbox.slack import Message, View
from bridge.sandbox.slack.filled import Value
from bridge.sandbox.stage import AnyVendor, Stage
from tests.bridge.scene import Scene, buttons

ALERTS = "C0HANDOFFS"
CLAIM = "act-claim"
MINA, JO, LEE, GUEST, PARTNER = "U0MINA", "U0JO", "U0LEE", "U0GUEST", "U0PARTNER"

Way = Callable[[Scene, str], Awaitable[None]]


def named(stage: Stage, name: str) -> AnyVendor:
    return {"ada": stage.ada, "gptbots": stage.gptbots, "moveo": stage.moveo}[name]


def state(scene: Scene) -> str:
    """Who has the conversation at the vendor."""
    return scene.vendor.conversations[scene.talk].state


# ── the alerts ───────────────────────────────────────────────────────────────────────────────────


def in_thread(scene: Scene) -> Message:
    """The newest alert in the conversation's thread."""
    return [one for one in scene.thread if one.broadcast and "Started: " in one.text + "Started: "][-1]


def alerts(scene: Scene) -> list[Message]:
    """The conversation's alerts in the alert channel, oldest first; each links to its thread."""
    told = scene.stage.slack.state.channels[ALERTS].messages.values()
    link = scene.card.ts.replace(".", "")
    return [one for one in told if not one.is_reply and link in str(one.blocks)]


async def alert(scene: Scene, *words: str) -> Message:
    """The newest alert in the alert channel, once it says all of `words`."""
    found = lambda: [one for one in alerts(scene)[-1:] if all(word in one.text for word in words)]
    await scene.until(found, f"an alert in the alert channel with {words}")
    return found()[-1]


async def alerted(scene: Scene, *words: str) -> None:
    """Wait until both alerts say all of `words`."""
    await alert(scene, *words)
    await scene.until(lambda: all(one in in_thread(scene).text for one in words), f"{words} in the thread")


# ── what one person alone is told ────────────────────────────────────────────────────────────────


def asides(stage: Stage, user: str) -> list[Message]:
    """All that only `user` sees, wherever it is, as it came."""
    channels = stage.slack.state.channels.values()
    told = [one for channel in channels for one in channel.ephemerals.values() if one.ephemeral_to == user]
    return sorted(told, key=lambda one: float(one.ts))


async def aside(scene: Scene, user: str, *words: str, but: int = 0) -> Message:
    """Wait for something that only `user` sees, in any channel, after the first `but`."""
    found = lambda: [one for one in asides(scene.stage, user)[but:] if all(w in one.text for w in words)]
    try:
        await scene.until(found, f"{user} told {words}")
    except AssertionError as error:
        told = [one.text for one in asides(scene.stage, user)[but:]]
        raise AssertionError(f"{error}; they were told: {told}") from None
    return found()[-1]


# ── ways ─────────────────────────────────────────────────────────────────────────────────────────


def writes(word: str) -> Way:
    async def way(scene: Scene, user: str) -> None:
        scene.writes(word, user)

    return way


def writes_below_the_alert(word: str) -> Way:
    async def way(scene: Scene, user: str) -> None:
        below(await alert(scene), word, user)

    return way


def below(one: Message, text: str, user: str = MINA) -> Message:
    """Somebody writes below an alert; `one` is it."""


