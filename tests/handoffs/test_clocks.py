"""Clocks that run: each rings once, in its order and where it belongs, and not after somebody came."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.sandbox.seen import words
from bridge.sandbox.slack import Message
from bridge.sandbox.slack.pings import Pings
from bridge.sandbox.stage import Stage
from tests.bridge.running import in_process
from tests.bridge.scene import SENT, Scene, waiting
from tests.handoffs.ops import ALERTS, LEADS, alerts, link, told
from tests.handoffs.ways import JO, named, state

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUTE = f'reply_mode = "confirm"\nalert_channel = "{ALERTS}"'
#: before the first the alert has to stand; the others leave time to do something
INSTEAD = {
    'channel = "C0VIP"': f"""\
channel = "C0VIP"
remind_after = ["2500ms", "6s"]
escalate_after = "4s"
escalate_channel = "{LEADS}"
escalate_to = "S0LEADS"
""",
    'channel = "C0SUPPORT"': """\
channel = "C0SUPPORT"
remind_after = ["2500ms"]
escalate_after = "2600ms"
escalate_to = "U0LEE"
""",
}

WAITED = "has waited"
NOBODY_CLAIMED = "and nobody has claimed the conversation"


def reminders(alert: Message) -> list[Message]:
    return [one for one in alert.replies if WAITED in words(one) and NOBODY_CLAIMED not in words(one)]


def escalations(alert: Message) -> list[Message]:
    return [one for one in alert.replies if NOBODY_CLAIMED in words(one)]


async def rung(scene: Scene, alert: Message) -> None:
    """Wait until a reminder and the escalation stand below an alert, once each."""
    await scene.until(lambda: reminders(alert) and escalations(alert), "a reminder and the escalation")
    assert (len(reminders(alert)), len(escalations(alert))) == (1, 1)


# ── they ring ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.usefixtures("bridge")
async def test_two_reminders_and_an_escalation_between_them(stage: Stage) -> None:
    scene = await waiting(stage, stage.moveo)
    _, above = await alerts(scene, "waits for a human")
    await scene.until(lambda: len(reminders(above)) == 2, "two reminders")
    (escalated,) = told(stage, LEADS)
    first, second = above.replies
    assert float(first.ts) < float(escalated.ts) < float(second.ts)

    for one in (first, second, escalated):
        assert "Source: acme-moveo" in words(one) and "Waiting since: " in one.text
    for one in (first, second):
        assert one.broadcast and not one.pings
    assert NOBODY_CLAIMED in words(escalated)
    assert escalated.pings == Pings(groups=frozenset({"S0LEADS"}))
    assert link(scene) in words(escalated)  # *Open thread*: it is another channel

    await scene.presses(above, "act-claim")
    await alerts(scene, "is talking with Mina Park")
    assert (len(above.replies), len(told(stage, LEADS))) == (2, 1)
    assert not [one for one in scene.texts if WAITED in one]


@pytest.mark.usefixtures("bridge")
async def test_without_a_channel_of_its_own_an_escalation_is_below_the_alert(stage: Stage) -> None:
    scene = await waiting(stage)
    _, above = await alerts(scene, "waits for a human")
    await rung(scene, above)
    (escalated,) = escalations(above)
    assert escalated.broadcast
    assert escalated.pings == Pings(users=frozenset({"U0LEE"}))


# ── they are stopped ─────────────────────────────────────────────────────────────────────────────


def wrote(text: str) -> Callable[[Scene], object]:
    return lambda scene: scene.writes(text)


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize(
    ("name", "stop", "said"),
    [
        ("ada", wrote("!claim"), "is talking with Mina Park"),
        ("ada", wrote(f"!transfer <@{JO}>"), "is talking with Jo"),
        ("ada", wrote("Hello, I am Mina"), "is talking with Mina Park"),
        ("ada", wrote("!bot"), "handed back"),
        ("ada", wrote("!resolve"), "the conversation ended"),
        ("ada", lambda scene: scene.vendor.end(scene.talk), "the conversation ended"),
        ("gptbots", lambda scene: scene.stage.gptbots.time_out(scene.talk), "the handoff expired"),
    ],
    ids=["claimed", "transferred", "answered", "handed back", "resolved", "ended", "expired"],
)
async def test_nobody_is_reminded_after(
    stage: Stage, name: str, stop: Callable[[Scene], object], said: str
) -> None:
    scene = await waiting(stage, named(stage, name))
    _, above = await alerts(scene, "waits for a human")
    stop(scene)
    await alerts(scene, said)
    before = list(above.replies)  # none, unless it took us longer than the clock
    another = await waiting(stage)
    _, its = await alerts(another, "waits for a human")
    await rung(another, its)  # it began later, and the other's would have rung before
    assert above.replies == before


@pytest.mark.usefixtures("bridge")
@pytest.mark.parametrize("again", ["released", "another handoff"])
async def test_a_new_wait_has_its_clocks_anew(stage: Stage, again: str) -> None:
    scene = await waiting(stage)
    _, first = await alerts(scene, "waits for a human")
    await rung(scene, first)
    if again == "released":
        scene.writes("!claim")
        await alerts(scene, "is talking with Mina Park")
        scene.writes("!release")
        await scene.until(lambda: len(escalations(first)) == 2, "the escalation of the second wait")
        assert (len(reminders(first)), len(escalations(first))) == (2, 2)
    else:
        scene.writes("!bot")
        await alerts(scene, "handed back", "by Mina Park")
        scene.says("No, a person please")
        _, second = await alerts(scene, "waits for a human", number=2)
        await rung(scene, second)
        assert len(first.replies) == 2


# ── business hours ───────────────────────────────────────────────────────────────────────────────


async def test_outside_of_business_hours_nobody_is_reminded(tmp_path: Path) -> None:
    """They open the day after tomorrow, and the alert says so. Another route's team is there."""
    async with Stage(tmp_path, channel_rate=0, route=ROUTE) as stage:
        opens = datetime.now(UTC) + timedelta(days=2)
        clocks = 'remind_after = ["2500ms"]\nescalate_after = "2600ms"\nescalate_to = "U0LEE"\n'
        closed = f'hours = ["{opens:%a} 10:00-11:00"]\ntime_zone = "UTC"\n'
        text = stage.config.read_text()
        text = text.replace('channel = "C0VIP"\n', f'channel = "C0VIP"\n{clocks}')
        text = text.replace('channel = "C0SUPPORT"\n', f'channel = "C0SUPPORT"\n{clocks}{closed}')
        stage.config.write_text(text)
        await stage.serve()
        scene = await waiting(stage)
        both = await alerts(scene, "waits for a human", "Business hours begin: ")
        for one in both:
            assert f"{opens:%Y-%m-%d} 10:00 UTC" in one.text
        another = await waiting(stage, stage.moveo)
        _, its = await alerts(another, "waits for a human")
        await rung(another, its)
        assert "Business hours" not in words(its)
        assert both[1].replies == []
        assert not [one for one in scene.texts if WAITED in one]


