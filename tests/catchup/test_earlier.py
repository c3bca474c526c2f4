"""A handoff whose conversation the bridge did not see: the messages are fetched, behind the alert."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from bridge.sandbox.vendors.ada import AdaConversation
from tests.bridge.scene import SENT, Scene, thread_of

pytestmark = pytest.mark.asyncio


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with Stage(tmp_path, channel_rate=0, route='alert_channel = "C0HANDOFFS"') as stage:
        await stage.serve()
        yield stage


async def unseen(stage: Stage, *texts: str) -> AdaConversation:
    """A conversation whose webhooks are lost up to the start call of its handoff."""
    stage.ada.webhook_enabled = False
    talk = stage.ada.open("Lena")
    for text in texts:
        stage.ada.say(talk.id, text)
    stage.ada.say(talk.id, "I want a human")
    await stage.ada.settled()
    stage.ada.webhook_enabled = True
    return talk


def folded(scene: Scene, text: str) -> list[Message]:
    return [one for one in scene.thread if text in str(one.blocks)]


async def test_the_messages_before_it_are_shown_folded_behind_the_alert(stage: Stage) -> None:
    talk = await unseen(stage, "Where is my parcel 4711?")
    scene = await thread_of(stage, talk.id)
    await scene.tells("waits for a human")
    await scene.until(lambda: folded(scene, "parcel 4711"), "what was said before")
    (one,) = folded(scene, "parcel 4711")
    assert scene.thread.index(one) > 0
    assert "waits for a human" in scene.thread[0].text
    stage.ada.say(talk.id, "Hello?")
    await scene.shows("Hello?")
    await scene.stands("waiting for a human")
    reply = scene.writes("Hello Lena")
    await scene.marked(reply, SENT)
    assert len(folded(scene, "parcel 4711")) == 1


async def test_where_ada_does_not_answer_the_alert_stands_and_the_thread_says_so(stage: Stage) -> None:
    stage.ada.faults.next("*/messages/", method="GET", status=404, times=100)
    talk = await unseen(stage, "Where is my parcel 4711?")
    scene = await thread_of(stage, talk.id)
    await scene.tells("waits for a human")
    await scene.tells("The messages before this handoff could not be fetched")
    assert folded(scene, "parcel 4711") == []


async def test_a_conversation_that_was_seen_is_not_asked_for(stage: Stage) -> None:
    fault = stage.ada.faults.next("*/messages/", method="GET", status=404, times=100)
    talk = stage.ada.open("Lena")
    stage.ada.say(talk.id, "I want a human")
    scene = await thread_of(stage, talk.id)
    await scene.tells("waits for a human")
    reply = scene.writes("Hello Lena")
    await scene.marked(reply, SENT)
    assert fault.met == []


# ── who the customer is ──────────────────────────────────────────────────────────────────────────


async def nameless(stage: Stage, name: str) -> tuple[AdaConversation, Scene]:
    """A start call that names the conversation and the customer's id only."""
    stage.ada.webhook_enabled = False
    talk = stage.ada.open(name)
    await stage.ada.settled()
    stage.ada.webhook_enabled = True
    stage.ada.send_sample("handoff.start", talk.id)
    scene = await thread_of(stage, talk.id)
    await scene.tells("waits for a human")
    return talk, scene


async def test_a_customer_without_a_name_is_asked_for(stage: Stage) -> None:
    _, scene = await nameless(stage, "Grete Hermann")
    await scene.until(lambda: "Grete Hermann" in scene.card.text, "the name on the card")


async def test_without_an_answer_the_card_has_no_name_and_nothing_waits(stage: Stage) -> None:
    fault = stage.ada.faults.next("*/end-users/*", method="GET", status=503, times=100)
    talk, scene = await nameless(stage, "Grete Hermann")
    await scene.until(lambda: fault.met, "a question")
    stage.ada.say(talk.id, "Hello?")
    await scene.shows("Hello?")
    assert not any("customer" in text and "not" in text for text in scene.texts)


async def test_a_profile_that_ada_reports_changes_the_card(stage: Stage) -> None:
    talk = stage.ada.open("Lena")
    scene = await thread_of(stage, talk.id)
    await scene.until(lambda: "Lena" in scene.card.text or scene.thread, "the card")
    stage.ada.say(talk.id, "Hello")
    await scene.shows("Hello")
    stage.ada.send_sample("v1.end_user.updated", talk.id)
    await scene.until(lambda: "Ada Lovelace" in scene.card.text, "the name on the card")
