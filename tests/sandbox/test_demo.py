"""`bridge demo` and its tour, as a process; and the tour before bridges that fail, which it has to see."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import os
import re
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from bridge.sandbox import tour
from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage

PATIENCE = 40.0  # of a tour, for what comes
IMPATIENCE = 3.0  # of the step that is to fail: for what never comes

Step = Callable[[tour.Trip], Awaitable[str | None]]


async def bridge(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bridge",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    printed, _ = await process.communicate()
    return process.returncode, printed.decode()


# ── the tour ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.crash
async def test_the_tour_sees_everything() -> None:
    code, printed = await ended(await bridge("demo", "--check"))

    assert code == 0, printed
    steps = re.findall(r"^ok  ([\w ]+): (.+) \(\d+\.\d s\)$", printed, re.MULTILINE)
    assert len(steps) == len(printed.splitlines())
    told = {name: " / ".join(step for who, step in steps if who == name) for name, _ in steps}
    assert list(told) == ["the bridge", "Ada", "GPTBots", "Moveo"]
    assert "killed" in told["the bridge"]
    for vendor in ("Ada", "GPTBots", "Moveo"):
        for step in (
            "under its card",
            "can be read",
            "401",
            "shown once",
            "is held",
            "the alert is in the thread and in both channels",
            "a reminder",
            "@support-leads",
            "two claim at once",
            "a note and another's reply stayed in",
            "!bot",
            "Resolve asks first",
            "!reopen",
            "every alert is in its final state",
        ):
            assert step in told[vendor]
    assert "the owner's reply reached the customer" in told["Ada"]
    assert "the owner's reply reached the customer" in told["GPTBots"]
    assert "the owner's reply was recorded" in told["Moveo"]
    assert "!bot hands it back" in told["Ada"]
    assert "!bot is refused" in told["Moveo"]
    assert "!reopen opens it again" in told["Moveo"]
    assert "!reopen is refused" in told["Ada"]
    assert "the link" in told["Ada"]
    assert "both branches" in told["GPTBots"]
    assert "the carousel" in told["Moveo"]
    assert "the answer is in the thread" in told["Ada"]
    assert "the answer is in the thread" in told["GPTBots"]


def wrong_key(stage: Stage) -> None:
    stage.environ["ACME_ADA_API_KEY"] = "wrong"


def slack_refuses(stage: Stage) -> None:
    stage.slack.faults.next("chat.postMessage", ok_error="not_in_channel", times=10_000)


def no_signature_is_right(stage: Stage) -> None:
    stage.environ["ACME_ADA_WEBHOOK_SECRET"] = "whsec_" + "A" * 32


def marks_are_lost(stage: Stage) -> None:
    stage.slack.faults.next("reactions.add", ok_error="no_permission", times=10_000)


def cards_stand_still(stage: Stage) -> None:
    stage.slack.faults.next("chat.update", ok_error="cant_update_message", times=10_000)


def slack_shows_everything_twice(stage: Stage) -> None:
    """As with a bridge that posts again what it has posted."""
    state = stage.slack.state
    post = state.post

    def twice(message: Message) -> Message:
        if message.is_reply:
            post(dataclasses.replace(message, ts=state.next_ts()))
        return post(message)

    state.post = twice


def nothing_is_whispered(stage: Stage) -> None:
    stage.slack.faults.next("chat.postEphemeral", ok_error="user_not_in_channel", times=10_000)


def reminders_are_lost(stage: Stage) -> None:
    stage.config.write_text(stage.config.read_text().replace('remind_after = ["1s"]', ""))


def losers_are_not_told(stage: Stage) -> None:
    told = lambda call: "has this conversation" in str(call)
    stage.slack.faults.next("chat.postEphemeral", ok_error="user_not_in_channel", times=10_000, when=told)


def _hurried(step: Step) -> Step:
    @functools.wraps(step)
    async def hurried(trip: tour.Trip) -> str | None:
        trip.seen.patience = IMPATIENCE
        return await step(trip)

    return hurried


@pytest.mark.parametrize(
    ("breaks", "step"),
    [
        (wrong_key, "agent replies"),
        (slack_refuses, "opens"),
        (no_signature_is_right, "opens"),
        (marks_are_lost, "held"),
        (cards_stand_still, "asks for a human"),
        (reminders_are_lost, "reminded"),
        (losers_are_not_told, "claimed by two"),
        (nothing_is_whispered, "held"),
        (slack_shows_everything_twice, "repeated"),
    ],
)
async def test_a_broken_way_fails_at_its_step(
    tmp_path: Path, breaks: Callable[[Stage], None], step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    name = step.replace(" ", "_")
    steps = [_hurried(one) if one.__name__ == name else one for one in tour.STEPS]
    monkeypatch.setattr(tour, "STEPS", steps)
    async with Stage(tmp_path, channel_rate=0, route=tour.ROUTE) as stage:
        breaks(stage)
        seen = tour.Seen(stage, PATIENCE)
        seen.bridge = await stage.serve()

        assert not await tour.travel(tour.Trip(seen, stage.ada, 1000), told.append)

    assert f"FAILED  Ada: {step}" in told
    assert any(line.lstrip().startswith("expected: ") for line in told)
    assert any(line.lstrip().startswith("seen: ") for line in told)


@pytest.mark.crash
async def test_a_bridge_that_repeats_itself_after_a_kill_is_seen(tmp_path: Path) -> None:
    """Slack loses the metadata, so the bridge cannot find what it had posted."""
    async with Stage(tmp_path, channel_rate=0) as stage:
        state = stage.slack.state
        post = state.post
        state.post = lambda message: post(dataclasses.replace(message, metadata=None))
        seen = tour.Seen(stage, PATIENCE)
        seen.bridge = await stage.serve()

        with pytest.raises(tour.Unseen, match="everything once"):
            await tour.killed([tour.Trip(seen, stage.ada, 1000)])


async def test_a_bridge_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    told: list[str] = []
    async with Stage(tmp_path, extra_config="no_such_key = 1") as stage:
        assert not await tour.take(stage, told.append, patience=PATIENCE)

    assert told[0] == "FAILED  the bridge: start"
    assert "no_such_key" in "\n".join(told)


async def test_a_bridge_that_dies_on_the_way_is_told_at_once(tmp_path: Path) -> None:
    told: list[str] = []
    async with Stage(tmp_path, channel_rate=0) as stage:
        seen = tour.Seen(stage, 600.0)
        seen.bridge = await stage.serve()
        await seen.bridge.kill()

        assert not await tour.travel(tour.Trip(seen, stage.moveo, 1000), told.append)

    assert told[0] == "FAILED  Moveo: opens"
    assert "the bridge's process ended" in told[-1]


# ── the demo ─────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def playing() -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A demo on a port of its own, and its page's address."""
    process = await bridge("demo", "--port", "0")
    assert process.stdout is not None
    try:
        url = None
        while url is None:
            line = (await process.stdout.readline()).decode()
            assert line, "the demo ended before it said where its page is"
            url = re.search(r"http://127\.0\.0\.1:\d+", line)
        yield process, url[0]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()]


