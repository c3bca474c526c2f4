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
from tests.sandbox.answering import answering
from tests.sandbox.browser import browsing, chromium
from tests.sandbox.slack_samples import Json, button, buttons, chart, plain, section

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
    blocks: list[Json] = [
        {"type": "header", "text": plain("A header")},
        {"type": "section", "text": {"type": "mrkdwn", "text": "*bold* <javascript:alert(1)|click>"}},
        {"type": "table", "rows": [[{"type": "raw_text", "text": one}] for one in ("Item", "Mug")]},
        {"type": "carousel", "elements": [{"type": "card", "title": plain("A card")}]},
        {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a picture"},
        chart(title="By hour"),
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
            await expect(message.get_by_role("figure").filter(has_text="By hour")).to_contain_text("a 1")
            await expect(message.get_by_role("article").get_by_text("A card")).to_be_visible()
            await expect(message.get_by_role("link", name="a picture")).to_be_visible()
            assert await message.locator("a[href^=javascript]").count() == 0
            for box in ("block: not_yet_known", "block: section", "block: unheard_of"):
                await expect(message.get_by_text(box)).to_be_visible()
            await message.get_by_text("block: not_yet_known").click()
            await expect(message.get_by_text('"answer": 42')).to_be_visible()


async def test_who_you_are_decides_what_you_see(tmp_path: Path) -> None:
    """Ephemeral messages are for one person, and a private channel for its members."""
    chromium()
    async with staged(tmp_path) as stage, answering(stage) as app:
        root = stage.slack.post_as("U0MINA", "support", "a card")
        stage.slack.post_as("U0JO", "support", "a reply", thread_ts=root.ts)
        blocks = [section("Send it?"), buttons(button("Send once", action_id="held-once", value="7"))]
        await app.call(
            "chat.postEphemeral", channel="C0SUPPORT", user="U0JO", text="?", thread_ts=root.ts, blocks=blocks
        )
        async with looking(stage) as tab:
            channels = tab.get_by_role("navigation", name="Channels")
            for name in ("support-alerts", "handoff-alerts", "support-leads"):
                await expect(channels.get_by_role("button", name=name)).to_be_visible()
            await expect(tab.get_by_role("radio", name="Mina Park")).to_be_checked()
            await tab.get_by_role("button", name="1 reply").click()
            thread = tab.get_by_role("region", name="Thread")
            await expect(thread.get_by_text("a reply")).to_be_visible()
            await expect(thread.get_by_text("Send it?")).to_have_count(0)

            await tab.get_by_role("radio", name="Jo").click()
            await expect(channels.get_by_role("button", name="support-leads")).to_have_count(0)
            question = thread.get_by_role("listitem").filter(has_text="Only visible to you")
            await expect(question.get_by_text("Send it?")).to_be_visible()
            async with tab.expect_response("**/act/press"):
                await question.get_by_role("button", name="Send once").click()
            pressed = app.last("block_actions")
            assert pressed["container"]["is_ephemeral"] and pressed["user"]["id"] == "U0JO"
            assert pressed["actions"][0]["value"] == "7"


async def test_what_you_write_yourself_is_in_sight(tmp_path: Path) -> None:
    """And what only you are asked, though you have read further up; what others write takes you nowhere."""
    chromium()
    async with staged(tmp_path) as stage, answering(stage) as app:
        root = stage.slack.post_as("U0MINA", "support", "a card")
        for number in range(40):
            stage.slack.post_as("U0LEE", "support", f"reply {number}", thread_ts=root.ts)
        async with looking(stage) as tab:
            thread = tab.get_by_role("region", name="Thread")
            top, jo = thread.get_by_text("a card"), tab.get_by_role("radio", name="Jo")
            reply = tab.get_by_role("textbox", name="Reply in the thread")
            await tab.get_by_role("button", name="40 replies").click()
            await expect(thread.get_by_text("reply 39")).to_be_in_viewport()

            await top.scroll_into_view_if_needed()
            stage.slack.post_as("U0LEE", "support", "Lee's", thread_ts=root.ts)
            await expect(thread.get_by_text("Lee's")).to_be_visible()
            await expect(top).to_be_in_viewport()
            await reply.fill("Mina's")
            await reply.press("Enter")
            await expect(thread.get_by_text("Mina's")).to_be_in_viewport()

            await top.scroll_into_view_if_needed()
            await jo.click()
            await expect(thread.get_by_text("Mina's")).to_be_in_viewport()
            await top.scroll_into_view_if_needed()
            await reply.fill("Jo's")
            await reply.press("Enter")
            await expect(thread.get_by_text("Jo's")).to_be_in_viewport()
            blocks = [section("Send it?"), buttons(button("Send once", action_id="held-once", value="7"))]
            about = {"channel": "C0SUPPORT", "thread_ts": root.ts}
            await app.call("chat.postEphemeral", **about, user="U0JO", text="?", blocks=blocks)
            await expect(thread.get_by_role("button", name="Send once")).to_be_in_viewport()


async def test_what_you_write_as_a_customer_is_in_sight(tmp_path: Path) -> None:
    chromium()
    async with staged(tmp_path) as stage:
        nora = stage.ada.open("Nora")
        for number in range(20):
            stage.ada.say(nora.id, f"word {number}")
        async with looking(stage) as tab:
            chat = tab.get_by_role("region", name="Chat")
            await expect(chat.get_by_text("word 19", exact=True)).to_be_attached()
            await chat.get_by_text("word 0", exact=True).scroll_into_view_if_needed()
            await customer_says(tab, "the newest")
            await expect(chat.get_by_text("the newest", exact=True)).to_be_in_viewport()


async def test_the_menu_of_a_message(tmp_path: Path) -> None:
    chromium()
    async with staged(tmp_path) as stage, answering(stage) as app:
        said = stage.slack.post_as("U0JO", "support", "I refunded it")
        await stage.slack.settled()
        async with looking(stage) as tab:
            message = tab.get_by_role("region", name="Channel").get_by_role("listitem")
            menu = message.get_by_label("More actions")
            await menu.click()
            await message.get_by_role("button", name="Keep as note").click()
            await expect(message.get_by_role("button", name="Keep as note")).to_be_hidden()
            locked = message.get_by_title(":lock: by Mina Park")
            await expect(locked).to_have_attribute("aria-pressed", "true")
            assert said.reactions == {"lock": ["U0MINA"]}
            await locked.click()
            await expect(locked).to_have_count(0)
            assert said.reactions == {}

            await menu.click()
            async with tab.expect_response("**/act/shortcut") as answer:
                await message.get_by_role("button", name="Send or keep this reply").click()
            assert (await answer.value).ok
            shortcut = app.last("message_action")
            assert (shortcut["callback_id"], shortcut["message_ts"]) == ("ask_again", said.ts)


MODAL = {
    "type": "modal",
    "title": plain("Transfer"),
    "submit": plain("Transfer it"),
    "blocks": [
        {"type": "alert", "text": plain("Jo is writing"), "level": "warning"},
        {
            "type": "input",
            "block_id": "to",
            "label": plain("To whom"),
            "element": {"type": "users_select", "action_id": "to", "initial_user": "U0JO"},
        },
        {
            "type": "input",
            "block_id": "why",
            "label": plain("Why"),
            "optional": True,
            "element": {"type": "plain_text_input", "action_id": "why", "multiline": True},
        },
    ],
}


async def test_a_modal_is_filled_in_and_sent(tmp_path: Path) -> None:
    chromium()
    confirm = {
        "title": plain("Sure?"),
        "text": plain("It asks"),
        "confirm": plain("Go on"),
        "deny": plain("No"),
    }
    async with staged(tmp_path) as stage, answering(stage) as app:
        blocks = [buttons(button("Transfer…", action_id="act-transfer", confirm=confirm))]
        await app.call("chat.postMessage", channel="C0SUPPORT", text="card", blocks=blocks)
        app.modal = MODAL
        async with looking(stage) as tab:
            await tab.get_by_role("button", name="Transfer…").click()
            await tab.get_by_role("dialog", name="Sure?").get_by_role("button", name="No").click()
            await tab.get_by_role("button", name="Transfer…").click()
            await tab.get_by_role("dialog", name="Sure?").get_by_role("button", name="Go on").click()

            modal = tab.get_by_role("dialog", name="Transfer")
            await expect(modal.get_by_role("note")).to_have_text("Jo is writing")
            to = modal.get_by_label("To whom")
            await expect(to).to_have_value("U0JO")
            await to.select_option(label="Lee")
            await modal.get_by_label("Why").fill("She knows")
            app.answer = {"response_action": "errors", "errors": {"to": "Lee is away"}}
            await modal.get_by_role("button", name="Transfer it").click()
            await expect(modal.get_by_role("alert").filter(has_text="Lee is away")).to_be_visible()
            await expect(modal.get_by_label("Why")).to_have_value("She knows")

            app.answer = None
            await to.select_option(label="Mina Park")
            await modal.get_by_role("button", name="Transfer it").click()
            await expect(modal).to_be_hidden()
            sent = app.last("view_submission")["view"]["state"]["values"]
            assert (sent["to"]["to"]["selected_user"], sent["why"]["why"]["value"]) == ("U0MINA", "She knows")

            await tab.get_by_role("button", name="Transfer…").click()
            await tab.get_by_role("button", name="Go on").click()
            await expect(modal).to_be_visible()
            await tab.keyboard.press("Escape")
            await expect(modal).to_be_hidden()
            assert stage.slack.modal_of("U0MINA") is None


async def test_everybody_has_a_home_of_their_own(tmp_path: Path) -> None:
    chromium()
    async with staged(tmp_path) as stage, answering(stage) as app:
        claim = buttons(button("Claim", action_id="act-claim", value="7"))
        app.home = {"type": "home", "blocks": [section("One customer waits"), claim]}
        async with looking(stage) as tab:
            await tab.get_by_role("button", name="Handoff Bridge").click()
            home = tab.get_by_role("region", name="App Home")
            await expect(home.get_by_text("One customer waits")).to_be_visible()
            await expect(tab.get_by_role("region", name="Channel")).to_be_hidden()
            async with tab.expect_response("**/act/press-view"):
                await home.get_by_role("button", name="Claim").click()
            pressed = app.last("block_actions")
            assert (pressed["container"]["type"], pressed["actions"][0]["value"]) == ("view", "7")

            app.home = {"type": "home", "blocks": [section("Nobody waits")]}
            await tab.get_by_role("radio", name="Lee").click()
            await expect(home.get_by_text("Nobody waits")).to_be_visible()
            await expect(home.get_by_text("One customer waits")).to_have_count(0)
            await tab.get_by_role("button", name="# handoff-alerts").click()
            await expect(home).to_be_hidden()
        opened = [one["user"] for one in app.heard if one["type"] == "app_home_opened"]
        assert opened == ["U0MINA", "U0LEE"]


async def test_a_press_reaches_the_bridge(tmp_path: Path) -> None:
    chromium()
    async with staged(tmp_path) as stage:
        await stage.serve()
        stage.slack.post_as("U0MINA", "support", "", blocks=[buttons(button("Claim", action_id="claim"))])
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
        ("submit", {"user": "U0JO", "view": "V0NONE", "values": "{}"}, 404),
        ("submit", {"user": "U0JO", "view": "V0NONE", "values": "[]"}, 400),
        ("submit", {"user": "U0JO", "view": "V0NONE", "values": "{"}, 400),
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
