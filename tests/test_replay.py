"""`bridge replay`: every recorded payload is taken for genuine; again, it is known or new as it is asked."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge import replay
from bridge.__main__ import _parser
from bridge.adapter import Received, Replays
from bridge.config import load
from bridge.errors import ConfigError
from bridge.registry import adapters
from bridge.sandbox.stage import Stage
from tests.bridge.scene import counted, thread_of
from tests.vendors import EVERY, FIXTURES, body_of, make, names

AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ALL = [(vendor, name) for vendor in EVERY for name in names(vendor)]
fixtures = pytest.mark.parametrize(("vendor", "name"), ALL)


def received(vendor: str, body: bytes, at: datetime = AT, *, fresh: bool) -> Received:
    """What the source makes of a payload that is replayed."""
    adapter = make(vendor)
    assert isinstance(adapter, Replays)
    return make(vendor).receive(adapter.replay(body, at, fresh=fresh))  # type: ignore[no-any-return]


@fixtures
def test_every_payload_is_taken_for_genuine_and_new(vendor: str, name: str) -> None:
    body = body_of(vendor, name)
    one, two = (
        received(vendor, body, fresh=True),
        received(vendor, body, AT + timedelta(seconds=11), fresh=True),
    )
    read = make(vendor).preview(make(vendor).replay(body, AT, fresh=True), f"acme-{vendor}")
    assert [event.kind for event in one.events] == [event.kind for event in read.events]
    assert one.kept == two.kept
    has_time = vendor == "ada" or {"timestamp", "create_time", "created"} & json.loads(body).keys()
    if one.kept and has_time:
        assert one.key != two.key
        assert not {event.id for event in one.events} & {event.id for event in two.events}
    assert {event.conversation for event in one.events} == {event.conversation for event in two.events}


@pytest.mark.parametrize(
    ("vendor", "name"), [one for one in ALL if one[0] != "moveo" and not one[1].startswith("start")]
)
def test_the_same_again_is_the_same_webhook(vendor: str, name: str) -> None:
    body = body_of(vendor, name)
    bots = json.loads(body).get("bot_id")
    adapter = make(vendor, bot_ids=(bots,)) if bots else make(vendor)
    one = adapter.receive(adapter.replay(body, AT, fresh=False))
    two = adapter.receive(adapter.replay(body, AT + timedelta(days=1), fresh=False))
    assert one.key == two.key
    assert [event.id for event in one.events] == [event.id for event in two.events]


def asked(stage: Stage, vendor: str, name: str, *more: str) -> argparse.Namespace:
    fixture = str(FIXTURES / vendor / f"{name}.json")
    return _parser().parse_args(
        ["replay", fixture, "--source", f"acme-{vendor}", "--url", stage.bridge_url, *more]
    )


async def test_it_is_shown_by_a_bridge_and_again_is_a_duplicate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Stage(tmp_path, channel_rate=0) as stage:
        await stage.serve()
        config = load(stage.config, stage.environ, adapters())
        said = json.loads(body_of("ada", "message"))["data"]
        for _ in range(2):
            assert await replay.run(config, asked(stage, "ada", "message")) == 0
        out = capsys.readouterr().out
        assert out.startswith("200 in ")
        assert f"bridge trace acme-ada/{said['conversation_id']}" in out
        scene = await thread_of(stage, said["conversation_id"])
        await scene.until(lambda: scene.texts.count(said["content"]["body"]) == 2, "the message, twice")
        for _ in range(2):
            assert await replay.run(config, asked(stage, "ada", "message", "--again")) == 0
        assert await counted(stage, 'bridge_webhooks_total{result="duplicate",source="acme-ada"}') == 1
        for vendor, name in (
            ("ada", "start"),
            ("gptbots", "establish"),
            ("gptbots", "messages-v2"),
            ("moveo", "send"),
        ):
            assert await replay.run(config, asked(stage, vendor, name)) == 0, (vendor, name)
        assert await replay.run(config, asked(stage, "moveo", "send", "--again")) == 1  # it is too old
        out = capsys.readouterr().out
        assert "401" in out
        assert not any(value in out for name, value in stage.environ.items() if name.startswith("ACME_"))
        await scene.until(lambda: scene.texts.count(said["content"]["body"]) == 3, "the message, thrice")


async def test_what_cannot_be_sent_says_why(tmp_path: Path) -> None:
    async with Stage(tmp_path, channel_rate=0) as stage:
        config = load(stage.config, stage.environ, adapters())
        broken = tmp_path / "broken.json"
        broken.write_text("{")
        for wanted, problem in (
            (["x.json", "--source", "acme-ada"], "cannot be read"),
            ([str(broken), "--source", "acme-moveo"], "the body is not JSON"),
            ([str(broken), "--source", "acme-zendesk"], "no source 'acme-zendesk'. It is one of: acme-ada, "),
            ([str(FIXTURES / "ada" / "message.json"), "--source", "acme-ada"], "gives no answer"),
        ):
            with pytest.raises(ConfigError, match=problem):
                await replay.run(config, _parser().parse_args(["replay", *wanted, "--url", stage.bridge_url]))


def test_the_source_has_to_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parser().parse_args(["replay", "x.json"])
    told: Any = capsys.readouterr().err
    assert "--source" in told
