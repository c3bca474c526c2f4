"""chat.* as the real slack_sdk calls it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from slack_sdk.errors import SlackApiError

from bridge.sandbox.slack import Channel
from tests.sandbox.slack_running import (
    SUPPORT,
    Clock,
    Running,
    post_bare,
    refused,
    running,
    thread,
)
from tests.sandbox.slack_samples import section


@pytest.fixture
async def run() -> AsyncIterator[Running]:
    async with running(clock=Clock(), channel_rate=0) as one:
        yield one


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
    blocks = [{"type": "divider"}, section("x" * 3001)]
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
