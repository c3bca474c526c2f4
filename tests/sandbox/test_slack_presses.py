"""What people press in messages, and the shortcuts in their menus, as a real Bolt app gets them."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from bridge.sandbox.slack import Message
from tests.sandbox.slack_running import SUPPORT, Running, listening, refused, running
from tests.sandbox.slack_samples import button, buttons, plain, section

CLAIM = button("Claim", action_id="claim", value="7")
MOVE = {
    "type": "static_select",
    "action_id": "move",
    "options": [{"text": plain(one), "value": one.lower()} for one in ("Here", "There")],
}
BUTTONS = [{**buttons(CLAIM, MOVE), "block_id": "card"}]


async def post(run: Running, **more: Any) -> Message:
    sent = await run.client.chat_postMessage(channel=SUPPORT, text="card", **more)
    return run.slack.state.channels[SUPPORT].messages[sent["ts"]]


async def whisper(run: Running, **more: Any) -> Message:
    """A question in a thread, which only Jo sees."""
    root = run.slack.post_as("U0JO", SUPPORT, "first")
    run.slack.post_as("U0JO", SUPPORT, "reply", thread_ts=root.ts)
    sent = await run.client.chat_postEphemeral(
        channel=SUPPORT, user="U0JO", text="Send it?", thread_ts=root.ts, **more
    )
    return run.slack.state.channels[SUPPORT].ephemerals[sent["message_ts"]]


# ── buttons and menus ────────────────────────────────────────────────────────────────────────────


async def test_a_button_is_pressed() -> None:
    async with running() as run, listening(run) as heard:
        message = await post(run, blocks=BUTTONS)
        assert (await run.slack.press("U0JO", message, "claim")).ok
        body = heard.interactions[-1]
        assert body["actions"][0]["value"] == "7" and body["actions"][0]["block_id"] == "card"
        assert body["user"]["id"] == "U0JO" and body["message"]["ts"] == message.ts
        assert body["container"] == {
            "type": "message", "message_ts": message.ts, "channel_id": SUPPORT, "is_ephemeral": False,
        }  # fmt: skip
        nothing_chosen = {"type": "static_select", "selected_option": None}
        assert body["state"] == {"values": {"card": {"move": nothing_chosen}}}
        assert (await run.slack.press("U0JO", message, "move", "there")).ok
        assert heard.interactions[-1]["actions"][0]["selected_option"]["text"]["text"] == "There"
        with pytest.raises(LookupError):
            await run.slack.press("U0JO", message, "release")
        with pytest.raises(LookupError):
            await run.slack.press("U0JO", message, "move", "nowhere")


async def test_a_button_in_an_attachment_says_in_which() -> None:
    async with running() as run, listening(run) as heard:
        bars = [{"color": "#ecb22e", "blocks": [section()]}, {"color": "#ecb22e", "blocks": BUTTONS}]
        message = await post(run, attachments=bars)
        assert (await run.slack.press("U0JO", message, "claim")).ok
        assert heard.interactions[-1]["container"] == {
            "type": "message_attachment",
            "message_ts": message.ts,
            "channel_id": SUPPORT,
            "attachment_id": 2,
            "is_ephemeral": False,
            "is_app_unfurl": False,
        }


async def test_of_buttons_with_the_same_action_the_value_tells() -> None:
    async with running() as run, listening(run) as heard:
        both = [buttons(button(action_id="claim", value=value)) for value in ("1", "2")]
        message = await post(run, blocks=both)
        assert (await run.slack.press("U0JO", message, "claim", "2")).ok
        action = heard.interactions[-1]["actions"][0]
        assert (action["value"], action["block_id"]) == ("2", message.blocks[1]["block_id"])


async def test_two_who_press_at_once_are_both_answered() -> None:
    """The app answers neither before it has met both, so one after the other would never end."""
    async with running() as run, listening(run) as heard:
        message = await post(run, blocks=BUTTONS)
        both = asyncio.Barrier(2)
        heard.before = both.wait
        answers = await asyncio.gather(
            *(run.slack.press(user, message, "claim") for user in ("U0MINA", "U0JO"))
        )
        assert [answer.status for answer in answers] == [200, 200]
        pressed = heard.interactions
        assert {body["user"]["id"] for body in pressed} == {"U0MINA", "U0JO"}
        assert len({body["trigger_id"] for body in pressed}) == 2


async def test_an_app_that_is_away_does_not_answer_a_press() -> None:
    async with running(events_url="http://127.0.0.1:9/slack/events") as run:
        answer = await run.slack.press("U0JO", await post(run, blocks=BUTTONS), "claim")
        assert not answer.ok and answer.reason == "connection_failed"


# ── ephemeral messages ───────────────────────────────────────────────────────────────────────────


async def test_an_ephemeral_question_is_answered_at_its_response_url() -> None:
    async with running() as run, listening(run) as heard, httpx.AsyncClient(trust_env=False) as http:
        question = await whisper(run, blocks=BUTTONS)
        seen = run.slack.subscribe()
        channel = run.slack.state.channels[SUPPORT]
        assert (await run.slack.press("U0JO", question, "claim")).ok
        body = heard.interactions[-1]
        assert body["container"] == {
            "type": "message",
            "message_ts": question.ts,
            "channel_id": SUPPORT,
            "thread_ts": question.thread_ts,
            "is_ephemeral": True,
        }
        assert "message" not in body
        url = body["response_url"]
        replaced = await http.post(url, json={"replace_original": True, "text": "Sent."})
        assert (replaced.status_code, question.text, question.blocks) == (200, "Sent.", [])
        assert (await http.post(url, json={"delete_original": True})).text == "ok"
        assert channel.ephemerals == {} and question.ts not in channel.messages
        assert (await http.post(url, json={"text": "whispered"})).status_code == 200
        assert [message.ephemeral_to for message in channel.ephemerals.values()] == ["U0JO"]
        aloud = await http.post(url, json={"response_type": "in_channel", "text": "aloud"})
        assert aloud.status_code == 200
        assert (await http.post(url, json={})).json()["error"] == "no_text"
        spent = await http.post(url, json={"text": "a sixth"})
        assert (spent.status_code, spent.json()["error"]) == (404, "used_url")
        told = [(await anext(seen))["type"] for _ in range(4)]
        assert told == ["ephemeral", "delete", "ephemeral", "message"]


async def test_only_who_sees_an_ephemeral_message_can_press_in_it() -> None:
    async with running() as run:
        question = await whisper(run, blocks=BUTTONS)
        with pytest.raises(PermissionError):
            await run.slack.press("U0MINA", question, "claim")


async def test_an_ephemeral_message_is_seen_in_active_threads_only() -> None:
    async with running() as run:
        root = run.slack.post_as("U0JO", SUPPORT, "nobody has replied yet")
        ask: dict[str, Any] = {"channel": SUPPORT, "user": "U0JO", "text": "Send it?", "thread_ts": root.ts}
        assert (await run.client.chat_postEphemeral(**ask))["message_ts"]
        assert run.slack.state.channels[SUPPORT].ephemerals == {}
        run.slack.post_as("U0MINA", SUPPORT, "reply", thread_ts=root.ts)
        sent = await run.client.chat_postEphemeral(**ask)
        assert list(run.slack.state.channels[SUPPORT].ephemerals) == [sent["message_ts"]]


async def test_who_can_be_told_something_alone() -> None:
    async with running() as run:
        ask = run.client.chat_postEphemeral
        for channel, user, error in (
            ("C0NONE", "U0JO", "channel_not_found"),
            (SUPPORT, "U0LEE", "user_not_in_channel"),
            ("C0LEADS", "U0JO", "user_not_in_channel"),
            (SUPPORT, "U0NOBODY", "user_not_in_channel"),
        ):
            assert await refused(ask(channel=channel, user=user, text="psst")) == error
        run.slack.state.channels["C0LEADS"].members.remove("U0BRIDGE")
        assert await refused(ask(channel="C0LEADS", user="U0MINA", text="psst")) == "channel_not_found"


# ── shortcuts ────────────────────────────────────────────────────────────────────────────────────


async def test_a_shortcut_brings_its_message() -> None:
    async with running() as run, listening(run) as heard:
        root = await post(run)
        reply = run.slack.post_as("U0JO", SUPPORT, "on it", thread_ts=root.ts)
        assert (await run.slack.shortcut("U0MINA", reply, "claim")).ok
        body = heard.interactions[-1]
        assert (body["type"], body["callback_id"]) == ("message_action", "claim")
        assert (body["message_ts"], body["message"]["thread_ts"]) == (reply.ts, root.ts)
        assert body["message"]["text"] == "on it" and body["message"]["user"] == "U0JO"
        assert body["channel"] == {"id": SUPPORT, "name": "support"}
        assert body["user"]["id"] == "U0MINA" and body["trigger_id"] and body["action_ts"]
        assert "container" not in body
        async with httpx.AsyncClient(trust_env=False) as http:
            url = body["response_url"]
            assert (await http.post(url, json={"text": "You have it"})).status_code == 200
            ours = await http.post(url, json={"delete_original": True})  # it is Jo's
            assert ours.json()["error"] == "cant_update_message"
        whispered = list(run.slack.state.channels[SUPPORT].ephemerals.values())
        assert [(one.text, one.ephemeral_to) for one in whispered] == [("You have it", "U0MINA")]
        assert reply in run.slack.state.thread(SUPPORT, root.ts)


async def test_a_menu_has_what_the_app_declares_and_may() -> None:
    async with running() as run, listening(run):
        message, question = await post(run), await whisper(run)
        for where, callback_id in ((message, "dance"), (question, "claim")):
            with pytest.raises(LookupError):
                await run.slack.shortcut("U0JO", where, callback_id)
        run.slack.state.app.shortcuts["dance"] = "Dance"
        assert (await run.slack.shortcut("U0JO", message, "dance")).ok
        run.slack.state.app.scopes.remove("commands")
        with pytest.raises(LookupError):
            await run.slack.shortcut("U0JO", message, "claim")


# ── Slack Connect ────────────────────────────────────────────────────────────────────────────────


async def test_somebody_of_another_company_presses_in_a_shared_channel() -> None:
    async with running() as run, listening(run) as heard:
        sent = await run.client.chat_postMessage(channel="vip", text="card", blocks=BUTTONS)
        message = run.slack.state.channel("vip").messages[sent["ts"]]
        assert (await run.slack.press("U0PARTNER", message, "claim")).ok
        body = heard.interactions[-1]
        assert (body["user"]["team_id"], body["team"]["id"]) == ("T0PARTNER", "T0SANDBOX")
