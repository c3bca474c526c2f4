"""Reading the workspace, reactions and statuses, as the real slack_sdk asks for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.sandbox.slack_running import (
    SUPPORT,
    Clock,
    Running,
    refused,
    running,
    thread,
)


@pytest.fixture
async def run() -> AsyncIterator[Running]:
    async with running(clock=Clock(), channel_rate=0) as one:
        yield one


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


async def test_replies_hold_the_attachments_that_people_post(run: Running) -> None:
    """Pasted tables and forwarded messages: https://github.com/vercel/chat/issues/803"""
    ts = await thread(run)
    table = {"type": "table", "rows": [[{"type": "raw_text", "text": "Plan"}]]}
    pasted = {"id": 1, "blocks": [table], "fallback": "[no preview available]"}
    run.slack.post_as("U0MINA", SUPPORT, "our prices", thread_ts=ts, attachments=[pasted])
    last = (await run.client.conversations_replies(channel=SUPPORT, ts=ts))["messages"][-1]
    assert (last["text"], last["attachments"]) == ("our prices", [pasted])


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
    public = ["support", "support-alerts", "vip", "handoff-alerts"]
    assert [one["name"] for one in channels["channels"]] == public
    private = await run.client.conversations_list(types="private_channel")
    assert [(one["name"], one["is_private"]) for one in private["channels"]] == [("support-leads", True)]
    for id, shared in ((SUPPORT, False), ("C0VIP", True)):
        info = (await run.client.conversations_info(channel=id))["channel"]
        assert info["is_member"] and not info["is_private"] and info["is_ext_shared"] == shared
    mina = (await run.client.users_info(user="U0MINA"))["user"]
    assert mina["profile"]["display_name"] == "Mina Park" and mina["profile"]["image_72"]
    assert mina["team_id"] == "T0SANDBOX" and not (mina["is_bot"] or mina["is_stranger"])
    guest = (await run.client.users_info(user="U0GUEST"))["user"]
    assert guest["is_restricted"] and guest["is_ultra_restricted"]
    assert (await run.client.users_info(user="U0BRIDGE"))["user"]["is_bot"]
    assert await refused(run.client.users_info(user="U0NOBODY")) == "user_not_found"
    elsewhere = (await run.client.users_info(user="U0PARTNER"))["user"]
    assert (elsewhere["team_id"], elsewhere["is_restricted"]) == ("T0PARTNER", False)
    groups = await run.client.usergroups_list(include_users=True)
    assert {one["id"]: one["users"] for one in groups["usergroups"]} == {
        "S0SUPPORT": ["U0MINA", "U0JO"],
        "S0LEADS": ["U0MINA", "U0LEE"],
    }
    assert "users" not in (await run.client.usergroups_list())["usergroups"][0]


async def members(run: Running, channel: str, **more: Any) -> list[str]:
    """Page by page."""
    found: list[str] = []
    cursor = ""
    while True:
        page = await run.client.conversations_members(channel=channel, cursor=cursor, **more)
        found += page["members"]
        cursor = page["response_metadata"]["next_cursor"]
        if not cursor:
            return found


async def test_who_is_in_a_channel(run: Running) -> None:
    support = await members(run, SUPPORT, limit=3)
    assert support == ["U0MINA", "U0JO", "U0GUEST", "U0BRIDGE"]
    assert run.slack.calls.count("conversations.members") == 2
    assert set(await members(run, "C0VIP")) == {*support, "U0LEE", "U0PARTNER"}
    assert await members(run, "C0LEADS", limit=1) == ["U0MINA", "U0BRIDGE", "U0LEE"]
    call = run.client.conversations_members
    assert await refused(call(channel="C0NONE")) == "channel_not_found"
    assert await refused(call(channel=SUPPORT, limit=1001)) == "invalid_limit"
    run.slack.state.app.scopes.remove("groups:read")
    assert await refused(call(channel="C0LEADS")) == "missing_scope"
    run.slack.state.channels["C0LEADS"].members.remove("U0BRIDGE")
    assert await refused(call(channel="C0LEADS")) == "channel_not_found"


# ── marks ────────────────────────────────────────────────────────────────────────────────────────


async def test_reactions(run: Running) -> None:
    message = run.slack.post_as("U0JO", SUPPORT, "reply")
    for _ in range(2):  # pressed again in Slack, it would go away; here it stays
        run.slack.react_as("U0LEE", SUPPORT, message.ts, "lock")
    assert message.reactions == {"lock": ["U0LEE"]}
    for _ in range(2):
        run.slack.react_as("U0LEE", SUPPORT, message.ts, "lock", added=False)
    at: dict[str, Any] = {"channel": SUPPORT, "timestamp": message.ts}
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
