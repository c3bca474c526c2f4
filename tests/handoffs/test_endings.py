"""How handoffs end, and who has the customer meanwhile: at the vendor, here, and after the end."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.sandbox.stage import Stage
from tests.bridge.scene import SENT, buttons, opened, waiting
from tests.handoffs.retold import by_customer, earlier_than, tells, told
from tests.handoffs.stands import REOPEN
from tests.handoffs.ways import (
    JO,
    MINA,
    alert,
    alerted,
    and_sends,
    aside,
    has,
    in_channel,
    in_thread,
    named,
    on_the_card,
    state,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'


# ── how it ends ──────────────────────────────────────────────────────────────────────────────────


async def test_gptbots_gives_up_where_nobody_answers(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots, "Tom")
    await alerted(scene, "waits for a human", "Answer by: ", "or the vendor ends the handoff")
    stage.gptbots.time_out(scene.talk)
    await alerted(scene, "the handoff expired, nobody answered in time", "Ended: ")
    await scene.stands("closed")
    await scene.tells("The conversation was ended by the system: TIMEOUT")
    assert [buttons(one) for one in (scene.card, in_thread(scene)[0])] == [[], []]
    assert buttons(in_channel(scene)[0]) == ["open"]
    assert in_channel(scene)[0].attachments[0]["color"] == "#E01E5A"
    scene.writes("!claim")
    await aside(scene, MINA, "This conversation is closed", "GPTBots has no call that reopens a session")


async def test_claimed_and_not_answered_it_expires_as_well(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots, "Tom")
    scene.writes("!claim")
    await alerted(scene, "Claimed: by Mina Park", "Answer by")
    stage.gptbots.time_out(scene.talk)
    await alerted(scene, "the handoff expired, nobody answered in time")


async def test_answered_it_only_ends(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots, "Tom")
    scene.writes("!claim")
    await alerted(scene, "Answer by")
    await scene.marked(scene.writes("Hello Tom"), SENT)
    answered = lambda: all("Answer by" not in one.text for one in (*in_thread(scene), *in_channel(scene)))
    await scene.until(answered, "alerts without a deadline")
    stage.gptbots.time_out(scene.talk)
    await alerted(scene, "the conversation ended")
    await scene.stands("closed")


@pytest.mark.parametrize("claimed", [False, True], ids=["waiting", "claimed"])
async def test_ada_ends_the_handoff_and_then_all_of_it(stage: Stage, claimed: bool) -> None:
    scene = await waiting(stage)
    if claimed:
        scene.writes("!claim")
        await scene.stands("Mina Park has")
    stage.ada.end(scene.id)
    await scene.stands("closed")
    await alerted(scene, "the conversation ended", "Ended: ")
    await scene.tells("The handoff is over")
    await scene.tells("The conversation was ended by Lena (customer).")
    seen = (scene.card, *in_thread(scene), *in_channel(scene))
    assert not any("handed back" in one.text for one in seen)


async def test_ada_ends_the_handoff_alone(stage: Stage) -> None:
    scene = await waiting(stage)
    stage.ada.end_handoff(scene.id)
    await scene.stands("the AI agent has the conversation")
    await alerted(scene, "handed back to the AI agent")


@pytest.mark.parametrize("claimed", [False, True], ids=["waiting", "claimed"])
async def test_a_session_at_moveo_expires(stage: Stage, claimed: bool) -> None:
    scene = await waiting(stage, stage.moveo)
    if claimed:
        await scene.marked(scene.writes("Hello Lena"), SENT)
    stage.moveo.expire(scene.id)
    await scene.stands("closed")
    words = "the conversation ended" if claimed else "the handoff expired, nobody answered in time"
    await alerted(scene, words)
    scene.writes("!reopen")  # a session that is over is over
    await aside(scene, MINA, "You wanted to reopen, which was not done")
    await scene.stands("closed")


@pytest.mark.parametrize("answers", [False, True])
async def test_whether_a_human_at_the_vendor_answered_is_known(stage: Stage, answers: bool) -> None:
    scene = await waiting(stage, stage.moveo)
    stage.moveo.member_joins(scene.id)
    await scene.stands("Sarah Johnson has")
    if answers:
        stage.moveo.send_sample("message:send", scene.id)
        await scene.tells("Hi! I'm Sarah from support.")
    stage.moveo.expire(scene.id)
    words = "the conversation ended" if answers else "the handoff expired, nobody answered in time"
    await alerted(scene, words)


async def test_a_session_at_moveo_is_closed(stage: Stage) -> None:
    scene = await opened(stage, stage.moveo)
    stage.moveo.end(scene.id)
    await scene.stands("closed")
    assert in_channel(scene) == []


# ── the vendor's own people ──────────────────────────────────────────────────────────────────────


async def test_a_human_at_the_vendor_comes_and_goes(stage: Stage) -> None:
    scene = await waiting(stage, stage.moveo)
    stage.moveo.member_joins(scene.id)
    await scene.stands("Sarah Johnson has the conversation")
    await alerted(scene, "is talking with Sarah Johnson", "Claimed: by Sarah Johnson after")
    scene.writes("!claim")
    await aside(scene, MINA, "Sarah Johnson has this conversation")
    stage.moveo.member_leaves(scene.id)
    await scene.stands("waiting for a human")
    await alerted(scene, "waits for a human")
    assert "act-claim" in buttons(in_channel(scene)[0])
    await on_the_card("act-claim")(scene, MINA)
    await scene.stands("Mina Park has")
    stage.moveo.member_joins(scene.id)
    stage.moveo.member_leaves(scene.id)
    await scene.until(lambda: sum("left the conversation" in one for one in scene.texts) == 2, "Sarah")
    await has(scene, "Mina Park has")
    scene.writes("!release")
    await alerted(scene, "Released: by Mina Park")


async def test_a_human_at_the_vendor_answers_first(stage: Stage) -> None:
    scene = await waiting(stage)
    talk = stage.ada.conversations[scene.id]
    stage.ada.take_reply(talk, "Rafa", None, {"type": "text", "body": "Hello Lena"})
    await scene.stands("Rafa has the conversation")
    await alerted(scene, "is talking with Rafa", "Claimed: by Rafa after")
    await and_sends(on_the_card("act-transfer"), {"colleague": MINA})(scene, MINA)
    await scene.stands("Mina Park has the conversation")
    stage.ada.take_reply(talk, "Rafa", None, {"type": "text", "body": "Sorry, Mina"})
    await scene.tells("Sorry, Mina")
    await has(scene, "Mina Park has")


async def test_moveos_desk_resolves_it(stage: Stage) -> None:
    scene = await waiting(stage, stage.moveo)
    scene.writes("!claim")
    await scene.stands("Mina Park has")
    stage.moveo.end_handoff(scene.id)
    await scene.stands("closed")
    await scene.tells("The conversation was ended by Sarah Johnson")
    await alerted(scene, "the conversation ended")


async def test_an_ai_agent_that_talks_on_is_shown_as_such_and_raises_one_alarm(stage: Stage) -> None:
    scene = await waiting(stage)
    scene.writes("!claim")
    await scene.stands("Mina Park has")
    stage.ada.bot_says(scene.id, "Did you try to turn it off?")
    stage.ada.bot_says(scene.id, "And on again?")
    for text in ("turn it off?", "on again?"):
        one = await scene.told("The AI agent said this after a human took over", text)
        assert one.broadcast
    one = await alert(scene)
    await scene.until(lambda: one.replies, "an alarm below the alert")
    await has(scene, "Mina Park has")
    (alarm,) = one.replies
    assert "the AI agent goes on answering after a human took over" in alarm.text


# ── after the end ────────────────────────────────────────────────────────────────────────────────


async def test_a_customer_who_writes_after_the_end_is_seen(stage: Stage) -> None:
    scene = await waiting(stage)
    scene.writes("!resolve")
    await alerted(scene, "the conversation ended", "by Mina Park")
    await scene.vendor.settled()  # Ada has told of the end
    later = earlier_than(told(scene, "v1.conversation.ended")[0].payload["timestamp"], -0.01)
    again = {"message_id": "again", "handoff_integration": None, "timestamp": later}
    await tells(scene, by_customer(scene), {**again, "body": "It does not work"})
    line = await scene.told("Lena (customer) wrote again after the conversation was closed")
    assert line.broadcast
    await scene.stands("the AI agent has the conversation")
    await scene.shows("It does not work")
    await alerted(scene, "the conversation ended", "by Mina Park")  # over is over


async def test_a_handoff_after_the_end_is_another(stage: Stage) -> None:
    scene = await waiting(stage, stage.moveo)
    scene.writes("!resolve")
    await alerted(scene, "the conversation ended", "by Mina Park")
    scene.says("I want a human")
    await alerted(scene, "waits for a human", number=2)
    await scene.stands("waiting for a human")
    await scene.tells("The conversation was reopened.")


# ── a vendor that tells what we did before it answers ────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "path", "word", "told", "by"),
    [
        ("ada", "*/end-handoff/", "!bot", "handed the conversation back", "handed back to the AI agent"),
        ("ada", "*/end/", "!resolve", "resolved the conversation", "the conversation ended"),
        ("moveo", "*/close", "!resolve", "resolved the conversation", "the conversation ended"),
    ],
)
async def test_who_ended_it_is_known_all_the_same(
    stage: Stage, name: str, path: str, word: str, told: str, by: str
) -> None:
    scene = await waiting(stage, named(stage, name))
    scene.vendor.faults.next(path, delay=0.5)
    scene.writes(word)
    await alerted(scene, by)
    await scene.tells(f"Mina Park {told}")
    await alerted(scene, by, "Ended: ", "by Mina Park after")


@pytest.mark.parametrize(
    ("name", "path", "word", "done", "by"),
    [
        ("ada", "*/end-handoff/", "!bot", "handed the conversation back", "handed back to the AI agent"),
        ("moveo", "*/close", "!resolve", "resolved the conversation", "the conversation ended"),
    ],
)
async def test_also_where_its_answer_was_lost(
    stage: Stage, name: str, path: str, word: str, done: str, by: str
) -> None:
    scene = await waiting(stage, named(stage, name))
    scene.vendor.faults.next(path, status=504, accepted=True)
    scene.writes(word)
    await scene.tells(f"Mina Park {done}")
    await alerted(scene, by, "Ended: ", "by Mina Park after")
    assert sum(done in text for text in scene.texts) == 1


async def test_who_reopened_it_has_it(stage: Stage) -> None:
    scene = await waiting(stage, stage.moveo)
    scene.writes("!resolve")
    await scene.stands("closed")
    stage.moveo.faults.next("*/reopen", delay=0.5)
    scene.writes("!reopen")
    await scene.tells("The conversation was reopened.")
    await scene.tells("Mina Park reopened the conversation.")
    await scene.stands("Mina Park has the conversation")
    assert not any("wrote again" in text for text in scene.texts)


# ── a vendor that tells late ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("by_a_reply", [False, True])
async def test_what_moveo_tells_late_undoes_no_reopening(stage: Stage, by_a_reply: bool) -> None:
    scene = await waiting(stage, stage.moveo)
    stage.moveo.lose()
    try:
        scene.writes("!resolve")
        await scene.stands("closed")
        stage.ahead = stage.moveo.ahead = 30.0
        if by_a_reply:
            reply, question = await scene.held("One more thing")
            await scene.presses(question, REOPEN)
            await scene.marked(reply, SENT)
        else:
            scene.writes("!reopen")
        await scene.stands("Mina Park has")
        await scene.vendor.settled()
        stage.moveo.lose(False)
        await tells(scene, told(scene, "conversation:closed")[0], {})
        await tells(scene, told(scene, "conversation:reopened")[0], {})
        await scene.tells("The conversation was reopened.")
        await has(scene, "Mina Park has")
        stage.moveo.end_handoff(scene.id)  # what happens from then on counts
        await scene.stands("closed")
    finally:
        stage.moveo.lose(False)
        stage.ahead = stage.moveo.ahead = 0.0


async def test_what_was_said_in_a_session_before_it_was_closed_opens_no_other(stage: Stage) -> None:
    """GPTBots never tells that a session is over which we have closed."""
    scene = await waiting(stage, stage.gptbots, "Tom")
    stage.gptbots.lose()
    try:
        scene.says("Wait, one more thing")
        await scene.vendor.settled()
    finally:
        stage.gptbots.lose(False)
    scene.writes("!resolve")
    await scene.stands("closed")
    await tells(scene, told(scene, "chat")[-1], {})
    await scene.shows("Wait, one more thing")
    scene.writes("!who", JO)
    await aside(scene, JO, "This conversation is closed")


@pytest.mark.parametrize("fault", [{}, {"status": 504, "accepted": True}], ids=["told", "not told"])
@pytest.mark.parametrize(
    ("vendor", "word", "call", "ended", "told"),
    [
        ("ada", "!bot", "*/end-handoff/", "handed back to the AI agent", "handed the conversation back"),
        ("moveo", "!resolve", "*/conversation/close", "the conversation ended", "resolved the conversation"),
    ],
)
async def test_who_asks_again_before_the_vendor_answered_waits(
    stage: Stage, vendor: str, word: str, call: str, ended: str, told: str, fault: dict[str, Any]
) -> None:
    scene = await waiting(stage, getattr(stage, vendor))
    await alerted(scene, "waits for a human")
    scene.vendor.faults.next(call, delay=2.0, **fault)
    scene.writes(word)
    await alerted(scene, ended)
    scene.says("No, I want a human")
    await alerted(scene, "waits for a human", number=2)
    await scene.tells(f"Mina Park {told}")
    await has(scene, "The customer waits")
    assert state(scene) == "handoff"


async def test_an_act_for_a_handoff_that_is_over_ends_no_other(stage: Stage) -> None:
    scene = await waiting(stage)
    await alerted(scene, "waits for a human")
    fault = stage.ada.faults.next("*/end-handoff/", status=429, retry_after=1, times=100)
    scene.writes("!bot")
    await scene.until(lambda: fault.met, "a try")
    stage.ada.end_handoff(scene.id)
    await alerted(scene, "handed back to the AI agent")
    scene.says("No, a person please")
    await alerted(scene, "waits for a human", number=2)
    stage.ada.faults.clear()
    await aside(scene, MINA, "asked for a human again")
    await has(scene, "The customer waits")
    assert state(scene) == "handoff"


async def test_what_one_has_oneself_by_then_one_can_resolve(stage: Stage) -> None:
    """Also where the customer asked for a human meanwhile: whoever resolves it has seen to that."""
    scene = await opened(stage, stage.moveo)
    fault = stage.moveo.faults.next("*/handover", status=429, retry_after=1, times=100)
    scene.writes("!takeover")
    await scene.until(lambda: fault.met, "a first try")
    scene.writes("!resolve")
    await stage.slack.settled()
    scene.says("I want a human")
    await alerted(scene, "waits for a human")
    stage.moveo.faults.clear()
    await scene.tells("Mina Park resolved the conversation")
    await scene.stands("closed")
    assert state(scene) == "ended"
