"""Vendors whose clock is not ours: an end counts, a new request alerts, and one wrong date blocks nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bridge.sandbox.stage import Stage
from tests.bridge.scene import HELD, Scene, waiting
from tests.handoffs.retold import by_customer, earlier_than, tells
from tests.handoffs.ways import MINA, alerted, aside, has, named, state

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'
#: seconds that the vendor's clock is ahead
OFF = [2, 8, 20, 60, 240, -5, -30, -120]
VENDORS = ["ada", "moveo"]  # at GPTBots a handoff is a conversation of its own: nothing follows its end


@pytest.fixture(autouse=True)
def right_again(stage: Stage) -> Iterator[None]:
    yield
    for vendor in stage.vendors:
        vendor.ahead = 0.0


def handed_back(scene: Scene) -> None:
    scene.vendor.end_handoff(scene.id)  # type: ignore[union-attr]


async def ended(scene: Scene, number: int = 1) -> None:
    """The vendor's end counts: the alert says so, and no reply goes out under the old state."""
    name = scene.vendor.name
    words = "handed back to the AI agent" if name == "ada" else "the conversation ended"
    await alerted(scene, words, number=number)
    await scene.stands("the AI agent has" if name == "ada" else "closed")
    reply, _ = await scene.held(f"too late {number}")
    await scene.marked(reply, HELD)
    assert f"too late {number}" not in scene.sent


@pytest.mark.parametrize("name", VENDORS)
@pytest.mark.parametrize("ahead", OFF)
async def test_a_handoff_ends_and_the_customer_asks_again(stage: Stage, name: str, ahead: int) -> None:
    vendor = named(stage, name)
    vendor.ahead = float(ahead)
    scene = await waiting(stage, vendor)
    handed_back(scene)
    await ended(scene)
    scene.says("I want a human")
    await alerted(scene, "waits for a human", number=2)
    await has(scene, "The customer waits")
    handed_back(scene)
    await ended(scene, 2)


@pytest.mark.parametrize(("name", "ahead"), [("ada", 60), ("ada", -30), ("ada", -120), ("moveo", 60)])
async def test_the_clock_is_set_while_a_human_has_it(stage: Stage, name: str, ahead: int) -> None:
    vendor = named(stage, name)
    scene = await waiting(stage, vendor)
    scene.writes("!claim")
    await scene.stands("Mina Park has")
    vendor.ahead = float(ahead)
    handed_back(scene)
    await ended(scene)
    vendor.ahead = 0.0
    scene.says("I want a human")
    await alerted(scene, "waits for a human", number=2)


@pytest.mark.parametrize("ahead", [60, -30])
async def test_a_session_times_out(stage: Stage, ahead: int) -> None:
    stage.gptbots.ahead = float(ahead)
    scene = await waiting(stage, stage.gptbots, "Tom")
    scene.writes("!claim")
    await scene.stands("Mina Park has")
    stage.gptbots.time_out(scene.talk)
    await scene.stands("closed")


@pytest.mark.parametrize("word", ["!bot", "!resolve"])
@pytest.mark.parametrize("ahead", [60, -30])
async def test_what_an_agent_ends_stays_so_and_the_next_request_alerts(
    stage: Stage, word: str, ahead: int
) -> None:
    stage.ada.ahead = float(ahead)
    scene = await waiting(stage)
    scene.writes("!claim")
    await scene.stands("Mina Park has")
    scene.writes(word)
    if word == "!resolve":
        await scene.stands("closed")
        assert state(scene) == "ended"
        return
    await scene.stands("the AI agent has")
    await scene.vendor.settled()
    scene.says("I want a human")
    await alerted(scene, "waits for a human", number=2)
    await has(scene, "The customer waits")


