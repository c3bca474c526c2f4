"""Who may act on a conversation, and with what: everybody else is refused, and nothing is sent."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.events import interact
from tests.bridge.scene import FAILED, HELD, Scene, counted, later, waiting
from tests.handoffs.ways import (
    ALERTS,
    GUEST,
    JO,
    LEE,
    MINA,
    PARTNER,
    Way,
    alert,
    alerted,
    and_sends,
    aside,
    asides,
    below,
    in_channel,
    in_the_menu,
    named,
    on_the_card,
    on_the_channels_alert,
    state,
    word,
    word_below_the_alert,
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'

NO_GUESTS = "guests and people of other workspaces do not act on conversations here"
NO_MEMBER = "only members of #support act on its conversations. Join #support first"
_numbers = itertools.count(1)


async def untouched(scene: Scene) -> None:
    """Nobody has it, the vendor was told nothing, and only then somebody claims."""
    await scene.vendor.settled()
    told = len(asides(scene.stage, MINA))
    scene.writes("!who")
    await aside(scene, MINA, "The customer waits: nobody has this conversation", but=told)
    assert (state(scene), scene.sent) == ("handoff", [])
    await scene.stands("waiting for a human")
    await alerted(scene, "waits for a human", "Waiting since")


# ── people ───────────────────────────────────────────────────────────────────────────────────────


def ways(found: dict[str, Way]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("way", list(found.values()), ids=list(found))


@ways(
    {
        "alert": on_the_channels_alert("act-claim"),
        "word below it": word_below_the_alert("!claim"),
        "its menu": in_the_menu("claim", lambda scene: in_channel(scene)[0]),
        "resolve": word_below_the_alert("!resolve"),
        "transfer": word_below_the_alert(f"!transfer <@{MINA}>"),
        "modal": and_sends(in_the_menu("resolve", lambda scene: in_channel(scene)[0])),
    }
)
async def test_who_is_not_in_the_channel_does_not_act(stage: Stage, way: Way) -> None:
    """Lee sees the alert in the alert channel."""
    scene = await waiting(stage)
    await alert(scene, "waits for a human")
    await way(scene, LEE)
    one = await aside(scene, LEE, "which was not done", NO_MEMBER)
    assert one.channel == ALERTS
    await untouched(scene)


async def test_who_joins_acts(stage: Stage) -> None:
    stage.slack.state.channels["C0VIP"].members.remove(LEE)
    scene = await waiting(stage, stage.moveo)
    try:
        await on_the_channels_alert("act-claim")(scene, LEE)
        await aside(scene, LEE, "only members of #vip act on its conversations")
    finally:
        stage.slack.state.channels["C0VIP"].members.append(LEE)

    async def claimed() -> bool:
        told = len(asides(stage, LEE))
        below(scene, await alert(scene), "!claim", user=LEE)
        await scene.until(lambda: len(asides(stage, LEE)) > told or "Lee has" in scene.card.text, "a word")
        return "Lee has" in scene.card.text

    await later(claimed, "Lee's claim", seconds=20)


@ways(
    {
        "card": on_the_card("act-claim"),
        "word": word("!claim"),
        "menu": in_the_menu("claim"),
        "resolve": word("!resolve"),
        "modal": and_sends(on_the_card("act-resolve")),
        "transfer": and_sends(in_the_menu("transfer"), {"colleague": MINA}),
    }
)
async def test_guests_do_not_act(stage: Stage, way: Way) -> None:
    scene = await waiting(stage)
    await scene.stands("waiting for a human")
    await way(scene, GUEST)
    await aside(scene, GUEST, "which was not done", NO_GUESTS)
    await untouched(scene)


@ways(
    {
        "card": on_the_card("act-claim"),
        "word": word("!resolve"),
        "modal": and_sends(on_the_card("act-resolve")),
    }
)
async def test_people_of_other_companies_do_not_act(stage: Stage, way: Way) -> None:
    scene = await waiting(stage, stage.moveo)
    await scene.stands("waiting for a human")
    await way(scene, PARTNER)
    await aside(scene, PARTNER, "which was not done", NO_GUESTS)
    await untouched(scene)


@pytest.mark.parametrize("name", ["ada", "moveo"])
async def test_they_do_not_reply_either_and_may_look(stage: Stage, name: str) -> None:
    scene = await waiting(stage, named(stage, name))
    user = GUEST if name == "ada" else PARTNER
    reply = scene.writes("Hello Lena", user)
    await scene.marked(reply, FAILED)
    scene.writes("!who", user)
    await aside(scene, user, "The customer waits")
    assert scene.sent == []
    await untouched(scene)


async def test_a_guest_may_not_be_given_one(stage: Stage) -> None:
    scene = await waiting(stage, stage.moveo)
    for user in (GUEST, PARTNER):
        told = len(asides(stage, MINA))
        scene.writes(f"!transfer <@{user}>")
        await aside(scene, MINA, "which was not done", "does not reply to customers here", but=told)
    await untouched(scene)


# ── what no button of ours says ──────────────────────────────────────────────────────────────────


def press(scene: Scene, action: str, value: object = None, user: str = JO, **more: Any) -> dict[str, Any]:
    """A press in the scene's thread; a value that is no text is written as JSON."""
    pressed: dict[str, Any] = {"type": "button", "action_id": action, "block_id": "b"}
    pressed["action_ts"] = f"{next(_numbers)}.000001"
    if value is not None:
        pressed["value"] = value if isinstance(value, str) else json.dumps(value)
    return {
        "type": "block_actions",
        "team": {"id": "T0SANDBOX", "domain": "sandbox"},
        "user": {"id": user, "team_id": "T0SANDBOX"},
        "api_app_id": "A0BRIDGE",
        "token": "t",
        "trigger_id": "1.2.x",
        "channel": {"id": scene.card.channel},
        "container": {"type": "message", "message_ts": scene.card.ts, "channel_id": scene.card.channel},
        "message": {"ts": scene.card.ts, "type": "message", "bot_id": "B0BRIDGE"},
        "actions": [pressed],
        **more,
    }


