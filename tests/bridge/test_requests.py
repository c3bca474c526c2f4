"""`/slack/events` as Slack meets it: what is let in, and that everything that is let in is answered."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from bridge.sandbox.stage import Process, Stage
from tests.bridge.events import envelope, form, interact, post, reply, signed, tell
from tests.bridge.scene import SENT, counted, waiting

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

NEXT_SECRET = "the-secret-that-comes-next"
PING = json.dumps({"type": "event_callback", "team_id": "T0SANDBOX", "event": {"type": "ping"}}).encode()


# ── let in, or not ───────────────────────────────────────────────────────────────────────────────


async def test_both_secrets_are_good_while_one_takes_over_from_the_other(stage: Stage) -> None:
    for secret in stage.environ["SLACK_SIGNING_SECRET"].split(","):
        answer = await post(stage, PING, {"content-type": "application/json"}, secret=secret)
        assert answer.status_code == 200


def refused() -> dict[str, dict[str, str]]:
    """Headers that let nothing in, made just now, each by what is wrong with it."""
    now = {"x-slack-request-timestamp": str(int(time.time()))}
    good = signed(NEXT_SECRET, PING)
    return {
        "nothing": {},
        "another secret": signed("another secret", PING),
        "another body": signed(NEXT_SECRET, PING + b" "),
        "an hour old": signed(NEXT_SECRET, PING, at=time.time() - 3600),
        "an hour ahead": signed(NEXT_SECRET, PING, at=time.time() + 3600),
        "no time": {"x-slack-signature": "v0=" + "0" * 64},
        "no signature": now,
        **{
            f"time {timestamp[:12]!a}": good | {"x-slack-request-timestamp": timestamp}
            for timestamp in ("", "soon", "1e9", "-1", "9" * 400, "١٢٣", "1700000000.5")
        },
        **{
            f"signature {signature[:12]!a}": good | {"x-slack-signature": signature}
            for signature in ("", "v0=", "v0=ü", "v1=abc", "x" * 4000)
        },
    }


@pytest.mark.parametrize("wrong", sorted(refused()))
async def test_what_slack_has_not_signed_just_now_is_a_401(stage: Stage, wrong: str) -> None:
    raw = {name: value.encode() for name, value in refused()[wrong].items()}
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{stage.bridge_url}/slack/events", content=PING, headers=raw)
    assert answer.status_code == 401
    error = answer.json()["error"]
    assert error["code"] == "not_authentic"
    assert "SLACK_SIGNING_SECRET" in error["remedy"]


async def test_slack_is_shown_its_challenge(stage: Stage) -> None:
    assert await stage.slack.verify_url()


# ── answered ─────────────────────────────────────────────────────────────────────────────────────

TEAM = {"id": "T0SANDBOX", "domain": "handoff-sandbox"}
USER = {"id": "U0MINA", "username": "mina", "team_id": "T0SANDBOX"}
FROM = {"team": TEAM, "user": USER, "token": "t", "trigger_id": "1.2.3"}
VIEW = {"id": "V1", "type": "modal", "callback_id": "v", "blocks": [], "state": {"values": {}}}
ACTION = {"type": "button", "action_id": "a", "block_id": "b", "value": "1", "action_ts": "1.1"}
FUNCTION = {"callback_id": "f", "workflow_step": {}}


@pytest.mark.parametrize(
    "event",
    [
        {"type": "app_home_opened", "user": "U0MINA", "tab": "home"},
        {"type": "reaction_added", "user": "U0MINA", "reaction": "eyes", "item": {"type": "message"}},
        {"type": "channel_archive", "channel": "C0SUPPORT"},
        {"type": "tokens_revoked", "tokens": {"bot": ["U0BRIDGE"]}},
        {"type": "app_uninstalled"},
        {"type": "assistant_thread_started", "assistant_thread": {}},
        {"type": "function_executed", "function": FUNCTION, "function_execution_id": "Fx1"},
        {"type": "a_type_that_slack_adds_next"},
        {"type": "message", "channel": "C0SUPPORT", "ts": "1.1", "subtype": "a_new_one"},
        {"type": "message", "channel": "D1", "channel_type": "im", "user": "U0MINA", "ts": "1.1"},
        {"type": "message"},
        {},
    ],
    ids=str,
)
async def test_any_event_is_taken(stage: Stage, event: dict[str, Any]) -> None:
    answer = await tell(stage, envelope(stage, event))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "app_rate_limited", "team_id": "T0SANDBOX", "minute_rate_limited": 1790000000},
        {"type": "event_callback", "team_id": "T0SANDBOX"},
        {"type": "a_type_that_slack_adds_next", "team_id": "T0SANDBOX"},
        {},
    ],
    ids=str,
)
async def test_any_envelope_is_taken(stage: Stage, payload: dict[str, Any]) -> None:
    answer = await tell(stage, payload)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "block_actions", "actions": [ACTION], "container": {"type": "view"}, "view": VIEW},
        {"type": "block_actions", "actions": [{**ACTION, "action_id": "send_correction"}], "message": {}},
        {"type": "interactive_message", "callback_id": "c", "actions": [{"name": "n", "type": "button"}]},
        {"type": "block_suggestion", "action_id": "a", "block_id": "b", "value": "x"},
        {"type": "shortcut", "callback_id": "s"},
        {"type": "message_action", "callback_id": "s", "message": {"ts": "1.1"}, "channel": {"id": "C1"}},
        {"type": "view_submission", "view": VIEW},
        {"type": "view_closed", "view": VIEW, "is_cleared": False},
        {"type": "dialog_submission", "callback_id": "d", "submission": {}},
        {"type": "dialog_cancellation", "callback_id": "d"},
        {"type": "dialog_suggestion", "callback_id": "d", "name": "n", "value": "x"},
        {"type": "workflow_step_edit", "callback_id": "w", "workflow_step": {"workflow_id": "1"}},
        {"type": "a_type_that_slack_adds_next", "callback_id": "x"},
    ],
    ids=lambda payload: payload["type"],
)
async def test_any_interaction_is_taken(stage: Stage, payload: dict[str, Any]) -> None:
    answer = await interact(stage, {**FROM, **payload})
    assert answer.status_code == 200, answer.text


async def test_any_command_is_taken(stage: Stage) -> None:
    command = {"command": "/whatever", "text": "", "team_id": "T0SANDBOX", "user_id": "U0MINA", "token": "t"}
    assert (await form(stage, command)).status_code == 200
    assert (await form(stage, {"ssl_check": "1", "token": "t"})).status_code == 200


@pytest.mark.parametrize("body", [b"not json", b"[]", b"7", b'"text"', b"payload=%7B"])
async def test_what_is_signed_but_cannot_be_read_is_a_400(stage: Stage, body: bytes) -> None:
    kind = "application/x-www-form-urlencoded" if body.startswith(b"payload") else "application/json"
    answer = await post(stage, body, {"content-type": kind})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "malformed"


BUTTON = {**ACTION, "action_id": "act-claim"}
MESSAGE = {"type": "message", "channel": "C0SUPPORT", "user": "U0MINA", "text": "Hi", "ts": "1.1"}
IN_THREAD = {**MESSAGE, "thread_ts": "1.0"}
DELETED = {"type": "message", "subtype": "message_deleted", "channel": "C0SUPPORT", "deleted_ts": "1.1"}
LOCK = {"type": "reaction_added", "user": "U0MINA", "reaction": "lock"}
UNSTORABLE = ("\x00", "\ud800", "1.1\x00", "C0\udc00")


def nonsense() -> list[dict[str, Any]]:
    """Events, as Slack would sign them, that no Slack sends."""
    events: list[Any] = [[], 7, "text", None, [{"type": "message"}]]
    for bad in UNSTORABLE:
        names = ("ts", "thread_ts", "channel", "user", "client_msg_id", "subtype")
        events += [{**IN_THREAD, name: bad} for name in names]
        events += [{**DELETED, "deleted_ts": bad}, {**DELETED, "channel": bad}]
        events += [{**LOCK, "item": {"type": "message", "channel": "C0SUPPORT", "ts": bad}}]
        events += [{**DELETED, "subtype": "message_changed", "message": {**IN_THREAD, "ts": bad}}]
    for bad in ("9" * 400, "soon", "1.1.1", "-1", "١٢٣.٤", "1e9"):
        events += [{**IN_THREAD, "ts": bad}, {**IN_THREAD, "thread_ts": bad}]
    events += [{**IN_THREAD, "subtype": ["file_share"]}, {**IN_THREAD, "subtype": {}}]
    return [{"type": "event_callback", "team_id": "T0SANDBOX", "event": event} for event in events]


async def test_an_event_that_is_none_of_slack_s_is_a_400(stage: Stage, bridge: Process) -> None:
    counted_before = await counted(stage, 'bridge_slack_events_total{result="malformed"}')
    for payload in nonsense():
        answer = await tell(stage, payload)
        assert answer.status_code == 400, (payload, answer.text)
        assert answer.json()["error"]["code"] == "malformed"
    after = await counted(stage, 'bridge_slack_events_total{result="malformed"}')
    assert after == counted_before + len(nonsense())
    assert "Traceback" not in bridge.log.read_text()
    assert "File " not in bridge.log.read_text()


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "block_actions", "actions": [{}]},
        {"type": "block_actions", "actions": []},
        {"type": "block_actions", "actions": {}},
        {"type": "block_actions", "actions": [7]},
        {"type": "block_actions", "actions": [{**BUTTON, "action_ts": "1.1\x00"}]},
        {"type": "block_actions", "actions": [{**BUTTON, "action_id": "act-claim\ud800"}]},
        {"type": "block_actions", "actions": [BUTTON], "channel": {"id": "C\x00"}, "message": {"ts": "1.1"}},
        {"type": "block_actions", "actions": [BUTTON], "channel": {"id": "C1"}, "message": {"ts": "1\x00"}},
        {
            "type": "block_actions",
            "actions": [{**ACTION, "action_id": "retry", "value": '{"delivery": 1, "thread_ts": "\\u0000"}'}],
            "channel": {"id": "C0SUPPORT"},
            "message": {"ts": "1.1"},
        },
        {"type": "message_action", "callback_id": "claim\x00", "message": {"ts": "1.1"}},
        {
            "type": "message_action",
            "callback_id": "claim",
            "message": {"ts": "\ud800"},
            "channel": {"id": "C1"},
        },
        {"type": "view_submission", "view": {**VIEW, "id": "V\x00"}},
        {"type": "view_submission", "view": []},
        {"type": "view_submission", "view": None},
        {"type": "block_actions", "actions": [BUTTON], "user": "U0MINA"},
        {"type": "block_actions", "actions": [BUTTON], "team": "T0SANDBOX"},
        {"type": "block_actions", "actions": [BUTTON], "user": {"id": "U\x00"}},
    ],
    ids=str,
)
async def test_nonsense_is_never_a_fault(stage: Stage, bridge: Process, payload: dict[str, Any]) -> None:
    """It is malformed, or ignored where the field counts for nothing."""
    answer = await interact(stage, {**FROM, **payload})
    assert answer.status_code in (200, 400), answer.text
    assert answer.status_code == 400 or "\x00" not in str(payload)
    assert "File " not in bridge.log.read_text()


async def test_an_empty_action_is_a_400(stage: Stage) -> None:
    answer = await interact(stage, {**FROM, "type": "block_actions", "actions": [{}]})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    "event",
    [
        {**IN_THREAD, "files": [{"id": "F1", "size": 10**400}]},
        {**IN_THREAD, "text": "\x00\ud800"},
        {**IN_THREAD, "text": ["\x00"], "blocks": {"a": 1}},
        {**IN_THREAD, "channel": {"id": "C0SUPPORT"}},
        {**IN_THREAD, "ts": 1.1},
        {**DELETED, "deleted_ts": 11},
        {**DELETED, "previous_message": 7},
        {**LOCK, "item": []},
    ],
    ids=lambda event: str(event)[:200],
)
async def test_odd_fields_are_no_fault(stage: Stage, bridge: Process, event: dict[str, Any]) -> None:
    answer = await tell(stage, envelope(stage, event, f"Ev-{str(event)[-40:]!a}"))
    assert answer.status_code == 200, answer.text
    assert "File " not in bridge.log.read_text()


# ── kept, or asked for again ─────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def store_away(stage: Stage) -> Iterator[None]:
    """The bridge cannot write down what comes in."""

    def run(statement: str) -> None:
        with contextlib.closing(sqlite3.connect(stage.folder / "bridge.sqlite3", timeout=10)) as store:
            store.execute(statement)

    run("ALTER TABLE inbox RENAME TO elsewhere")
    try:
        yield
    finally:
        run("ALTER TABLE elsewhere RENAME TO inbox")


async def test_what_could_not_be_kept_is_asked_for_again(stage: Stage, bridge: Process) -> None:
    scene = await waiting(stage)
    await stage.slack.settled()
    event = reply(scene, "my secret words")
    with store_away(stage):
        answer = await tell(stage, envelope(stage, event, "Ev-again"))
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "unavailable"
    assert (await tell(stage, envelope(stage, event, "Ev-again"))).status_code == 200
    await scene.carried()
    assert scene.sent[0] == "my secret words"
    log = bridge.log.read_text()
    assert "an event could not be kept" in log
    assert "Traceback" not in log
    assert "my secret words" not in log


async def test_slack_asks_again_by_itself(stage: Stage, bridge: Process) -> None:
    scene = await waiting(stage)
    await stage.slack.settled()
    refused = lambda: bridge.log.read_text().count("an event could not be kept")
    before = refused()
    with store_away(stage):
        message = scene.writes("Hello Lena")
        await scene.until(lambda: refused() > before, "a refusal")
    await scene.marked(message, SENT)
    assert scene.sent == ["Hello Lena"]


@pytest.mark.parametrize(
    ("age", "status"),
    [(5.0, 503), (3600.0, 200)],
    ids=["new: its card may just have been posted", "old: it will not be known any more"],
)
async def test_a_reply_in_a_thread_of_ours_that_we_do_not_know(stage: Stage, age: float, status: int) -> None:
    scene = await waiting(stage)
    thread = f"{time.time() - age:.6f}"
    event = reply(scene, "Hello", thread_ts=thread, parent_user_id=stage.slack.state.app.user)
    assert (await tell(stage, envelope(stage, event, f"Ev-{thread}"))).status_code == status
