"""Acts, by every way in which they are offered: what the vendor has then, and what everybody sees of it."""

from __future__ import annotations

import pytest

from bridge.sandbox.stage import Stage
from tests.bridge.scene import SENT, Scene, buttons, counted, opened, waiting
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
    asked,
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
    scene = await owned(stage, name)
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
    found = lambda: [one for one in channel.messages.values() if marker in str(one.metadata)]
    await until(lambda: bool(found()), 15, "the card")
    (card,) = found()
    assert not card.replies
    scene = Scene(stage, stage.ada, "5df263b7db5a7e6ea03fae9b", "", card)
    await in_the_menu("claim")(scene, MINA)
    one = await aside(scene, MINA, "The AI agent has this conversation")
    assert (one.channel, one.thread_ts) == (card.channel, None)
    assert not card.replies


# ── release ──────────────────────────────────────────────────────────────────────────────────────


@ways(
    {
        "word": word("!release"),
        "card": on_the_card("act-release"),
        "word below the alert": word_below_the_alert("!release"),
    }
)
@every
async def test_released(stage: Stage, name: str, way: Way) -> None:
    scene = await owned(stage, name)
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


@ways(
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
    scene = await owned(stage)
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
    scene = await owned(stage)
    scene.writes(f"!transfer <@{JO}>", user=JO)
    await scene.stands("Jo has the conversation")
    told = len(asides(stage, JO))
    scene.writes(f"!transfer <@{JO}>", user=JO)
    await aside(scene, JO, "You have it already.", but=told)
    scene.writes(f"!transfer <@{JO}>", user=MINA)
    await aside(scene, MINA, "Jo has it already.")
    assert sum("gave the conversation" in text for text in scene.texts) == 1


@pytest.mark.parametrize(
    ("to", "why"),
    [
        (f"<@{GUEST}>", "“Sam Guest” is a guest or of another workspace"),
        (f"<@{LEE}>", "“Lee” is not in #support"),
        ("<@U0BRIDGE>", "“Handoff Bridge” is an app"),
        ("<@U0NOBODY>", "user_not_found"),
    ],
)
async def test_not_to_everybody(stage: Stage, to: str, why: str) -> None:
    scene = await owned(stage)
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
    scene = await owned(stage)
    message = scene.writes(text)
    await scene.until(
        lambda: message.reactions or "nobody was named" in str(asides(stage, MINA)[-1:]), "a word"
    )
    await scene.carried()
    assert len(scene.sent) == 1
    await scene.stands("Mina Park has the conversation")


# ── take over ────────────────────────────────────────────────────────────────────────────────────


@ways({"word": word("!takeover"), "card": on_the_card("act-take_over")})
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


@ways(HAND_BACK)
async def test_handed_back(stage: Stage, way: Way) -> None:
    scene = await owned(stage)
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


@ways(HAND_BACK)
async def test_a_session_of_its_own_is_over_with_it(stage: Stage, way: Way) -> None:
    scene = await owned(stage, "gptbots")
    await way(scene, MINA)
    await scene.tells("Mina Park handed the conversation back to the AI agent.")
    await scene.stands("closed")
    await alerted(scene, "the conversation ended", "by Mina Park")
    assert state(scene) == "bot"


async def test_where_the_vendor_takes_nothing_back_it_is_said(stage: Stage) -> None:
    scene = await owned(stage, "moveo")
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
    await and_sends(on_the_card("act-hand_back"))(scene, MINA)
    await alerted(scene, "handed back to the AI agent")
    assert state(scene) == "bot"


# ── resolve ──────────────────────────────────────────────────────────────────────────────────────


@ways(
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
    scene = await owned(stage, name)
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


@ways({"word": word("!reopen"), "card": on_the_card("act-reopen"), "below": word_below_the_alert("!reopen")})
async def test_reopened(stage: Stage, way: Way) -> None:
    scene = await owned(stage, "moveo")
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
    scene = await owned(stage, name)
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
    scene = await owned(stage)
    await scene.held(text)
    await scene.carried()
    assert len(scene.sent) == 1
    await scene.stands("Mina Park has the conversation")
    assert state(scene) == "handoff"


async def test_what_is_said_below_an_alert_stays_there(stage: Stage) -> None:
    scene = await owned(stage)
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
