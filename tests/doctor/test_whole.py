"""`bridge doctor` where nothing is wrong: it says so, and what nobody can tell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bridge.doctor import SUBJECTS
from bridge.sandbox.stage import Stage
from bridge.store.sealed import VARIABLE
from tests.doctor.bench import Bench

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_whole_configuration_is_in_order(bench: Bench) -> None:
    code, findings = await bench.findings()

    assert code == 0
    assert list(dict.fromkeys(one["subject"] for one in findings)) == [*SUBJECTS, "clock"]
    assert {one["standing"] for one in findings} == {"ok", "unknown"}
    unknown = [one["what"] for one in findings if one["standing"] == "unknown"]
    assert len(unknown) == 3, unknown
    assert any("which events Slack sends" in one for one in unknown)
    assert any("whether the Handoff flow calls us" in one for one in unknown)
    assert any("Moveo has no call that tells" in one for one in unknown)


async def test_the_routing_table_is_shown(bench: Bench) -> None:
    bench.write(
        "[[routes]]",
        '[[routes]]\nmatch = { source = "acme-ada", language = ["de", "fr"] }\nchannel = "C0VIP"\n'
        'reply_mode = "notes_only"\nmirror = "handoff"\nalert_channel = "C0ALERTS"\n\n'
        '[[routes]]\nmatch = { source = "acme-ada", vendor = "moveo" }\nchannel = "C0VIP"\n\n[[routes]]',
    )
    _, printed = await bench.ask("--json")
    _, shown = await bench.ask()

    told = json.loads(printed)
    first, second, *_, last = told["routes"]
    assert first == {
        "route": 0,
        "match": {"source": ["acme-ada"], "language": ["de", "fr"]},
        "sources": ["acme-ada"],
        "workspace": "slack",
        "channel": "C0VIP",
        "fallback_channel": None,
        "alert_channel": "C0ALERTS",
        "escalate_channel": None,
        "escalate_to": None,
        "reply_mode": "notes_only",
        "mirror": "handoff",
    }
    assert (second["sources"], last["match"], len(last["sources"])) == ([], {}, 3)
    rows = [one for one in told["findings"] if one["subject"] == "routes"]
    assert [one["standing"] for one in rows[:2]] == ["ok", "warning"]
    assert (
        "  ok       routes.0: source acme-ada, language de or fr -> C0VIP, reply_mode notes_only, "
        "mirror handoff, alert_channel C0ALERTS\n"
    ) in shown
    assert f"  ok       routes.{last['route']}: all else -> " in shown


async def test_a_store_that_a_bridge_serves_is_no_fault(bench: Bench) -> None:
    _, findings = await bench.findings()

    (found,) = (one for one in findings if one["subject"] == "database")
    assert found["standing"] == "ok"
    assert "a bridge has it open, as it should" in found["what"]


async def test_a_key_that_no_bridge_was_started_with_says_what_comes_first(bench: Bench) -> None:
    bench.environ[VARIABLE] = "ab" * 32

    code, findings = await bench.findings()

    (found,) = (one for one in findings if one["where"] == VARIABLE)
    assert (code, found["standing"]) == (0, "ok")
    assert found["what"].endswith("restart the bridge with it, then run `bridge encrypt`")


async def test_it_is_told_for_people_too(bench: Bench) -> None:
    code, printed = await bench.ask()

    assert code == 0
    lines = printed.splitlines()
    assert lines[0] == "configuration"
    assert "  ok       3 sources, 2 routes" in lines
    assert "           -> Compare the app's App Manifest with what `bridge manifest` prints" in lines
    assert lines[-1].endswith(" ok, 3 unknown")


async def test_nothing_is_left_behind_at_slack_or_a_vendor(bench: Bench) -> None:
    before = {name: len(one.messages) for name, one in bench.stage.slack.state.channels.items()}

    await bench.ask()

    assert {name: len(one.messages) for name, one in bench.stage.slack.state.channels.items()} == before
    assert not any(vendor.conversations for vendor in bench.stage.vendors)


async def test_several_signing_secrets_are_each_tried(bench: Bench) -> None:
    bench.environ["SLACK_SIGNING_SECRET"] += "," + "0" * 32

    code, findings = await bench.findings()

    tried = [one["standing"] for one in findings if one["where"].endswith("/slack/events")]
    assert (code, tried) == (1, ["ok", "wrong"])


async def test_before_the_start_nobody_asks_the_bridge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a release phase: the first version has none that runs."""
    async with Stage(tmp_path / "stage", channel_rate=0) as stage:
        bench = Bench(stage, tmp_path, monkeypatch, stage.config.read_text(), dict(stage.environ))

        code, findings = await bench.findings("--before-start")
        probed = len(stage.gptbots.deliveries)
        late, _ = await bench.findings()

    assert (code, probed, late) == (0, 0, 1)
    assert [one["what"] for one in findings if one["subject"] == "address"] == [
        "not asked, since the bridge does not run yet"
    ]


async def test_socket_mode_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Stage(tmp_path / "stage", channel_rate=0, socket_mode=True) as stage:
        bench = Bench(stage, tmp_path, monkeypatch, stage.config.read_text(), dict(stage.environ))

        code, findings = await bench.findings("--before-start")

    assert code == 0
    (found,) = (one for one in findings if one["where"] == "SLACK_APP_TOKEN")
    assert found["what"] == "Socket Mode: Slack lets us open a connection"


async def test_what_is_wrong_is_told_for_people_too(bench: Bench) -> None:
    bench.write('"C0VIP"', '"C0NOWHERE"')

    code, printed = await bench.ask()

    assert code == 1
    assert (
        "  wrong    C0NOWHERE (routes.0.channel): Slack answers channel_not_found\n"
        "           -> Check the id; if the channel is private, invite the app: /invite @<the app>\n"
    ) in printed
    assert " ok, 1 wrong, 3 unknown" in printed


async def test_what_cannot_be_read_is_told_alone(bench: Bench) -> None:
    bench.write("handoff_label", "handof_label")

    code, printed = await bench.ask()

    assert code == 2
    assert printed.splitlines() == [
        "configuration",
        "  wrong    sources.acme-ada.handof_label: unknown key",
        "           -> Did you mean 'handoff_label'?",
        "",
        "1 wrong",
    ]
