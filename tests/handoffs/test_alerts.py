"""Alerts: one in the thread, one in the alert channel, both as the handoff stands, never twice."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bridge.sandbox.seen import words
from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.scene import SENT, Scene, buttons, opened, thread_of, waiting
from tests.handoffs.ops import ALERTS, COLOURS, alerts, alerts_of, colour, link, markers, told
from tests.handoffs.ways import JO, MINA, named

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = f'reply_mode = "confirm"\nalert_channel = "{ALERTS}"'

every = pytest.mark.parametrize("name", ["ada", "gptbots", "moveo"])

SAID = {
    "ada": (
        "Lena (customer)",
        "Why: I want a human",
        "Department: support",
        "Language: en",
        "I want a human",
    ),
    "gptbots": ("Customer", "Answer by:", "or the vendor ends the handoff", "Last words:", "I want a human"),
    "moveo": ("Lena (customer)", "Department: support", "Language: en"),  # it never tells what customers say
}


async def claimed(scene: Scene) -> tuple[Message, Message]:
    scene.writes("!claim")
    return await alerts(scene, "is talking with Mina Park")


# ── what they say ────────────────────────────────────────────────────────────────────────────────


@every
async def test_both_say_who_waits_why_and_since_when(stage: Stage, name: str) -> None:
    scene = await waiting(stage, named(stage, name))
    below, above = await alerts(scene, " waits for a human", f"Source: acme-{name} ({name})", *SAID[name])
    assert (below.broadcast, below.channel, above.channel) == (True, scene.card.channel, ALERTS)
    assert (buttons(below), buttons(above)) == (["act-claim"], ["act-claim", "open"])
    assert (colour(below), colour(above)) == (COLOURS["waiting"], COLOURS["waiting"])
    for one in (below, above):
        assert "Waiting since: " in one.text and " UTC" in one.text
        assert not one.pings
    assert link(scene) in str(above.blocks[-1])  # under *Open thread*
    assert ("The customer was told" in words(below)) == (name == "moveo")
    assert "The customer was told" not in words(above)


async def test_what_stood_there_unknown_to_us_is_made_good(stage: Stage) -> None:
    """The card's update arrived and its answer did not; by the next try all is as it was before."""
    scene = await waiting(stage)
    stage.ada.end_handoff(scene.id)
    await scene.tells("The handoff is over")
    await scene.stands("the AI agent has the conversation")
    cut = stage.slack.faults.next("chat.update", reset=True, times=1000)
    scene.says("I want a human")
    await scene.stands("waiting for a human")
    await scene.until(lambda: stage.ada.conversations[scene.id].state == "handoff", "Ada knows it too")
    stage.ada.end_handoff(scene.id)
    over = "The handoff is over: the AI agent has the conversation again."
    await scene.until(lambda: scene.texts.count(over) == 2, "the end")
    stage.slack.faults.clear()
    await scene.stands("the AI agent has the conversation")
    assert cut.met


async def test_the_channels_alert_does_not_wait_for_the_thread(stage: Stage) -> None:
    scene = await opened(stage)
    scene.fault(status=503, times=1000)
    scene.says("I want a human")
    await scene.until(lambda: alerts_of(scene), "the alert in the channel")
    assert [one.channel for one in alerts_of(scene)] == [ALERTS]
    stage.slack.faults.clear()
    await alerts(scene, "Last words:", "I want a human")


# ── how they go on ───────────────────────────────────────────────────────────────────────────────


@every
async def test_both_are_kept_up_to_date_where_they_stand(stage: Stage, name: str) -> None:
    scene = await waiting(stage, named(stage, name))
    stand = await alerts(scene, "waits for a human")

    async def become(state: str, *said: str) -> None:
        both = await alerts(scene, *said)
        assert both == stand  # the same messages
        assert {colour(one) for one in both} == {COLOURS[state]}
        assert [("act-claim" in buttons(one)) for one in both] == [state == "waiting"] * 2

    scene.writes("!claim")
    await become("human", "is talking with Mina Park", "Started: ", "Claimed: by Mina Park after ")
    scene.writes("!release")
    await become("waiting", "waits for a human", "Released: by Mina Park; waits again since ")
    await scene.presses(stand[1], "act-claim", JO)
    await become("human", "is talking with Jo", "Claimed: by Jo after ")
    scene.writes(f"!transfer <@{MINA}>", JO)
    await become("human", "is talking with Mina Park", "Claimed: by Mina Park after ")
    scene.writes("!resolve")
    await become("closed", ": the conversation ended", "Ended: ", "Claimed: after ")
    assert scene.sent == []


