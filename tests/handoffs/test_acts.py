"""Acts, by every way in which they are offered: what the vendor has then, and what everybody sees of it."""

from __future__ import annotations

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.scene import PATIENCE, Scene, buttons, counted, opened, waiting
from tests.crash.books import until
from tests.handoffs.ways import (
    ALERTS,
    GUEST,
    JO,
    LEE,
    MINA,
    Way,
    alert,
    alerted,
    and_sends,
    aside,
    asides,
    below,
    claimed,
    each,
    in_channel,
    in_the_menu,
    in_thread,
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


# ── claim ────────────────────────────────────────────────────────────────────────────────────────


@each(
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
    await scene.stands("waiting for a human")
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
    scene = await claimed(stage, name)
    assert (state(scene), scene.sent) == ("handoff", [])
    await scene.stands("Mina Park has the conversation")


@pytest.mark.parametrize("where", ["alert", "the channel's alert"])
async def test_who_is_faster_than_slacks_answer_to_us_is_heard(stage: Stage, where: str) -> None:
    """The alert stands in Slack, but we have not been told so: as after a crash."""
    scene = await opened(stage)
    channel = scene.card.channel if where == "alert" else ALERTS
    slow = lambda call: call.get("channel") == channel and "waits for a human" in str(call)
    stage.slack.faults.next("chat.postMessage", delay=0.7, when=slow)
    scene.says("I want a human")
    if where == "alert":
        await scene.until(lambda: in_thread(scene), "the alert")
        await on_the_alert("act-claim")(scene, MINA)
    else:
        await on_the_channels_alert("act-claim")(scene, MINA)
    await scene.stands("Mina Park has the conversation")
    await alerted(scene, "Claimed: by Mina Park")


@every
async def test_to_claim_what_somebody_has_is_refused_and_says_who(stage: Stage, name: str) -> None:
    scene = await claimed(stage, name)
    before = scene.texts
    for way in (word("!claim"), in_the_menu("claim"), word_below_the_alert("!claim")):
        told = len(asides(stage, JO))
        await way(scene, JO)
        await aside(scene, JO, "Mina Park has this conversation", but=told)
    await aside(scene, JO, "Mina Park has this conversation")
    scene.writes("!claim")
    await aside(scene, MINA, "You have it already.")
    await scene.stands("Mina Park has the conversation")
    assert [text for text in scene.texts if text != "!claim"] == [one for one in before if one != "!claim"]


async def test_of_a_card_that_nobody_has_answered_in_its_thread_whoever_presses_is_told(stage: Stage) -> None:
    """Slack shows nothing to one person alone in a thread that nobody has begun."""
    stage.ada.send_sample("v1.conversation.created")
    channel = stage.slack.state.channels["C0SUPPORT"]
    marker = "acme-ada/5df263b7db5a7e6ea03fae9b"

    def found() -> list[Message]:
        return [one for one in channel.messages.values() if marker in str(one.metadata)]

    await until(lambda: bool(found()), PATIENCE, "the card")
    (card,) = found()
    assert not card.replies
    scene = Scene(stage, stage.ada, "5df263b7db5a7e6ea03fae9b", "", card)
    await in_the_menu("claim")(scene, MINA)
    one = await aside(scene, MINA, "The AI agent has this conversation")
    assert (one.channel, one.thread_ts) == (card.channel, None)
    assert not card.replies


# ── release ──────────────────────────────────────────────────────────────────────────────────────


@each(
    {
        "word": word("!release"),
        "card": on_the_card("act-release"),
        "word below the alert": word_below_the_alert("!release"),
    }
)
@every
async def test_released(stage: Stage, name: str, way: Way) -> None:
    scene = await claimed(stage, name)
    await way(scene, MINA)
    await scene.tells("Mina Park released the conversation: the customer waits again.")
    await scene.stands("waiting for a human since")
    await alerted(scene, "waits for a human", "Released: by Mina Park; waits again since")
    for one in (scene.card, in_thread(scene)[0], in_channel(scene)[0]):
        assert "act-claim" in buttons(one)
    assert state(scene) == "handoff"
    await on_the_channels_alert("act-claim")(scene, JO)
    await scene.stands("Jo has the conversation")
    await alerted(scene, "Claimed: by Jo after")
    await on_the_card("act-release")(scene, MINA)  # whose it is not: anybody may
    await alerted(scene, "Released: by Mina Park")


async def test_what_nobody_has_cannot_be_released(stage: Stage) -> None:
    scene = await waiting(stage)
    scene.writes("!release")
    await aside(scene, MINA, "Nobody has it: claim it first.")
    await alerted(scene, "waits for a human", "Waiting since")


# ── transfer ─────────────────────────────────────────────────────────────────────────────────────


@each(
    {
        "word": word(f"!transfer <@{JO}>"),
        "capitals": word(f"!Transfer  <@{JO}> "),
        "card": and_sends(on_the_card("act-transfer"), {"colleague": JO}),
        "menu": and_sends(in_the_menu("transfer"), {"colleague": JO}),
        "menu of the channel's alert": and_sends(
            in_the_menu("transfer", lambda scene: in_channel(scene)[0]), {"colleague": JO}
        ),
        "word below the alert": word_below_the_alert(f"!transfer <@{JO}>"),
    }
)
async def test_transferred(stage: Stage, way: Way) -> None:
    scene = await claimed(stage)
    told = len(asides(stage, JO))
    await way(scene, MINA)
    await scene.tells("Mina Park gave the conversation to Jo.")
    await scene.stands("Jo has the conversation")
    await alerted(scene, "is talking with Jo")
    one = await aside(scene, JO, "Mina Park gave you this conversation", but=told)
    assert one.thread_ts == scene.card.ts
    assert (state(scene), scene.sent) == ("handoff", [])


async def test_what_waits_can_be_given_to_somebody_at_once(stage: Stage) -> None:
    scene = await waiting(stage)
    scene.writes(f"!transfer <@{JO}>")
    await scene.tells("Mina Park gave the conversation to Jo.")
    await alerted(scene, "Claimed: by Jo after")


async def test_to_oneself_it_is_taken(stage: Stage) -> None:
    scene = await claimed(stage)
    scene.writes(f"!transfer <@{JO}>", user=JO)
    await scene.stands("Jo has the conversation")
    told = len(asides(stage, JO))
    scene.writes(f"!transfer <@{JO}>", user=JO)
    await aside(scene, JO, "You have it already.", but=told)
    scene.writes(f"!transfer <@{JO}>", user=MINA)
    await aside(scene, MINA, "Jo has it already.")
    await scene.tells("gave the conversation")
    assert sum("gave the conversation" in text for text in scene.texts) == 1


@pytest.mark.parametrize(
    ("to", "why"),
    [
        (f"<@{GUEST}>", "“Sam Guest” is a guest or of another workspace"),
        (f"<@{LEE}>", "“Lee” is not in #support"),
        ("<@U0BRIDGE>", "“Handoff Bridge” is an app"),
        ("<@U0NOBODY>", "Slack knows no such person"),
    ],
)
async def test_not_to_everybody(stage: Stage, to: str, why: str) -> None:
    scene = await claimed(stage)
    told = len(asides(stage, MINA))
    scene.writes(f"!transfer {to}")
    await aside(scene, MINA, "You wanted to transfer, which was not done", why, but=told)
    await scene.stands("Mina Park has the conversation")
    assert not any("gave the conversation" in text for text in scene.texts)


@pytest.mark.parametrize(
    "text",
    ["!transfer", "!transfer <!subteam^S0SUPPORT>", "!transfer <!here>", f"!transfer <@{JO}> <@{LEE}>"],
)
async def test_a_transfer_to_nobody_in_particular_is_asked_about(stage: Stage, text: str) -> None:
    scene = await claimed(stage)
    message = scene.writes(text)
    await scene.until(
        lambda: message.reactions or "nobody was named" in str(asides(stage, MINA)[-1:]), "a word"
    )
    await scene.carried()
    assert len(scene.sent) == 1
    await scene.stands("Mina Park has the conversation")


# ── words ────────────────────────────────────────────────────────────────────────────────────────


async def test_who_has_it(stage: Stage) -> None:
    scene = await waiting(stage)
    for user, text in ((JO, "The customer waits: nobody has this conversation, for "), (MINA, "")):
        if user == MINA:
            scene.writes("!claim", user=JO)
            await scene.stands("Jo has")
            text = "Jo has this conversation, for "
        told = len(asides(stage, user))
        scene.writes("!who", user=user)
        await aside(scene, user, text, " now.", but=told)


async def test_what_words_there_are(stage: Stage) -> None:
    scene = await waiting(stage)
    scene.writes("!help")
    told = await aside(scene, MINA, "goes to no customer", "!claim", "!resolve", "!who")
    assert told.thread_ts == scene.card.ts
    below(scene, await alert(scene), "!help", user=LEE)
    told = await aside(scene, LEE, "goes to no customer")
    assert told.thread_ts == in_channel(scene)[0].ts


@pytest.mark.parametrize("text", ["!calim", "!claim please", "!bot go on", "!resolve @Jo", "!resolved"])
async def test_what_only_looks_like_a_word_does_nothing_and_goes_nowhere(stage: Stage, text: str) -> None:
    scene = await claimed(stage)
    await scene.held(text)
    await scene.carried()
    assert len(scene.sent) == 1
    await scene.stands("Mina Park has the conversation")
    assert state(scene) == "handoff"


async def test_what_is_said_below_an_alert_stays_there(stage: Stage) -> None:
    scene = await claimed(stage)
    team_talk = 'bridge_slack_events_total{result="team_talk"}'
    before = await counted(stage, team_talk)
    one = await alert(scene)
    said = [below(scene, one, text) for text in ("let us look", "!calim", "!note angry", "// angry", "Hello")]
    told = len(asides(stage, MINA))
    below(scene, one, "!who")
    await aside(scene, MINA, "Mina Park has this conversation", but=told)
    await scene.carried()
    assert len(scene.sent) == 1
    assert [message.reactions for message in said] == [{}] * len(said)
    assert await counted(stage, team_talk) == before + len(said)
