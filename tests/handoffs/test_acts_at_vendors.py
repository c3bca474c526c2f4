"""Acts in which the vendor has a say: what it has then, what everybody sees, and what it does not do."""

from __future__ import annotations

import pytest

from bridge.sandbox.stage import Stage
from tests.bridge.scene import SENT, buttons, opened, waiting
from tests.handoffs.ways import (
    JO,
    MINA,
    Way,
    alert,
    alerted,
    and_sends,
    aside,
    asides,
    asked,
    claimed,
    each,
    in_channel,
    in_the_menu,
    in_thread,
    named,
    on_the_card,
    state,
    word,
    word_below_the_alert,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'

every = pytest.mark.parametrize("name", ["ada", "gptbots", "moveo"])


# ── take over ────────────────────────────────────────────────────────────────────────────────────


@each({"word": word("!takeover"), "card": on_the_card("act-take_over")})
async def test_taken_over(stage: Stage, way: Way) -> None:
    scene = await opened(stage, stage.moveo)
    assert buttons(scene.card) == ["act-take_over"]
    await way(scene, MINA)
    await scene.tells("Mina Park took the conversation over from the AI agent.")
    await scene.stands("Mina Park has the conversation")
    assert state(scene) == "handoff"
    assert (in_thread(scene), in_channel(scene)) == ([], [])  # nobody waited
    scene.writes("!takeover", user=JO)
    await aside(scene, JO, "Mina Park has this conversation")
    scene.writes("!takeover")
    await aside(scene, MINA, "You have this conversation.")
    scene.writes("!release")
    await alert(scene, "waits for a human", "Released: by Mina Park")
    await scene.stands("waiting for a human")
    assert in_thread(scene) == []


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ada", "Ada hands a conversation over only in its own Handoff flow"),
        ("gptbots", "GPTBots hands a conversation over only by itself"),
    ],
)
async def test_what_the_vendor_does_not_hand_over_is_not_taken(stage: Stage, name: str, why: str) -> None:
    scene = await opened(stage, named(stage, name))
    assert buttons(scene.card) == []
    scene.writes("!takeover")
    await aside(scene, MINA, "You wanted to take over, which was not done", why)
    told = len(asides(stage, MINA))
    scene.writes("!claim")
    await aside(scene, MINA, "The AI agent has this conversation", why, but=told)
    await scene.stands("the AI agent has the conversation")
    assert state(scene) == "bot"


# ── hand back ────────────────────────────────────────────────────────────────────────────────────

HAND_BACK: dict[str, Way] = {
    "word": word("!bot"),
    "card": and_sends(on_the_card("act-hand_back")),
    "menu": and_sends(in_the_menu("hand_back")),
    "word below the alert": word_below_the_alert("!bot"),
}


@each(HAND_BACK)
async def test_handed_back(stage: Stage, way: Way) -> None:
    scene = await claimed(stage)
    await way(scene, MINA)
    await scene.tells("Mina Park handed the conversation back to the AI agent.")
    await scene.stands("the AI agent has the conversation")
    await alerted(scene, "handed back to the AI agent", "Ended: ", "by Mina Park")
    await scene.tells("I'm back.")  # the AI agent is
    assert state(scene) == "bot"
    assert [buttons(one) for one in (scene.card, in_thread(scene)[0])] == [[], []]
    assert buttons(in_channel(scene)[0]) == ["open"]
    scene.writes("!bot")
    await aside(scene, MINA, "The AI agent has this conversation")


@each(HAND_BACK)
async def test_a_session_of_its_own_is_over_with_it(stage: Stage, way: Way) -> None:
    scene = await claimed(stage, "gptbots")
    await way(scene, MINA)
    await scene.tells("Mina Park handed the conversation back to the AI agent.")
    await scene.stands("closed")
    await alerted(scene, "the conversation ended", "by Mina Park")
    assert state(scene) == "bot"


