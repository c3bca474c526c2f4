"""`bridge forget` beside a bridge that runs, on either database: all of one customer goes, and no more."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import shlex
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select

from bridge import forget as command
from bridge.__main__ import _parser
from bridge.config import load
from bridge.errors import ConfigError
from bridge.registry import adapters
from bridge.sandbox.stage import AnyVendor, Stage
from bridge.store import retention
from bridge.store.reading import open_beside
from bridge.store.sealed import VARIABLE
from bridge.store.tables import conversation
from tests.bridge.scene import SENT, Scene, later, thread_of, waiting
from tests.crash.test_files import Vendor
from tests.privacy.dump import dump

KEY = bytes(range(32)).hex()
ALERTED = 'reply_mode = "live"\nalert_channel = "C0ALERTS"'
WORDS = "marmalade for breakfast"
REPLY = "persimmon it is"


@pytest.fixture
async def stage(database_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    """With a bridge that runs."""
    shared = database_url if database_url.startswith("postgres") else None
    async with Stage(tmp_path, channel_rate=0, database_url=shared) as stage:
        if shared:
            await stage.run("migrate")
        await stage.serve()
        yield stage


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[Stage]:
    """With a bridge on SQLite."""
    async with Stage(
        tmp_path, channel_rate=0, route='reply_mode = "live"\nalert_channel = "C0ALERTS"'
    ) as stage:
        await stage.serve()
        yield stage


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAUSE", 0.0)
    monkeypatch.setattr(retention, "BATCH", 7)


async def forget(stage: Stage, arguments: str) -> tuple[int, str, str]:
    """The command's exit code, and what it prints where; in this process, for processes start slowly."""
    asked = _parser().parse_args(["forget", *shlex.split(arguments)])
    config = load(stage.config, stage.environ, adapters())
    url = config.database_url.get_secret_value() if config.database_url else None
    database = await open_beside(config.store.path, url, stage.environ)
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = await command.run(config, database, asked)
    finally:
        await database.close()
    return code, out.getvalue(), err.getvalue()


async def forgotten(stage: Stage, arguments: str) -> dict[str, Any]:
    code, out, err = await forget(stage, f"{arguments} --yes --json")
    assert code in (command.DONE, command.STANDS), err
    return dict(json.loads(out))


def where(stage: Stage) -> str:
    return stage.environ.get("DATABASE_URL") or f"sqlite:///{stage.folder}/bridge.sqlite3"


async def talked(stage: Stage, vendor: AnyVendor, name: str) -> Scene:
    """A customer with whom somebody has talked."""
    scene = await waiting(stage, vendor, name)
    scene.says(f"{WORDS} says {name}")
    reply = scene.writes(f"{REPLY}, {name}")
    await scene.marked(reply, SENT)
    scene.locks(reply)
    await scene.carried()
    await scene.tells("A lock was put on a reply after it had gone out")
    await stage.slack.settled()
    return scene


async def quiet(stage: Stage) -> None:
    """Until nothing is under way."""
    for vendor in stage.vendors:
        await vendor.settled()
    await stage.slack.settled()


def traces(found: str, *words: str) -> list[str]:
    return [line[:200] for line in found.splitlines() for word in words if word in line]


@pytest.mark.parametrize("vendor", ["ada", "gptbots", "moveo"])
async def test_nothing_is_left_of_who_is_forgotten_and_all_of_who_is_not(stage: Stage, vendor: str) -> None:
    of: AnyVendor = getattr(stage, vendor)
    nora, kofi = await talked(stage, of, "Nora"), await talked(stage, of, "Kofi")
    theirs = {f"acme-{vendor}/{id}" for id in (nora.id, nora.talk)}
    await quiet(stage)
    before = await dump(where(stage))
    assert traces(before, "Nora")
    told = [await forgotten(stage, f"{one} --even-open") for one in sorted(theirs)]
    found = [one["conversation"] for found in told for one in found["found"]]
    assert set(found) == theirs
    assert all(one["wiped"] for one in told)

    ids = (nora.id, nora.talk, nora.card.ts)
    after = await dump(where(stage))
    assert traces(after, "Nora", *ids) == []
    assert traces(after, f"{REPLY}, Kofi")
    assert traces(after, kofi.id)
    reply = kofi.writes("and goodbye")  # and their lanes go on
    await kofi.marked(reply, SENT)


