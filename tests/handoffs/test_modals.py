"""What is asked before an act: what a modal says and warns of, and that it is one act, however it is sent."""

from __future__ import annotations

import asyncio
import json

import pytest

from bridge.sandbox.page import LABELS
from bridge.sandbox.slack import View
from bridge.sandbox.stage import Stage
from tests.bridge.events import interact
from tests.bridge.scene import SENT, UNCERTAIN, WAITING, Scene, opened
from tests.handoffs.ways import (
    JO,
    LEE,
    MINA,
    alert,
    alerted,
    aside,
    asides,
    asked,
    claimed,
    in_channel,
    in_the_menu,
    named,
    on_the_card,
    state,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'
CONFIG = {"[slack]": 'timeout = "1s"'}  # so whoever presses is answered long before Slack's three seconds

every = pytest.mark.parametrize("name", ["ada", "gptbots", "moveo"])


async def modal(scene: Scene, act: str, user: str = MINA) -> View:
    """The one that the card's button opens."""
    await on_the_card(f"act-{act}")(scene, user)
    return await asked(scene, user)


def warnings(view: View) -> list[str]:
    """Its alert blocks, which only a modal may have."""
    blocks = [block for block in view.body["blocks"] if block["type"] == "alert"]
    assert all(block["level"] == "warning" for block in blocks)
    return [block["text"]["text"] for block in blocks]


def says(view: View, *words: str) -> bool:
    return all(word in json.dumps(view.body, ensure_ascii=False) for word in words)


async def closed(scene: Scene, user: str = MINA) -> None:
    """The modal is gone: it was sent, and taken."""
    await scene.until(lambda: scene.stage.slack.modal_of(user) is None, "no modal")


# ── what it says ─────────────────────────────────────────────────────────────────────────────────


@every
async def test_what_resolving_does(stage: Stage, name: str) -> None:
    scene = await claimed(stage, name, JO)
    view = await modal(scene, "resolve")
    assert view.body["title"]["text"] == view.body["submit"]["text"] == "Resolve"
    assert says(view, f"This conversation is closed at {LABELS[name]}", "If the customer writes again")
    own_session = (
        "This ends the session with people at GPTBots: what the customer says next is for its AI agent."
    )
    assert warnings(view) == ([own_session] if name == "gptbots" else [])
    await stage.slack.close(MINA, view)
    await scene.stands("Jo has the conversation")
    assert state(scene) == "handoff"


@pytest.mark.parametrize("name", ["ada", "gptbots"])
async def test_what_handing_back_does(stage: Stage, name: str) -> None:
    scene = await claimed(stage, name, JO)
    view = await modal(scene, "hand_back")
    assert view.body["submit"]["text"] == "Hand back"
    assert says(view, f"The AI agent at {LABELS[name]} answers the customer from now on.")
    assert len(warnings(view)) == (1 if name == "gptbots" else 0)
    await stage.slack.close(MINA, view)


async def test_it_warns_of_what_is_held(stage: Stage) -> None:
    scene = await claimed(stage, user=JO)
    held, _ = await scene.held("I have it too")
    await scene.held("and this")
    for act in ("resolve", "hand_back"):
        view = await modal(scene, act)
        assert warnings(view) == ["Replies held, which the customer does not have: 2."]
        await stage.slack.close(MINA, view)
    scene.deletes(held)
    await stage.slack.settled()
    view = await modal(scene, "resolve")
    assert warnings(view) == ["Replies held, which the customer does not have: 1."]
    assert (await stage.slack.submit(MINA, view)).ok  # it is a warning
    await alerted(scene, "the conversation ended", "by Mina Park")
    assert scene.sent == []


async def test_it_warns_of_what_is_on_its_way(stage: Stage) -> None:
    scene = await claimed(stage, user=JO)
    stage.ada.faults.next("*/messages/", status=503, method="POST", times=1000)
    first, second = scene.writes("Hello Lena", JO), scene.writes("How can I help you?", JO)
    await scene.marked(first, WAITING)
    await stage.slack.settled()
    view = await modal(scene, "resolve")
    assert warnings(view) == ["Replies still on their way: 2."]
    assert (await stage.slack.submit(MINA, view)).ok
    stage.ada.faults.clear()
    await scene.marked(second, SENT)  # what was written before goes out before
    await alerted(scene, "the conversation ended", "by Mina Park")
    assert scene.sent == ["Hello Lena", "How can I help you?"]


async def test_it_warns_of_what_nobody_knows(stage: Stage) -> None:
    scene = await claimed(stage, "moveo", JO)
    stage.moveo.faults.next("*/messages/agent", reset=True)
    await scene.marked(scene.writes("Hello Lena", JO), UNCERTAIN)
    view = await modal(scene, "resolve")
    assert warnings(view) == ["Replies of which nobody knows whether they arrived: 1."]
    await stage.slack.close(MINA, view)


async def test_it_warns_of_nothing_that_has_arrived_or_was_kept_in(stage: Stage) -> None:
    scene = await claimed(stage, user=JO)
    await scene.marked(scene.writes("Hello Lena", JO), SENT)
    scene.writes("// she is angry", JO)
    _, question = await scene.held("I have it too")
    await scene.presses(question, "held-note")
    await scene.marked(scene.writes("and that is all", JO), SENT)
    view = await modal(scene, "resolve")
    assert warnings(view) == []
    await stage.slack.close(MINA, view)


# ── what cannot be asked ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "entry", "why"),
    [
        ("ada", "hand_back", "The AI agent has this conversation."),
        ("ada", "transfer", "The AI agent has this conversation."),
        ("moveo", "hand_back", "Moveo has no call that gives a conversation back to its AI agent"),
    ],
)
async def test_what_makes_no_sense_now_is_said_instead(stage: Stage, name: str, entry: str, why: str) -> None:
    scene = await opened(stage, named(stage, name))
    await in_the_menu(entry)(scene, MINA)
    view = await asked(scene)
    assert says(view, "This was not done.", why)
    assert "submit" not in view.body
    await stage.slack.close(MINA, view)