# ── the greeting ─────────────────────────────────────────────────────────────────────────────────

GREETING = "Somebody will be with you in a moment."
TOLD = "The customer was told that somebody will come."
WAIT = 6.0  # seconds, instead of GPTBots' 60


def greeted(folder: Path, line: str) -> Stage:
    stage = Stage(folder, channel_rate=0, route=f"{ROUTE}\n{line}")
    stage.gptbots.wait = WAIT
    text = stage.config.read_text()
    stage.config.write_text(text.replace('vendor = "gptbots"\n', f'vendor = "gptbots"\nwait = {WAIT}\n'))
    return stage


async def test_whoever_gets_no_answer_is_greeted_in_time_and_gptbots_waits_on(tmp_path: Path) -> None:
    async with greeted(tmp_path, f'greeting = "{GREETING}"') as stage, in_process(stage):
        silent, had = await waiting(stage, stage.gptbots), await waiting(stage, stage.gptbots, "Tom")
        had.writes("!claim")  # but says nothing
        answered = await waiting(stage, stage.gptbots, "Kim")
        by_mina = answered.writes("Hello Kim")
        gone = await waiting(stage, stage.gptbots, "Bo")
        gone.writes("!resolve")
        deadline = stage.gptbots._now() + WAIT + 0.2  # of the last of them
        for scene in (silent, had):
            await scene.tells(TOLD)
            await scene.until(lambda: stage.gptbots._now() > deadline, "the time at which GPTBots gives up")
            assert (state(scene), scene.sent) == ("handoff", [GREETING])
            assert GREETING not in scene.texts  # its echo
        await answered.marked(by_mina, SENT)
        assert (state(answered), answered.sent) == ("handoff", ["Hello Kim"])
        assert (state(gone), gone.sent) == ("bot", [])
        await alerts(had, "is talking with Mina Park")
        # The greeting is no answer: somebody has to come, but there is no deadline any more.
        for one in await alerts(silent, "waits for a human"):
            assert "Answer by" not in words(one)


async def test_without_a_greeting_gptbots_gives_up(tmp_path: Path) -> None:
    async with greeted(tmp_path, "") as stage, in_process(stage):
        scene = await waiting(stage, stage.gptbots)
        await alerts(scene, "waits for a human", "Answer by: ")
        scene.writes("!claim")  # is nothing to the vendor
        await alerts(scene, "Ended: ")
        assert (state(scene), scene.sent) == ("bot", [])
