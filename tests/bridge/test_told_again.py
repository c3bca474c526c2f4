"""What a vendor tells again: our reply, the same words to another customer, a message with other words."""

from __future__ import annotations

import itertools
import json
import secrets
import time
from pathlib import Path

import pytest

from bridge.sandbox.stage import Stage
from bridge.sandbox.vendors.gptbots_events import MESSAGE, branch_v2, message_v2
from tests.bridge.scene import SENT, Scene, opened, thread_of, waiting

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

SAME_ID = json.loads((Path(__file__).parents[1] / "store" / "same_id.json").read_text())
SHORT = ("You're welcome!", "Is there anything else I can do for you?", "Hello!")
_numbers = itertools.count(1)


def answers(stage: Stage, talk: str, text: str, id: str | None = None, **fields: object) -> None:
    """GPTBots tells that its AI agent, or a person, said this in an Agent's conversation."""
    body = message_v2(
        talk, id or secrets.token_hex(12), time.time(), [branch_v2({"text": text}, "", "")], tokens=1
    )
    stage.gptbots.call(MESSAGE, body | fields, talk)


def shown(scene: Scene, text: str) -> int:
    return scene.texts.count(text)


async def marker(stage: Stage, scene: Scene) -> None:
    """Wait until all that GPTBots told so far is in the thread."""
    text = f"and that is all {next(_numbers)}"
    answers(stage, scene.talk, text)
    await scene.tells(text)


async def test_the_same_words_to_another_customer_are_shown(stage: Stage) -> None:
    lena = await waiting(stage, stage.gptbots, f"Lena {next(_numbers)}")
    agent = await _agents_thread(stage, lena)
    other = await opened(stage, stage.gptbots, f"Tom {next(_numbers)}")
    for text in SHORT:
        await lena.marked(lena.writes(text), SENT)
    await stage.gptbots.settled()
    for text in SHORT:
        answers(stage, other.id, text)
    await marker(stage, other)
    await marker(stage, agent)
    assert [shown(other, text) for text in SHORT] == [1, 1, 1]
    assert [shown(agent, text) for text in SHORT] == [0, 0, 0]  # the replies, told back as the AI agent's


async def test_what_two_customers_were_told_is_told_back_in_each(stage: Stage) -> None:
    scenes = [await waiting(stage, stage.gptbots, f"Kim {next(_numbers)}") for _ in range(2)]
    for scene in scenes:
        await scene.marked(scene.writes("One moment, please"), SENT)
    await stage.gptbots.settled()
    for scene in scenes:
        agent = await _agents_thread(stage, scene)
        await marker(stage, agent)
        assert shown(agent, "One moment, please") == 0


async def test_customers_that_are_named_are_compared_by_their_ids(stage: Stage) -> None:
    lena = await waiting(stage, stage.gptbots, f"Ines {next(_numbers)}")
    user = stage.gptbots.conversations[lena.talk].user_id
    other = await opened(stage, stage.gptbots, f"Ole {next(_numbers)}")
    await lena.marked(lena.writes("It is on its way"), SENT)
    await stage.gptbots.settled()
    await lena.marked(lena.writes("It left today"), SENT)
    await stage.gptbots.settled()
    for text in ("It is on its way", "It left today"):
        answers(stage, other.id, text, user_id="somebody-else")
    await marker(stage, other)
    assert (shown(other, "It is on its way"), shown(other, "It left today")) == (1, 1)
    await lena.marked(lena.writes("You can track it"), SENT)
    another = "a" * 24
    answers(stage, another, "You can track it", user_id=user)
    await marker(stage, other)
    assert not any("You can track it" in text for text in other.texts)


async def test_other_words_under_the_same_id_are_shown_as_a_correction(stage: Stage) -> None:
    scene = await opened(stage, stage.gptbots, f"Lena {next(_numbers)}")
    first, second = SAME_ID
    id, begun = secrets.token_hex(12), round(time.time() * 1000)
    answers(stage, scene.id, first, id, create_time=begun)
    await scene.tells(first)
    for after, text in ((0, f" {first}  "), (5, second), (10, first), (0, first), (5, second), (2, first)):
        answers(stage, scene.id, text, id, create_time=begun + after * 1000)
    await marker(stage, scene)
    assert shown(scene, first) == 1
    told = [text for text in scene.texts if second in text or first in text]
    assert told == [first, *(f"Correction:\n{text}" for text in (second, first))]
    message = await scene.told("Correction:", second)
    assert message.username == "AI agent"


async def test_earlier_words_that_come_late_are_shown_as_such(stage: Stage) -> None:
    scene = await opened(stage, stage.gptbots, f"Lena {next(_numbers)}")
    first, second = SAME_ID
    id, begun = secrets.token_hex(12), round(time.time() * 1000)
    answers(stage, scene.id, second, id, create_time=begun)
    await scene.tells(second)
    for _ in range(2):
        answers(stage, scene.id, first, id, create_time=begun - 60_000)
    await marker(stage, scene)
    assert [text for text in scene.texts if first in text] == [f"Earlier words, received late:\n{first}"]


async def test_our_own_reply_told_again_is_no_correction(stage: Stage) -> None:
    lena = await waiting(stage, stage.gptbots, f"Lena {next(_numbers)}")
    agent = await _agents_thread(stage, lena)
    await lena.marked(lena.writes("It will arrive tomorrow"), SENT)
    await stage.gptbots.settled()
    (echo,) = [one for one in stage.gptbots.conversations[lena.talk].messages if one.role == "agent"]
    for text in ("It will arrive tomorrow", "It will arrive tomorrow, *promised*"):
        answers(stage, lena.talk, text, echo.id)
    await marker(stage, agent)
    assert not any("It will arrive" in text for text in agent.texts)


async def _agents_thread(stage: Stage, scene: Scene) -> Scene:
    """The thread of the Agent's conversation, from which the session of `scene` was handed over."""
    return await thread_of(stage, scene.talk, stage.gptbots)