def leaves(scene: Scene) -> None:
    """The customer ends it: at GPTBots the human session."""
    if scene.vendor is scene.stage.gptbots:
        scene.stage.gptbots.end_handoff(scene.talk)
    else:
        scene.vendor.end(scene.talk)


def expires(scene: Scene) -> None:
    if scene.vendor is scene.stage.gptbots:
        scene.stage.gptbots.time_out(scene.talk)
    else:
        scene.stage.moveo.expire(scene.talk)


HANDED_BACK, CLOSED = ": handed back to the AI agent", ": the conversation ended"
EXPIRED = ": the handoff expired, nobody answered in time"


def wrote(text: str) -> Callable[[Scene], object]:
    return lambda scene: scene.writes(text)


@pytest.mark.parametrize(
    ("name", "end", "said", "state"),
    [
        ("ada", wrote("!bot"), (HANDED_BACK, ", by Mina Park after"), "bot"),
        ("ada", lambda scene: scene.vendor.end_handoff(scene.talk), (HANDED_BACK,), "bot"),
        ("ada", wrote("!resolve"), (CLOSED, ", by Mina Park after"), "closed"),
        ("ada", leaves, (CLOSED,), "closed"),
        ("gptbots", wrote("!bot"), (CLOSED, ", by Mina Park after"), "closed"),
        ("gptbots", wrote("!resolve"), (CLOSED, ", by Mina Park after"), "closed"),
        ("gptbots", leaves, (CLOSED,), "closed"),
        ("gptbots", expires, (EXPIRED,), "missed"),
        ("moveo", wrote("!resolve"), (CLOSED, ", by Mina Park after"), "closed"),
        ("moveo", lambda scene: scene.vendor.end_handoff(scene.talk), (CLOSED,), "closed"),
        ("moveo", leaves, (CLOSED,), "closed"),
        ("moveo", expires, (EXPIRED,), "missed"),
    ],
)
async def test_the_end_of_a_wait(
    stage: Stage, name: str, end: Callable[[Scene], object], said: tuple[str, ...], state: str
) -> None:
    scene = await waiting(stage, named(stage, name))
    stand = await alerts(scene, "waits for a human")
    end(scene)
    assert await alerts(scene, "Ended: ", *said) == stand
    for one in stand:
        assert colour(one) == COLOURS[state]
        assert "act-claim" not in buttons(one)
        assert "Claimed" not in words(one)  # nobody has


async def test_a_second_handoff_has_alerts_of_its_own(stage: Stage) -> None:
    scene = await waiting(stage)
    first = await claimed(scene)
    scene.writes("!bot")
    await alerts(scene, HANDED_BACK, ", by Mina Park after")
    final = [one.text for one in first]
    scene.says("No, a person please")
    second = await alerts(scene, "waits for a human", "Why: No, a person please", number=2)
    scene.writes("!claim", JO)
    assert await alerts(scene, "is talking with Jo", number=2) == second
    assert [one.text for one in first] == final


async def test_one_that_is_brought_to_its_end_late_has_its_own_last_words(stage: Stage) -> None:
    """Not those of the next handoff, which has begun by then."""
    scene = await waiting(stage)
    first = await alerts(scene, "Last words:", "I want a human")
    away = lambda call: "handed back" in str(call)
    stage.slack.faults.next("chat.update", status=503, times=3, when=away)
    scene.writes("!bot")
    await scene.stands("the AI agent has the conversation")
    await scene.tells("Mina Park handed the conversation back")
    scene.says("No, a person please")
    await scene.told("waits for a human", "No, a person please")
    await scene.until(lambda: all("Ended: " in words(one) for one in first), "the end of the first")
    for one in first:
        assert "I want a human" in words(one)
        assert "No, a person" not in words(one)


async def test_a_start_that_only_a_message_told_of_is_one_alert(stage: Stage) -> None:
    """Ada's call was lost at first: its label on what the customer says is all there is."""
    scene = await opened(stage)
    conversation = stage.ada.conversations[scene.id]
    stage.ada._enter(conversation, "handoff")
    scene.says("Is anybody there?")
    stand = await alerts(scene, "waits for a human", "the customer writes within a handoff")
    await stage.ada._hand_over(conversation)
    assert await alerts(scene, "waits for a human", "Why: Is anybody there?", "Department: support") == stand


