"""Events and interactions as a real Bolt app gets them over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from slack_sdk.signature import Clock as SlackClock
from slack_sdk.signature import SignatureVerifier
from starlette.responses import Response

from bridge.sandbox.slack import Message, User
from bridge.sandbox.slack import events as sandbox_events
from bridge.sandbox.slack.events import sign
from tests.sandbox.slack_running import BOT_TOKEN, SECRET, listening, running


async def test_a_persons_message_arrives_signed_and_complete() -> None:
    async with running() as run, listening(run) as heard:
        root = run.slack.post_as("U0MINA", "support", "Hello <@U0JO>, a < b & see https://example.com *now*")
        reply = run.slack.post_as("U0JO", "C0SUPPORT", "on it", thread_ts=root.ts)
        await run.slack.settled()
        assert heard.statuses == [200, 200]
        envelope, event = heard.bodies[0], heard.events[0]
        assert envelope["type"] == "event_callback" and envelope["api_app_id"] == "A0BRIDGE"
        assert envelope["authorizations"][0]["user_id"] == "U0BRIDGE"
        assert event["text"] == "Hello <@U0JO>, a &lt; b &amp; see <https://example.com> *now*"
        assert event["channel"] == "C0SUPPORT" and event["channel_type"] == "channel"
        assert event["user"] == "U0MINA" and event["team"] == "T0SANDBOX" and event["client_msg_id"]
        assert [one["type"] for one in event["blocks"][0]["elements"][0]["elements"]] == [
            "text", "user", "text", "link", "text", "text",
        ]  # fmt: skip
        assert "thread_ts" not in event
        second = heard.events[1]
        assert second["thread_ts"] == root.ts and second["parent_user_id"] == "U0MINA"
        assert second["ts"] == reply.ts > root.ts
        assert len({body["event_id"] for body in heard.bodies}) == 2


async def test_the_wrong_secret_is_refused_by_bolt_and_the_event_given_up() -> None:
    async with running(retry_delays=(0, 0, 0)) as run, listening(run, secret="another") as heard:
        run.slack.post_as("U0MINA", "support", "Hello")
        await run.slack.settled()
        assert heard.statuses == [401] * 4
        assert heard.bodies == []
        [failed] = run.slack.events.failed
        assert failed.envelope["event"]["text"] == "Hello" and failed.reasons == ["http_error"] * 4


def test_the_signature_is_slacks() -> None:
    body = "payload=%7B%7D€".encode()
    clock = SlackClock()
    clock.now = lambda: 1_790_000_000.0  # type: ignore[method-assign]
    verifier = SignatureVerifier(SECRET, clock=clock)
    signed = sign(SECRET, body, 1_790_000_000)
    assert verifier.is_valid_request(body, signed)
    assert not verifier.is_valid_request(body + b" ", signed)


@pytest.mark.parametrize("status", [500, 404, 302])
async def test_what_is_not_2xx_is_tried_again_with_number_and_reason(status: int) -> None:
    async with running(retry_delays=(0.01, 0.01, 0.01)) as run, listening(run) as heard:
        heard.refusals += [Response(status_code=status, headers={"location": "/elsewhere"}) for _ in range(2)]
        run.slack.post_as("U0MINA", "support", "Hello")
        await run.slack.settled()
        assert heard.statuses == [status, status, 200]
        assert [one.get("x-slack-retry-num") for one in heard.headers] == [None, "1", "2"]
        assert [one.get("x-slack-retry-reason") for one in heard.headers] == [
            None,
            "http_error",
            "http_error",
        ]
        assert len(heard.events) == 1 and run.slack.events.failed == []


async def test_what_is_not_answered_in_time_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_events, "ANSWER_SECONDS", 0.1)
    async with running(retry_delays=[0.01] * 50) as run, listening(run) as heard:
        heard.hold = asyncio.Event()
        run.slack.post_as("U0MINA", "support", "Hello")
        await run.slack.settled()
        heard.hold.set()
        assert heard.headers[1]["x-slack-retry-reason"] == "http_timeout"
        assert run.slack.events.failed == []


async def test_an_event_of_another_kind_can_be_sent() -> None:
    async with running() as run, listening(run) as heard:
        run.slack.send_event({"type": "message", "subtype": "channel_topic", "text": "x"})
        await run.slack.settled()
        assert heard.events[0]["subtype"] == "channel_topic"


async def test_no_retry_is_honoured() -> None:
    async with running(retry_delays=(0, 0, 0)) as run, listening(run) as heard:
        heard.refusals.append(Response(status_code=500, headers={"X-Slack-No-Retry": "1"}))
        run.slack.post_as("U0MINA", "support", "Hello")
        await run.slack.settled()
        assert heard.statuses == [500]
        assert [failed.reasons for failed in run.slack.events.failed] == [["http_error"]]


async def test_an_app_that_is_away_is_tried_again_too() -> None:
    async with running(retry_delays=(0, 0, 0), events_url="http://127.0.0.1:9/slack/events") as run:
        run.slack.post_as("U0MINA", "support", "Hello")
        await run.slack.settled()
        assert run.slack.events.failed[0].reasons == ["connection_failed"] * 4


async def test_a_failing_event_does_not_hold_up_those_of_other_threads() -> None:
    async with running(retry_delays=[0.02] * 500) as run, listening(run) as heard:
        heard.refuse = lambda body: b"first" in body and not heard.events
        run.slack.post_as("U0MINA", "support", "first")
        run.slack.post_as("U0JO", "vip", "second")
        await heard.until(2)
        assert [event["text"] for event in heard.events] == ["second", "first"]


async def test_a_thread_stays_in_order_and_holds_up_no_other() -> None:
    async with running() as run, listening(run) as heard:
        heard.hold = asyncio.Event()
        heard.held = b'"text": "one"'
        root = run.slack.post_as("U0MINA", "support", "one")
        run.slack.post_as("U0JO", "support", "two", thread_ts=root.ts)
        run.slack.post_as("U0JO", "support", "three", thread_ts=root.ts)
        run.slack.post_as("U0JO", "support", "elsewhere")
        await heard.until(1)
        assert [event["text"] for event in heard.events] == ["elsewhere"]
        heard.hold.set()
        await run.slack.settled()
        assert [event["text"] for event in heard.events] == ["elsewhere", "one", "two", "three"]


async def test_edits_deletes_reactions_and_unfurling() -> None:
    async with running() as run, listening(run) as heard:
        root = run.slack.post_as("U0MINA", "support", "first https://example.com")
        reply = run.slack.post_as("U0JO", "support", "a reply", thread_ts=root.ts)
        run.slack.edit_as("U0JO", "support", reply.ts, "a better reply")
        run.slack.unfurl("support", root.ts, "https://example.com")
        run.slack.react_as("U0MINA", "support", reply.ts, "lock")
        run.slack.react_as("U0MINA", "support", reply.ts, "lock", added=False)
        run.slack.delete_as("U0JO", "support", reply.ts)
        await run.slack.settled()
        by_kind: dict[str, dict[str, Any]] = {
            event.get("subtype", event["type"]): event for event in heard.events if event.get("ts") != root.ts
        }
        edit = next(one for one in heard.events if one.get("message", {}).get("edited"))
        assert edit["message"]["text"] == "a better reply" and edit["previous_message"]["text"] == "a reply"
        assert edit["message"]["edited"]["user"] == "U0JO" and edit["hidden"] is True
        unfurled = next(one for one in heard.events if one.get("message", {}).get("attachments"))
        assert "edited" not in unfurled["message"]
        assert unfurled["message"]["text"] == unfurled["previous_message"]["text"]
        for kind in ("reaction_added", "reaction_removed"):
            event = by_kind[kind]
            assert event["item"] == {"type": "message", "channel": "C0SUPPORT", "ts": reply.ts}
            assert (event["user"], event["reaction"], event["item_user"]) == ("U0MINA", "lock", "U0JO")
            assert "thread_ts" not in event and event["event_ts"]
        assert by_kind["message_deleted"]["deleted_ts"] == reply.ts
        assert run.slack.state.thread("support", root.ts) == [root]


async def test_only_ones_own_messages_can_be_edited() -> None:
    async with running() as run:
        message = run.slack.post_as("U0MINA", "support", "mine")
        with pytest.raises(PermissionError):
            run.slack.edit_as("U0JO", "support", message.ts, "yours")


async def test_a_deleted_thread_start_leaves_a_tombstone() -> None:
    async with running() as run, listening(run) as heard:
        root = run.slack.post_as("U0MINA", "support", "first")
        reply = run.slack.post_as("U0JO", "support", "second", thread_ts=root.ts)
        run.slack.delete_as("U0MINA", "support", root.ts)
        await run.slack.settled()
        assert heard.events[-1]["message"]["subtype"] == "tombstone"
        assert run.slack.state.thread("support", root.ts)[1:] == [reply]


async def test_the_apps_own_doings_come_back() -> None:
    async with running() as run, listening(run) as heard:
        card = await run.client.chat_postMessage(channel="support", text="card", username="Ana (visitor)")
        await run.client.chat_update(channel=card["channel"], ts=card["ts"], text="card, changed")
        await run.client.reactions_add(channel=card["channel"], timestamp=card["ts"], name="eyes")
        await run.client.chat_delete(channel=card["channel"], ts=card["ts"])
        await run.slack.settled()
        posted, changed, reacted, deleted = heard.events
        assert posted["subtype"] == "bot_message" and posted["bot_id"] == "B0BRIDGE"
        assert posted["username"] == "Ana (visitor)" and "user" not in posted
        assert changed["subtype"] == "message_changed" and "edited" not in changed["message"]
        assert reacted["user"] == "U0BRIDGE"
        assert deleted["subtype"] == "message_deleted"


async def test_other_bots_post_bot_messages() -> None:
    async with running() as run, listening(run) as heard:
        run.slack.state.users["U0OTHER"] = User("U0OTHER", "ci", "CI", is_bot=True, bot_id="B0OTHER")
        run.slack.post_as("U0OTHER", "support", "build failed")
        await run.slack.settled()
        assert heard.events[0]["subtype"] == "bot_message" and heard.events[0]["bot_id"] == "B0OTHER"


async def test_the_app_hears_only_channels_it_is_in() -> None:
    async with running() as run, listening(run) as heard:
        run.slack.state.channels["C0VIP"].members.remove("U0BRIDGE")
        message = run.slack.post_as("U0MINA", "vip", "between us")
        run.slack.react_as("U0JO", "vip", message.ts, "eyes")
        run.slack.post_as("U0MINA", "support", "for all")
        await run.slack.settled()
        assert [event["text"] for event in heard.events] == ["for all"]


@pytest.mark.parametrize(
    ("scope", "lost"),
    [
        ("reactions:read", ["reaction_added", "reaction_added"]),
        ("channels:history", ["channel"]),
        ("groups:history", ["group"]),
    ],
)
async def test_the_app_hears_only_what_its_scopes_allow(scope: str, lost: list[str]) -> None:
    async with running() as run, listening(run) as heard:
        run.slack.state.app.scopes.remove(scope)
        for channel in ("support", "support-leads"):
            message = run.slack.post_as("U0MINA", channel, "for all")
            run.slack.react_as("U0MINA", channel, message.ts, "eyes")
        await run.slack.settled()
        kinds = [event.get("channel_type", event["type"]) for event in heard.events]
        assert sorted(kinds + lost) == ["channel", "group", "reaction_added", "reaction_added"]


async def test_a_shared_channel_is_said_to_be_one() -> None:
    async with running() as run, listening(run) as heard:
        theirs = run.slack.post_as("U0PARTNER", "vip", "hello from next door")
        run.slack.react_as("U0PARTNER", "vip", theirs.ts, "eyes")
        run.slack.post_as("U0MINA", "support", "among us")
        await run.slack.settled()
        said = {body["event"].get("text", "reacted"): body for body in heard.bodies}
        assert (
            said["hello from next door"]["is_ext_shared_channel"] and said["reacted"]["is_ext_shared_channel"]
        )
        assert said["hello from next door"]["event"]["user_team"] == "T0PARTNER"
        assert not said["among us"]["is_ext_shared_channel"]
        assert "user_team" not in said["among us"]["event"]


async def test_the_url_is_verified_as_slack_does() -> None:
    async with running() as run, listening(run):
        assert await run.slack.verify_url()
    async with running() as run, listening(run, secret="another"):
        assert not await run.slack.verify_url()


async def test_everything_that_changes_is_told_to_the_page() -> None:
    async with running() as run:
        seen = run.slack.subscribe()
        root: Message = run.slack.post_as("U0MINA", "support", "first")
        await run.client.assistant_threads_setStatus(
            channel_id="C0SUPPORT", thread_ts=root.ts, status="is typing"
        )
        await run.client.chat_postMessage(channel="support", thread_ts=root.ts, text="second")
        await run.client.reactions_add(channel="C0SUPPORT", timestamp=root.ts, name="eyes")
        run.slack.edit_as("U0MINA", "support", root.ts, "changed")
        told = [await anext(seen) for _ in range(6)]
        assert [one["type"] for one in told] == [
            "message",
            "status",
            "status",
            "message",
            "reaction",
            "update",
        ]
        assert told[1]["status"] == "is typing" and told[2]["status"] == ""
        assert told[3]["message"]["thread_ts"] == root.ts
        assert told[4]["name"] == "eyes" and told[4]["added"]
        assert told[5]["message"]["text"] == "changed"
    with pytest.raises(StopAsyncIteration):  # stopping ends what watches
        await anext(seen)


async def test_the_bot_token_is_no_secret_of_the_events() -> None:
    async with running() as run, listening(run) as heard:
        run.slack.post_as("U0MINA", "support", "Hello")
        await run.slack.settled()
        assert BOT_TOKEN not in str(heard.bodies) and SECRET not in str(heard.headers)
