"""How people act on a conversation, every way there is; and what they then see of it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

import pytest

from bridge.sandbox.slack import Message, View
from bridge.sandbox.slack.filled import Value
from bridge.sandbox.stage import AnyVendor, Stage
from tests.bridge.scene import PATIENCE, Scene, waiting
from tests.crash.books import until

ALERTS = "C0HANDOFFS"
MINA, JO, LEE, GUEST, PARTNER = "U0MINA", "U0JO", "U0LEE", "U0GUEST", "U0PARTNER"


def named(stage: Stage, name: str) -> AnyVendor:
    (found,) = (one for one in stage.vendors if one.name == name)
    return found


def state(scene: Scene) -> str:
    """Who has the conversation at the vendor."""
    return scene.vendor.conversations[scene.talk].state


# ── the alerts ───────────────────────────────────────────────────────────────────────────────────


def in_thread(scene: Scene) -> list[Message]:
    """The conversation's alerts in its thread, oldest first."""
    others = ("wrote again", "was reopened")
    return [one for one in scene.thread if one.broadcast and not any(other in one.text for other in others)]


def in_channel(scene: Scene) -> list[Message]:
    """The same in the alert channel; each links to the thread."""
    told = scene.stage.slack.state.channels[ALERTS].messages.values()
    link = scene.card.ts.replace(".", "")
    return [one for one in told if not one.is_reply and link in str(one.blocks)]


async def alert(scene: Scene, *words: str, number: int = 1) -> Message:
    """The alert channel's newest alert of the conversation, its `number`th, once it says all of `words`."""

    def found() -> list[Message]:
        told = in_channel(scene)
        return [one for one in told[number - 1 :] if all(word in one.text for word in words)]

    try:
        await scene.until(found, f"the alert {number} with {words}")
    except AssertionError as error:
        raise AssertionError(f"{error}; the alerts: {[one.text for one in in_channel(scene)]}") from None
    return found()[-1]


async def alerted(scene: Scene, *words: str, number: int = 1) -> None:
    """Wait until the `number`th alert says all of `words`, in the thread and in the alert channel."""
    await alert(scene, *words, number=number)

    def found() -> bool:
        told = in_thread(scene)[number - 1 : number]
        return any(all(word in one.text for word in words) for one in told)

    await scene.until(found, f"an alert with {words} in the thread")
    alerts = [[one.text for one in some] for some in (in_thread(scene), in_channel(scene))]
    assert [len(texts) for texts in alerts] == [number, number], alerts


# ── what one person alone is told ────────────────────────────────────────────────────────────────


def asides(stage: Stage, user: str) -> list[Message]:
    """All that only `user` sees, wherever it is, as it came."""
    channels = stage.slack.state.channels.values()
    told = [one for channel in channels for one in channel.ephemerals.values() if one.ephemeral_to == user]
    return sorted(told, key=lambda one: float(one.ts))


async def aside(scene: Scene, user: str, *words: str, but: int = 0) -> Message:
    """Wait until `user` alone is told all of `words` about this conversation, `but` for what came first."""
    around = {scene.card.ts, *(one.ts for one in in_channel(scene))}

    def told() -> list[Message]:
        seen = [one for one in asides(scene.stage, user)[but:] if float(one.ts) > float(scene.card.ts)]
        return [one for one in seen if one.thread_ts in (None, *around)]

    def found() -> list[Message]:
        return [one for one in told() if all(word in one.text for word in words)]

    try:
        await scene.until(found, f"{user} told {words}")
    except AssertionError as error:
        raise AssertionError(f"{error}; they were told {[one.text for one in told()]}") from None
    return found()[-1]


# ── how it stands ────────────────────────────────────────────────────────────────────────────────


async def claimed(stage: Stage, name: str = "ada", user: str = MINA) -> Scene:
    """A customer whom `user` has, as the card and both alerts say."""
    scene = await waiting(stage, named(stage, name))
    scene.writes("!claim", user)
    who = stage.slack.state.users[user]
    name = who.display_name or who.real_name
    await alerted(scene, f"Claimed: by {name}")
    await scene.tells(f"{name} claimed the conversation.")
    await scene.until(lambda: "act-release" in str(scene.card.blocks), "the card's buttons")
    return scene


