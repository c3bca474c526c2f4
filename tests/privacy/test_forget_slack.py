"""Answers of Slack's that cannot be read, to the commands that ask it: in words, and nothing is taken to be
deleted for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import SecretStr

from bridge.config import Slack, Workspace
from bridge.errors import ConfigError
from bridge.forget.slack import Desks
from bridge.model import ThreadKey
from bridge.slack.api import MARKER
from bridge.store import Store
from bridge.trace import _address
from tests.sandbox.slack_running import BOT_TOKEN, SUPPORT, Running, running
from tests.slack.test_answers import NONE, _short

PARTS = ['{"ok": true}', '{"ok": true, "team_id": null, "messages": null}']
ODD = [
    '[{"ts": "5.0", "bot_id": "B1", "metadata": "x", "files": 1}]',
    '[null, 1, "x", [], {}, {"ts": 3}, {"ts": "5.0", "files": [null, {"user": "U1"}]}]',
]
bodies = pytest.mark.parametrize("body", [*PARTS, *NONE], ids=_short)


@pytest.fixture
async def run() -> AsyncIterator[Running]:
    async with running(channel_rate=0) as one:
        yield one


def workspace(run: Running) -> Workspace:
    slack = Slack(api_url=run.client.base_url, channel_rate=0, timeout=5)
    return Workspace("slack", slack, SecretStr(BOT_TOKEN), (SecretStr("secret"),))


async def opened(run: Running) -> Desks:
    return await Desks.open([workspace(run)], STORE)


STORE: Store = None  # type: ignore[assignment]  # nothing is posted


async def thread(run: Running) -> ThreadKey:
    metadata = {"event_type": MARKER, "event_payload": {"delivery": 1}}
    told: Any = await run.client.chat_postMessage(channel=SUPPORT, text="Hello", metadata=metadata)
    team: Any = await run.client.auth_test()
    return ThreadKey(team=team["team_id"], channel=SUPPORT, ts=told["ts"])


@bodies
async def test_a_workspace_that_cannot_say_which_it_is_is_not_opened(run: Running, body: str | bytes) -> None:
    run.slack.faults.next("auth.test", body=body)
    with pytest.raises(ConfigError, match="slack: "):
        await opened(run)
    run.slack.faults.next("auth.test", body=body)
    assert await _address(workspace(run), STORE) is None


async def test_where_slack_does_not_say_its_address_nothing_is_linked(run: Running) -> None:
    body = '{"ok": true, "team_id": "T1", "user_id": "U1", "bot_id": "B1"}'
    run.slack.faults.next("auth.test", body=body)
    assert await _address(workspace(run), STORE) is None


@bodies
async def test_a_thread_that_cannot_be_read_is_left(run: Running, body: str | bytes) -> None:
    desks, where = await opened(run), await thread(run)
    run.slack.faults.next("conversations.replies", body=body)
    erased = await desks.erase([where], lambda _: None)
    assert (erased.messages, [link for link, _ in erased.left]) == (0, [desks.link(where)])


@pytest.mark.parametrize("messages", ODD)
async def test_odd_messages_stop_nothing(run: Running, messages: str) -> None:
    desks, where = await opened(run), await thread(run)
    odd = run.slack.faults.next("conversations.replies", body=f'{{"ok": true, "messages": {messages}}}')
    erased = await desks.erase([where, where], lambda _: None)
    assert odd.met
    assert erased.messages == 1


@pytest.mark.parametrize("body", NONE, ids=_short)
async def test_what_may_stand_still_is_left(run: Running, body: str | bytes) -> None:
    desks, where = await opened(run), await thread(run)
    run.slack.faults.next("chat.delete", body=body)
    erased = await desks.erase([where], lambda _: None)
    assert (erased.messages, [link for link, _ in erased.left]) == (0, [desks.link(where)])


async def test_slack_has_the_peace_that_it_asks_for(run: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    desks, where = await opened(run), await thread(run)
    run.slack.faults.next("chat.delete", status=429, retry_after=0, times=2)
    erased = await desks.erase([where], lambda _: None)
    assert (erased.messages, erased.left) == (1, [])
