"""Log lines: one id follows a message from the webhook to Slack and back, and nobody's words are in any."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge import logs
from bridge.sandbox.stage import Stage
from tests.bridge.scene import SENT, waiting

WORDS = ("Where is my parcel, Brunhilde", "Hello Lena, your parcel is in Potsdam")


async def logged(stage: Stage) -> str:
    """What a bridge at the debug level says of a message from the customer, and an agent's reply."""
    process = await stage.spawn("serve", {"BRIDGE_LOG": "json"}, "--log-level", "debug")
    await stage.until_ready(process)
    scene = await waiting(stage)
    scene.says(WORDS[0])
    await scene.shows(WORDS[0])
    reply = scene.writes(WORDS[1])
    await scene.marked(reply, SENT)
    assert scene.sent == [WORDS[1]]
    await process.terminate()
    return process.log.read_text()


async def test_one_id_follows_a_message_both_ways_and_no_words_do(tmp_path: Path) -> None:
    async with Stage(tmp_path, channel_rate=0) as stage:
        said = await logged(stage)
        lines: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines()]
        assert all({"at", "level", "logger", "message"} <= line.keys() for line in lines)

        messages = [one for talk in stage.ada.conversations.values() for one in talk.messages]
        (asked,) = (one for one in messages if one.text == WORDS[0])
        (thread_message,) = (one for one in in_threads(stage) if one.text == WORDS[0])
        followed = [line for line in lines if line.get("id") == f"message:{asked.id}"]
        assert [line["outcome"] for line in followed] == ["kept", "sent"]
        webhook, shown = followed
        assert webhook["source"] == "acme-ada"
        assert webhook["conversation"] == shown["conversation"]
        assert (shown["direction"], shown["ref"]) == ("slack", thread_message.ts)
        assert isinstance(shown["delivery"], int)

        (sent,) = (line for line in lines if line.get("direction") == "vendor" and line["kind"] == "reply")
        back = [line for line in lines if line.get("id") == sent["id"]]
        assert [line["outcome"] for line in back] == ["queued", "sent"]
        assert sent["ref"]
        assert back[0]["slack"].startswith("Ev")
        marks = [line for line in lines if str(line.get("id", "")).startswith(f"mark:{sent['delivery']}:")]
        assert [line["outcome"] for line in marks] == ["sent"]

        secrets = {value for name, value in stage.environ.items() if name.startswith(("SLACK_", "ACME_"))}
        assert len(secrets) >= 4
        for unsaid in (*WORDS, "I want a human", "Lena", "Brunhilde", "Mina", *secrets):
            assert unsaid not in said


def in_threads(stage: Stage) -> list[Any]:
    """What stands in Slack's threads."""
    found: list[Any] = []
    for channel in stage.slack.state.channels.values():
        for card in channel.messages.values():
            found += card.replies
    return found


@pytest.fixture
def record() -> Iterator[logging.LogRecord]:
    said = "Brunhilde wrote this"
    try:
        raise ValueError(said)
    except ValueError:
        found = logging.LogRecord(
            "bridge.web", logging.ERROR, __file__, 1, "it failed: %s", (7,), sys.exc_info()
        )
    found.fields = {"outcome": "failed"}
    yield found


def test_an_error_is_told_without_its_words(record: logging.LogRecord) -> None:
    with logs.about(id="message:1", delivery=4, source=None):
        told = json.loads(logs.Json().format(record))
        line = logs.Pretty().format(record)
    assert {name: told[name] for name in ("id", "delivery", "outcome", "level", "logger", "message")} == {
        "id": "message:1",
        "delivery": 4,
        "outcome": "failed",
        "level": "error",
        "logger": "bridge.web",
        "message": "it failed: 7",
    }
    assert "source" not in told
    assert told["error"].startswith("ValueError\n")
    assert "test_logs.py" in told["error"]
    assert line.splitlines()[0].endswith("ERROR bridge.web: it failed: 7 [message:1]")
    assert "Brunhilde" not in json.dumps(told) + line


def test_what_is_about_something_ends_with_it(record: logging.LogRecord) -> None:
    with logs.about(id="outer", delivery=1), logs.about(id="inner"):
        told = json.loads(logs.Json().format(record))
        assert (told["id"], told["delivery"]) == ("inner", 1)
    assert "id" not in json.loads(logs.Json().format(record))


@pytest.mark.parametrize(
    ("given", "environ", "format"),
    [
        (None, {}, "pretty"),
        (None, {"BRIDGE_LOG": " JSON "}, "json"),
        ("pretty", {"BRIDGE_LOG": "json"}, "pretty"),
        ("json", {}, "json"),
        (None, {"BRIDGE_LOG": "yaml"}, "pretty"),
    ],
)
def test_which_format(given: str | None, environ: dict[str, str], format: str) -> None:
    assert logs.format_of(given, environ) == format


def test_the_command_logs_as_it_is_told(tmp_path: Path) -> None:
    program = "import logging, bridge.logs as l; l.setup('info', 'json'); logging.getLogger('x').info('y')"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert json.loads(ran.stderr)["message"] == "y"
    assert ran.stdout == ""


def test_the_parser_of_markdown_writes_no_line_at_the_debug_level() -> None:
    """It would write the text with it, a paragraph a line."""
    code = (
        "from bridge import logs; logs.setup('debug', 'pretty')\n"
        "from bridge.render.markdown import markdown; markdown('Hello **Brunhilde**\\n\\n- a\\n- b')\n"
        "import logging; logging.getLogger('bridge').debug('of ours')\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "DEBUG bridge: of ours" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
