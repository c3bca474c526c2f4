"""Every recorded payload, and payloads nobody has recorded yet: what Slack would be sent is always valid."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.errors import ConfigError
from bridge.preview import preview
from bridge.registry import adapters
from tests.render.slack_rules import check

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*/*.json"))
GOLDEN = Path(__file__).parent / "golden" / "payloads"
AT = datetime(2026, 5, 4, 9, 16, tzinfo=UTC)
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=200),
    st.sampled_from(
        ["<!channel>", "<@U0MINA>", "*x*", "```", "| a | b |\n|--|--|", "https://x.y/" + "a" * 4000]
    ),
    st.text(alphabet="ab \n`*|", min_size=3000, max_size=5000),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)


@pytest.mark.parametrize("fixture", FIXTURES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_is_recorded_is_shown_validly(fixture: Path) -> None:
    shown = preview(fixture, None, adapters(), at=AT)
    for one in shown:
        check(one.card)
        for message in one.messages:
            check(message)
    golden = GOLDEN / fixture.parent.name / fixture.name
    now = json.dumps([one.payload() for one in shown], indent=1, ensure_ascii=False) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(now)
    # A difference that is meant is accepted with UPDATE_GOLDEN=1, and read as a diff.
    assert now == golden.read_text()


def test_no_golden_is_left_behind() -> None:
    kept = {path.relative_to(GOLDEN) for path in GOLDEN.glob("*/*.json")}
    assert kept == {Path(path.parent.name, path.name) for path in FIXTURES}


def places(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of everything in a JSON value."""
    inner: list[tuple[Any, ...]] = [here] if here else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        inner += places(one, (*here, key))
    return inner


def put(value: Any, path: tuple[Any, ...], new: Any) -> None:
    for key in path[:-1]:
        value = value[key]
    value[path[-1]] = new


@given(data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_nobody_recorded_is_shown_validly(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    fixture = data.draw(st.sampled_from(FIXTURES))
    body = json.loads(fixture.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        found = places(body)
        if found:
            put(body, data.draw(st.sampled_from(found)), data.draw(ODD))
    changed = tmp_path_factory.mktemp("fuzzed") / "changed.json"
    changed.write_text(json.dumps(body))
    try:
        shown = preview(changed, fixture.parent.name, adapters(), at=AT)
    except ConfigError as refused:  # refused with a 4xx: what is no handoff, and no time of ours
        assert re.search("names no conversation|too old or too new|bot_id is not one", str(refused))
        return
    for one in shown:
        check(one.card)
        for message in one.messages:
            check(message)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bridge", "render", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_prints_the_payload() -> None:
    done = run(str(Path(__file__).parent / "fixtures" / "ada" / "message.json"))
    assert done.returncode == 0
    (one,) = json.loads(done.stdout)
    assert one["event"] == "message"
    assert "I need help with my order" in json.dumps(one["messages"][0][0]["blocks"])


async def test_the_command_shows_it_on_the_page() -> None:
    fixture = str(Path(__file__).parent / "fixtures" / "moveo" / "brain-send-every-type.json")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "render", fixture, "--open", "--port", "0"),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "BROWSER": "true"},  # a browser that does nothing
    )
    assert process.stdout is not None
    url = None
    async with asyncio.timeout(60):
        while url is None:
            line = (await process.stdout.readline()).decode()
            assert line, "it ended"
            assert "Slack refuses" not in line
            url = next(iter(re.findall(r"It is shown at (\S+)", line)), None)
    async with httpx.AsyncClient(trust_env=False) as http:
        state = (await http.get(f"{url}/state")).json()
    (messages,) = [one["messages"] for one in state["slack"]["channels"] if one["id"] == "C0SUPPORT"]
    process.terminate()
    assert await process.wait() == 0
    assert "carousel" in json.dumps(messages)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: [str(folder / "none.json")], "is no vendor"),
        (lambda folder: [str(folder / "none.json"), "--vendor", "ada"], "cannot be read: No such file"),
        (lambda folder: [str(folder / "odd.json"), "--vendor", "moveo"], "the body is not JSON"),
    ],
)
def test_the_command_says_what_is_wrong(make: Callable[[Path], list[str]], says: str, tmp_path: Path) -> None:
    (tmp_path / "odd.json").write_text("{")
    done = run(*make(tmp_path))
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
