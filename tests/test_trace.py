"""`bridge trace` as an operator runs it beside a bridge: both ways, on either database, and each why not."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge import trace as command
from bridge.__main__ import _parser
from bridge.config import load
from bridge.errors import ConfigError
from bridge.registry import adapters
from bridge.sandbox.stage import Stage
from bridge.store import trace
from bridge.store.reading import open_reader
from bridge.trace.finding import Spot, find, spot
from tests import signing
from tests.bridge.scene import HELD, SENT, Scene, buttons, later, opened, waiting
from tests.stores import opened as store_opened
from tests.stores import receive, said

WORDS = "Hello Lena, your order is on its way"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """With a bridge that runs, on either database."""
    shared = database_url if database_url.startswith("postgres") else None
    async with Stage(tmp_path, channel_rate=0, database_url=shared) as stage:
        if shared:
            await stage.run("migrate")
        await stage.serve()
        yield stage


@pytest.fixture
async def alone(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    """With a bridge on SQLite whose routes say what the test asks for."""
    async with Stage(tmp_path, channel_rate=0, route=request.param) as stage:
        await stage.serve()
        yield stage


route = pytest.mark.parametrize


async def told(stage: Stage, *arguments: str) -> tuple[int, str, str]:
    """The command's exit code, and what it prints where; in this process, for processes start slowly."""
    asked = _parser().parse_args(["trace", *arguments])
    config = load(stage.config, stage.environ, adapters())
    url = config.database_url.get_secret_value() if config.database_url else None
    reader = await open_reader(config.store.path, url, stage.environ)
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = await command.run(config, reader, asked)
    finally:
        await reader.close()
    return code, out.getvalue(), err.getvalue()


