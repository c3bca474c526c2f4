"""Whom messages in the sandbox's Slack ping."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.sandbox.slack import Message, Pings
from tests.sandbox.slack_running import SUPPORT, Clock, Running, running
from tests.sandbox.slack_samples import (
    bullets,
    container,
    line,
    markdown,
    mrkdwn,
    plain,
    rich,
    section,
    words,
)

LEE = {"type": "user", "user_id": "U0LEE"}
LEADS = {"type": "usergroup", "usergroup_id": "S0LEADS"}
HERE = {"type": "broadcast", "range": "here"}
SHOUTED = "<!channel> <@U0MINA> <!subteam^S0LEADS>"
NOBODY = Pings()


@pytest.fixture
async def run() -> AsyncIterator[Running]:
    async with running(clock=Clock(), channel_rate=0) as one:
        yield one


async def post(run: Running, text: str = "x", **more: Any) -> Message:
    sent = await run.client.chat_postMessage(channel=SUPPORT, text=text, **more)
    return run.slack.state.channels[SUPPORT].messages[sent["ts"]]


def pinged(users: str = "", groups: str = "", broadcast: str = "") -> Pings:
    return Pings(*(frozenset(names.split()) for names in (users, groups, broadcast)))


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([rich(line(words(SHOUTED)))], NOBODY),
        ([rich(line({"type": "link", "url": "https://a.example", "text": SHOUTED}))], NOBODY),
        ([section(accessory={"type": "button", "text": plain(SHOUTED), "value": SHOUTED})], NOBODY),
        ([{"type": "header", "text": plain(SHOUTED)}], NOBODY),
        ([rich(line(LEADS, words(" look")))], pinged(groups="S0LEADS")),
        ([container(rich(bullets(line(LEE), line(HERE))))], pinged("U0LEE", broadcast="here")),
        ([section(SHOUTED)], pinged("U0MINA", "S0LEADS", "channel")),
        ([markdown(SHOUTED)], pinged("U0MINA", "S0LEADS", "channel")),
        ([{"type": "context", "elements": [mrkdwn("<@U0JO|jo>")]}], pinged("U0JO")),
        ([section("&lt;!channel&gt; @here @channel <#C0VIP|vip> <https://a.example|@here>")], NOBODY),
    ],
)
async def test_blocks(run: Running, blocks: list[Any], expected: Pings) -> None:
    message = await post(run, blocks=blocks)
    assert message.pings == expected and bool(message.pings) == (expected != NOBODY)
    bar = await post(run, attachments=[{"blocks": blocks}])
    assert bar.pings == expected


async def test_text_and_what_people_type(run: Running) -> None:
    assert (await post(run, SHOUTED)).pings == pinged("U0MINA", "S0LEADS", "channel")
    assert (await post(run, attachments=[{"text": "<@U0JO>"}])).pings == pinged("U0JO")
    assert run.slack.post_as("U0MINA", SUPPORT, "<@U0JO> and <!subteam^S0LEADS>?").pings == pinged(
        "U0JO", "S0LEADS"
    )
    assert not run.slack.post_as("U0MINA", SUPPORT, "a < b & @here").pings


async def test_what_an_update_names_is_added(run: Running) -> None:
    message = await post(run, blocks=[rich(line(LEE))])
    await run.client.chat_update(channel=SUPPORT, ts=message.ts, text="y", blocks=[rich(line(LEADS))])
    assert message.pings == pinged("U0LEE", "S0LEADS")