async def test_what_is_closed_already_is_said_instead(stage: Stage) -> None:
    scene = await claimed(stage, user=JO)
    scene.writes("!resolve")
    await scene.stands("closed")
    for entry in ("resolve", "hand_back", "transfer"):
        await in_the_menu(entry)(scene, MINA)
        view = await asked(scene)
        assert says(view, "This was not done.", "This conversation is closed.")
        await stage.slack.close(MINA, view)


async def test_a_message_outside_of_all_conversations_belongs_to_none(stage: Stage) -> None:
    scene = await claimed(stage, user=JO)
    message = stage.slack.post_as(MINA, "C0SUPPORT", "Who is in today?")
    for entry in ("claim", "transfer", "resolve", "hand_back", "ask_again"):
        told = len(asides(stage, MINA))
        await in_the_menu(entry, lambda _: message)(scene, MINA)
        await aside(scene, MINA, "This belongs to no conversation that the bridge knows.", but=told)
    assert stage.slack.modal_of(MINA) is None


async def test_a_modal_that_slack_does_not_open_is_told(stage: Stage) -> None:
    scene = await claimed(stage, user=JO)
    stage.slack.faults.next("views.open", ok_error="expired_trigger_id")
    await on_the_card("act-resolve")(scene, MINA)
    await aside(scene, MINA, "Slack did not let this be asked", "it took too long; press again")
    assert stage.slack.modal_of(MINA) is None
    await scene.stands("Jo has")


async def test_a_modal_that_slack_is_slow_to_open(stage: Stage) -> None:
    """Whoever pressed is told within the three seconds that Slack waits for us."""
    scene = await claimed(stage, user=JO)
    stage.slack.faults.next("views.open", delay=3.5)
    await on_the_card("act-resolve")(scene, MINA)
    await aside(scene, MINA, "Slack did not let this be asked")
    await scene.until(lambda: stage.slack.modal_of(MINA), "the modal, late")
    await stage.slack.close(MINA, await asked(scene))


# ── sent ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("at_once", [False, True], ids=["one after the other", "at once"])
@pytest.mark.parametrize(
    ("act", "done"),
    [("resolve", "resolved the conversation"), ("hand_back", "handed the conversation back")],
)
async def test_sent_twice_it_is_one_act(stage: Stage, act: str, done: str, at_once: bool) -> None:
    scene = await claimed(stage, user=JO)
    view = await modal(scene, act)
    told = len(asides(stage, MINA))
    sends = [stage.slack.submit(MINA, view), stage.slack.submit(MINA, view)]
    answers = await asyncio.gather(*sends) if at_once else [await send for send in sends]
    assert all(answer.ok for answer in answers)
    await scene.tells(f"Mina Park {done}")
    await alerted(scene, "by Mina Park")
    scene.writes("!who")
    await aside(scene, MINA, "this conversation" if act == "hand_back" else "closed", but=told)
    assert sum(done in text for text in scene.texts) == 1
    assert len(asides(stage, MINA)) == told + 1


async def test_a_transfer_sent_twice_is_one_as_well(stage: Stage) -> None:
    scene = await claimed(stage, user=JO)
    view = await modal(scene, "transfer")
    told = len(asides(stage, MINA))
    for _ in range(2):
        assert (await stage.slack.submit(MINA, view, {"colleague": MINA})).ok
    await scene.tells("Mina Park gave the conversation to Mina Park.")
    scene.writes("!who")
    await aside(scene, MINA, "Mina Park has this conversation", but=told)
    assert sum("gave the conversation" in text for text in scene.texts) == 1


