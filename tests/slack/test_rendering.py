"""Rendering beside the event loop, and what is shown where it fails."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from bridge.metrics import REGISTRY
from bridge.model import AnyEvent, Link, Text
from bridge.render import SlackMessage, markdown
from bridge.slack import rendering
from bridge.slack.rendering import LONG, rendered, transcribed
from tests.render.examples import BOT, CUSTOMER, EVENTS, said, view
from tests.render.slack_rules import check


def failures() -> float:
    return REGISTRY.get_sample_value("bridge_render_failures_total") or 0.0


async def test_a_long_text_is_rendered_while_the_loop_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parser waits for the loop here: on the loop's own thread it would wait for ever."""
    ticked = threading.Event()
    threads: list[int] = []

    def slow(words: str) -> Any:
        threads.append(threading.get_ident())
        assert ticked.wait(30)
        return parsed(words)

    parsed = markdown._parsed
    monkeypatch.setattr(markdown, "_parsed", slow)
    words = "long " * LONG
    showing = asyncio.create_task(rendered(said(BOT, Text(text=words)), view(), len(words)))
    while not threads:
        await asyncio.sleep(0)
    ticked.set()
    assert sum(len(message.text) for message in await showing if isinstance(message, SlackMessage)) >= 15_000
    assert threads != [threading.get_ident()]

    threads.clear()
    await rendered(said(BOT, Text(text="short")), view(), 5)
    assert threads == [threading.get_ident()]


async def test_a_failure_loses_no_word(monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    def deep(words: str) -> Any:
        if "fatal" in words:
            raise RecursionError(words)
        return parsed(words)

    parsed = markdown._parsed
    monkeypatch.setattr(markdown, "_parsed", deep)
    before = failures()
    event = said(
        BOT, Text(text="**first**"), Text(text="fatal **second** <!channel>"), Link(url="https://x.example/")
    )
    (message,) = await rendered(event, view(), 10)
    check(message)
    assert isinstance(message, SlackMessage)
    assert message.username == "AI agent"
    assert message.text == "**first**\n\nfatal **second** &lt;!channel&gt;\n\n(link) https://x.example/"
    assert failures() == before + 1
    assert "second" not in caplog.text  # customers' words are in no log
    assert "RecursionError" in caplog.text
    (neighbour,) = await rendered(said(BOT, Text(text="**next**")), view(), 10)
    assert isinstance(neighbour, SlackMessage)
    assert neighbour.text == "next"
    assert failures() == before + 1


@pytest.mark.parametrize("name", EVENTS)
async def test_every_event_has_plain_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*given: Any, **named: Any) -> Any:
        raise ValueError

    monkeypatch.setattr(rendering, "render", fails)
    monkeypatch.setattr(rendering, "transcript", fails)
    event: AnyEvent = EVENTS[name]
    shown = await rendered(event, view(), 10)
    assert shown
    for message in (
        *shown,
        *await transcribed([event, said(CUSTOMER, Text(text="x"))], view(), 10, left_out=0),
    ):
        check(message)
