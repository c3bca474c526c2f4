"""The Web API as the real slack_sdk calls it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import pytest
from slack_sdk.errors import SlackApiError

from bridge.sandbox.slack import Channel
from tests.sandbox.slack_running import APP_TOKEN, BOT_TOKEN, Clock, Running, listening, running, web_client

SUPPORT = "C0SUPPORT"


@pytest.fixture
async def run() -> AsyncIterator[Running]:
    async with running(clock=Clock(), channel_rate=0) as one:
        yield one


async def refused(call: Any) -> str:
    with pytest.raises(SlackApiError) as caught:
        await call
    return str(caught.value.response["error"])


def post_bare(run: Running, method: str = "chat.postMessage", **arguments: Any) -> Any:
    """Where the SDK would warn that there is no text."""
    return run.client.api_call(method, json=arguments)


async def thread(run: Running, replies: int = 0) -> str:
    card = await run.client.chat_postMessage(channel=SUPPORT, text="card")
    for number in range(replies):
        await run.client.chat_postMessage(channel=SUPPORT, text=f"reply {number}", thread_ts=card["ts"])
    return str(card["ts"])


# ── who may call ─────────────────────────────────────────────────────────────────────────────────


async def test_auth_test_names_the_app(run: Running) -> None:
    answer = await run.client.auth_test()
    assert (answer["team_id"], answer["user_id"], answer["bot_id"]) == ("T0SANDBOX", "U0BRIDGE", "B0BRIDGE")
    assert answer["url"].startswith("https://") and answer["team"] and answer["user"]
    assert "chat:write" in answer.headers["x-oauth-scopes"]


async def test_tokens_are_checked(run: Running) -> None:
    assert await refused(web_client(run.url, "xoxb-other").auth_test()) == "invalid_auth"
    assert await refused(web_client(run.url, APP_TOKEN).auth_test()) == "not_allowed_token_type"
    assert await refused(run.client.apps_connections_open(app_token=BOT_TOKEN)) == "not_allowed_token_type"
    run.slack.faults.token_error = "token_revoked"
    assert await refused(run.client.auth_test()) == "token_revoked"


async def test_ways_to_bring_arguments_and_token(run: Running) -> None:
    api = f"{run.url}/slack/api"
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{api}/auth.test")).json() == {"ok": False, "error": "not_authed"}
        assert (await http.get(f"{api}/auth.test", params={"token": BOT_TOKEN})).json()["ok"]
        assert (await http.post(f"{api}/auth.test", data={"token": BOT_TOKEN})).json()["ok"]
        assert (await http.post(f"{api}/auth.test", json={"token": BOT_TOKEN})).json()[
            "error"
        ] == "not_authed"
        header = {"authorization": f"Bearer {BOT_TOKEN}"}
        form = {"channel": SUPPORT, "blocks": json.dumps([{"type": "divider"}]), "unfurl_links": "0"}
        sent = (await http.post(f"{api}/chat.postMessage", data=form, headers=header)).json()
        assert sent["message"]["blocks"][0]["type"] == "divider"
        message = run.slack.state.channels[SUPPORT].messages[sent["ts"]]
        assert message.options == {"unfurl_links": False}
        for body, error in ((b"{", "invalid_json"), (b"[]", "json_not_object")):
            answer = await http.post(
                f"{api}/auth.test", content=body, headers={**header, "content-type": "application/json"}
            )
            assert answer.json()["error"] == error
        assert (await http.post(f"{api}/chat.shout", headers=header)).json() == {
            "ok": False, "error": "unknown_method",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "method", "arguments"),
    [
        ("chat:write", "chat.postMessage", {"channel": SUPPORT, "text": "x"}),
        ("chat:write.customize", "chat.postMessage", {"channel": SUPPORT, "text": "x", "username": "Ana"}),
        ("reactions:write", "reactions.add", {"channel": SUPPORT, "timestamp": "1.000000", "name": "eyes"}),
        ("channels:history", "conversations.replies", {"channel": SUPPORT, "ts": "1.000000"}),
        ("users:read", "users.info", {"user": "U0MINA"}),
    ],
)
async def test_a_missing_scope_is_named(
    run: Running, scope: str, method: str, arguments: dict[str, str]
) -> None:
    run.slack.state.app.scopes.remove(scope)
    with pytest.raises(SlackApiError) as caught:
        await run.client.api_call(method, json=arguments)
    assert caught.value.response["error"] == "missing_scope" and caught.value.response["needed"] == scope


# ── chat ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_post_without_a_name_is_the_bots_own(run: Running) -> None:
    sent = await run.client.chat_postMessage(channel="#support", text="Hello")
    assert sent["channel"] == SUPPORT
    assert sent["message"]["user"] == "U0BRIDGE" and sent["message"]["bot_id"] == "B0BRIDGE"
    assert "subtype" not in sent["message"]


async def test_a_post_under_a_name_is_a_bot_message(run: Running) -> None:
    sent = await run.client.chat_postMessage(
        channel=SUPPORT, text="Hello", username="Ana (visitor)", icon_url="https://example.com/a.png"
    )
    message = sent["message"]
    assert message["subtype"] == "bot_message" and message["username"] == "Ana (visitor)"
    assert message["bot_id"] == "B0BRIDGE" and message["app_id"] == "A0BRIDGE" and "user" not in message
    assert message["icons"] == {"image_48": "https://example.com/a.png"}
    emoji = await run.client.chat_postMessage(
        channel=SUPPORT, text="Hello", icon_emoji=":robot_face:", icon_url="https://example.com/a.png"
    )
    assert emoji["message"]["icons"] == {"emoji": ":robot_face:"}


async def test_where_one_may_not_post(run: Running) -> None:
    channels = run.slack.state.channels
    channels["C0SECRET"] = Channel("C0SECRET", "secret", is_private=True)
    channels["C0OPEN"] = Channel("C0OPEN", "open")
    channels["C0OLD"] = Channel("C0OLD", "old", members=["U0BRIDGE"], is_archived=True)
    for channel, error in (
        ("C0NONE", "channel_not_found"),
        ("C0SECRET", "channel_not_found"),
        ("C0OPEN", "not_in_channel"),
        ("C0OLD", "is_archived"),
    ):
        assert await refused(run.client.chat_postMessage(channel=channel, text="x")) == error
    ts = await thread(run)
    for thread_ts, error in (("now", "invalid_thread_ts"), ("1.000000", "cannot_reply_to_message")):
        call = run.client.chat_postMessage(channel=SUPPORT, text="x", thread_ts=thread_ts)
        assert await refused(call) == error
    assert len(run.slack.state.thread(SUPPORT, ts)) == 1


async def test_what_one_may_not_post(run: Running) -> None:
    post = run.client.chat_postMessage
    assert await refused(post_bare(run, channel=SUPPORT, text=" ")) == "no_text"
    assert await refused(post_bare(run, channel=SUPPORT, text="", blocks=[])) == "no_text"
    assert await refused(post(channel=SUPPORT, text="x", blocks="{")) == "invalid_blocks_format"
    assert (
        await refused(post(channel=SUPPORT, text="x", blocks='{"type": "divider"}'))
        == "invalid_blocks_format"
    )
    assert await refused(post(channel=SUPPORT, text="x", markdown_text="y")) == "markdown_text_conflict"
    assert await refused(post(channel=SUPPORT, markdown_text="y" * 12_001)) == "msg_too_long"
    assert await refused(post(channel=SUPPORT, text="x", attachments=[{}] * 101)) == "too_many_attachments"
    alert = {"type": "alert", "text": {"type": "plain_text", "text": "Look"}}
    assert (
        await refused(post(channel=SUPPORT, text="x", attachments=[{"blocks": [alert]}]))
        == "invalid_attachments"
    )
    assert run.slack.state.messages(SUPPORT) == []


async def test_refused_blocks_are_pointed_at(run: Running) -> None:
    blocks = [{"type": "divider"}, {"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}]
    with pytest.raises(SlackApiError) as caught:
        await run.client.chat_postMessage(channel=SUPPORT, text="x", blocks=blocks)
    answer = caught.value.response
    assert answer["error"] == "invalid_blocks"
    pointed = "must be less than 3001 characters [json-pointer:/blocks/1/text/text]"
    assert answer["errors"] == [pointed]
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {pointed}"]


async def test_an_image_slack_cannot_fetch_costs_the_message(run: Running) -> None:
    run.slack.state.dead_images.add("https://example.com/gone.png")
    image = {"type": "image", "image_url": "https://example.com/gone.png", "alt_text": "gone"}
    with pytest.raises(SlackApiError) as caught:
        await run.client.chat_postMessage(channel=SUPPORT, text="x", blocks=[image])
    assert caught.value.response["errors"] == ["downloading image failed [json-pointer:/blocks/0/image_url]"]
    image["image_url"] = "https://example.com/there.png"
    assert (await run.client.chat_postMessage(channel=SUPPORT, text="x", blocks=[image]))["ok"]


async def test_videos_play_only_from_listed_domains(run: Running) -> None:
    video = {
        "type": "video",
        "title": {"type": "plain_text", "text": "Tour"},
        "alt_text": "tour",
        "thumbnail_url": "https://example.com/t.png",
        "video_url": "https://media.example.com/tour",
    }
    post = run.client.chat_postMessage
    assert await refused(post(channel=SUPPORT, text="x", blocks=[video])) == "invalid_blocks"
    run.slack.state.app.unfurl_domains.add("example.com")
    assert (await post(channel=SUPPORT, text="x", blocks=[video]))["ok"]


async def test_text_past_40000_is_cut_with_a_warning(run: Running) -> None:
    sent = await run.client.chat_postMessage(channel=SUPPORT, text="x" * 40_001)
    assert sent["warning"] == "message_truncated" and len(sent["message"]["text"]) == 40_000
    whole = await run.client.chat_postMessage(channel=SUPPORT, text="x" * 40_000)
    assert "warning" not in whole.data


async def test_metadata_is_kept_and_shown_on_request(run: Running) -> None:
    metadata = {"event_type": "delivery", "event_payload": {"id": "d-1"}}
    sent = await run.client.chat_postMessage(channel=SUPPORT, text="x", metadata=metadata)
    without = await run.client.conversations_replies(channel=SUPPORT, ts=sent["ts"])
    with_it = await run.client.conversations_replies(
        channel=SUPPORT, ts=sent["ts"], include_all_metadata=True
    )
    assert "metadata" not in without["messages"][0]
    assert with_it["messages"][0]["metadata"] == metadata
    message = run.slack.state.channels[SUPPORT].messages[sent["ts"]]
    await run.client.chat_update(channel=SUPPORT, ts=sent["ts"], text="y")
    assert message.metadata == metadata
    await post_bare(run, "chat.update", channel=SUPPORT, ts=sent["ts"], metadata={})
    assert message.metadata is None and message.text == "y"
    for wrong, error in (
        ("{", "invalid_metadata_format"),
        ("[]", "invalid_metadata_format"),
        ({"event_type": "x"}, "invalid_metadata_schema"),
        ({"event_type": "", "event_payload": {}}, "invalid_metadata_schema"),
        ({"event_type": "x", "event_payload": "y"}, "invalid_metadata_schema"),
    ):
        call = run.client.api_call(
            "chat.postMessage", json={"channel": SUPPORT, "text": "x", "metadata": wrong}
        )
        assert await refused(call) == error


async def test_a_broadcast_reply_stands_in_thread_and_channel(run: Running) -> None:
    ts = await thread(run)
    reply = await run.client.chat_postMessage(
        channel=SUPPORT, text="look", thread_ts=ts, reply_broadcast=True
    )
    quiet = await run.client.chat_postMessage(channel=SUPPORT, text="hush", thread_ts=ts)
    history = await run.client.conversations_history(channel=SUPPORT)
    assert [one["text"] for one in history["messages"]] == ["look", "card"]
    assert history["messages"][0]["subtype"] == "thread_broadcast"
    update = run.client.chat_update
    call = update(channel=SUPPORT, ts=quiet["ts"], text="loud", reply_broadcast=True)
    assert await refused(call) == "no_dual_broadcast_content_update"
    await post_bare(run, "chat.update", channel=SUPPORT, ts=quiet["ts"], reply_broadcast=True)
    history = await run.client.conversations_history(channel=SUPPORT)
    assert [one["ts"] for one in history["messages"]] == [quiet["ts"], reply["ts"], ts]


async def test_update_changes_content_and_nothing_else(run: Running) -> None:
    sent = await run.client.chat_postMessage(
        channel=SUPPORT,
        text="one",
        username="Ana",
        blocks=[{"type": "divider"}],
        attachments=[{"color": "#f00"}],
    )
    message = run.slack.state.channels[SUPPORT].messages[sent["ts"]]
    await post_bare(
        run, "chat.update", channel=SUPPORT, ts=sent["ts"], blocks=[{"type": "divider", "block_id": "new"}]
    )
    assert message.text == "one" and message.blocks == [{"type": "divider", "block_id": "new"}]
    updated = await run.client.chat_update(channel=SUPPORT, ts=sent["ts"], text="two", username="Eve")
    assert updated["text"] == "two" and updated["message"]["username"] == "Ana"
    assert message.blocks == [] and message.attachments[0]["color"] == "#f00" and message.edited is None
    too_long = run.client.chat_update(channel=SUPPORT, ts=sent["ts"], text="x" * 4001)
    assert await refused(too_long) == "msg_too_long"
    assert (await run.client.chat_update(channel=SUPPORT, ts=sent["ts"], text="x" * 4000))["ok"]


async def test_only_own_messages_are_changed_and_deleted(run: Running) -> None:
    theirs = run.slack.post_as("U0MINA", SUPPORT, "mine")
    for call, error in (
        (run.client.chat_update(channel=SUPPORT, ts=theirs.ts, text="x"), "cant_update_message"),
        (run.client.chat_delete(channel=SUPPORT, ts=theirs.ts), "cant_delete_message"),
        (run.client.chat_update(channel=SUPPORT, ts="1.000000", text="x"), "message_not_found"),
        (run.client.chat_delete(channel=SUPPORT, ts="1.000000"), "message_not_found"),
    ):
        assert await refused(call) == error
    ts = await thread(run)
    await run.client.chat_delete(channel=SUPPORT, ts=ts)
    assert list(run.slack.state.channels[SUPPORT].messages) == [theirs.ts]
    kept = await thread(run)
    run.slack.state.channels[SUPPORT].is_archived = True
    assert await refused(run.client.chat_update(channel=SUPPORT, ts=kept, text="x")) == "is_inactive"


async def test_ephemerals_are_seen_by_one_and_kept_nowhere(run: Running) -> None:
    sent = await run.client.chat_postEphemeral(channel=SUPPORT, user="U0JO", text="psst")
    channel = run.slack.state.channels[SUPPORT]
    assert channel.ephemerals[sent["message_ts"]].ephemeral_to == "U0JO" and channel.messages == {}
    channel.members.remove("U0GUEST")
    call = run.client.chat_postEphemeral(channel=SUPPORT, user="U0GUEST", text="psst")
    assert await refused(call) == "user_not_in_channel"
    call = run.client.chat_update(channel=SUPPORT, ts=sent["message_ts"], text="x")
    assert await refused(call) == "message_not_found"


async def test_permalinks(run: Running) -> None:
    ts = await thread(run, replies=1)
    reply = run.slack.state.thread(SUPPORT, ts)[1]
    link = await run.client.chat_getPermalink(channel=SUPPORT, message_ts=ts)
    assert link["permalink"] == f"https://handoff-sandbox.slack.com/archives/{SUPPORT}/p{ts.replace('.', '')}"
    link = await run.client.chat_getPermalink(channel=SUPPORT, message_ts=reply.ts)
    assert link["permalink"].endswith(f"?thread_ts={ts}&cid={SUPPORT}")
    call = run.client.chat_getPermalink(channel=SUPPORT, message_ts="1.000000")
    assert await refused(call) == "message_not_found"


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


async def test_replies_come_in_pages_oldest_first(run: Running) -> None:
    ts = await thread(run, replies=7)
    seen: list[str] = []
    cursor, pages = "", 0
    while True:
        page = await run.client.conversations_replies(channel=SUPPORT, ts=ts, limit=3, cursor=cursor)
        seen += [one["text"] for one in page["messages"]]
        pages += 1
        cursor = page["response_metadata"]["next_cursor"]
        assert page["has_more"] == bool(cursor)
        if not cursor:
            break
    assert pages == 3 and seen == ["card", *(f"reply {number}" for number in range(7))]
    root = (await run.client.conversations_replies(channel=SUPPORT, ts=ts))["messages"][0]
    assert root["reply_count"] == 7 and root["thread_ts"] == ts
    call = run.client.conversations_replies(channel=SUPPORT, ts=ts, cursor="!")
    assert await refused(call) == "invalid_cursor"
    assert (
        await refused(run.client.conversations_replies(channel=SUPPORT, ts="1.000000")) == "thread_not_found"
    )
    assert (
        await refused(run.client.conversations_replies(channel=SUPPORT, ts=ts, limit=1001)) == "invalid_limit"
    )


async def test_replies_between_two_moments(run: Running) -> None:
    ts = await thread(run, replies=4)
    first, second, third, _ = (message.ts for message in run.slack.state.thread(SUPPORT, ts)[1:])

    async def between(**bounds: Any) -> list[str]:
        page = await run.client.conversations_replies(channel=SUPPORT, ts=ts, **bounds)
        return [one["text"].removeprefix("reply ") for one in page["messages"][1:]]

    assert await between(oldest=first) == ["1", "2", "3"]
    assert await between(oldest=first, inclusive=True) == ["0", "1", "2", "3"]
    assert await between(oldest=first, latest=third) == ["1"]
    assert await between(oldest=second, latest=third, inclusive=True) == ["1", "2"]
    assert (
        await refused(run.client.conversations_replies(channel=SUPPORT, ts=ts, oldest="x"))
        == "invalid_ts_oldest"
    )


async def test_history_is_newest_first_without_replies(run: Running) -> None:
    for number in range(3):
        await run.client.chat_postMessage(channel=SUPPORT, text=f"card {number}")
    await thread(run, replies=2)
    page = await run.client.conversations_history(channel=SUPPORT, limit=2)
    assert [one["text"] for one in page["messages"]] == ["card", "card 2"] and page["has_more"]
    cursor = page["response_metadata"]["next_cursor"]
    rest = await run.client.conversations_history(channel=SUPPORT, limit=2, cursor=cursor)
    assert [one["text"] for one in rest["messages"]] == ["card 1", "card 0"]


async def test_channels_people_and_groups(run: Running) -> None:
    channels = await run.client.conversations_list()
    assert [one["name"] for one in channels["channels"]] == ["support", "support-alerts", "vip"]
    info = await run.client.conversations_info(channel=SUPPORT)
    assert info["channel"]["is_member"] and not info["channel"]["is_private"]
    members = await run.client.conversations_members(channel=SUPPORT, limit=3)
    assert members["members"] == ["U0MINA", "U0JO", "U0GUEST"] and members["response_metadata"]["next_cursor"]
    mina = (await run.client.users_info(user="U0MINA"))["user"]
    assert mina["profile"]["display_name"] == "Mina Park" and mina["profile"]["image_72"]
    assert mina["team_id"] == "T0SANDBOX" and not (mina["is_bot"] or mina["is_stranger"])
    guest = (await run.client.users_info(user="U0GUEST"))["user"]
    assert guest["is_restricted"] and guest["is_ultra_restricted"]
    assert (await run.client.users_info(user="U0BRIDGE"))["user"]["is_bot"]
    assert await refused(run.client.users_info(user="U0NOBODY")) == "user_not_found"
    groups = await run.client.usergroups_list(include_users=True)
    assert groups["usergroups"][0]["users"] == ["U0MINA", "U0JO"]
    assert "users" not in (await run.client.usergroups_list())["usergroups"][0]


# ── marks ────────────────────────────────────────────────────────────────────────────────────────


async def test_reactions(run: Running) -> None:
    message = run.slack.post_as("U0JO", SUPPORT, "reply")
    at = {"channel": SUPPORT, "timestamp": message.ts}
    run.slack.react_as("U0MINA", SUPPORT, message.ts, "eyes")
    await run.client.reactions_add(name="eyes", **at)
    assert await refused(run.client.reactions_add(name="eyes", **at)) == "already_reacted"
    got = await run.client.reactions_get(**at)
    assert got["message"]["reactions"] == [{"name": "eyes", "users": ["U0MINA", "U0BRIDGE"], "count": 2}]
    await run.client.reactions_remove(name="eyes", **at)
    assert await refused(run.client.reactions_remove(name="eyes", **at)) == "no_reaction"
    assert message.reactions == {"eyes": ["U0MINA"]}
    assert await refused(run.client.reactions_add(name=":eyes:", **at)) == "invalid_name"
    gone = run.client.reactions_add(channel=SUPPORT, timestamp="1.000000", name="eyes")
    assert await refused(gone) == "message_not_found"
    assert (
        await refused(run.client.reactions_add(channel=SUPPORT, timestamp="x", name="eyes"))
        == "bad_timestamp"
    )
    assert await refused(run.client.api_call("reactions.add", json={"name": "eyes"})) == "no_item_specified"


async def test_a_status_ends_by_itself_by_a_message_and_by_an_empty_one() -> None:
    clock = Clock()
    async with running(clock=clock, channel_rate=0) as run:
        ts = await thread(run)
        set_status, state = run.client.assistant_threads_setStatus, run.slack.state
        await set_status(
            channel_id=SUPPORT, thread_ts=ts, status="is typing…", loading_messages=["one", "two"]
        )
        clock.now += 119
        status = state.status(SUPPORT, ts)
        assert status is not None and (status.text, status.loading_messages) == ("is typing…", ["one", "two"])
        clock.now += 1
        assert state.status(SUPPORT, ts) is None
        await set_status(channel_id=SUPPORT, thread_ts=ts, status="is typing…")
        run.slack.post_as("U0JO", SUPPORT, "a person's message leaves it", thread_ts=ts)
        assert state.status(SUPPORT, ts)
        await run.client.chat_postMessage(channel=SUPPORT, thread_ts=ts, text="the app's does not")
        assert state.status(SUPPORT, ts) is None
        await set_status(channel_id=SUPPORT, thread_ts=ts, status="is typing…")
        await set_status(channel_id=SUPPORT, thread_ts=ts, status="")
        assert state.status(SUPPORT, ts) is None
        gone = set_status(channel_id=SUPPORT, thread_ts="1.000000", status="x")
        assert await refused(gone) == "invalid_thread_ts"
        for wrong in ([], ["x"] * 11, [""], ["x" * 51]):
            call = set_status(channel_id=SUPPORT, thread_ts=ts, status="x", loading_messages=wrong)
            assert await refused(call) == "invalid_arguments"


# ── pace and faults ──────────────────────────────────────────────────────────────────────────────


async def test_past_a_burst_a_channel_takes_one_message_a_second() -> None:
    clock = Clock()
    async with running(clock=clock) as run:
        post = run.client.chat_postMessage
        for number in range(4):
            await post(channel=SUPPORT, text=str(number))
        with pytest.raises(SlackApiError) as caught:
            await post(channel=SUPPORT, text="4")
        answer = caught.value.response
        assert (answer.status_code, answer["error"]) == (429, "ratelimited")
        assert answer.headers["Retry-After"] == "1"
        assert (await post(channel="C0VIP", text="elsewhere"))["ok"]
        clock.now += 1
        assert (await post(channel=SUPPORT, text="4"))["ok"]
        assert await refused(post(channel=SUPPORT, text="5")) == "ratelimited"
        assert [message.text for message in run.slack.state.messages(SUPPORT)] == ["0", "1", "2", "3", "4"]
        assert run.slack.calls.count("chat.postMessage") == 8
        assert [call.error for call in run.slack.calls.of("chat.postMessage")].count("429") == 2


async def test_faults_refuse_without_effect(run: Running) -> None:
    faults, post = run.slack.faults, run.client.chat_postMessage
    faults.next("chat.postMessage", status=429, retry_after=7)
    faults.next("chat.postMessage", status=502, body="<html>Bad gateway</html>", times=2)
    faults.next("chat.postMessage", ok_error="is_archived")
    with pytest.raises(SlackApiError) as caught:
        await post(channel=SUPPORT, text="x")
    assert caught.value.response.headers["Retry-After"] == "7"
    for _ in range(2):
        with pytest.raises(SlackApiError) as caught:
            await post(channel=SUPPORT, text="x")
        assert caught.value.response.status_code == 502
    assert await refused(post(channel=SUPPORT, text="x")) == "is_archived"
    assert (await post(channel=SUPPORT, text="y"))["ok"]
    assert [message.text for message in run.slack.state.messages(SUPPORT)] == ["y"]


async def test_a_fault_can_choose_its_calls(run: Running) -> None:
    run.slack.faults.next("*", ok_error="fatal_error", when=lambda args: args.get("text") == "b")
    assert (await run.client.chat_postMessage(channel=SUPPORT, text="a"))["ok"]
    assert await refused(run.client.chat_postMessage(channel=SUPPORT, text="b")) == "fatal_error"


async def test_a_reset_comes_after_the_message_was_booked_and_a_drop_instead(run: Running) -> None:
    run.slack.faults.next("chat.postMessage", reset=True)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await run.client.chat_postMessage(channel=SUPPORT, text="booked")
    run.slack.faults.next("chat.postMessage", drop=True)
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await run.client.chat_postMessage(channel=SUPPORT, text="lost")
    assert [message.text for message in run.slack.state.messages(SUPPORT)] == ["booked"]


async def test_a_late_answer_is_late_after_the_message_was_booked(run: Running) -> None:
    run.slack.faults.next("chat.postMessage", delay=30)
    call = asyncio.create_task(run.client.chat_postMessage(channel=SUPPORT, text="booked"))
    seen = run.slack.subscribe()
    assert (await anext(seen))["message"]["text"] == "booked"
    assert not call.done()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)


# ── views ────────────────────────────────────────────────────────────────────────────────────────

MODAL = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Take over"},
    "submit": {"type": "plain_text", "text": "Yes"},
    "blocks": [
        {"type": "alert", "text": {"type": "plain_text", "text": "The bot is answering"}, "level": "warning"}
    ],
}


async def test_the_home_is_published_and_checked(run: Running) -> None:
    publish = run.client.views_publish
    home = {"type": "home", "blocks": [{"type": "divider"}]}
    first = await publish(user_id="U0MINA", view=home)
    assert run.slack.state.views[first["view"]["id"]].user == "U0MINA"
    second = await publish(user_id="U0MINA", view=home, hash=first["view"]["hash"])
    assert second["view"]["id"] == first["view"]["id"]
    assert await refused(publish(user_id="U0MINA", view=home, hash=first["view"]["hash"])) == "hash_conflict"
    assert await refused(publish(user_id="U0MINA", view=MODAL)) == "invalid_arguments"
    too_many = {"type": "home", "blocks": [{"type": "divider"}] * 101}
    with pytest.raises(SlackApiError) as caught:
        await publish(user_id="U0MINA", view=too_many)
    assert caught.value.response["errors"] == ["no more than 100 items allowed [json-pointer:/view/blocks]"]


async def test_a_modal_needs_a_fresh_trigger_and_closes_when_sent() -> None:
    clock = Clock()
    async with running(channel_rate=0) as run, listening(run) as heard:
        button = {"type": "button", "action_id": "take", "text": {"type": "plain_text", "text": "Take over"}}
        card = await run.client.chat_postMessage(
            channel=SUPPORT, text="card", blocks=[{"type": "actions", "elements": [button]}]
        )
        message = run.slack.state.channels[SUPPORT].messages[card["ts"]]

        async def trigger() -> str:
            await run.slack.press("U0JO", message, "take")
            return str(heard.bodies[-1]["trigger_id"])

        views_open = run.client.views_open
        assert await refused(views_open(trigger_id="1.2.abc", view=MODAL)) == "invalid_trigger_id"
        fresh = await trigger()
        bad = {**MODAL, "title": {"type": "plain_text", "text": "x" * 25}}
        assert await refused(views_open(trigger_id=fresh, view=bad)) == "invalid_arguments"
        opened = await views_open(trigger_id=fresh, view=MODAL)
        assert await refused(views_open(trigger_id=fresh, view=MODAL)) == "exchanged_trigger_id"
        view = run.slack.state.views[opened["view"]["id"]]
        changed = {**MODAL, "callback_id": "take_over"}
        await run.client.views_update(view_id=view.id, hash=opened["view"]["hash"], view=changed)
        assert await refused(run.client.views_update(view_id="V0NONE", view=MODAL)) == "not_found"
        values = {"note": {"text": {"type": "plain_text_input", "value": "mine"}}}
        assert (await run.slack.submit("U0JO", view, values)).ok
        assert heard.bodies[-1]["view"]["state"]["values"] == values
        assert heard.bodies[-1]["view"]["callback_id"] == "take_over"
        assert view.id not in run.slack.state.views
        stale = await trigger()
        run.slack.state.clock = clock
        clock.now = run.slack.state.triggers[stale].at + 3.1
        assert await refused(views_open(trigger_id=stale, view=MODAL)) == "expired_trigger_id"
