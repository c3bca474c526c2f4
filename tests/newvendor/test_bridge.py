"""A real bridge with the guide's adapter: one conversation both ways, and every command of the guide."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from bridge.sandbox.stage import AnyVendor
from tests.bridge.scene import SENT, Scene, counted, opened, thread_of
from tests.newvendor.conftest import HERE, Set
from tests.vendors import body_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIXTURES = HERE / "fixtures" / "whimbrel"


async def greeted(served: Set, name: str) -> Scene:
    return await opened(served.stage, cast("AnyVendor", served.whimbrel), name)


async def handed_over(served: Set, name: str) -> Scene:
    scene = await greeted(served, name)
    scene.says("I want a human")
    await scene.tells("waits for a human")
    return scene


def at_whimbrel(served: Set, scene: Scene) -> str:
    return served.whimbrel.conversations[scene.id].state


async def test_a_conversation_both_ways(served: Set) -> None:
    scene = await greeted(served, "Lena Brandt")
    scene.says("Where is my order?")
    await scene.shows("Where is my order?")
    await scene.tells("Parcel 1042 left our warehouse")
    scene.says("I want a human")
    assert "asked for a person" in str((await scene.told("waits for a human")).attachments)
    assert at_whimbrel(served, scene) == "handoff"

    first, second = scene.writes("Hello Lena"), scene.writes("What is the number?")
    await scene.marked(first, SENT)
    await scene.marked(second, SENT)
    assert scene.sent == ["Hello Lena", "What is the number?"]
    agents = [one for one in served.whimbrel.conversations[scene.id].messages if one.role == "agent"]
    assert [one.name for one in agents] == ["Mina Park", "Mina Park"]

    scene.says("4711")
    await scene.shows("4711")
    assert scene.texts.count("Hello Lena") == 1  # her own message: what Whimbrel tells of it is not shown
    assert await counted(served.stage, 'bridge_unread_total{source="acme-whimbrel",type="echo"}') == 2

    await scene.stands("Mina Park has the conversation")  # or the card may still say what it said at first
    scene.writes("!bot")
    await scene.stands("the AI agent has the conversation")
    assert at_whimbrel(served, scene) == "bot"
    scene.says("Show me your products")
    await scene.tells("These are our three favourites")
    scene.says("human")
    await scene.stands("waiting for a human")
    scene.writes("!resolve")
    await scene.stands("closed")
    assert at_whimbrel(served, scene) == "ended"


async def test_a_reply_whose_answer_was_lost_is_found_and_not_sent_again(served: Set) -> None:
    scene = await handed_over(served, "Otto Brahm")
    served.whimbrel.faults.next("*/messages", method="POST", reset=True)
    message = scene.writes("Hello Otto")
    await scene.marked(message, SENT)
    assert scene.sent == ["Hello Otto"]


async def test_what_whimbrel_cannot_do_is_said_in_its_adapters_words(served: Set) -> None:
    scene = await greeted(served, "Jo Nesser")
    scene.writes("!takeover")
    await scene.whispered("U0MINA", "Whimbrel has no call that takes a conversation from its assistant")
    assert at_whimbrel(served, scene) == "bot"


# ── the commands of the guide ────────────────────────────────────────────────────────────────────


async def test_the_doctor_asks_it(served: Set) -> None:
    code, printed = await served.bridge("doctor", "--json", "--config", str(served.stage.config))
    told = json.loads(printed)
    found = [one for one in told["findings"] if one["where"].startswith("acme-whimbrel")]

    assert [one["standing"] for one in found if one["subject"] == "sources"] == ["ok", "ok", "unknown"]
    assert code == (0 if told["works"] else 1)


async def test_a_payload_is_replayed(served: Set) -> None:
    fixture = str(FIXTURES / "message.json")
    there = ["--source", "acme-whimbrel", "--url", served.stage.bridge_url]
    line = ["replay", fixture, *there, "--config", str(served.stage.config)]
    said: Any = json.loads(body_of("whimbrel", "message"))
    duplicates = 'bridge_webhooks_total{result="duplicate",source="acme-whimbrel"}'
    before = await counted(served.stage, duplicates)

    for arguments in ([], [], ["--again"], ["--again"]):
        code, printed = await served.bridge(*line, *arguments)
        assert (code, printed[:6]) == (0, "200 in"), printed
    scene = await thread_of(served.stage, said["conversation"]["id"], cast("AnyVendor", served.whimbrel))
    text = said["message"]["content"][0]["text"]
    await scene.until(lambda: scene.texts.count(text) == 3, "the message, thrice")
    assert await counted(served.stage, duplicates) == before + 1


async def test_a_payload_is_rendered(served: Set) -> None:
    code, printed = await served.bridge("render", str(FIXTURES / "message-assistant.json"))

    assert code == 0
    (one,) = json.loads(printed)
    assert one["event"] == "message"
    assert "The last one" in json.dumps(one["messages"])


async def test_what_came_in_is_recorded(served: Set) -> None:
    await handed_over(served, "Ada Recorded")
    to = served.stage.folder / "recorded"
    config = ["--config", str(served.stage.config)]
    code, printed = await served.bridge("record", str(to), "--source", "acme-whimbrel", *config)

    assert code == 0, printed
    recorded = sorted((to / "whimbrel").glob("handoff-started-*.json"))
    assert recorded
    assert "Ada Recorded" not in "".join(path.read_text() for path in recorded)
    assert json.loads(recorded[0].read_text())["type"] == "handoff.requested"
    code, printed = await served.bridge("render", str(recorded[0]))
    assert (code, json.loads(printed)[0]["event"]) == (0, "handoff_started")