async def test_the_deadline_is_gone_once_somebody_answered(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots)
    await alerts(scene, "Answer by: ")
    await claimed(scene)
    scene.writes("!release")
    await alerts(scene, "Released: by Mina Park", "Answer by: ")  # to claim is nothing to the vendor
    await scene.marked(scene.writes("I am here"), SENT)
    await alerts(scene, "is talking with Mina Park")
    scene.writes("!release")
    for one in await alerts(scene, "Released: by Mina Park"):
        assert "Answer by" not in words(one)


# ── the AI agent beside a human ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["ada", "moveo"])
async def test_an_ai_agent_that_goes_on_is_shown_so_and_alarms_once(stage: Stage, name: str) -> None:
    scene = await waiting(stage, named(stage, name))
    _, above = await claimed(scene)
    for text in ("May I add something", "and something else"):
        scene.vendor.bot_says(scene.talk, text)
    said = await scene.told("and something else")
    out_of_turn = [one for one in scene.thread if "said this after a human took over" in words(one)]
    assert [one.broadcast for one in out_of_turn] == [True, True]
    assert out_of_turn[-1] is said
    await scene.until(lambda: above.replies, "the alarm")
    await scene.carried()
    (alarm,) = above.replies
    assert alarm.broadcast
    for text in ("Lena (customer): the AI agent goes on answering", "With: Mina Park", link(scene)):
        assert text in words(alarm)
    assert len(markers(told(stage, ALERTS), "alarm")) == 0  # it is below the alert only


async def test_the_next_handoff_has_an_alarm_of_its_own(stage: Stage) -> None:
    scene = await waiting(stage)
    _, first = await claimed(scene)
    scene.vendor.bot_says(scene.talk, "May I add something")
    await scene.until(lambda: first.replies, "the alarm")
    scene.writes("!bot")
    await alerts(scene, HANDED_BACK, ", by Mina Park after")
    scene.says("No, a person please")
    await alerts(scene, "waits for a human", number=2)
    scene.writes("!claim")
    _, second = await alerts(scene, "is talking with Mina Park", number=2)
    scene.vendor.bot_says(scene.talk, "May I add something else")
    await scene.until(lambda: second.replies, "the second alarm")
    assert (len(first.replies), len(second.replies)) == (1, 1)


@every
async def test_what_the_ai_agent_says_in_its_turn_is_no_alarm(stage: Stage, name: str) -> None:
    """Before the handoff, though its lane comes to it only after the claim; and after the end."""
    scene, before = await opened(stage, named(stage, name)), len(told(stage, ALERTS))
    if name != "gptbots":
        scene.fault(delay=0.8)
    scene.says("I want a human")
    await scene.until(lambda: scene.vendor.conversations[scene.talk].state == "handoff", "the handoff")
    if human_id := getattr(scene.vendor.conversations[scene.talk], "human_id", None):
        scene = await thread_of(stage, human_id, scene.vendor, talk=scene.talk)
    await scene.until(lambda: told(stage, ALERTS)[before:], "the alert in the channel")
    await scene.presses(told(stage, ALERTS)[-1], "act-claim")
    await alerts(scene, "is talking with Mina Park")
    scene.writes("!resolve" if name == "moveo" else "!bot")
    both = await alerts(scene, "Ended: ")
    if name != "gptbots":  # there it has a conversation of its own
        scene.says("Hello again")
        await scene.tells("How can I help you")
    await scene.vendor.settled()
    assert both[1].replies == []
    assert not [one for one in scene.texts if "said this after" in one]


# ── what goes wrong ──────────────────────────────────────────────────────────────────────────────


async def test_where_slack_refuses_the_coloured_form_a_plainer_one_stands(stage: Stage) -> None:
    coloured = lambda call: bool(call.get("attachments"))
    for method in ("chat.postMessage", "chat.update"):
        stage.slack.faults.next(method, ok_error="invalid_attachments", when=coloured, times=99)
    scene = await waiting(stage)
    stand = await alerts(scene, "waits for a human", *SAID["ada"])
    await scene.presses(stand[1], "act-claim")
    assert await alerts(scene, "is talking with Mina Park", *SAID["ada"]) == stand
    assert [one.attachments for one in stand] == [[], []]


