"""Where the route lets guests and people of other companies reply, they act as everybody does."""

from __future__ import annotations

import pytest

from bridge.sandbox.stage import Stage
from tests.bridge.scene import SENT, waiting
from tests.handoffs.ways import (
    GUEST,
    LEE,
    MINA,
    PARTNER,
    alerted,
    and_sends,
    aside,
    named,
    on_the_card,
    state,
    word_below_the_alert,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"\nguests_may_reply = true'

both = pytest.mark.parametrize(
    ("name", "user", "who"),
    [("ada", GUEST, "Sam Guest"), ("moveo", GUEST, "Sam Guest"), ("moveo", PARTNER, "Pat Partner")],
)


@both
async def test_they_claim_reply_and_resolve(stage: Stage, name: str, user: str, who: str) -> None:
    scene = await waiting(stage, named(stage, name))
    await scene.stands("waiting for a human")
    await on_the_card("act-claim")(scene, user)
    await alerted(scene, f"Claimed: by {who}")
    await scene.marked(scene.writes("Hello Lena", user), SENT)
    await and_sends(on_the_card("act-resolve"))(scene, user)
    await scene.tells(f"{who} resolved the conversation.")
    await alerted(scene, "the conversation ended", f"by {who}")
    assert (state(scene), scene.sent) == ("ended", ["Hello Lena"])


@both
async def test_one_is_given_to_them(stage: Stage, name: str, user: str, who: str) -> None:
    scene = await waiting(stage, named(stage, name))
    scene.writes(f"!transfer <@{user}>")
    await scene.tells(f"Mina Park gave the conversation to {who}")
    await aside(scene, user, "Mina Park gave you this conversation")
    scene.writes(f"!transfer <@{MINA}>", user)
    await scene.stands("Mina Park has the conversation")


async def test_of_the_channel_only(stage: Stage) -> None:
    """Pat is in #vip, not in #support; neither is Lee."""
    scene = await waiting(stage)
    scene.writes(f"!transfer <@{PARTNER}>")
    await aside(scene, MINA, "“Pat Partner” is not in #support")
    await word_below_the_alert("!claim")(scene, LEE)
    await aside(scene, LEE, "only members of #support act on its conversations")
    await scene.stands("waiting for a human")