async def test_the_same_with_a_key(tmp_path: Path) -> None:
    async with Stage(tmp_path, channel_rate=0) as stage:
        stage.environ[VARIABLE] = KEY
        await stage.serve()
        scene, other = await talked(stage, stage.ada, "Nora"), await talked(stage, stage.ada, "Kofi")
        told = await forgotten(stage, f"{stage.ada.conversations[scene.id].end_user_id} --even-open")
        assert (told["deleted"]["conversations"], await count(stage)) == (1, 1)
        assert traces(await dump(where(stage)), scene.id) == []
        assert traces(await dump(where(stage)), other.id)


async def count(stage: Stage) -> int:
    """How many conversations of customers there are."""
    real = select(func.count()).select_from(conversation).where(conversation.c.source.not_like("@%"))
    database = await open_beside(stage.folder / "bridge.sqlite3", None, stage.environ)
    try:
        return await database.run(lambda connection: int(connection.execute(real).scalar_one()))
    finally:
        await database.close()


# ── found ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_customer_is_found_by_what_the_vendor_knows_of_them(alone: Stage) -> None:
    nora, kofi = await talked(alone, alone.ada, "Nora"), await talked(alone, alone.ada, "Kofi")
    customer = alone.ada.conversations[nora.id].end_user_id
    for asked in (customer, f"{customer} --source acme-ada", nora.id, f"acme-ada/{nora.id}"):
        code, out, err = await forget(alone, f"{asked} --json")
        assert code == command.NOTHING, err
        assert [one["conversation"] for one in json.loads(out)["found"]] == [f"acme-ada/{nora.id}"]
    assert (await forget(alone, f"{customer} --source acme-moveo"))[0] == command.NOTHING
    code, out, err = await forget(alone, customer)
    assert code == command.NOTHING  # it is open, and nobody agreed
    assert "--even-open" in err
    for told in (WORDS, REPLY, "Nora"):
        assert told not in out + err
    assert "in Slack: " in out
    assert await count(alone) == 2

    code, out, err = await forget(alone, f"{customer} --even-open --yes")
    assert code == command.DONE, err
    assert "deleted: 1 conversation, " in out
    assert "docs.ada.cx" in out
    assert traces(await dump(where(alone)), nora.id, customer, "Nora") == []
    assert traces(await dump(where(alone)), kofi.id)


async def test_who_is_not_known_is_not_found(alone: Stage) -> None:
    code, out, err = await forget(alone, "nobody@example.com --yes")
    assert (code, out) == (command.NOTHING, "")
    assert "no conversation" in err
    code, out, _ = await forget(alone, "acme-ada/nothing --yes --json")
    assert (code, json.loads(out)) == (command.NOTHING, {"found": []})
    with pytest.raises(ConfigError, match=r"no source 'acme-zendesk'\. It is one of: acme-ada, "):
        await forget(alone, "nobody@example.com --source acme-zendesk")