async def test_an_end_that_arrives_after_the_next_request_ends_nothing(stage: Stage) -> None:
    """Ada's clock is behind, and the report of what Mina did is retried."""
    stage.ada.ahead = -30.0
    scene = await waiting(stage)
    scene.writes("!claim")
    await scene.stands("Mina Park has")
    before = len(stage.ada.deliveries)
    stage.ada.lose()
    scene.writes("!bot")
    await scene.stands("the AI agent has")
    await scene.vendor.settled()
    stage.ada.lose(False)
    scene.says("I want a human")
    await alerted(scene, "waits for a human", number=2)
    lost = [one for one in stage.ada.deliveries[before:] if one.kind == "v1.conversation.handoff.ended"]
    await tells(scene, lost[0], {})
    await has(scene, "The customer waits")
    handed_back(scene)
    await ended(scene, 2)


# ── one wrong date ───────────────────────────────────────────────────────────────────────────────

HOUR = 3600.0


async def test_a_date_an_hour_ahead_blocks_no_end_and_no_start(stage: Stage) -> None:
    scene = await waiting(stage)
    stage.ada.ahead = HOUR
    handed_back(scene)
    stage.ada.ahead = 0.0
    await ended(scene)
    scene.says("I want a human")
    await alerted(scene, "waits for a human", number=2)
    handed_back(scene)
    await ended(scene, 2)


async def test_a_message_that_is_dated_ahead_blocks_nothing(stage: Stage) -> None:
    scene = await waiting(stage)
    said = by_customer(scene)
    later = earlier_than(said.payload["timestamp"], -HOUR)
    await tells(scene, said, {"message_id": "ahead", "body": "from the future", "timestamp": later})
    await scene.shows("from the future")
    scene.writes("!claim")
    await scene.stands("Mina Park has")
    handed_back(scene)
    await ended(scene)


async def test_a_member_who_joins_dated_ahead_blocks_no_end(stage: Stage) -> None:
    scene = await waiting(stage, stage.moveo)
    stage.moveo.ahead = 120.0
    stage.moveo.member_joins(scene.id)
    stage.moveo.ahead = 0.0
    await scene.stands("Sarah Johnson has")
    handed_back(scene)
    await scene.stands("closed")


# ── one line for one act ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("delay", [0.0, 0.7], ids=["after the answer", "before it"])
@pytest.mark.parametrize(
    ("name", "path", "word", "line"),
    [
        ("ada", "*/end-handoff/", "!bot", "Mina Park handed the conversation back to the AI agent."),
        ("ada", "*/end/", "!resolve", "Mina Park resolved the conversation."),
        ("moveo", "*/conversation/close", "!resolve", "Mina Park resolved the conversation."),
    ],
)
async def test_the_thread_has_one_line_for_what_was_done(
    stage: Stage, name: str, path: str, word: str, line: str, delay: float
) -> None:
    scene = await waiting(stage, named(stage, name))
    if delay:
        scene.vendor.faults.next(path, delay=delay)
    scene.writes(word)
    await scene.tells(line)
    await scene.vendor.settled()
    scene.writes("!who")
    await aside(scene, MINA, " has this conversation" if word == "!bot" else "This conversation is closed")
    ends = [text for text in scene.texts if "is over" in text or "was ended" in text]
    assert ends == []
    assert scene.texts.count(line) == 1


async def test_what_another_ended_at_the_vendor_has_its_own_line(stage: Stage) -> None:
    scene = await waiting(stage, stage.moveo)
    fault = stage.moveo.faults.next("*/conversation/close", status=429, retry_after=1, times=100)
    scene.writes("!resolve")
    await scene.until(lambda: fault.met, "a try")
    handed_back(scene)  # by Sarah, at Moveo's desk
    await scene.tells("The conversation was ended by Sarah Johnson")


async def test_an_end_after_an_act_that_was_refused_is_shown(stage: Stage) -> None:
    scene = await waiting(stage)
    stage.ada.faults.next("*/end-handoff/", status=400)
    scene.writes("!bot")
    await aside(scene, MINA, "You wanted to hand back, which was not done")
    handed_back(scene)
    await scene.tells("The handoff is over")