async def printed(stage: Stage, *arguments: str) -> tuple[int, str]:
    """The same of a process of its own, as an operator runs it."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "trace", *arguments, "--config", str(stage.config)),
        env=stage.environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def life(stage: Stage, *arguments: str) -> dict[str, Any]:
    """The one that is found."""
    code, out, err = await told(stage, *arguments, "--json")
    assert code == 0, err
    (found,) = json.loads(out)["lives"]
    return dict(found)


async def deliveries(stage: Stage, *arguments: str) -> list[dict[str, Any]]:
    return [one for one in (await life(stage, *arguments))["life"] if one["what"] == "delivery"]


def link(scene: Scene, ts: str) -> str:
    where = f"https://acme.slack.com/archives/{scene.card.channel}/p{ts.replace('.', '')}"
    return f"{where}?thread_ts={scene.card.ts}&cid={scene.card.channel}"


async def test_a_message_is_followed_both_ways_beside_a_bridge_that_runs(stage: Stage) -> None:
    scene = await waiting(stage)
    reply = scene.writes(WORDS)
    await scene.marked(reply, SENT)
    await scene.carried()

    async def echoed() -> bool:
        whys = [why for one in await deliveries(stage, scene.id) for why in one["why"]]
        return any("not shown: it tells back" in why for why in whys)

    await later(echoed, "the echo that Ada tells")

    whole = await life(stage, scene.id)
    assert whole["conversation"] == f"acme-ada/{scene.id}"
    assert (whole["control"], whole["owner"], whole["route"]["channel"]) == ("human", "U0MINA", "C0SUPPORT")
    happened = whole["life"]
    assert [one["at"] for one in happened] == sorted(one["at"] for one in happened)
    by_number = {one["number"]: one for one in happened if one["what"] == "delivery"}
    asked_for = next(
        one
        for one in happened
        if one["what"] == "webhook"
        and one["events"]
        and one["events"][0]["id"]
        in {
            f"message:{one.id}"
            for one in stage.ada.conversations[scene.id].messages
            if one.text == "I want a human"
        }
    )
    (number,) = asked_for["deliveries"]
    shown = by_number[number]
    assert (shown["direction"], shown["about"]["author"], shown["state"]) == ("slack", "customer", "sent")
    (message,) = [one for one in scene.thread if one.text == "I want a human"]
    assert [(one["channel"], one["ts"], one["rung"]) for one in shown["places"]] == [
        (message.channel, message.ts, 0)
    ]
    assert shown["places"][0]["link"].endswith(
        f"/p{message.ts.replace('.', '')}?thread_ts={scene.card.ts}&cid=C0SUPPORT"
    )
    assert [one["outcome"] for one in shown["attempts"]] == ["sent"]
    assert shown["attempts"][0]["worker"]
    assert 0 <= shown["waited"] <= shown["took"]
    steps = [one["happened"] for one in happened if one["what"] == "handoff"]
    assert set(steps) == {"began", "with a human", "first answer"}

    # in, by each of its names
    for name in (str(number), link(scene, message.ts), message.ts, asked_for["events"][0]["id"]):
        found = await life(stage, name)
        assert found["conversation"] == f"acme-ada/{scene.id}"
        assert next(one["number"] for one in found["life"] if one["what"] == "delivery") == number
        assert asked_for["number"] in [one["number"] for one in found["life"] if one["what"] == "webhook"]
    # and out
    back = await life(stage, link(scene, reply.ts))
    heard, sent, *marks = back["life"]
    assert (heard["source"], heard["by"], heard["deliveries"]) == ("@slack", "U0MINA", [sent["number"]])
    assert (sent["direction"], sent["state"], sent["about"]["user"]) == ("vendor", "sent", "U0MINA")
    assert [one["about"]["state"] for one in marks if one["kind"] == "mark"] == ["sent"]
    (id,) = sent["vendor_ids"]
    assert next(one["number"] for one in await deliveries(stage, id)) == sent["number"]
    release = scene.writes("!release")
    await scene.tells("released the conversation")
    (act, *_) = await deliveries(stage, link(scene, release.ts))
    assert (act["direction"], act["about"]["act"], act["state"]) == ("acts", "release", "sent")

    code, out = await printed(stage, scene.id)
    assert code == 0
    assert WORDS not in out
    assert "I want a human" not in out
    assert "Lena" not in out
    assert "delivery" in out and f"posted in C0SUPPORT as {message.ts}  https://" in out
    assert WORDS in (await told(stage, reply.ts, "--text"))[1]


@route("alone", ['reply_mode = "confirm"'], indirect=True)
async def test_what_was_held_and_who_chose(alone: Stage) -> None:
    scene = await opened(alone)
    reply, question = await scene.held(WORDS)
    (held, *rest) = await deliveries(alone, reply.ts)
    assert held["state"] == "cancelled"
    assert held["why"] == [
        "held, since the AI agent has the conversation; U0MINA was asked, and has not chosen"
    ]
    assert {one["kind"] for one in rest} == {"mark", "question"}
    assert list(reply.reactions) == [HELD]

    await scene.presses(question, next(one for one in buttons(question) if one.endswith("once")))
    await scene.marked(reply, SENT)
    (sent, *_) = await deliveries(alone, reply.ts)
    assert sent["state"] == "sent"
    assert sent["why"] == ["its author chose to send it once", "it was held before it was queued again"]
    tries = sent["attempts"]
    assert [(one["number"], one["outcome"]) for one in tries] == [(1, "kept"), (2, "sent")]
    assert sent["waited"] == held["waited"]  # until it was first taken
    assert "attempt 2 by worker" in (await told(alone, reply.ts))[1]


@route("alone", ['reply_mode = "live"\nmirror = "handoff"\nalert_channel = "C0ALERTS"'], indirect=True)
async def test_a_quiet_channel_and_what_is_said_below_an_alert(alone: Stage) -> None:
    conversation = alone.ada.open("Lena")

    async def quiet() -> list[dict[str, Any]]:
        code, out, _ = await told(alone, conversation.id, "--json")
        lives = json.loads(out)["lives"]
        assert code == 0 or not lives
        return [
            one
            for whole in lives
            for one in whole["life"]
            if one["what"] == "delivery" and one["state"] == "sent"
        ]

    async with asyncio.timeout(60):
        while len(found := await quiet()) < 2:
            await asyncio.sleep(0.1)
    assert {why.partition(":")[0] for one in found for why in one["why"]} == {
        "not shown by itself",
        "it is shown, folded, with the next that is shown",
    }
    alone.ada.say(conversation.id, "I want a human")
    alerts = alone.slack.state.channels["C0ALERTS"].messages
    async with asyncio.timeout(60):
        while not alerts:
            await asyncio.sleep(0.1)
    (alert,) = alerts.values() if isinstance(alerts, dict) else alerts

    async def ours() -> bool:
        return (await told(alone, alert.ts))[0] == 0

    await later(ours, "the bridge knows where its alert stands")
    below = alone.slack.post_as("U0MINA", "C0ALERTS", "who takes it?", thread_ts=alert.ts)
    where = f"https://acme.slack.com/archives/C0ALERTS/p{below.ts.replace('.', '')}?thread_ts={alert.ts}"
    code, out, err = await told(alone, where)
    assert (code, out) == (1, "")
    assert "it stands below an alert: what is said there is for no customer" in err
    assert (await life(alone, alert.ts))["conversation"] == f"acme-ada/{conversation.id}"


@route("alone", ['reply_mode = "live"'], indirect=True)
async def test_what_waits_says_behind_what_and_until_when(alone: Stage) -> None:
    scene = await waiting(alone)
    for _ in range(30):
        scene.fault(status=503)
    scene.says("Is anybody there?", "Hello?")

    async def stuck() -> list[dict[str, Any]]:
        found = [one for one in await deliveries(alone, scene.id) if one["kind"] == "event"]
        return [one for one in found if one["state"] in ("queued", "sending")]

    def rests(found: list[dict[str, Any]]) -> bool:
        """Whether the first was tried, and is not under way now: only what is queued says until when."""
        return len(found) == 2 and found[0]["state"] == "queued" and bool(found[0]["attempts"])

    async with asyncio.timeout(60):
        while not rests(found := await stuck()):
            await asyncio.sleep(0.1)
    head, behind = found
    assert {one["outcome"] for one in head["attempts"]} == {"retry"}
    assert "503" in head["attempts"][0]["problem"]
    assert any(f"waits behind delivery {head['number']} (event)" in why for why in behind["why"])
    assert any("is tried until 20" in why for one in found for why in one["why"])

    (bridge,) = alone._processes
    await bridge.kill()  # what it has not put into the file itself is read all the same
    assert {head["number"], behind["number"]} <= {one["number"] for one in await deliveries(alone, scene.id)}


@route("alone", ['alert_channel = "C0HANDOFFS"\nremind_after = ["1s"]'], indirect=True)
async def test_what_a_clock_queued_is_told_with_it(alone: Stage) -> None:
    scene = await waiting(alone)

    async def reminded() -> bool:
        return any(one["kind"] == "reminder" for one in await deliveries(alone, scene.id))

    await later(reminded, "a reminder")
    (clock, *_) = [one for one in await deliveries(alone, scene.id) if one["kind"] == "clock"]
    found = await deliveries(alone, str(clock["number"]))
    assert [one["kind"] for one in found] == ["clock", "reminder"]


@route("alone", ['reply_mode = "live"'], indirect=True)
async def test_where_the_app_is_no_member_it_says_so(alone: Stage) -> None:
    scene = await waiting(alone)
    for _ in range(30):
        scene.fault(ok_error="not_in_channel")
    scene.says("Is anybody there?")

    async def tried() -> list[dict[str, Any]]:
        return [one for one in await deliveries(alone, scene.id) if len(one["attempts"]) > 1]

    async with asyncio.timeout(60):
        while not (found := await tried()):
            await asyncio.sleep(0.1)
    assert found[0]["state"] in ("queued", "sending")
    assert "not_in_channel" in found[0]["attempts"][0]["problem"]


@route("alone", ['reply_mode = "live"'], indirect=True)
async def test_webhooks_that_are_told_twice_or_lead_nowhere(alone: Stage) -> None:
    scene = await waiting(alone)
    secret, url = alone.environ["ACME_ADA_WEBHOOK_SECRET"], f"{alone.bridge_url}/webhooks/acme-ada"
    first = next(one for one in alone.ada.deliveries if one.kind == "v1.conversation.message")
    unread = json.dumps({"type": "v1.audit_log.emitted", "data": {"user": "a-user-of-ours"}}).encode()
    async with httpx.AsyncClient(trust_env=False) as http:
        for body, id in ((first.body, "msg_again"), (first.body, "msg_again"), (unread, "msg_unread")):
            answer = await http.post(url, content=body, headers=signing.ada(body, secret, id=id))
            assert answer.status_code == 200
    webhooks = [one for one in (await life(alone, scene.id))["life"] if one["what"] == "webhook"]
    (again,) = [one for one in webhooks if one["key"] == "msg_again"]
    assert again["why"] == ["told once more: what it says was here before, and nothing was queued"]
    assert sum(one["deliveries"] == again["deliveries"] for one in webhooks) == 2

    code, out, err = await told(alone, "a-user-of-ours")
    assert code == 0
    assert "no conversation or delivery is known as a-user-of-ours" in err
    assert "msg_unread" in out
    assert "it tells no event of a conversation" in out
    assert "not known to this version: v1.audit_log.emitted" in out


@route("alone", ['reply_mode = "live"'], indirect=True)
async def test_what_is_not_there_says_what_was_looked_for(alone: Stage) -> None:
    scene = await opened(alone)
    code, out, err = await told(alone, "4711")
    assert (code, out) == (1, "")
    for what in ("a delivery with the number 4711", "a conversation that any source calls 4711", "a webhook"):
        assert f"looked for {what}" in err
    with pytest.raises(ConfigError, match=r"no source 'acme-zendesk'\. It is one of: acme-ada, "):
        await told(alone, "4711", "--source", "acme-zendesk")
    shown = next(one for one in await deliveries(alone, scene.id) if one["kind"] == "event")
    for known in (str(shown["number"]), shown["id"]):
        assert (await life(alone, known, "--source", "acme-ada"))["conversation"] == f"acme-ada/{scene.id}"
        code, out, err = await told(alone, known, "--source", "acme-moveo")
        assert (code, out) == (1, "")
        assert f"looked for a conversation that acme-moveo calls {known}" in err
    unknown = scene.stage.slack.post_as("U0MINA", "C0VIP", "hello")
    where = f"https://acme.slack.com/archives/C0VIP/p{unknown.ts.replace('.', '')}"
    assert "no route has led there so far" in (await told(alone, where))[2]
    assert "belongs to no conversation" in (await told(alone, f"{where}?thread_ts=1700000000.000100"))[2]
    missed = link(scene, "1700000000.000100")
    err = (await told(alone, missed))[2]
    assert f"that of conversation acme-ada/{scene.id}" in err
    assert "bridge doctor" in err


async def test_one_id_at_two_sources_and_no_worker(database_url: str) -> None:
    async with store_opened(database_url) as store:
        for source in ("acme-ada", "acme-moveo"):
            await receive(store, said("c1", 1, source=source), key=source)
        shared = database_url if database_url.startswith("postgres") else None
        reader = await open_reader(Path(database_url.removeprefix("sqlite:///")), shared, {})
        try:
            found = await find(reader, "c1", None, 0.0)
            assert found.meant == []
            assert found.why == ["several have it; say which: acme-ada/c1, acme-moveo/c1"]
            one = (await find(reader, "c1", "acme-moveo", 0.0)).meant
            assert one == (await find(reader, "acme-moveo/c1", None, 0.0)).meant
            ((about, only),) = one
            assert only is None
            whole = await reader.run(trace.life, about, 10)
            assert [row.key for row in whole.deliveries] == ["c1:1"]
            assert (await find(reader, str(whole.deliveries[0].id), None, 0.0)).meant == [
                (about, whole.deliveries[0].id)
            ]
            with pytest.raises(Exception, match=r"(?i)read.?only|attempt to write"):
                if shared is None:
                    await reader.run(lambda connection: connection.exec_driver_sql("DELETE FROM inbox"))
                else:
                    raise AssertionError("read only is SQLite's")
        finally:
            await reader.close()


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (
            "https://acme.slack.com/archives/C0SUPPORT/p1700000000000100?thread_ts=1700000000.000001&cid=C0SUPPORT",
            Spot("1700000000.000100", "C0SUPPORT", "1700000000.000001"),
        ),
        (
            "https://acme.slack.com/archives/C0SUPPORT/p1700000000000100",
            Spot("1700000000.000100", "C0SUPPORT"),
        ),
        ("1700000000.000100", Spot("1700000000.000100")),
        ("https://acme.slack.com/archives/C0SUPPORT", None),
        ("acme-ada/archives/C0/p1700000000000100", None),
        ("1700000000", None),
    ],
)
def test_a_place_in_slack(wanted: str, found: Spot | None) -> None:
    assert spot(wanted) == found
