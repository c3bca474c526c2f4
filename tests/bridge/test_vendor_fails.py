"""A vendor's API in all its moods: a reply arrives once, or its author is told that it did not."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.scene import FAILED, SENT, UNCERTAIN, WAITING, Scene, waiting

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONFIG = {"[engine.to_vendor]": 'give_up_after = "5s"'}
BUSY = {"errors": [{"type": "internal_error", "message": "Something broke", "details": None}]}


@pytest.fixture(autouse=True)
def mended(stage: Stage) -> None:
    for vendor in stage.vendors:
        vendor.faults.clear()


def marks(scene: Scene, message: Message) -> list[str]:
    """Every mark that `message` was given, in order, also those that were taken away again."""
    calls = scene.stage.slack.calls.of("reactions.add")
    given = [call.args for call in calls if call.error is None]  # and not one that it had already
    return [args["name"] for args in given if args["timestamp"] == message.ts]


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "retry_after": 1},
        {"status": 429},
        {"status": 500, "body": BUSY},
        {"status": 500, "html": True, "times": 2},
        {"status": 502, "html": True},
        {"status": 502, "html": True, "accepted": True},
        {"status": 503, "times": 2},
        {"status": 504, "html": True, "accepted": True},
        {"status": 200, "html": True},
        {"status": 200, "html": True, "accepted": True},
        {"reset": True},
        {"drop": True},
    ],
    ids=str,
)
async def test_a_reply_waits_is_marked_so_and_arrives_once(stage: Stage, fault: dict[str, Any]) -> None:
    scene = await waiting(stage)
    stage.ada.faults.next(f"*/{scene.id}/messages/", method="POST", **fault)
    first, second = scene.writes("Hello Lena"), scene.writes("How can I help?")
    await scene.marked(second, SENT)
    await scene.marked(first, SENT)
    assert scene.sent == ["Hello Lena", "How can I help?"]
    assert marks(scene, first) == [WAITING, SENT]
    assert marks(scene, second) == [SENT]


@pytest.mark.usefixtures("bridge")
async def test_where_the_vendor_cannot_be_asked_just_now_it_is_asked_later(stage: Stage) -> None:
    scene = await waiting(stage)
    stage.ada.faults.next(f"*/{scene.id}/messages/", method="POST", reset=True)
    stage.ada.faults.next(f"*/{scene.id}/messages/", method="GET", status=502, html=True)
    await scene.marked(scene.writes("Hello Lena"), SENT)
    assert scene.sent == ["Hello Lena"]


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize(
    "fault",
    [
        {"status": 429, "retry_after": 1},
        {"status": 503},
        {"status": 200, "body": {"code": 50000, "message": "internal error"}},
        {"status": 200, "body": {"code": 40001, "message": "too many requests"}},
    ],
    ids=str,
)
async def test_gptbots_is_asked_again_where_it_says_that_it_has_not_taken_it(
    stage: Stage, fault: dict[str, Any]
) -> None:
    scene = await waiting(stage, stage.gptbots, "Tom")
    stage.gptbots.faults.next("*/human/message/receive", **fault)
    await scene.marked(scene.writes("Hello Tom"), SENT)
    assert scene.sent == ["Hello Tom"]


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize("fault", [{"reset": True}, {"status": 504, "html": True}], ids=str)
async def test_where_nobody_can_say_whether_it_arrived_the_author_is_asked(
    stage: Stage, fault: dict[str, Any]
) -> None:
    scene = await waiting(stage, stage.moveo, "Kim")
    stage.moveo.faults.next(f"*/{scene.id}/messages/agent", **fault)
    reply = scene.writes("Hello Kim")
    await scene.marked(reply, UNCERTAIN)
    await scene.tells("Nobody knows whether this reply arrived", "Moveo")
    await scene.carried("the lane goes on")
    assert marks(scene, reply) == [WAITING, UNCERTAIN]


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize("name", ["ada", "gptbots", "moveo"])
async def test_a_key_that_is_not_taken_is_named(stage: Stage, name: str) -> None:
    vendor = {"ada": stage.ada, "gptbots": stage.gptbots, "moveo": stage.moveo}[name]
    scene = await waiting(stage, vendor)
    vendor.faults.next("*/messages/*", method="POST", status=401)
    vendor.faults.next("*/human/message/receive", status=401)
    reply = scene.writes("Hello")
    await scene.marked(reply, FAILED)
    await scene.tells("A reply was not sent to the customer", "401", f"Check ACME_{name.upper()}_API_KEY")
    vendor.faults.clear()
    await scene.carried("and now")
    assert len(scene.sent) == 1
    assert marks(scene, reply) == [FAILED]


@pytest.mark.usefixtures("bridge")
async def test_a_vendor_that_stays_away_is_given_up_and_the_lane_goes_on(stage: Stage) -> None:
    scene = await waiting(stage)
    reply = scene.writes("Hello Lena")
    stage.ada.faults.next(f"*/{scene.id}/messages/", method="POST", status=503, times=1000)
    await scene.marked(reply, FAILED)
    await scene.tells("A reply was not sent to the customer", "503", "given up after")
    stage.ada.faults.clear()
    await scene.carried("are you there?")
    assert len(scene.sent) == 1
    assert marks(scene, reply) == [WAITING, FAILED]


@pytest.mark.usefixtures("bridge")
async def test_a_no_after_a_doubt_is_no_answer_to_it(stage: Stage) -> None:
    """Ada took the reply without our hearing of it, and then refused to be asked about it."""
    scene = await waiting(stage)
    stage.ada.faults.next(f"*/{scene.id}/messages/", method="POST", reset=True)
    stage.ada.faults.next(f"*/{scene.id}/messages/", method="GET", status=403)
    reply = scene.writes("Hello Lena")
    await scene.marked(reply, UNCERTAIN)
    await scene.tells("Nobody knows whether this reply arrived", "Look in the vendor's console")
    assert scene.sent == ["Hello Lena"]

    stage.ada.faults.next(f"*/{scene.id}/messages/", method="GET", status=403)
    doubts = lambda: [text for text in scene.texts if "Nobody knows whether this reply arrived" in text]
    await scene.presses(await scene.told("Nobody knows whether this reply arrived"), "retry")
    await scene.until(lambda: len(doubts()) == 2, "the same once more")
    assert scene.sent == ["Hello Lena"]
