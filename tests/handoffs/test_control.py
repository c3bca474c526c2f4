"""Who has the conversation, by all that vendors tell: in order and out of it, late, twice, or not at all."""

from __future__ import annotations

import secrets

import pytest

from bridge.sandbox.stage import Stage
from tests.bridge.scene import Scene, buttons, opened, thread_of, waiting
from tests.handoffs.retold import by_customer, tells, told
from tests.handoffs.ways import (
    JO,
    MINA,
    alerted,
    has,
    in_channel,
    in_thread,
    named,
    on_the_card,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'


AI, NOBODY, OVER = "The AI agent has", "The customer waits", "This conversation is closed"


def shown(scene: Scene) -> list[tuple[str, ...]]:
    """What can be seen of who has it: the card and the alerts, and what can be pressed on them."""
    seen = [scene.card, *in_thread(scene), *in_channel(scene)]
    return [(one.text, *buttons(one)) for one in seen]


# ── one handoff after another ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["ada", "moveo"])
async def test_a_conversation_hands_off_several_times(stage: Stage, name: str) -> None:
    scene = await waiting(stage, named(stage, name))
    for number in (1, 2, 3):
        if number > 1:
            scene.says(f"I want a human, for the time number {number}")
        await alerted(scene, "waits for a human", number=number)
        await scene.stands("waiting for a human")
        await on_the_card("act-claim")(scene, (MINA, JO)[number % 2])
        await scene.stands(("Mina Park", "Jo")[number % 2])
        await alerted(scene, "Claimed: by", number=number)
        if name == "ada":
            scene.writes("!bot")
            await alerted(scene, "handed back to the AI agent", "by Mina Park", number=number)
        else:
            scene.writes("!resolve")
            await alerted(scene, "the conversation ended", "by Mina Park", number=number)
    ended = [*in_thread(scene), *in_channel(scene)]
    assert len(ended) == 6
    assert all("Ended: " in one.text and "act-claim" not in buttons(one) for one in ended)


async def test_a_session_with_people_has_a_thread_of_its_own_each_time(stage: Stage) -> None:
    first = await waiting(stage, stage.gptbots, "Tom")
    first.writes("!bot")
    await first.stands("closed")
    stage.gptbots.say(first.talk, "I want a human")
    talk = stage.gptbots.conversations[first.talk]
    await first.until(lambda: talk.human_id not in (None, first.id), "another session")
    second = await thread_of(stage, str(talk.human_id), stage.gptbots, talk=first.talk)
    await alerted(second, "waits for a human")
    await alerted(first, "the conversation ended", "by Mina Park")
    await first.stands("closed")


# ── late, twice, out of order ────────────────────────────────────────────────────────────────────


async def test_ada_what_is_told_again_moves_nothing_back(stage: Stage) -> None:
    scene = await waiting(stage)
    start = told(scene, "handoff.start")[0]
    await tells(scene, start, {"reason": "I want a human, again"})
    await has(scene, NOBODY)
    scene.writes("!claim")
    await alerted(scene, "Claimed: by Mina Park")
    scene.says("are you there?")
    await scene.shows("are you there?")
    in_handoff = told(scene, "v1.conversation.message")[-1]
    await tells(scene, start, {"reason": "once more"})
    await scene.tells("A human was asked for, which is known already: once more")
    await has(scene, "Mina Park has")
    scene.writes("!bot")
    await alerted(scene, "handed back to the AI agent", "by Mina Park")
    await scene.tells("I'm back.")
    ended = told(scene, "v1.conversation.handoff.ended")[0]
    before = shown(scene)
    await tells(scene, in_handoff, {})
    await tells(scene, in_handoff, {"message_id": "another", "body": "and on the way for long"})
    await tells(scene, ended, {}, earlier=5)
    await scene.shows("and on the way for long")
    await has(scene, AI)
    scene.says("I want a human, once more")
    await alerted(scene, "waits for a human", number=2)
    await tells(scene, ended, {}, earlier=5)  # of the first
    await has(scene, NOBODY)
    scene.writes("!claim")
    await alerted(scene, "Claimed: by Mina Park", number=2)
    await tells(scene, ended, {}, earlier=5)
    await has(scene, "Mina Park has")
    stage.ada.end(scene.id)
    await alerted(scene, "the conversation ended", number=2)
    for one in (in_handoff, ended, told(scene, "v1.conversation.created")[0]):
        await tells(scene, one, {"message_id": "a third"}, earlier=5)
    await has(scene, OVER)
    await scene.stands("closed")
    assert shown(scene)[1] == before[1]


async def test_moveo_what_is_told_again_moves_nothing_back(stage: Stage) -> None:
    scene = await waiting(stage, stage.moveo)
    handover = told(scene, "message:brain_send")[-1]
    stage.moveo.member_joins(scene.id)
    await scene.stands("Sarah Johnson has the conversation")
    await tells(scene, handover, {"request_id": "once-more"})
    await has(scene, "Sarah Johnson has")
    stage.moveo.end_handoff(scene.id)
    await scene.stands("closed")
    joined, closed = (told(scene, f"conversation:{one}")[0] for one in ("member_join", "closed"))
    for one in (joined, handover, joined, closed):
        await tells(scene, one, {"request_id": secrets.token_hex(4)}, earlier=5)
        await has(scene, OVER)
    scene.says("and another thing")
    await scene.stands("the AI agent has the conversation")
    for one in (closed, joined, handover, closed):
        await tells(scene, one, {"request_id": secrets.token_hex(4)}, earlier=5)
        await has(scene, AI)
    reopened = told(scene, "conversation:reopened")[0]
    stage.moveo.end(scene.id)
    await scene.stands("closed")
    await tells(scene, reopened, {"request_id": "late"}, earlier=5)
    await has(scene, OVER)
    await alerted(scene, "the conversation ended")


async def test_gptbots_what_is_told_again_moves_nothing_back(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots, "Tom")
    establish = told(scene, "establish")[0]
    await tells(scene, establish, {"email": "tom@example.com"})
    await has(scene, NOBODY)
    scene.writes("!claim")
    await scene.stands("Mina Park has")
    await tells(scene, establish, {"email": "tom@example.net"})
    await has(scene, "Mina Park has")
    stage.gptbots.end_handoff(scene.talk)
    await alerted(scene, "the conversation ended")
    for one in (establish, told(scene, "close")[0]):
        await tells(scene, one, {"email": "tom@example.org"}, earlier=5)
        await has(scene, OVER)
    await alerted(scene, "the conversation ended")


async def test_a_handoff_whose_start_was_lost_is_seen_by_its_label(stage: Stage) -> None:
    scene = await opened(stage)
    scene.says("hello")
    await scene.shows("hello")
    ours = {"message_id": "labelled", "handoff_integration": "slack-bridge", "body": "is anybody there?"}
    await tells(scene, by_customer(scene), ours)
    await alerted(scene, "waits for a human", "Why: the customer writes within a handoff")
    await scene.stands("waiting for a human")
    stage.ada.send_sample("handoff.start", scene.id)  # late
    await scene.vendor.settled()
    await scene.until(lambda: "writes within" not in in_channel(scene)[-1].text, "an alert without that")
    assert (len(in_thread(scene)), len(in_channel(scene))) == (1, 1)
    await has(scene, NOBODY)


async def test_another_integrations_label_is_no_handoff_of_ours(stage: Stage) -> None:
    scene = await opened(stage)
    scene.says("hello")
    await scene.shows("hello")
    theirs = {"message_id": "theirs", "handoff_integration": "zendesk", "body": "is anybody there?"}
    await tells(scene, by_customer(scene), theirs)
    await scene.shows("is anybody there?")
    await has(scene, AI)
