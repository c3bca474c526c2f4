"""Quiet channels: no trace of the AI agent's talk until a human is needed; then nothing of it is missing."""

from __future__ import annotations

import re
from pathlib import Path

import aiohttp
import httpx
import pytest

from bridge.sandbox.seen import words
from bridge.sandbox.slack import Message
from bridge.sandbox.stage import AnyVendor, Stage
from bridge.slack import thread as threads
from tests.bridge.running import in_process
from tests.bridge.scene import PATIENCE, SENT, Scene, later, opened, thread_of
from tests.crash.books import cards, until
from tests.crash.traffic import send
from tests.handoffs.ops import ALERTS, alerts
from tests.handoffs.ways import named

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIRROR = 'mirror = "handoff"'
ROUTE = f'reply_mode = "confirm"\nalert_channel = "{ALERTS}"\n{MIRROR}'
MOST = 200  # messages and events that a thread begins with
LATER = 1.2  # seconds after which what happens belongs no more to a handoff that the vendor ended


async def quiet(stage: Stage, vendor: AnyVendor | None = None) -> None:
    """Wait until all that vendors told was carried, and nothing is under way."""
    await (vendor or stage.ada).settled()

    async def at_rest() -> bool:
        async with httpx.AsyncClient(trust_env=False) as http:
            shown = (await http.get(f"{stage.bridge_url}/metrics")).text
        kept = _total(shown, "bridge_events_total", "")
        return kept == _total(shown, "bridge_deliveries_total", 'kind="event",outcome="sent"')

    await later(at_rest, "all events carried")


def _total(shown: str, metric: str, labels: str) -> float:
    found = (line for line in shown.splitlines() if line.startswith(f"{metric}{{") and labels in line)
    return sum(float(line.rsplit(" ", 1)[1]) for line in found)


async def talks(stage: Stage, vendor: AnyVendor, *questions: str) -> str:
    """A customer talks with the AI agent; the conversation's id."""
    conversation = vendor.open("Lena")
    for question in questions:
        vendor.say(conversation.id, question)
    await quiet(stage, vendor)
    return conversation.id


async def wants_a_human(stage: Stage, vendor: AnyVendor, id: str) -> Scene:
    """They ask for a person; their thread, once its alert is there."""
    vendor.say(id, "I want a human")
    conversation = vendor.conversations[id]
    await until(lambda: conversation.state == "handoff", PATIENCE, "the handoff")
    scene = await thread_of(stage, getattr(conversation, "human_id", None) or id, vendor, talk=id)
    await alerts(scene, "waits for a human")
    return scene


def folded(scene: Scene) -> list[Message]:
    """The messages of the thread that open on request."""
    return [one for one in scene.thread if one.blocks and one.blocks[0]["type"] == "container"]


def said_once(scene: Scene, *texts: str) -> None:
    """All of `texts` stand in the thread once, in this order, in whichever form; alerts say some again."""
    shown = "\n".join(words(one) for one in scene.thread if not one.broadcast)
    assert [text for text in texts if shown.count(text) != 1] == [], shown
    assert sorted(texts, key=shown.index) == list(texts), shown


# ── no trace ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize("name", ["ada", "gptbots", "moveo"])
async def test_talk_with_the_ai_agent_leaves_no_trace(stage: Stage, name: str) -> None:
    vendor, calls = named(stage, name), len(stage.slack.calls.recent)
    id = await talks(stage, vendor, "Where is order 11?", "Show me your products", "With your voice, please")
    vendor.end(id)
    await quiet(stage, vendor)
    assert {one.state for one in vendor.deliveries} == {"delivered"}
    assert [call.method for call in list(stage.slack.calls.recent)[calls:]] == []


@pytest.mark.usefixtures("bridge")
async def test_nor_does_one_that_was_closed_and_goes_on(stage: Stage) -> None:
    calls = len(stage.slack.calls.recent)
    ada = await talks(stage, stage.ada, "Where is order 12?")
    stage.ada.end(ada)
    await quiet(stage)
    async with aiohttp.ClientSession() as http:
        await send(stage, http, ada, 7)  # what Ada's own sandbox would not let them write
    moveo = await talks(stage, stage.moveo, "Where is order 13?")
    stage.moveo.resolve(stage.moveo.conversations[moveo])
    stage.moveo.say(moveo, "Where is order 14?")
    await quiet(stage, stage.moveo)
    assert [call.method for call in list(stage.slack.calls.recent)[calls:]] == []

    scene = await wants_a_human(stage, stage.moveo, moveo)
    said_once(
        scene, "How can I help you", "Parcel 13", "reopened", "Parcel 14", "That is one for our people."
    )


