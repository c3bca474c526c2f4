"""`bridge deadletters` as an operator runs it beside a bridge, and *Retry* on what could not be shown."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bridge.__main__ import main
from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.bridge.scene import FAILED, SENT, Scene, buttons, waiting
from tests.stores import migrate

WORDS = "Hello Lena, your order is on its way"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """With a bridge that runs, on either database."""
    shared = database_url if database_url.startswith("postgres") else None
    async with Stage(tmp_path, channel_rate=0, database_url=shared) as stage:
        if shared:
            await migrate(shared)
        await stage.serve()
        yield stage


async def deadletters(stage: Stage, *arguments: str) -> tuple[int, str, str]:
    """The command's exit code, and what it prints where."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "deadletters", *arguments, "--config", str(stage.config)),
        env=stage.environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def listed(stage: Stage, *arguments: str) -> list[dict[str, Any]]:
    code, out, err = await deadletters(stage, "list", "--json", *arguments)
    assert code == 0, err
    found: list[dict[str, Any]] = json.loads(out)
    return found


async def refused(stage: Stage, text: str = WORDS) -> tuple[Scene, Message]:
    """A reply that Ada does not take."""
    scene = await waiting(stage)
    stage.ada.faults.next(f"*/{scene.id}/messages/*", method="POST", status=400)
    reply = scene.writes(text)
    await scene.marked(reply, FAILED)
    return scene, reply


async def test_a_reply_that_failed_is_found_shown_and_sent_while_the_bridge_runs(stage: Stage) -> None:
    scene, reply = await refused(stage)

    (found,) = await listed(stage)
    id = str(found["id"])
    assert found["conversation"] == f"acme-ada/{scene.id}"
    assert (found["direction"], found["kind"], found["state"]) == ("vendor", "reply", "failed")
    assert (found["attempts"], "400" in found["problem"]) == (1, True)
    assert await listed(stage, "--source", "acme-moveo") == []
    nothing = await deadletters(stage, "list", "--source", "acme-moveo")
    code, out, err = await deadletters(stage, "list", "--source", "acme-adda")
    assert (code, out, "there is no source 'acme-adda'" in err) == (2, "", True)
    assert nothing == (0, "", "bridge: nothing of acme-moveo has failed or is uncertain\n")
    code, out, _ = await deadletters(stage, "list")
    assert (code, len(out.splitlines())) == (0, 2)
    assert all(one in out for one in (id, f"acme-ada/{scene.id}", "vendor", "reply", "failed", "400"))

    code, out, _ = await deadletters(stage, "show", id)
    assert code == 0
    assert all(one in out for one in ("U0MINA", scene.card.channel, scene.card.ts, reply.ts, "400"))
    assert "attempt 1" in out
    assert WORDS not in out
    code, out, _ = await deadletters(stage, "show", id, "--text", "--json")
    told = json.loads(out)
    assert (code, told["payload"]["text"], told["user"]) == (0, WORDS, "U0MINA")
    assert [one["outcome"] for one in told["tried"]] == ["failed"]

    code, out, _ = await deadletters(stage, "retry", id)
    assert (code, out) == (0, f"{id}: queued again, was failed\n")
    await scene.marked(reply, SENT)
    assert scene.sent == [WORDS]
    assert await listed(stage) == []

    code, out, err = await deadletters(stage, "retry", id, "999")
    assert (code, out) == (1, "")
    assert f"{id}: is sent, neither failed nor uncertain" in err
    assert "999: there is no such delivery" in err


async def test_what_is_dropped_is_not_sent_any_more(stage: Stage) -> None:
    scene, reply = await refused(stage)
    notice = await scene.told("A reply was not sent to the customer")
    (found,) = await listed(stage)
    code, out, _ = await deadletters(stage, "drop", str(found["id"]), "--json")
    assert code == 0
    assert json.loads(out) == [{"id": found["id"], "was": "failed", "became": "dropped"}]
    assert await listed(stage) == []
    await scene.presses(notice, "retry")
    await scene.whispered("U0MINA", "There is nothing to decide here any more.")
    await scene.carried()
    assert WORDS not in scene.sent
    assert list(reply.reactions) == [FAILED]


async def test_what_a_file_was_called_is_not_told_either(stage: Stage) -> None:
    scene = await waiting(stage)
    stage.ada.faults.next("*/attachments/*", method="POST", status=400)
    reply = scene.writes("", files=[("lena-passport.pdf", b"%PDF-1.7")])
    await scene.marked(reply, FAILED)
    (found,) = await listed(stage)
    assert "lena-passport" not in json.dumps(found)
    for arguments in (["list"], ["show", str(found["id"])]):
        assert "lena-passport" not in (await deadletters(stage, *arguments))[1]
    assert "lena-passport" in (await deadletters(stage, "show", str(found["id"]), "--text"))[1]


async def test_what_could_not_be_shown_is_shown_by_retry_in_slack(stage: Stage) -> None:
    scene = await waiting(stage)
    scene.fault(ok_error="some_new_refusal")
    scene.says("Is anybody there?")
    notice = await scene.told("A message of this conversation could not be shown here", "Slack refused it")
    assert buttons(notice) == ["retry"]
    (found,) = await listed(stage)
    assert (found["direction"], found["kind"]) == ("slack", "event")
    await scene.presses(notice, "retry", "U0JO")
    await scene.shows("Is anybody there?")
    assert await listed(stage) == []
    await scene.presses(notice, "retry", "U0JO")
    await scene.whispered("U0JO", "There is nothing to decide here any more.")
    assert scene.texts.count("Is anybody there?") == 1


async def test_what_is_queued_again_while_no_bridge_runs_is_sent_by_the_next(tmp_path: Path) -> None:
    async with Stage(tmp_path, channel_rate=0) as stage:
        code, out, err = await deadletters(stage, "list")
        assert (code, out) == (2, "")
        assert "there is no store here yet" in err

        bridge = await stage.serve()
        scene, reply = await refused(stage)
        await bridge.terminate()
        (found,) = await listed(stage)
        assert (await deadletters(stage, "retry", str(found["id"])))[0] == 0
        await stage.serve()
        await scene.marked(reply, SENT)
        assert scene.sent == [WORDS]


@pytest.mark.parametrize(
    "arguments", ["show 0", "show 99999999999999999999", "retry", "drop x", "list --limit -1"]
)
def test_what_is_no_command_says_so(arguments: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["deadletters", *arguments.split()])
    assert ended.value.code == 2
    assert "usage: bridge deadletters" in capsys.readouterr().err