async def test_where_slack_refuses_every_block_the_words_stand(stage: Stage) -> None:
    blocks = lambda call: bool(call.get("blocks")) and "waits for a human" in str(call)
    for method in ("chat.postMessage", "chat.update"):
        stage.slack.faults.next(method, ok_error="invalid_blocks", when=blocks, times=99)
    before = len(told(stage, ALERTS))
    scene = await waiting(stage)
    await scene.until(lambda: told(stage, ALERTS)[before:], "the alert in the channel")
    (above,) = told(stage, ALERTS)[before:]
    assert (above.blocks, above.attachments) == ([], [])
    for text in ("Lena (customer) waits for a human", "Source: acme-ada", "I want a human"):
        assert text in above.text
    stage.slack.faults.clear()
    scene.writes("!claim")
    _, becomes = await alerts(scene, "is talking with Mina Park")  # and has its blocks now
    assert becomes is above


@contextlib.contextmanager
def away(stage: Stage, how: str) -> Iterator[None]:
    channel = stage.slack.state.channels[ALERTS]
    if how == "archived":
        channel.is_archived = True
    else:
        channel.members.remove(stage.slack.state.app.user)
    try:
        yield
    finally:
        channel.is_archived = False
        if how != "archived":
            channel.members.append(stage.slack.state.app.user)


@pytest.mark.parametrize("how", ["archived", "without the app"])
async def test_the_threads_alert_stands_while_the_channel_is_away(stage: Stage, how: str) -> None:
    before = len(told(stage, ALERTS))
    with away(stage, how):
        scene = await waiting(stage)
        (below,) = set(await alerts(scene, "waits for a human", channel=None))
        scene.writes("!claim")
        assert await alerts(scene, "is talking with Mina Park", channel=None) == (below, below)
        assert len(told(stage, ALERTS)) == before
    assert (await alerts(scene, "is talking with Mina Park"))[0] is below


@pytest.mark.parametrize("where", [0, 1], ids=["thread", "channel"])
async def test_one_that_somebody_deleted_is_there_again_when_it_is_needed(stage: Stage, where: int) -> None:
    scene = await waiting(stage)
    stand = await claimed(scene)
    stage.slack.state.delete(stand[where])
    scene.writes(f"!transfer <@{JO}>")
    await scene.until(lambda: "is talking with Jo" in words(stand[1 - where]), "the other as it is")
    await scene.tells("gave the conversation to Jo")
    assert alerts_of(scene) == [stand[1 - where]]  # nobody needs it now
    scene.writes("!release", JO)
    again = await alerts(scene, "Released: by Jo")
    assert again[1 - where] is stand[1 - where]
    assert again[0].broadcast
    await scene.presses(again[where], "act-claim")
    assert await alerts(scene, "is talking with Mina Park") == again


async def test_without_an_alert_channel_there_is_one_in_the_thread(tmp_path: Path) -> None:
    async with Stage(tmp_path, channel_rate=0, route='reply_mode = "confirm"') as stage:
        await stage.serve()
        scene = await waiting(stage)
        (below,) = set(await alerts(scene, "waits for a human", channel=None))
        scene.writes("!claim")
        await alerts(scene, "is talking with Mina Park", channel=None)
        scene.vendor.bot_says(scene.talk, "May I add something")
        await scene.tells("The AI agent said this after a human took over")
        scene.writes("!bot")
        assert set(await alerts(scene, HANDED_BACK, channel=None)) == {below}
        channels = [one.name for one in stage.slack.state.channels.values() if one.messages]
        assert channels == ["support"]


async def test_many_at_once_keep_to_slacks_pace(tmp_path: Path) -> None:
    """Every alert stands, once, and no 429 was provoked."""
    count = 3
    async with Stage(tmp_path, channel_rate=1.0, route=ROUTE) as stage:
        await stage.serve()
        customers = [stage.ada.open(f"Customer {number}") for number in range(count)]
        for one in customers:
            stage.ada.say(one.id, "I want a human")
        scenes = [await thread_of(stage, one.id) for one in customers]
        for scene in scenes:
            await scene.tells("waits for a human")
        await scenes[-1].until(lambda: len(told(stage, ALERTS)) == count, "all alerts in the channel")
        assert sorted(markers(told(stage, ALERTS), "alert")) == list(range(1, count + 1))
        assert [len([one for one in scene.thread if one.broadcast]) for scene in scenes] == [1] * count
        assert [call for call in stage.slack.calls.recent if call.error == "429"] == []