@pytest.mark.usefixtures("bridge")
async def test_closed_and_written_to_again_it_is_told_whole_at_the_handoff(stage: Stage) -> None:
    id = await talks(stage, stage.ada, "Where is order 15?")
    stage.ada.end(id)
    await quiet(stage)
    async with aiohttp.ClientSession() as http:
        await send(stage, http, id, 7)
    conversation = stage.ada.conversations[id]
    await stage.ada._hand_over(conversation)
    scene = await thread_of(stage, id)
    await alerts(scene, "waits for a human", "Last words:", f"{id} says 7")
    said_once(scene, "How can I help you", "order 15", "Parcel 15", "was ended", f"{id} says 7")


# ── at the handoff ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("bridge")
async def test_a_handoff_begins_with_what_was_said(stage: Stage) -> None:
    id = await talks(stage, stage.ada, "Where is order 21?", "And where is order 22?")
    scene = await wants_a_human(stage, stage.ada, id)
    said = [one.text for one in stage.ada.conversations[id].messages]
    assert len(said) == 7
    said_once(scene, *said)
    first, *_, last = scene.thread
    assert folded(scene) == [first]
    assert first.blocks[0]["default_collapsed"] is True
    for text in ("Lena (customer), ", "Shop Assistant (AI agent), "):
        assert text in words(first)
    assert "waits for a human" in words(last)
    assert [one.broadcast for one in scene.thread] == [False] * (len(scene.thread) - 1) + [True]
    assert "order 22" not in scene.card.text


@pytest.mark.usefixtures("bridge")
async def test_gptbots_session_begins_with_what_gptbots_tells(stage: Stage) -> None:
    id = await talks(stage, stage.gptbots, "Where is order 23?")
    scene = await wants_a_human(stage, stage.gptbots, id)
    said_once(scene, "Where is order 23?", "Parcel 23", "I want a human")
    said = [one for one in cards(stage) if one.channel == "C0SUPPORT" and id in str(one.metadata)]
    assert said == []  # the AI agent's own conversation stays quiet


@pytest.mark.usefixtures("bridge")
async def test_while_it_lasts_all_is_shown_at_once(stage: Stage) -> None:
    scene = await wants_a_human(stage, stage.ada, await talks(stage, stage.ada, "Where is order 24?"))
    before = len(folded(scene))
    scene.says("Is anybody there?")
    await scene.shows("Is anybody there?")
    await scene.marked(scene.writes("Yes, I am"), SENT)
    scene.says("Great")
    await scene.shows("Is anybody there?", "Yes, I am", "Great")
    stage.ada.bot_says(scene.talk, "May I add something")
    await scene.tells("said this after a human took over")
    assert len(folded(scene)) == before


@pytest.mark.usefixtures("bridge")
async def test_after_it_all_is_quiet_until_the_next(stage: Stage) -> None:
    scene = await wants_a_human(stage, stage.ada, await talks(stage, stage.ada, "Where is order 25?"))
    stage.ada.end_handoff(scene.id)
    await scene.tells("The handoff is over")
    await scene.stands("the AI agent has the conversation")
    ended = stage.ada._now()
    await scene.until(lambda: stage.ada._now() > ended + LATER, "what is no part of it any more")
    await quiet(stage)
    shown = len(scene.thread)
    scene.says("Where is order 26?", "And where is order 27?")
    await quiet(stage)
    assert len(scene.thread) == shown

    scene.says("No, a person please")
    await alerts(scene, "waits for a human", "No, a person please", number=2)
    said = [one.text for one in stage.ada.conversations[scene.id].messages]
    assert len(said) == 12  # the last is what was said at the first handoff as well
    said_once(scene, *said[:4], *said[5:-1])
    _, second = folded(scene)
    for text in ("order 26", "order 27"):
        assert text in words(second)
    for text in ("order 25", "How can I help you"):
        assert text not in words(second)


