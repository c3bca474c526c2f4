"""Killed with SIGKILL in the middle of an act: what was acknowledged is done, and once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bridge.sandbox.stage import Stage
from tests.bridge.scene import Scene, buttons, waiting
from tests.handoffs.ways import (
    JO,
    MINA,
    Way,
    alerted,
    and_sends,
    aside,
    asides,
    in_channel,
    in_thread,
    named,
    on_the_card,
    on_the_channels_alert,
    state,
)
from tests.stores import migrate

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'
LATE = 5.0  # seconds that the other side takes to answer: time to kill in


@pytest.fixture
async def stage(tmp_path: Path, database_url: str) -> AsyncIterator[Stage]:
    url = None if database_url.startswith("sqlite") else database_url
    async with Stage(tmp_path, channel_rate=0, database_url=url, route=ROUTE) as stage:
        if url:
            await migrate(url)
        yield stage


@dataclass(frozen=True)
class Wanted:
    """An act of Mina's at a vendor: the word for it, and what then is to be seen."""

    vendor: str
    word: str
    told: str
    stands: str
    alert: str
    path: str = ""  # of the vendor's call
    then: str = "handoff"  # who has it there


AMONG_US = (
    Wanted("ada", "!claim", "claimed the conversation.", "Mina Park has", "is talking with Mina Park"),
    Wanted("gptbots", f"!transfer <@{JO}>", "gave the conversation to Jo.", "Jo has", "is talking with Jo"),
    Wanted(
        "moveo", "!resolve", "resolved the conversation.", "closed", "the conversation ended", then="ended"
    ),
)
AT_THE_VENDOR = (
    Wanted(
        "ada",
        "!bot",
        "handed the conversation back to the AI agent.",
        "the AI agent has",
        "handed back to the AI agent",
        "*/end-handoff/",
        "bot",
    ),
    Wanted(
        "gptbots",
        "!bot",
        "handed the conversation back to the AI agent.",
        "closed",
        "the conversation ended",
        "*/human/close",
        "bot",
    ),
    Wanted(
        "moveo",
        "!resolve",
        "resolved the conversation.",
        "closed",
        "the conversation ended",
        "*/conversation/close",
        "ended",
    ),
)


async def scenes(stage: Stage, wanted: tuple[Wanted, ...]) -> list[tuple[Scene, Wanted]]:
    """A customer who waits, for each."""
    found = []
    for one in wanted:
        scene = await waiting(stage, named(stage, one.vendor))
        await alerted(scene, "waits for a human")
        found.append((scene, one))
    return found


async def done_once(scene: Scene, wanted: Wanted) -> None:
    told = f"Mina Park {wanted.told}"
    await scene.tells(told)
    await scene.stands(wanted.stands)
    await alerted(scene, wanted.alert)
    assert scene.texts.count(told) == 1
    assert state(scene) == wanted.then


async def test_as_soon_as_slack_was_answered(stage: Stage) -> None:
    """Before the bridge has heard from Slack who it is that wants it."""
    bridge = await stage.serve()
    found = await scenes(stage, AMONG_US)
    stage.slack.faults.next("users.info", delay=LATE, times=3)
    for scene, wanted in found:
        scene.writes(wanted.word)
    await stage.slack.settled()
    await bridge.kill()
    assert not any("Mina Park" in text for scene, _ in found for text in scene.texts)
    await stage.serve()
    for scene, wanted in found:
        await done_once(scene, wanted)
    await aside(found[1][0], JO, "gave you this conversation")
    assert len(asides(stage, JO)) == 1
    assert asides(stage, MINA) == []


async def test_as_soon_as_a_press_was_answered(stage: Stage) -> None:
    """In the alert channel, on the card and in a modal."""
    bridge = await stage.serve()
    ways: tuple[Way, ...] = (
        on_the_channels_alert("act-claim"),
        and_sends(on_the_card("act-transfer"), {"colleague": JO}),
        and_sends(on_the_card("act-resolve")),
    )
    found = await scenes(stage, AMONG_US)
    (scene, _), (resolved, _) = found[1:]
    scene.writes("!claim")
    await scene.until(lambda: "act-transfer" in buttons(scene.card), "the card's button")
    await resolved.until(lambda: "act-resolve" in buttons(resolved.card), "the card's button")
    for (scene, _), way in zip(found, ways, strict=True):
        await way(scene, MINA)
    await bridge.kill()  # some were done already
    await stage.serve()
    for scene, wanted in found:
        await done_once(scene, wanted)
    assert asides(stage, MINA) == []


async def test_when_the_vendor_had_done_it_and_nobody_knew(stage: Stage) -> None:
    bridge = await stage.serve()
    found = await scenes(stage, AT_THE_VENDOR)
    for scene, wanted in found:
        scene.vendor.faults.next(wanted.path, delay=LATE)
        scene.writes(wanted.word)
    ended = lambda: all(state(scene) == wanted.then for scene, wanted in found)
    await found[0][0].until(ended, "the end at all vendors")
    await bridge.kill()
    await stage.serve()
    for scene, wanted in found:
        await done_once(scene, wanted)
        await alerted(scene, "Ended: ", "by Mina Park after")
        assert "act-claim" not in [*buttons(in_thread(scene)[0]), *buttons(in_channel(scene)[0])]
    assert asides(stage, MINA) == []
