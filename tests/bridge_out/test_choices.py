"""What an agent presses for the customer is said once, in the customer's name, and told in the thread."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.events import interact
from tests.bridge.scene import Scene, counted, opened

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

CONFIG = {"[engine.to_vendor]": 'give_up_after = "2s"'}


@pytest.fixture(autouse=True)
def mended(stage: Stage) -> None:
    for vendor in stage.vendors:
        vendor.faults.clear()


def buttons(message: Message) -> list[dict[str, Any]]:
    rows = [block["elements"] for block in message.blocks if block["type"] == "actions"]
    return [one for row in rows for one in row if one["action_id"].startswith("say-")]


async def offered(stage: Stage) -> tuple[Scene, Message]:
    """A customer who sees something to choose, and the message that shows it in the thread."""
    scene = await opened(stage, stage.moveo)
    await scene.until(lambda: any(map(buttons, scene.thread)), "something to choose")
    return scene, next(message for message in scene.thread if buttons(message))


def heard(scene: Scene) -> list[str]:
    return [one.text for one in scene.vendor.conversations[scene.id].messages if one.role == "customer"]


async def test_a_choice_is_said_and_told(stage: Stage) -> None:
    scene, message = await offered(stage)
    button = buttons(message)[0]
    said, shown = json.loads(button["value"])["say"], button["text"]["text"]
    answer = await stage.slack.press("U0MINA", message, button["action_id"])
    assert answer.ok
    await scene.tells(f"Mina Park chose “{shown}” for the customer.")
    assert heard(scene) == [said]
    assert not message.reactions
    assert all("confirm" in one for one in buttons(message))


async def test_each_press_counts(stage: Stage) -> None:
    scene, message = await offered(stage)
    for button in [*buttons(message), buttons(message)[0]]:
        await stage.slack.press("U0JO", message, button["action_id"])
    await scene.until(lambda: len(heard(scene)) == len(buttons(message)) + 1, "all that was pressed")
    values = [json.loads(button["value"])["say"] for button in buttons(message)]
    assert heard(scene) == [*values, values[0]]


async def test_a_choice_waits_for_the_replies_before_it(stage: Stage) -> None:
    scene, message = await offered(stage)
    stage.moveo.faults.next("*/messages/agent", status=503)
    scene.writes("Let me see")
    await stage.slack.settled()
    await stage.slack.press("U0MINA", message, buttons(message)[0]["action_id"])
    await scene.until(lambda: heard(scene), "the choice")
    roles = [one.role for one in stage.moveo.conversations[scene.id].messages]
    assert roles.index("agent") < roles.index("customer")


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 429, "retry_after": 1}], ids=str)
async def test_what_was_not_taken_is_said_again(stage: Stage, fault: dict[str, Any]) -> None:
    scene, message = await offered(stage)
    stage.moveo.faults.next(f"*/{scene.id}/messages", **fault)
    await stage.slack.press("U0MINA", message, buttons(message)[0]["action_id"])
    await scene.tells("Mina Park chose")
    assert len(heard(scene)) == 1


async def test_where_nobody_knows_the_thread_is_told(stage: Stage) -> None:
    scene, message = await offered(stage)
    stage.moveo.faults.next(f"*/{scene.id}/messages", reset=True)
    await stage.slack.press("U0MINA", message, buttons(message)[0]["action_id"])
    await scene.tells("Something was chosen for the customer. Nobody knows whether it arrived", "Moveo")
    assert len(heard(scene)) == 1


async def test_a_no_is_told(stage: Stage) -> None:
    scene, message = await offered(stage)
    stage.moveo.expire(scene.id)
    await stage.slack.press("U0MINA", message, buttons(message)[0]["action_id"])
    await scene.tells("Something was chosen for the customer. It was not said", "404")
    assert heard(scene) == []


async def test_guests_choose_nothing(stage: Stage) -> None:
    scene, message = await offered(stage)
    await stage.slack.press("U0GUEST", message, buttons(message)[0]["action_id"])
    await scene.whispered("U0GUEST", "was not sent for the customer", "guests_may_reply")
    assert heard(scene) == []
    assert not [text for text in scene.texts if "guests_may_reply" in text]


async def test_a_choice_is_not_a_reply_that_the_customer_reads(stage: Stage) -> None:
    scene, message = await offered(stage)
    reply = scene.writes("Let me see")
    await scene.until(lambda: reply.reactions, "the mark")
    await stage.slack.press("U0MINA", message, buttons(message)[0]["action_id"])
    await scene.tells("Mina Park chose")
    stage.moveo.receipt(stage.moveo.conversations[scene.id], "delivered")
    await scene.until(lambda: "inbox_tray" in reply.reactions, "the receipt on the reply")
    assert not message.reactions


@pytest.mark.parametrize("name", ["ada", "gptbots"])
async def test_where_there_is_nothing_to_say_it_with_there_is_nothing_to_press(
    stage: Stage, name: str
) -> None:
    scene = await opened(stage, stage.ada if name == "ada" else stage.gptbots)
    scene.says("Show me your products")
    await scene.tells("our three favourites")
    assert not any(map(buttons, scene.thread))


def payload(scene: Scene, message: Message) -> dict[str, Any]:
    state = scene.stage.slack.state
    button = buttons(message)[0]
    return {
        "type": "block_actions",
        "team": {"id": state.team_id},
        "user": {"id": "U0MINA"},
        "channel": {"id": message.channel},
        "message": message.as_json(),
        "actions": [{**button, "action_ts": state.next_ts()}],
    }


@pytest.mark.parametrize(
    "change",
    [
        {"team": {"id": "T0OTHER"}},
        {"message": {"ts": "1.1"}},
        {"message": {"ts": "1.1", "thread_ts": "1.0"}},
        {"channel": {"id": "C0ALERTS"}},
        {"user": {}},
        {"actions": [{"action_id": "say-0", "value": "not JSON"}]},
        {"actions": [{"action_id": "say-0", "value": "[]"}]},
        {"actions": [{"action_id": "say-0", "value": '{"say": 7}'}]},
        {"actions": [{"action_id": "say-0"}]},
        {"actions": [{"action_id": "open-0", "value": '{"say": "x"}'}]},
    ],
    ids=str,
)
async def test_what_is_no_button_of_ours_says_nothing(stage: Stage, change: dict[str, Any]) -> None:
    scene, message = await offered(stage)
    before = await elsewhere(stage)
    assert (await interact(stage, copy.deepcopy(payload(scene, message)) | change)).status_code == 200
    assert await elsewhere(stage) == before + 1
    assert (await interact(stage, payload(scene, message))).status_code == 200
    await scene.until(lambda: heard(scene), "the one that is ours")
    assert len(heard(scene)) == 1


async def elsewhere(stage: Stage) -> float:
    results = ("other_interaction", "not_our_thread")
    return sum([await counted(stage, f'bridge_slack_events_total{{result="{one}"}}') for one in results])
