"""Files in the sandbox's Slack, as the real slack_sdk uploads them and as people post them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from bridge.sandbox.slack import Message
from tests.sandbox.slack_running import (
    BOT_TOKEN,
    SUPPORT,
    Clock,
    Running,
    listening,
    post_bare,
    refused,
    running,
    thread,
)

PNG = b"\x89PNG\r\n\x1a\n"
CAPTION = [
    {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": [{"type": "text", "text": "Hi <!here>"}]}],
    }
]


@pytest.fixture
async def run() -> AsyncIterator[Running]:
    async with running(clock=Clock(), channel_rate=0, share_delay=0.05) as one:
        yield one


async def announce(run: Running, name: str = "a.png", length: int = len(PNG), **more: Any) -> Any:
    return await run.client.files_getUploadURLExternal(filename=name, length=length, **more)


async def uploaded(run: Running, name: str = "a.png", content: bytes = PNG) -> str:
    """The id of a file that lacks only the last step."""
    told = await announce(run, name, len(content))
    assert (await put(told["upload_url"], content)).status_code == 200
    return str(told["file_id"])


async def put(url: str, content: bytes) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as http:
        return await http.post(url, content=content)


async def complete(run: Running, id: str, **more: Any) -> Any:
    return await post_bare(run, "files.completeUploadExternal", files=[{"id": id}], **more)


async def shared(run: Running, id: str) -> Message:
    while not run.slack.state.files[id].shares:
        await asyncio.sleep(0.01)
    return run.slack.state.files[id].shares[-1]


# ── in three steps ───────────────────────────────────────────────────────────────────────────────


async def test_the_sdk_uploads_into_a_thread(run: Running) -> None:
    ts = await thread(run)
    told = await run.client.files_upload_v2(
        channel=SUPPORT,
        thread_ts=ts,
        content=PNG,
        filename="a.png",
        title="A picture",
        alt_txt="Grey",
        initial_comment="Look",
    )
    assert told["files"] == [{"id": told["file"]["id"], "title": "A picture"}]  # and no message yet
    message = await shared(run, told["file"]["id"])
    assert (message.thread_ts, message.subtype, message.text) == (ts, "file_share", "Look")
    replies = (await run.client.conversations_replies(channel=SUPPORT, ts=ts))["messages"]
    (file,) = replies[1]["files"]
    assert (file["name"], file["title"], file["alt_txt"]) == ("a.png", "A picture", "Grey")
    assert (file["mimetype"], file["size"], file["mode"]) == ("image/png", len(PNG), "hosted")


async def test_the_message_comes_later_and_files_info_tells_where(run: Running) -> None:
    run.slack.files.share_delay = 1.0
    ts, id = await thread(run), await uploaded(run)
    assert await refused(run.client.files_info(file=id)) == "file_not_found"
    await complete(run, id, channel_id=SUPPORT, thread_ts=ts)
    early = (await run.client.files_info(file=id))["file"]
    assert not {"shares", "mimetype"} & set(early)
    message = await shared(run, id)
    (share,) = (await run.client.files_info(file=id))["file"]["shares"]["public"][SUPPORT]
    assert (share["ts"], share["thread_ts"]) == (message.ts, ts)


async def test_in_a_private_channel_the_share_is_private(run: Running) -> None:
    run.slack.state.channels[SUPPORT].is_private = True
    id = await uploaded(run)
    await complete(run, id, channel_id=SUPPORT)
    await shared(run, id)
    assert list((await run.client.files_info(file=id))["file"]["shares"]) == ["private"]


async def test_a_share_that_never_comes(run: Running) -> None:
    run.slack.files.share_delay = None
    id = await uploaded(run)
    assert (await complete(run, id, channel_id=SUPPORT))["ok"]
    assert "shares" not in (await run.client.files_info(file=id))["file"]


async def test_under_a_name_and_with_blocks(run: Running) -> None:
    id = await uploaded(run)
    named = {"channel_id": SUPPORT, "username": "Lena (customer)", "icon_emoji": ":wave:"}
    await complete(run, id, blocks=json.dumps(CAPTION), **named)
    message = await shared(run, id)
    assert (message.username, message.icons, message.user) == ("Lena (customer)", {"emoji": ":wave:"}, None)
    assert message.blocks[0]["elements"] == CAPTION[0]["elements"]
    run.slack.state.app.scopes.remove("chat:write.customize")
    assert await refused(complete(run, await uploaded(run), **named)) == "missing_scope"


async def test_a_comment_leaves_blocks_out(run: Running) -> None:
    id = await uploaded(run)
    await complete(run, id, channel_id=SUPPORT, blocks=CAPTION, initial_comment="Look")
    message = await shared(run, id)
    assert (message.text, message.blocks) == ("Look", [])


async def test_bytes_as_a_form(run: Running) -> None:
    told = await announce(run)
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(told["upload_url"], files={"file": ("a.png", PNG, "image/png")})
    assert answer.status_code == 200
    assert run.slack.state.files[told["file_id"]].content == PNG


async def test_a_file_is_told_to_the_app() -> None:
    async with running(channel_rate=0, share_delay=0.05) as run, listening(run) as heard:
        ts, id = await thread(run), await uploaded(run)
        await complete(run, id, channel_id=SUPPORT, thread_ts=ts)
        await heard.until(2)
        event = heard.events[1]
        assert (event["subtype"], event["bot_id"], event["files"][0]["id"]) == ("file_share", "B0BRIDGE", id)


# ── what is refused ──────────────────────────────────────────────────────────────────────────────


async def test_announcing(run: Running) -> None:
    assert await refused(announce(run, length=0)) == "missing_argument"
    assert await refused(announce(run, name="")) == "invalid_arguments"
    assert await refused(announce(run, alt_txt="x" * 1001)) == "alt_txt_too_large"
    big = announce(run, length=1024**2 + 1, snippet_type="text")
    assert await refused(big) == "snippet_too_large"
    run.slack.faults.next("files.getUploadURLExternal", ok_error="file_uploads_disabled")
    assert await refused(announce(run)) == "file_uploads_disabled"


async def test_bytes(run: Running) -> None:
    told = await announce(run)
    assert (await put(told["upload_url"], PNG + b"more")).status_code == 400
    assert (await put(told["upload_url"] + "x", PNG)).status_code == 404
    run.slack.faults.next("upload", status=503)
    assert (await put(told["upload_url"], PNG)).status_code == 503


async def test_completing(run: Running) -> None:
    id = (await announce(run))["file_id"]
    assert await refused(complete(run, id, channel_id=SUPPORT)) == "file_not_found"  # no bytes yet
    id = await uploaded(run)
    assert await refused(complete(run, "F0NONE", channel_id=SUPPORT)) == "file_not_found"
    assert await refused(complete(run, id, channel_id="C0NONE")) == "channel_not_found"
    where = {"channel_id": SUPPORT}
    assert await refused(complete(run, id, **where, thread_ts="1.000000")) == "cannot_reply_to_message"
    alert = [{"type": "alert", "text": {"type": "plain_text", "text": "x"}}]
    assert await refused(complete(run, id, **where, blocks=alert)) == "invalid_blocks"
    markdown = [{"type": "markdown", "text": "x"}]
    assert await refused(complete(run, id, **where, blocks=markdown)) == "internal_error"
    run.slack.state.channels[SUPPORT].members.remove(run.slack.state.app.user)
    assert await refused(complete(run, id, **where)) == "not_in_channel"
    assert not run.slack.state.files[id].complete


async def test_scopes(run: Running) -> None:
    id = await uploaded(run)
    run.slack.state.app.scopes -= {"files:read", "files:write"}
    for call in (announce(run), complete(run, id), run.client.files_delete(file=id)):
        assert await refused(call) == "missing_scope"
    assert await refused(run.client.files_info(file=id)) == "missing_scope"


# ── afterwards ───────────────────────────────────────────────────────────────────────────────────


async def test_deleting(run: Running) -> None:
    ts, plain, told = await thread(run), await uploaded(run), await uploaded(run)
    await complete(run, plain, channel_id=SUPPORT, thread_ts=ts)
    await complete(run, told, channel_id=SUPPORT, thread_ts=ts, initial_comment="Look")
    for id in (plain, told):
        await shared(run, id)
        await run.client.files_delete(file=id)
        assert await refused(run.client.files_info(file=id)) == "file_not_found"
    (left,) = run.slack.state.thread(SUPPORT, ts)[1:]
    assert (left.text, left.files) == ("Look", [{"id": told, "mode": "tombstone"}])
    posted = run.slack.post_as("U0MINA", SUPPORT, "", files=[("a.png", PNG)])
    assert await refused(run.client.files_delete(file=posted.files[0]["id"])) == "cant_delete_file"


async def test_what_was_deleted_is_not_shared_any_more(run: Running) -> None:
    run.slack.files.share_delay = 1.0
    id, other = await uploaded(run), await uploaded(run)
    await complete(run, id, channel_id=SUPPORT)
    await run.client.files_delete(file=id)
    await complete(run, other, channel_id=SUPPORT)
    message = await shared(run, other)  # its time came later
    assert run.slack.state.messages(SUPPORT) == [message]


async def test_what_people_post_can_be_fetched_with_the_token_only(run: Running) -> None:
    await run.client.auth_test()
    ts = await thread(run)
    files = [("a.png", PNG), ("Ä b.txt", b"words")]
    message = run.slack.post_as("U0MINA", SUPPORT, "see", thread_ts=ts, files=files)
    assert message.subtype == "file_share" and message.text == "see"
    async with httpx.AsyncClient(trust_env=False) as http:
        for file, (name, content) in zip(message.files, files, strict=True):
            assert file["name"] == name
            url = file["url_private_download"]
            answer = await http.get(url, headers={"authorization": f"Bearer {BOT_TOKEN}"})
            assert (answer.content, answer.headers["content-type"]) == (
                content,
                file["mimetype"] + ("; charset=utf-8" if file["mimetype"] == "text/plain" else ""),
            )
            for headers in ({}, {"authorization": "Bearer xoxb-other"}):
                login = await http.get(url, headers=headers)
                assert login.status_code == 200
                assert login.headers["content-type"].startswith("text/html") and "Sign in" in login.text
        run.slack.state.app.scopes.remove("files:read")
        answer = await http.get(url, headers={"authorization": f"Bearer {BOT_TOKEN}"})
        assert "Sign in" in answer.text


async def test_an_image_block_may_show_an_image_that_is_shared(run: Running) -> None:
    id, words = await uploaded(run), await uploaded(run, "a.txt", b"x")

    def show(**file: str) -> Any:
        block = {"type": "image", "slack_file": file, "alt_text": "a"}
        return run.client.chat_postMessage(channel=SUPPORT, text="x", blocks=[block])

    assert await refused(show(id=id)) == "invalid_blocks"
    for one in (id, words):
        await complete(run, one, channel_id=SUPPORT)
        await shared(run, one)
    assert (await show(id=id))["ok"]
    assert (await show(url=run.slack.state.files[id].url))["ok"]
    assert await refused(show(id=words)) == "invalid_blocks"
    assert await refused(show(id="F0NONE")) == "invalid_blocks"