async def test_left_open_while_it_was_closed_it_does_nothing(stage: Stage) -> None:
    scene = await claimed(stage, user=JO)
    view = await modal(scene, "resolve")
    scene.writes("!resolve", JO)
    await alerted(scene, "the conversation ended", "by Jo")
    assert (await stage.slack.submit(MINA, view)).ok
    await closed(scene)
    await aside(scene, MINA, "This conversation is closed.")
    await alerted(scene, "the conversation ended", "by Jo")
    assert not any("Mina Park resolved" in text for text in scene.texts)


async def test_left_open_while_the_customer_left_it_does_nothing(stage: Stage) -> None:
    scene = await claimed(stage, user=JO)
    view = await modal(scene, "hand_back")
    stage.ada.end(scene.id)
    await scene.stands("closed")
    assert (await stage.slack.submit(MINA, view)).ok
    await aside(scene, MINA, "This conversation is closed.")
    assert state(scene) == "ended"


async def test_left_open_while_somebody_else_took_it(stage: Stage) -> None:
    scene = await claimed(stage, user=JO)
    view = await modal(scene, "transfer")
    scene.writes("!release", JO)
    await scene.stands("waiting for a human")
    scene.writes("!resolve", JO)
    await scene.stands("closed")
    assert (await stage.slack.submit(MINA, view, {"colleague": JO})).ok
    await aside(scene, MINA, "This conversation is closed")
    await scene.stands("closed")


async def test_a_transfer_wants_somebody(stage: Stage) -> None:
    scene = await claimed(stage, user=JO)
    view = await modal(scene, "transfer")
    with pytest.raises(ValueError, match="Who takes the conversation"):  # Slack itself
        await stage.slack.submit(MINA, view)
    body = view.as_json(stage.slack.state.app, stage.slack.state.team_id)
    sent = {"type": "view_submission", "team": {"id": "T0SANDBOX"}, "user": {"id": MINA}, "view": body}
    answer = await interact(stage, sent)
    assert answer.json() == {
        "response_action": "errors",
        "errors": {"colleague": "Choose who takes the conversation"},
    }
    await scene.stands("Jo has the conversation")
    await stage.slack.close(MINA, view)


async def test_a_transfer_to_whom_it_cannot_be_given_is_told_afterwards(stage: Stage) -> None:
    scene = await claimed(stage, user=JO)
    view = await modal(scene, "transfer")
    assert (await stage.slack.submit(MINA, view, {"colleague": LEE})).ok
    await aside(scene, MINA, "You wanted to transfer, which was not done", "“Lee” is not in #support")
    await scene.stands("Jo has the conversation")


async def test_opened_below_the_alert_its_refusal_is_told_there(stage: Stage) -> None:
    scene = await claimed(stage, user=JO)
    one = await alert(scene, "is talking with Jo")
    await in_the_menu("transfer", lambda scene: in_channel(scene)[0])(scene, MINA)
    assert (await stage.slack.submit(MINA, await asked(scene), {"colleague": LEE})).ok
    told = await aside(scene, MINA, "“Lee” is not in #support")
    assert told.channel == one.channel


async def test_what_the_vendor_refuses_is_told(stage: Stage) -> None:
    scene = await claimed(stage, "moveo", JO)
    stage.moveo.faults.next("*/conversation/close", status=400, body={"error_message": "not now"})
    view = await modal(scene, "resolve")
    assert (await stage.slack.submit(MINA, view)).ok
    await aside(scene, MINA, "You wanted to resolve, which was not done", "not now")
    await scene.stands("Jo has the conversation")
    assert state(scene) == "handoff"


async def test_what_the_vendor_cannot_do_just_now_is_tried_again(stage: Stage) -> None:
    scene = await claimed(stage, "moveo", JO)
    stage.moveo.faults.next("*/conversation/close", status=503, times=2)
    view = await modal(scene, "resolve")
    assert (await stage.slack.submit(MINA, view)).ok
    told = await aside(scene, MINA, "You wanted to resolve, which is not done yet", "It is tried again")
    assert not any(inner in told.text for inner in (scene.id, "127.0.0.1", "/conversation"))
    await scene.tells("Mina Park resolved the conversation.")
    await alerted(scene, "the conversation ended", "by Mina Park")
    assert state(scene) == "ended"


async def test_an_answer_that_is_lost_once_is_no_news_to_anybody(stage: Stage) -> None:
    scene = await claimed(stage, "moveo", JO)
    told = len(asides(stage, MINA))
    stage.moveo.faults.next("*/conversation/close", reset=True)
    view = await modal(scene, "resolve")
    assert (await stage.slack.submit(MINA, view)).ok
    await scene.tells("Mina Park resolved the conversation.")
    await alerted(scene, "the conversation ended", "by Mina Park")
    scene.writes("!who")  # in the same line, behind anything that was told
    await aside(scene, MINA, "This conversation is closed", but=told)
    assert len(asides(stage, MINA)) == told + 1