async def test_the_demo_has_a_page_with_a_thread_of_each_vendor_and_ends_when_told() -> None:
    async with httpx.AsyncClient(trust_env=False) as http, playing() as (process, url):
        http.base_url = url
        assert "<title>Slack Handoff Bridge" in (await http.get("/")).text
        assert (await http.get("/app.js")).headers["content-type"].startswith("text/javascript")
        while True:
            channels = (await http.get("/state")).json()["slack"]["channels"]
            cards = [one["text"] for channel in channels for one in channel["messages"] if "thread_ts" in one]
            if all(any(f"acme-{vendor}" in card for card in cards) for vendor in ("ada", "gptbots", "moveo")):
                break
            await asyncio.sleep(0.05)
        process.send_signal(signal.SIGINT)
        code, printed = await ended(process)

        assert code == 0, printed
        with pytest.raises(httpx.ConnectError):
            await http.get("/")


async def test_a_running_demo_can_be_asked_with_what_it_prints() -> None:
    async def ask(command: str) -> tuple[int | None, str]:
        environ = {"PATH": os.environ["PATH"], "DATABASE_URL": "postgres://elsewhere"}
        return await ended(
            await asyncio.create_subprocess_shell(
                command, env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
            )
        )

    async with httpx.AsyncClient(trust_env=False) as http, playing() as (process, url):
        assert process.stdout is not None
        printed = ""
        while "Ctrl-C" not in printed:
            printed += (await process.stdout.readline()).decode()
        asked = re.search(r"^ +(\. (\S+); .+ doctor)$", printed, re.MULTILINE)
        assert asked, printed
        assert mode(Path(asked[2])) == 0o600

        code, told = await ask(asked[1])
        assert (code, "SLACK_BOT_TOKEN: Slack knows it as" in told) == (0, True), told
        ada = (await http.get(f"{url}/state")).json()["vendors"][0]
        nora = f"acme-ada/{ada['conversations'][0]['id']}"
        trace = asked[1].removesuffix("doctor") + f"trace {nora}"
        async with asyncio.timeout(60):
            while (answer := await ask(trace))[0] != 0:  # until her webhook is here
                await asyncio.sleep(0.1)
        assert f"{nora}, ada: control is bot" in answer[1]


@pytest.mark.crash
@pytest.mark.skipif(sys.platform != "linux", reason="who a process' children are is asked of /proc")
async def test_a_bridge_that_dies_ends_the_demo() -> None:
    async with playing() as (process, _):
        [child] = children(process.pid)
        os.kill(child, signal.SIGKILL)
        code, printed = await ended(process)

    assert code == 1
    assert "The bridge ended with -9" in printed
    assert "Slack knows us as" in printed  # its log


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, printed = await ended(await bridge("demo", "--port", str(port)))

    assert code == 2
    assert re.fullmatch(rf"bridge: --port: port {port} cannot be had: .+\n", printed)
