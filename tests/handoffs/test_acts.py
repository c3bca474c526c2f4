"""Acts, by every way in which they are offered: what the vendor has then, and what everybody sees of it."""

from __future__ import annotations

import pytest

from bridge.sandbox.stage import Stage
from tests.bridge.scene import Scene, buttons, counted, opened, waiting
from tests.handoffs.ways import (
    JO,
    MINA,
    Way,
    alert,
    alerted,
    and_sends,
    aside,
    asides,
    below,
    in_channel,
    in_the_menu,
    in_thread,
    named,
    on_the_alert,
    on_the_card,
    on_the_channels_alert,
    on_the_home,
    state,
    word,
    word_below_the_alert,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'

every = pytest.mark.parametrize("name", ["ada", "gptbots", "moveo"])


def ways(found: dict[str, Way]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("way", list(found.values()), ids=list(found))


async def owned(stage: Stage, name: str = "ada") -> Scene:
    """Mina has the customer."""
    scene = await waiting(stage, named(stage, name))
    scene.writes("!claim")
    await alerted(scene, "Claimed: by Mina Park")
    return scene


# ── claim ────────────────────────────────────────────────────────────────────────────────────────


@ways(
    {
        "word": word("!claim"),
        "capitals, and spaces": word("  !CLAIM "),
        "card": on_the_card("act-claim"),
        "alert": on_the_alert("act-claim"),
        "the channel's alert": on_the_channels_alert("act-claim"),
        "word below it": word_below_the_alert("!claim"),
        "Home": on_the_home("act-claim"),
        "menu of the card": in_the_menu("claim"),
        "menu of a message in the thread": in_the_menu("claim", lambda scene: scene.thread[0]),
        "menu of the channel's alert": in_the_menu("claim", lambda scene: in_channel(scene)[0]),
    }
)
async def test_claimed(stage: Stage, way: Way) -> None:
    scene = await waiting(stage)
    await alerted(scene, "waits for a human")
    for one in (scene.card, in_thread(scene)[0], in_channel(scene)[0]):
        assert "act-claim" in buttons(one)
    told = len(asides(stage, MINA))
    await way(scene, MINA)
    await scene.tells("Mina Park claimed the conversation.")
    await scene.stands("Mina Park has the conversation since")
    await alerted(scene, "is talking with Mina Park", "Claimed: by Mina Park after")
    for one in (in_thread(scene)[0], in_channel(scene)[0]):
        assert "act-claim" not in buttons(one)
    assert buttons(scene.card) == ["act-release", "act-transfer", "act-hand_back", "act-resolve"]
    assert (state(scene), scene.sent) == ("handoff", [])
    assert len(asides(stage, MINA)) == told


@every
async def test_to_claim_is_nothing_to_the_vendor(stage: Stage, name: str) -> None:
    scene = await owned(stage, name)
    assert (state(scene), scene.sent) == ("handoff", [])
    await scene.stands("Mina Park has the conversation")
