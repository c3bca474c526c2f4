"""The demo's page in narrow windows, by keyboard alone, and for eyes that need contrast."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.sandbox.answering import answering
from tests.sandbox.browser import chromium
from tests.sandbox.slack_samples import button, buttons, section
from tests.sandbox.test_page import customer_says, looking, staged

#: Each visible text whose contrast with the background is below 4.5:1.
#: https://www.w3.org/TR/WCAG21/#contrast-minimum
TOO_FAINT = """() => {
  const rgba = (color) => (color.match(/[0-9.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b]
    .map((one) => one / 255)
    .map((one) => (one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4))
    .reduce((sum, one, index) => sum + one * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (node) => {
    for (let one = node; one; one = one.parentElement) {
      const [r, g, b, a = 1] = rgba(getComputedStyle(one).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const faint = new Set();
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !node.checkVisibility()) continue;
    const [less, more] = [rgba(getComputedStyle(node).color), behind(node)].map(light).sort((a, b) => a - b);
    if ((more + 0.05) / (less + 0.05) < 4.5) faint.add(`${node.className}: ${node.textContent}`);
  }
  return [...faint];
}"""


@pytest.mark.parametrize("width", [375, 768])
async def test_both_sides_can_be_used_in_a_narrow_window(tmp_path: Path, width: int) -> None:
    chromium()
    async with staged(tmp_path) as stage:
        root = stage.slack.post_as("U0MINA", "support", "a card")
        async with looking(stage) as tab:
            await tab.set_viewport_size({"width": width, "height": 812})
            await tab.get_by_role("button", name="Reply in thread").click()
            reply = tab.get_by_role("textbox", name="Reply in the thread")
            await reply.fill("from a telephone")
            await tab.get_by_role("button", name="Send", exact=True).click()
            await expect(tab.get_by_role("region", name="Thread").get_by_text("a telephone")).to_be_visible()
            await tab.get_by_role("button", name="New conversation").click()
            await customer_says(tab, "from another")
            await expect(tab.get_by_role("region", name="Chat").get_by_text("from another")).to_be_visible()

            for box in (reply, tab.get_by_role("textbox", name="Write as the customer")):
                size = await box.bounding_box()
                assert size is not None
                assert size["width"] > 200
            assert await tab.evaluate("document.documentElement.scrollWidth") == width
        replies = [one for one in stage.slack.state.channels["C0SUPPORT"].messages.values() if one.is_reply]
        assert [one.thread_ts for one in replies if one.user] == [root.ts]


async def test_a_keyboard_stays_where_it_is_while_the_page_changes(tmp_path: Path) -> None:
    """What is pressed is drawn anew; another act never comes under the finger instead of it."""
    chromium()
    async with staged(tmp_path) as stage, answering(stage) as app:
        both = [
            section("One waits"),
            buttons(button("Claim", action_id="a"), button("Resolve", action_id="b")),
        ]
        card = await app.call("chat.postMessage", channel="C0SUPPORT", text="card", blocks=both)
        async with looking(stage) as tab:
            for role, name in (("radio", "Jo"), ("tab", "Moveo"), ("button", "# support-alerts")):
                pressed = tab.get_by_role(role, name=name)  # type: ignore[arg-type]
                await pressed.press("Enter")
                await expect(pressed).to_be_focused()
            await tab.get_by_role("button", name="# support", exact=True).press("Enter")

            message = tab.get_by_role("region", name="Channel").get_by_role("listitem")
            await message.get_by_role("button", name="Claim").focus()
            place = {"channel": "C0SUPPORT", "ts": card["ts"], "text": "card"}
            await app.call("chat.update", **place, blocks=[section("It waits still"), *both])
            await expect(message.get_by_text("It waits still")).to_be_visible()
            await expect(message.get_by_role("button", name="Claim")).to_be_focused()

            await app.call("chat.update", **place, blocks=[buttons(button("Release", action_id="c"))])
            await expect(message.get_by_role("button", name="Release")).to_be_visible()
            await expect(message.get_by_label("More actions")).to_be_focused()


async def test_every_text_can_be_read(tmp_path: Path) -> None:
    chromium()
    async with staged(tmp_path) as stage:
        root = stage.slack.post_as("U0MINA", "support", "a card")
        stage.slack.post_as("U0GUEST", "support", "a reply", thread_ts=root.ts)
        async with looking(stage) as tab:
            await tab.get_by_role("button", name="New conversation").click()
            await customer_says(tab, "I want to talk to a person")
            chat = tab.get_by_role("region", name="Chat")
            await expect(chat.get_by_text("getting a person for you")).to_be_visible()
            await tab.get_by_role("button", name="1 reply").click()
            await tab.get_by_role("textbox", name="Reply in the thread").fill("// a note")
            await expect(tab.get_by_role("button", name="Keep as note")).to_be_visible()

            assert await tab.evaluate(TOO_FAINT) == []