async def test_where_the_vendor_takes_nothing_back_it_is_said(stage: Stage) -> None:
    scene = await claimed(stage, "moveo")
    assert "act-hand_back" not in buttons(scene.card)
    why = "Moveo has no call that gives a conversation back to its AI agent; resolve it instead"
    scene.writes("!bot")
    await aside(scene, MINA, "You wanted to hand back, which was not done", why)
    await in_the_menu("hand_back")(scene, MINA)
    modal = await asked(scene)
    assert "submit" not in modal.body
    assert why in str(modal.body)
    assert state(scene) == "handoff"
    await scene.stands("Mina Park has the conversation")


async def test_what_waits_can_be_handed_back_unclaimed(stage: Stage) -> None:
    scene = await waiting(stage)
    await scene.stands("waiting for a human")  # its card has the button by then
    await and_sends(on_the_card("act-hand_back"))(scene, MINA)
    await alerted(scene, "handed back to the AI agent")
    assert state(scene) == "bot"


# ── resolve ──────────────────────────────────────────────────────────────────────────────────────


@each(
    {
        "word": word("!RESOLVE"),
        "card": and_sends(on_the_card("act-resolve")),
        "menu": and_sends(in_the_menu("resolve")),
        "menu of the channel's alert": and_sends(in_the_menu("resolve", lambda scene: in_channel(scene)[0])),
        "word below the alert": word_below_the_alert("!resolve"),
    }
)
@every
async def test_resolved(stage: Stage, name: str, way: Way) -> None:
    scene = await claimed(stage, name)
    await way(scene, MINA)
    await scene.tells("Mina Park resolved the conversation.")
    await scene.stands("closed")
    await alerted(scene, "the conversation ended", "by Mina Park after")
    assert state(scene) == ("bot" if name == "gptbots" else "ended")
    assert buttons(scene.card) == (["act-reopen"] if name == "moveo" else [])
    told = len(asides(stage, MINA))
    scene.writes("!resolve")
    await aside(scene, MINA, "This conversation is closed.", but=told)
    assert sum("resolved the conversation" in text for text in scene.texts) == 1


async def test_what_the_ai_agent_has_can_be_resolved(stage: Stage) -> None:
    scene = await opened(stage)
    scene.writes("!resolve")
    await scene.tells("Mina Park resolved the conversation.")
    await scene.stands("closed")
    assert state(scene) == "ended"
    assert (in_thread(scene), in_channel(scene)) == ([], [])


# ── reopen ───────────────────────────────────────────────────────────────────────────────────────


@each({"word": word("!reopen"), "card": on_the_card("act-reopen"), "below": word_below_the_alert("!reopen")})
async def test_reopened(stage: Stage, way: Way) -> None:
    scene = await claimed(stage, "moveo")
    scene.writes("!resolve")
    await scene.stands("closed")
    await way(scene, JO)
    await scene.tells("Jo reopened the conversation.")
    await scene.stands("Jo has the conversation")
    assert state(scene) == "handoff"
    await alerted(scene, "the conversation ended")  # the handoff that is over stays so
    reply = scene.writes("Me again", user=JO)
    await scene.marked(reply, SENT)
    assert scene.sent == ["Me again"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("ada", "Ada has no call that reopens a conversation; the customer has to write again"),
        ("gptbots", "GPTBots has no call that reopens a session"),
    ],
)
async def test_what_the_vendor_does_not_reopen_stays_closed(stage: Stage, name: str, why: str) -> None:
    scene = await claimed(stage, name)
    scene.writes("!resolve")
    await scene.stands("closed")
    told = len(asides(stage, MINA))
    scene.writes("!reopen")
    await aside(scene, MINA, "You wanted to reopen, which was not done", why, but=told)
    for text in ("!claim", "!release", f"!transfer <@{JO}>"):
        told = len(asides(stage, MINA))
        scene.writes(text)
        await aside(scene, MINA, "This conversation is closed, for", why, but=told)
    await scene.stands("closed")