async def has(scene: Scene, who: str) -> None:
    """Ask the bridge who has it by all that the vendor has told so far."""
    await scene.vendor.settled()
    before = len(asides(scene.stage, JO))
    scene.writes("!who", user=JO)
    one = await aside(scene, JO, but=before)
    assert one.text.startswith(who), one.text


# ── ways to act ──────────────────────────────────────────────────────────────────────────────────

#: `user` wants an act about the conversation of a scene
Way = Callable[[Scene, str], Awaitable[object]]


def each(ways: dict[str, Way]) -> pytest.MarkDecorator:
    """Parametrizes a test with them."""
    return pytest.mark.parametrize("way", list(ways.values()), ids=list(ways))


def word(text: str) -> Way:
    async def write(scene: Scene, user: str) -> None:
        scene.writes(text, user)

    return write


def word_below_the_alert(text: str) -> Way:
    async def write(scene: Scene, user: str) -> None:
        below(scene, await alert(scene), text, user)

    return write


def below(scene: Scene, one: Message, text: str, user: str = MINA) -> Message:
    """Somebody writes below an alert in the alert channel."""
    return scene.stage.slack.post_as(user, one.channel, text, thread_ts=one.ts)


def on_the_card(action: str) -> Way:
    return lambda scene, user: scene.presses(scene.card, action, user)


def on_the_alert(action: str) -> Way:
    return lambda scene, user: scene.presses(in_thread(scene)[-1], action, user)


def on_the_channels_alert(action: str) -> Way:
    async def press(scene: Scene, user: str) -> None:
        await scene.presses(await alert(scene), action, user)

    return press


def on_the_home(action: str) -> Way:
    async def press(scene: Scene, user: str) -> None:
        view, value = await offered_on_home(scene, user)
        assert (await scene.stage.slack.press(user, view, action, value)).ok

    return press


def in_the_menu(entry: str, where: Callable[[Scene], Message] = lambda scene: scene.card) -> Way:
    """Of a message: the card's, or `where`."""

    async def choose(scene: Scene, user: str) -> None:
        answer = await scene.stage.slack.shortcut(user, where(scene), entry)
        assert answer.ok, answer

    return choose


def and_sends(way: Way, values: Mapping[str, Value] = MappingProxyType({})) -> Way:
    """`way`, which opens a modal, and the modal sent with `values`."""

    async def send(scene: Scene, user: str) -> None:
        await way(scene, user)
        modal = await asked(scene, user)
        answer = await scene.stage.slack.submit(user, modal, values)
        assert answer.ok, answer

    return send


async def asked(scene: Scene, user: str = MINA) -> View:
    """The modal that `user` has before them."""
    await scene.until(lambda: scene.stage.slack.modal_of(user), f"a modal of {user}")
    modal = scene.stage.slack.modal_of(user)
    assert modal is not None
    return modal


# ── the Home ─────────────────────────────────────────────────────────────────────────────────────


def said_in(view: View | None) -> list[str]:
    """What a view says, by block."""
    return [json.dumps(block, ensure_ascii=False) for block in view.body["blocks"]] if view else []


async def home(stage: Stage, user: str) -> View:
    """Their Home, opened: as it is shown then."""
    before = stage.slack.home_of(user)
    was = before.hash if before else ""
    stage.slack.open_home(user)
    return await shown_anew(stage, user, was)


async def shown_anew(stage: Stage, user: str, was: str) -> View:
    """Wait until the Home of `user` is no longer the one with the hash `was`."""

    def found() -> View | None:
        view = stage.slack.home_of(user)
        return view if view is not None and view.hash != was else None

    await until(lambda: found() is not None, PATIENCE, f"the Home of {user}")
    view = found()
    assert view is not None
    return view


def row_of(view: View, scene: Scene) -> tuple[str, dict[str, Any] | None]:
    """What a Home says of a conversation, and the button below it."""
    link = scene.card.ts.replace(".", "")
    blocks = [*view.body["blocks"], {"type": "end"}]
    for block, following in itertools.pairwise(blocks):
        if link in str(block):
            button = following["elements"][0] if following["type"] == "actions" else None
            return json.dumps(block, ensure_ascii=False), button
    return "", None


async def offered_on_home(scene: Scene, user: str) -> tuple[View, str]:
    """The Home of `user` and the value of the button of this conversation there."""
    view = await home(scene.stage, user)
    _, button = row_of(view, scene)
    assert button is not None, said_in(view)
    return view, str(button["value"])
