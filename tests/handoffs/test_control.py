"""Who has the conversation, by all that vendors tell: in order and out of it, late, twice, or not at all."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from bridge.sandbox.stage import Stage
from bridge.sandbox.vendors.delivery import Delivery
from bridge.sandbox.ways import WAYS
from tests import signing
from tests.bridge.scene import SENT, Scene, buttons, opened, thread_of, waiting
from tests.handoffs.ways import (
    JO,
    MINA,
    alert,
    alerted,
    aside,
    asides,
    in_channel,
    in_thread,
    named,
    on_the_card,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'

every = pytest.mark.parametrize("name", ["ada", "gptbots", "moveo"])


async def tells(scene: Scene, delivery: Delivery, *, earlier: float = 0.0, **changes: Any) -> None:
    """The vendor sends `delivery` as another one: with other values for some keys, and of an earlier time."""
    payload = _changed(delivery.payload, changes)
    if earlier:
        payload["timestamp"] = _earlier(payload["timestamp"], earlier)
    body = json.dumps(payload).encode()
    environ, id = scene.stage.environ, f"msg_{secrets.token_hex(8)}"
    headers = WAYS[scene.vendor.name].headers(environ, id, body)
    if delivery.kind == "handoff.start":
        headers = signing.ada_handoff(environ["ACME_ADA_HANDOFF_TOKEN"])
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(delivery.url, content=body, headers=headers)
    assert answer.status_code == 200, answer.text


def _changed(value: Any, changes: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: changes.get(key, _changed(inner, changes)) for key, inner in value.items()}
    return value


def _earlier(at: str | float, seconds: float) -> str | float:
    """`at` as Ada writes it, or in milliseconds as the others do."""
    if isinstance(at, str):
        return (datetime.fromisoformat(at) - timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
    return at - round(seconds * 1000)


def by_customer(scene: Scene) -> Delivery:
    """The first that the customer wrote, as Ada told it."""
    said = told(scene, "v1.conversation.message")
    return next(one for one in said if one.payload["data"]["author"]["role"] == "end_user")


def told(scene: Scene, kind: str) -> list[Delivery]:
    """What the vendor has sent of this conversation, of one kind, oldest first."""
    return [one for one in scene.vendor.deliveries if (one.conversation_id, one.kind) == (scene.talk, kind)]


async def has(scene: Scene, who: str) -> None:
    """Ask the bridge who has it, which it says of what it has decided so far."""
    await scene.vendor.settled()
    before = len(asides(scene.stage, JO))
    scene.writes("!who", user=JO)
    one = await aside(scene, JO, but=before)
    assert one.text.startswith(who), one.text


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
    await tells(scene, start, reason="I want a human, again")
    await has(scene, NOBODY)
    scene.writes("!claim")
    await alerted(scene, "Claimed: by Mina Park")
    scene.says("are you there?")
    await scene.shows("are you there?")
    in_handoff = told(scene, "v1.conversation.message")[-1]
    await tells(scene, start, reason="once more")
    await scene.tells("A human was asked for, which is known already: once more")
    await has(scene, "Mina Park has")
    scene.writes("!bot")
    await alerted(scene, "handed back to the AI agent")
    await scene.tells("I'm back.")
    ended = told(scene, "v1.conversation.handoff.ended")[0]
    before = shown(scene)
    await tells(scene, in_handoff)
    await tells(scene, in_handoff, message_id="another", body="and on the way for long")
    await tells(scene, ended, earlier=5)
    await scene.shows("and on the way for long")
    await has(scene, AI)
    scene.says("I want a human, once more")
    await alerted(scene, "waits for a human", number=2)
    await tells(scene, ended, earlier=5)  # of the first
    await has(scene, NOBODY)
    scene.writes("!claim")
    await alerted(scene, "Claimed: by Mina Park", number=2)
    await tells(scene, ended, earlier=5)
    await has(scene, "Mina Park has")
    stage.ada.end(scene.id)
    await alerted(scene, "the conversation ended", number=2)
    for one in (in_handoff, ended, told(scene, "v1.conversation.created")[0]):
        await tells(scene, one, earlier=5, message_id="a third")
    await has(scene, OVER)
    await scene.stands("closed")
    assert shown(scene)[1] == before[1]


async def test_moveo_what_is_told_again_moves_nothing_back(stage: Stage) -> None:
    scene = await waiting(stage, stage.moveo)
    handover = told(scene, "message:brain_send")[-1]
    stage.moveo.member_joins(scene.id)
    await scene.stands("Sarah Johnson has the conversation")
    await tells(scene, handover, request_id="once-more")
    await has(scene, "Sarah Johnson has")
    stage.moveo.end_handoff(scene.id)
    await scene.stands("closed")
    joined, closed = (told(scene, f"conversation:{one}")[0] for one in ("member_join", "closed"))
    for one in (joined, handover, joined, closed):
        await tells(scene, one, earlier=5, request_id=secrets.token_hex(4))
        await has(scene, OVER)
    scene.says("and another thing")
    await scene.stands("the AI agent has the conversation")
    for one in (closed, joined, handover, closed):
        await tells(scene, one, earlier=5, request_id=secrets.token_hex(4))
        await has(scene, AI)
    reopened = told(scene, "conversation:reopened")[0]
    stage.moveo.end(scene.id)
    await scene.stands("closed")
    await tells(scene, reopened, earlier=5, request_id="late")
    await has(scene, OVER)
    await alerted(scene, "the conversation ended")


async def test_gptbots_what_is_told_again_moves_nothing_back(stage: Stage) -> None:
    scene = await waiting(stage, stage.gptbots, "Tom")
    establish = told(scene, "establish")[0]
    await tells(scene, establish, email="tom@example.com")
    await has(scene, NOBODY)
    scene.writes("!claim")
    await scene.stands("Mina Park has")
    await tells(scene, establish, email="tom@example.net")
    await has(scene, "Mina Park has")
    stage.gptbots.end_handoff(scene.talk)
    await alerted(scene, "the conversation ended")
    for one in (establish, told(scene, "close")[0]):
        await tells(scene, one, earlier=5, email="tom@example.org")
        await has(scene, OVER)
    await alerted(scene, "the conversation ended")


async def test_a_handoff_whose_start_was_lost_is_seen_by_its_label(stage: Stage) -> None:
    scene = await opened(stage)
    scene.says("hello")
    await scene.shows("hello")
    ours = {"message_id": "labelled", "handoff_integration": "slack-bridge"}
    await tells(scene, by_customer(scene), **ours, body="is anybody there?")
    await alerted(scene, "waits for a human", "Why: the customer writes within a handoff")
    await scene.stands("waiting for a human")
    stage.ada.send_sample("handoff.start", scene.id)  # late
    await scene.vendor.settled()
    await scene.until(lambda: "writes within" not in alert_text(scene), "the alert without that reason")
    assert (len(in_thread(scene)), len(in_channel(scene))) == (1, 1)
    await has(scene, NOBODY)


def alert_text(scene: Scene) -> str:
    return in_channel(scene)[-1].text


async def test_another_integrations_label_is_no_handoff_of_ours(stage: Stage) -> None:
    scene = await opened(stage)
    scene.says("hello")
    await scene.shows("hello")
    theirs = {"message_id": "theirs", "handoff_integration": "zendesk"}
    await tells(scene, by_customer(scene), **theirs, body="is anybody there?")
    await scene.shows("is anybody there?")
    await has(scene, AI)


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
    assert not any("handed back" in text for text, *_ in shown(scene))


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
    await on_the_card("act-transfer")(scene, MINA)  # offered, since it can be taken from them
    await stage.slack.submit(MINA, stage.slack.modal_of(MINA), {"colleague": MINA})
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
    later = _earlier(told(scene, "v1.conversation.ended")[0].payload["timestamp"], -0.01)
    again = {"message_id": "again", "handoff_integration": None, "timestamp": later}
    await tells(scene, by_customer(scene), **again, body="It does not work")
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