async def ignored(stage: Stage, payload: dict[str, Any], result: str = "other_interaction") -> None:
    """Slack has its 200, and the bridge did nothing of it but count."""
    metric = f'bridge_slack_events_total{{result="{result}"}}'
    before = await counted(stage, metric)
    answer = await interact(stage, payload)
    assert answer.status_code == 200, answer.text
    assert await counted(stage, metric) == before + 1


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("act-", None),
        ("act-delete_everything", None),
        ("act-CLAIM", None),
        ("held-send_all", {"delivery": 1, "thread_ts": "1.1"}),
        ("held-once", "no json"),
        ("held-once", "[1, 2]"),
        ("held-once", {"delivery": "1", "thread_ts": "1.1"}),
        ("held-once", {"delivery": 1, "thread_ts": 1.1}),
        ("retry", {"thread_ts": "1.1"}),
        ("say-0", {"say": 5}),
        ("something_else", {"delivery": 1}),
    ],
    ids=str,
)
async def test_what_is_no_button_of_ours_does_nothing(stage: Stage, action: str, value: object) -> None:
    scene = await waiting(stage)
    await ignored(stage, press(scene, action, value))
    await untouched(scene)


@pytest.mark.parametrize(
    "changed",
    [
        {"team": {"id": "T0OTHER"}},
        {"team": None},
        {"team": None, "user": {}},
        {"actions": []},
        {"channel": {}, "message": {}},
        {"message": None, "container": None},
        {"type": "view_submission"},
        {"type": "message_action", "callback_id": "claim", "channel": None},
        {"type": "message_action", "callback_id": "reopen_all"},
    ],
    ids=str,
)
async def test_buttons_without_what_slack_tells_do_nothing(stage: Stage, changed: dict[str, Any]) -> None:
    """Some are no request of Slack's at all."""
    scene = await waiting(stage)
    answer = await interact(stage, {**press(scene, "act-claim"), **changed})
    assert answer.status_code in (200, 400), answer.text
    await untouched(scene)