async def test_handed_back_by_an_agent_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a vendor dates within seconds of it is shown: its clock may be ahead of ours. Here it is not."""
    monkeypatch.setattr(threads, "BY_OUR_CLOCK", 0.3)
    async with Stage(tmp_path, channel_rate=0, route=ROUTE) as stage, in_process(stage) as bridge:

        async def at_rest() -> bool:
            return await bridge.store.next_due() is None

        scene = await wants_a_human(stage, stage.ada, stage.ada.open("Lena").id)
        scene.writes("!bot")
        await alerts(scene, "handed back", "by Mina Park")
        ended = stage.ada._now()
        await scene.until(lambda: stage.ada._now() > ended + 0.4, "what is no part of it any more")
        scene.says("Where is order 28?")
        await stage.ada.settled()
        await later(at_rest, "all of it carried")
        scene.says("No, a person please")
        await alerts(scene, "waits for a human", number=2)
        assert "order 28" in words(folded(scene)[-1])


@pytest.mark.usefixtures("bridge")
async def test_of_a_very_long_talk_the_newest_are_told_and_how_many_more_there_were(stage: Stage) -> None:
    id = await talks(stage, stage.ada)
    for number in range(MOST + 10):
        stage.ada.bot_says(id, f"remark {number:03}")
    await quiet(stage)
    scene = await wants_a_human(stage, stage.ada, id)
    said = [one.text for one in stage.ada.conversations[id].messages]
    found = re.search(r"(\d+) earlier messages are not shown\.", words(scene.thread[0]))
    assert found is not None
    left_out = int(found[1]) - 1  # that the conversation was created is none of its messages
    assert 10 < left_out <= 13
    said_once(scene, *said[left_out:])
    assert [text for text in said[:left_out] if text in str(scene.texts)] == []


# ── after the end ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize("how", ["resolved", "left long ago"])
async def test_a_customer_who_writes_after_the_end_is_seen(stage: Stage, how: str) -> None:
    scene = await wants_a_human(stage, stage.ada, await talks(stage, stage.ada, "Where is order 29?"))
    if how == "resolved":
        scene.writes("!resolve")
    else:
        stage.ada.end(scene.id)
    await scene.stands("closed")
    await alerts(scene, "the conversation ended")
    await stage.ada.settled()  # it has told of the end
    if how != "resolved":
        ended = stage.ada._now()
        await scene.until(lambda: stage.ada._now() > ended + LATER, "what is no part of it any more")
    async with aiohttp.ClientSession() as http:
        await send(stage, http, scene.id, 7)
    bell = await scene.told("wrote again after the conversation was closed")
    assert bell.broadcast
    said_once(scene, "order 29", "I want a human", f"{scene.id} says 7")
    await scene.stands("the AI agent has the conversation")
    async with aiohttp.ClientSession() as http:
        await send(stage, http, scene.id, 8)
    await quiet(stage)
    assert len([one for one in scene.thread if "wrote again" in words(one)]) == 1


@pytest.mark.usefixtures("bridge")
async def test_moveo_reopens_visibly_though_it_never_tells_what_the_customer_wrote(stage: Stage) -> None:
    scene = await wants_a_human(stage, stage.moveo, await talks(stage, stage.moveo))
    stage.moveo.resolve(stage.moveo.conversations[scene.talk])
    await scene.stands("closed")
    ended = stage.moveo._now()
    await scene.until(lambda: stage.moveo._now() > ended + LATER, "what is no part of it any more")
    scene.says("Where is order 30?")
    await scene.tells("The conversation was reopened.")
    await scene.stands("the AI agent has the conversation")
    await quiet(stage, stage.moveo)
    assert "Parcel 30" not in str(scene.texts)


# ── beside one that is not quiet ─────────────────────────────────────────────────────────────────


async def test_another_routes_conversations_are_shown_from_the_first_word(tmp_path: Path) -> None:
    async with Stage(tmp_path, channel_rate=0, route=ROUTE) as stage:
        vip = f'channel = "C0VIP"\n{ROUTE}'
        stage.config.write_text(stage.config.read_text().replace(vip, vip.replace(MIRROR, 'mirror = "all"')))
        await stage.serve()
        await talks(stage, stage.ada, "Where is order 31?")
        scene = await opened(stage, stage.moveo)
        scene.says("Where is order 32?")
        await scene.tells("Parcel 32")
        scene = await wants_a_human(stage, stage.moveo, scene.id)
        assert folded(scene) == []
        assert [one.channel for one in cards(stage) if (one.metadata or {})["event_payload"].get("card")] == [
            "C0VIP"
        ]