async def test_nothing_happens_unless_somebody_agrees(alone: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = await talked(alone, alone.ada, "Nora")
    code, _, err = await forget(alone, f"{scene.id} --even-open")
    assert code == command.NOTHING
    assert "--yes" in err
    code, out, _ = await forget(alone, f"{scene.id} --even-open --json")
    assert (code, len(json.loads(out)["found"])) == (command.NOTHING, 1)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for answer, becomes in (("", command.NOTHING), ("n", command.NOTHING), ("y", command.DONE)):
        monkeypatch.setattr("builtins.input", lambda _prompt, answer=answer: answer)
        assert await count(alone) == 1
        assert (await forget(alone, f"{scene.id} --even-open"))[0] == becomes
    assert await count(alone) == 0


# ── afterwards ───────────────────────────────────────────────────────────────────────────────────


async def test_a_webhook_that_comes_again_brings_nobody_back(alone: Stage) -> None:
    scene = await talked(alone, alone.ada, "Nora")
    await quiet(alone)
    sent = [one for one in alone.ada.deliveries if one.conversation_id == scene.id]
    await forgotten(alone, f"{scene.id} --even-open")
    for one in sent:
        alone.ada.replay(one)
    await quiet(alone)
    assert await count(alone) == 0
    assert traces(await dump(where(alone)), scene.id, "Nora") == []


async def test_who_writes_again_is_a_new_customer(alone: Stage) -> None:
    scene = await talked(alone, alone.ada, "Nora")
    await forgotten(alone, f"{scene.id} --even-open --slack")
    scene.says("hello once more")
    again = await thread_of(alone, scene.id)
    assert again.card.ts != scene.card.ts
    await again.tells("hello once more")
    assert not any(WORDS in text for text in again.texts)
    assert await count(alone) == 1


async def test_slack_is_told_that_it_is_not_ours_any_more(alone: Stage) -> None:
    scene = await talked(alone, alone.ada, "Nora")
    await forgotten(alone, f"{scene.id} --even-open")
    scene.writes("are you still there?")
    await quiet(alone)
    assert traces(await dump(where(alone)), "are you still there?") == []


# ── in Slack ─────────────────────────────────────────────────────────────────────────────────────


async def test_what_stays_in_slack_is_said_before_and_afterwards(alone: Stage) -> None:
    """No later run finds it: what was forgotten has no thread any more."""
    scene = await talked(alone, alone.ada, "Nora")
    warning = "without --slack, this stays in Slack (3 threads), and the bridge cannot delete it later"
    code, out, _ = await forget(alone, f"{scene.id} --even-open")
    assert (code, warning in out) == (command.NOTHING, True)
    code, out, _ = await forget(alone, f"{scene.id} --even-open --yes")
    assert (code, scene.card.ts in out) == (command.DONE, True)
    assert "Slack still shows 3 threads, named above. The bridge cannot delete any of it now" in out
    code, _, err = await forget(alone, f"{scene.id} --even-open --yes --slack")
    assert (code, "no conversation" in err) == (command.NOTHING, True)


async def test_what_is_ours_goes_from_slack_and_the_rest_is_listed(alone: Stage) -> None:
    nora, kofi = await talked(alone, alone.ada, "Nora"), await talked(alone, alone.ada, "Kofi")
    kept = len(kofi.thread)
    await quiet(alone)
    told = await forgotten(alone, f"{nora.id} --even-open --slack")
    stands = [
        message
        for channel in alone.slack.state.channels.values()
        for message in channel.messages.values()
        if "Nora" in f"{message.text} {message.blocks} {message.attachments}" and message.user != "U0MINA"
    ]
    assert stands == []
    assert told["slack"]["messages"] > 5
    left = [one["where"] for one in told["slack"]["left"]]
    written = [one for one in nora.card.replies if one.user == "U0MINA"]
    assert len(left) == len(written) > 0
    assert all(any(one.ts.replace(".", "") in link for link in left) for one in written)
    assert len(kofi.thread) == kept
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{alone.bridge_url}/readyz")).status_code == 200


async def test_files_that_we_uploaded_go_too_and_those_of_people_do_not(alone: Stage) -> None:
    vendor = Vendor(alone)
    await vendor.sends_a_file()
    scene = await thread_of(alone, "c1")
    await scene.until(lambda: any(one.files for one in scene.thread), "the file in the thread")
    scene.writes("", files=[("mine.pdf", b"%PDF-1.7")])
    await quiet(alone)

    async def is_known() -> bool:  # what an event told of her is kept once it is carried
        return bool(json.loads((await forget(alone, "lena --json"))[1])["found"])

    await later(is_known, "the customer in the store")
    told = await forgotten(alone, "lena --even-open --slack")
    assert told["slack"]["files"] == 1
    assert [one.name for one in alone.slack.state.files.values() if one.complete] == ["mine.pdf"]
    assert [one["why"] for one in told["slack"]["left"]] == ["somebody else wrote it"]
    assert alone.slack.calls.count("files.delete") == 1


async def test_what_slack_refuses_is_listed(alone: Stage) -> None:
    scene = await talked(alone, alone.ada, "Nora")
    await quiet(alone)
    alone.slack.faults.next("chat.delete", ok_error="cant_delete_message")
    code, out, err = await forget(alone, f"{scene.id} --even-open --slack --yes")
    assert code == command.STANDS, err
    assert "(Slack answers cant_delete_message)" in out
    assert await count(alone) == 0


async def test_a_workspace_that_does_not_let_us_in_stops_it_before_anything_is_lost(alone: Stage) -> None:
    scene = await talked(alone, alone.ada, "Nora")
    await quiet(alone)
    alone.slack.faults.token_error = "token_revoked"
    with pytest.raises(ConfigError, match="token_revoked"):
        await forget(alone, f"{scene.id} --even-open --slack --yes")
    assert await count(alone) == 1


@pytest.mark.crash
async def test_as_an_operator_runs_it(stage: Stage) -> None:
    scene = await talked(stage, stage.moveo, "Nora")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "forget", scene.id, "--even-open", "--config", str(stage.config)),
        "--yes",
        env=stage.environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == command.DONE, out.decode()
    assert f"acme-moveo/{scene.id}: " in out.decode()
    assert "moveo.ai/privacy-policy" in out.decode()
    assert traces(await dump(where(stage)), scene.id, "Nora") == []
