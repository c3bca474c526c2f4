"""The demo's page, in a real browser before a real bridge."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Page as Tab
from playwright.async_api import expect

from bridge.sandbox.page import Page
from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Stage
from tests.sandbox.browser import browsing, chromium

HOSTILE = "<img src=x onerror=alert(1)> <b>bold</b> &amp; *stars* <https://evil.example|click>"


@asynccontextmanager
async def staged(folder: Path) -> AsyncIterator[Stage]:
    async with Stage(folder, channel_rate=0) as stage:
        stage.app.router.routes.extend(Page(stage).routes())
        yield stage


@asynccontextmanager
async def looking(stage: Stage) -> AsyncIterator[Tab]:
    """The page in a browser; at the end there is nothing on its console."""
    async with browsing() as (tab, complaints):
        await tab.goto(stage.base)
        await expect(tab.get_by_role("status").filter(has_text="live")).to_be_visible()
        yield tab
        assert complaints == []


async def customer_says(tab: Tab, text: str) -> None:
    box = tab.get_by_role("textbox", name="Write as the customer")
    await box.fill(text)
    await box.press("Enter")


def plain(text: str) -> dict[str, str]:
    return {"type": "plain_text", "text": text}


async def test_a_newcomer_finds_the_whole_way(tmp_path: Path) -> None:
    chromium()
    async with staged(tmp_path) as stage:
        await stage.serve()
        async with looking(stage) as tab:
            thread, chat = tab.get_by_role("region", name="Thread"), tab.get_by_role("region", name="Chat")
            reply = tab.get_by_role("textbox", name="Reply in the thread")

            await tab.get_by_role("button", name="New conversation").click()
            await customer_says(tab, "Where is my order 4711?")
            await expect(chat.get_by_text("Parcel 4711 left our warehouse")).to_be_visible()
            await expect(thread.get_by_text("Where is my order 4711?")).to_be_visible()
            await expect(thread.get_by_text("Parcel 4711 left our warehouse")).to_be_visible()
            await expect(thread.get_by_text("the AI agent has the conversation")).to_be_visible()

            await tab.get_by_role("button", name="I want to talk to a person").click()
            await expect(thread.get_by_text("waits for a human")).to_be_visible()
            await expect(thread.get_by_text("waiting for a human")).to_be_visible()
            channel = tab.get_by_role("region", name="Channel")
            await expect(channel.get_by_text("waits for a human")).to_be_visible()

            await reply.fill("// a word among ourselves")
            await expect(tab.get_by_role("button", name="Keep as note")).to_be_visible()
            await reply.press("Enter")
            await tab.get_by_role("radio", name="Jo").click()
            await reply.fill("Jo here, I have found it.")
            await reply.press("Enter")
            await expect(chat.get_by_text("Jo here, I have found it.")).to_be_visible()
            sent = thread.get_by_role("listitem").filter(has_text="Jo here, I have found it.")
            await expect(sent.get_by_title(":white_check_mark: by Handoff Bridge")).to_be_visible()
            await expect(thread.get_by_text("a word among ourselves")).to_be_visible()
            await expect(chat.get_by_text("a word among ourselves")).to_have_count(0)

            wire = tab.get_by_role("list", name="Webhooks")
            await expect(wire.get_by_text("v1.conversation.message").first).to_be_visible()
            await expect(wire.get_by_text("200 in").first).to_be_visible()

            await tab.get_by_role("button", name="End chat").click()
            await expect(thread.get_by_text("The conversation was ended")).to_be_visible()


async def test_what_others_write_stays_text(tmp_path: Path) -> None:
    chromium()
    async with staged(tmp_path) as stage:
        await stage.serve()
        async with looking(stage) as tab:
            await tab.get_by_role("button", name="New conversation").click()
            await customer_says(tab, HOSTILE)
            for pane in ("Thread", "Chat"):
                where = tab.get_by_role("region", name=pane)
                await expect(where.get_by_text(HOSTILE, exact=True)).to_be_visible()
            stage.slack.post_as("U0MINA", "support", HOSTILE)
            channel = tab.get_by_role("region", name="Channel")
            await expect(channel.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
            assert await tab.locator("img, [onerror]").count() == 0


async def test_every_block_is_shown(tmp_path: Path) -> None:
    """The ones it knows as what they are, the others as a box with their name."""
    chromium()
    blocks = [
        {"type": "header", "text": plain("A header")},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*bold* <javascript:alert(1)|click>"}},
        {"type": "table", "rows": [[{"type": "raw_text", "text": one}] for one in ("Item", "Mug")]},
        {"type": "carousel", "elements": [{"type": "card", "title": plain("A card")}]},
        {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a picture"},
        {"type": "not_yet_known", "answer": 42},
        {"type": "section", "text": 17},
    ]
    attachments = [{"color": "#ECB22E", "blocks": [{"type": "unheard_of"}]}]
    async with staged(tmp_path) as stage:
        state = stage.slack.state
        state.post(
            Message("C0SUPPORT", state.next_ts(), user="U0BRIDGE", blocks=blocks, attachments=attachments)
        )
        async with looking(stage) as tab:
            message = tab.get_by_role("region", name="Channel").get_by_role("listitem").first
            await expect(message.get_by_role("heading", name="A header")).to_be_visible()
            await expect(message.get_by_text("bold", exact=True)).to_be_visible()
            await expect(message.get_by_role("cell", name="Mug")).to_be_visible()
            await expect(message.get_by_role("article").get_by_text("A card")).to_be_visible()
            await expect(message.get_by_role("link", name="a picture")).to_be_visible()
            assert await message.locator("a[href^=javascript]").count() == 0
            for box in ("block: not_yet_known", "block: section", "block: unheard_of"):
                await expect(message.get_by_text(box)).to_be_visible()
            await message.get_by_text("block: not_yet_known").click()
            await expect(message.get_by_text('"answer": 42')).to_be_visible()


async def test_a_press_reaches_the_bridge(tmp_path: Path) -> None:
    chromium()
    button = {"type": "button", "action_id": "claim", "text": plain("Claim")}
    async with staged(tmp_path) as stage:
        await stage.serve()
        stage.slack.post_as("U0MINA", "support", "", blocks=[{"type": "actions", "elements": [button]}])
        async with looking(stage) as tab:
            async with tab.expect_response("**/act/press") as answer:
                await tab.get_by_role("button", name="Claim").click()
            assert await (await answer.value).json() == {"status": 200, "reason": None}


async def test_the_page_comes_back_by_itself(tmp_path: Path) -> None:
    """A line that was cut is taken up again, with what happened meanwhile."""
    chromium()
    async with staged(tmp_path) as stage, browsing() as (tab, _):
        status = tab.get_by_role("status")
        await tab.goto(stage.base)
        await expect(status.filter(has_text="live")).to_be_visible()
        await tab.context.set_offline(True)
        await stage.slack.stop()  # ends every stream
        await expect(status.filter(has_text="reconnecting")).to_be_visible()
        await stage.slack.start()
        stage.slack.post_as("U0MINA", "support", "said while nobody looked")
        await tab.context.set_offline(False)
        await expect(tab.get_by_text("said while nobody looked")).to_be_visible()
        await expect(status.filter(has_text="live")).to_be_visible()


# ── its endpoints ────────────────────────────────────────────────────────────────────────────────


async def test_the_stream_begins_with_the_snapshot_and_goes_on_with_what_changes(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, httpx.AsyncClient(base_url=stage.base, trust_env=False) as http:
        before = stage.slack.post_as("U0MINA", "support", "before")
        snapshot = (await http.get("/state")).json()
        async with http.stream("GET", "/events") as stream:
            told = (json.loads(line[6:]) async for line in stream.aiter_lines() if line.startswith("data: "))
            assert await anext(told) == snapshot
            assert [one["ts"] for one in snapshot["slack"]["channels"][0]["messages"]] == [before.ts]

            stage.slack.post_as("U0JO", "support", "after", thread_ts=before.ts)
            change = await anext(told)
            assert (change["from"], change["type"], change["message"]["text"]) == (
                "slack",
                "message",
                "after",
            )

            opened = (await http.post("/act/open", json={"vendor": "moveo", "customer": "Ann Lee"})).json()
            change = await anext(told)
            assert (change["vendor"], change["conversation"]["id"]) == ("moveo", opened["conversation"])


async def test_a_webhook_is_told_with_its_answer(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, httpx.AsyncClient(base_url=stage.base, trust_env=False) as http:
        async with http.stream("GET", "/events") as stream:  # nobody listens where the bridge would be
            told = (json.loads(line[6:]) async for line in stream.aiter_lines() if line.startswith("data: "))
            await anext(told)
            stage.gptbots.send_sample("chat")
            change = await anext(told)
        assert (change["type"], change["kind"], change["status"]) == ("delivery", "chat", None)
        assert change["ms"] >= 0


@pytest.mark.parametrize(
    ("act", "values", "status"),
    [
        ("dance", {}, 404),
        ("say", {"vendor": "ada", "conversation": "nobody", "text": "hello"}, 404),
        ("say", {"vendor": "ada"}, 400),
        ("open", {"vendor": "ada", "customer": "  "}, 400),
        ("open", {"vendor": "ada", "customer": 1}, 400),
        ("open", [], 400),
        ("press", {"user": "U0JO", "channel": "C0VIP", "ts": "1.000000", "action_id": "x"}, 404),
    ],
)
async def test_an_act_that_cannot_be_is_refused(
    tmp_path: Path, act: str, values: object, status: int
) -> None:
    async with staged(tmp_path) as stage, httpx.AsyncClient(base_url=stage.base, trust_env=False) as http:
        answer = await http.post(f"/act/{act}", json=values)

        assert (answer.status_code, list(answer.json())) == (status, ["error"])


async def test_no_other_page_can_act(tmp_path: Path) -> None:
    """A form or a plain fetch of another site is sent without being asked for; JSON is not."""
    async with staged(tmp_path) as stage, httpx.AsyncClient(base_url=stage.base, trust_env=False) as http:
        body = json.dumps({"vendor": "ada", "customer": "Ann Lee"}).encode()
        answer = await http.post("/act/open", content=body, headers={"content-type": "text/plain"})

        assert answer.status_code == 415
        assert stage.ada.conversations == {}