async def test_a_value_that_is_no_number_of_ours_leaves_the_place_to_say_which(stage: Stage) -> None:
    scene = await waiting(stage)
    answer = await interact(stage, press(scene, "act-claim", "no json"))
    assert answer.status_code == 200
    await scene.stands("Jo has the conversation")


@pytest.mark.parametrize("number", [10**6, 2**62], ids=str)
async def test_a_conversation_that_there_is_not(stage: Stage, number: int) -> None:
    scene = await waiting(stage)
    for action in ("act-claim", "act-resolve", "act-reopen"):
        await ignored(stage, press(scene, action, {"conversation": number}), "not_our_thread")
    await untouched(scene)


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**40, True, 1.0], ids=str)
async def test_a_number_that_none_has(stage: Stage, number: float) -> None:
    scene = await waiting(stage)
    on_home = {"channel": None, "message": None, "container": {"type": "view", "view_id": "V1"}}
    for action in ("act-claim", "act-resolve"):
        await ignored(stage, {**press(scene, action, {"conversation": number}), **on_home})
    for action in ("held-once", "retry"):
        await ignored(stage, press(scene, action, {"delivery": number, "thread_ts": scene.card.ts}))
    await untouched(scene)


@pytest.mark.parametrize(
    "about",
    [
        "no json",
        {"act": "claim"},
        {"act": "claim", "conversation": 10**6},
        {"act": "nothing", "conversation": 1},
        {"act": "resolve", "conversation": "1"},
        {"act": "resolve", "conversation": 2**70},
        {},
    ],
    ids=str,
)
async def test_a_modal_that_is_none_of_ours(stage: Stage, about: object) -> None:
    scene = await waiting(stage)
    view = {
        "id": f"V{next(_numbers)}",
        "type": "modal",
        "callback_id": "act",
        "app_installed_team_id": "T0SANDBOX",
        "private_metadata": about if isinstance(about, str) else json.dumps(about),
        "state": {"values": {}},
    }
    sent = {"type": "view_submission", "team": {"id": "T0SANDBOX"}, "user": {"id": JO}, "view": view}
    for payload in (sent, {**sent, "view": {**view, "state": None}}):
        answer = await interact(stage, payload)
        assert answer.status_code == 200, answer.text
    await untouched(scene)


# ── another's held reply ─────────────────────────────────────────────────────────────────────────


async def held_by_mina(stage: Stage) -> tuple[Scene, Message, dict[str, Any]]:
    """Jo has the customer, Mina's reply is held: the question's value."""
    scene = await waiting(stage)
    scene.writes("!claim", user=JO)
    await scene.stands("Jo has")
    reply, question = await scene.held("I have it too")
    (button,) = [one for one in question.blocks[-1]["elements"] if one["action_id"] == "held-once"]
    return scene, reply, json.loads(button["value"])


async def test_nobody_decides_about_anothers_reply(stage: Stage) -> None:
    scene, reply, value = await held_by_mina(stage)
    for choice in ("once", "take_over", "send", "reopen", "note"):
        await ignored(stage, press(scene, f"held-{choice}", value), "not_yours")
    await ignored(stage, press(scene, "retry", value), "decided")
    assert list(reply.reactions) == [HELD]
    assert scene.sent == []


async def test_a_reply_is_not_reached_from_another_conversation(stage: Stage) -> None:
    scene, reply, value = await held_by_mina(stage)
    other = await waiting(stage)
    there = {**value, "thread_ts": other.card.ts}
    for choice in ("held-once", "held-take_over", "retry"):
        await ignored(stage, press(other, choice, there, user=MINA), "decided")
    nowhere = {**value, "thread_ts": "1.1"}
    await ignored(stage, press(scene, "held-once", nowhere, user=MINA), "not_our_thread")
    elsewhere = press(scene, "held-once", value, user=MINA, channel={"id": "C0VIP"})
    await ignored(stage, elsewhere, "not_our_thread")
    assert list(reply.reactions) == [HELD]
    assert (scene.sent, other.sent) == ([], [])
    await scene.stands("Jo has")
