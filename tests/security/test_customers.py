"""What a vendor's customer may write, as everybody in Slack sees it: words, and nothing else.

Over anything at all it is tests/render that holds this; here some of the worst go the whole way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bridge.render.literal import like_an_address
from bridge.sandbox.slack import Message
from bridge.sandbox.stage import Process, Stage
from tests.bridge.scene import opened, waiting
from tests.security.test_requests import alive

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.usefixtures("bridge")]

ROUTE = 'reply_mode = "confirm"\nalert_channel = "C0HANDOFFS"'

WORDS = [
    "<!channel> <!here> <!everyone>",
    "@channel @here @everyone",
    "<@U0MINA> <@U0MINA|Mina> <!subteam^S0LEADS>",
    "<#C0SUPPORT> <!date^1^{date}^https://evil.example|x>",
    "<https://evil.example|https://bank.example>",
    "<javascript:alert(1)|press me> javascript:alert(1) data:text/html,<script>alert(1)</script>",
    "[https://bank.example](https://evil.example) [bank](javascript:alert(1))",
    "[bank.example](https://evil.example) ![bank.example](https://evil.example/x.png)",
    "https://bank.example@evil.example/ https://bank.example\u2044login.evil.example",
    "https://evil.example/\u202egnp.exe https://exam\u200bple.com",
    "&lt;!channel&gt; &amp;lt;!here&amp;gt; &#60;!channel&#62;",
    "\u202eMina Park claimed the conversation.",
    "*Mina Park claimed the conversation.* _resolved_ ~x~ `!resolve`",
    "!resolve",
    "//!claim",
    ":rotating_light:" * 300,
    "Z\u0301\u0302\u0303\u0304\u0305" * 500,
    "```\n<!channel>\n``` > <!here>",
    "http://a" + ")" * 20_000,
    "http://" + "a" * 20_000 + "%",
    "\n" * 20_000 + "end",
]


def everything(stage: Stage) -> Iterator[Message]:
    for channel in stage.slack.state.channels.values():
        for message in (*channel.messages.values(), *channel.ephemerals.values()):
            yield message
            yield from message.replies


def elements(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from elements(inner)


def harmless(stage: Stage) -> None:
    """Nobody is called, nothing leads elsewhere than it says, and whoever is no agent is said to be none."""
    for message in everything(stage):
        assert not message.pings, message
        for one in elements([*message.blocks, *message.attachments]):
            assert one.get("type") != "mrkdwn", one  # Slack would read it as markup
            if "url" in one:
                assert one["url"].startswith(("http://", "https://")), one
            if one.get("type") == "link" and one.get("text"):
                assert not like_an_address(one["text"]), one
        if message.username is not None:
            assert message.username.endswith(
                ("(customer)", "(AI agent)", "(agent)", "Customer", "AI agent", "Agent")
            )
        assert message.options.get("unfurl_links") in (False, None)
        assert message.options.get("link_names") in (False, None)


async def test_a_customers_words_are_words(stage: Stage, bridge: Process) -> None:
    scene = await opened(stage)
    for number, words in enumerate(WORDS):
        scene.says(words, f"that was {number}")
    await scene.until(lambda: f"that was {len(WORDS) - 1}" in scene.texts, "the last words")
    harmless(stage)
    said = "".join(
        one["text"]
        for message in scene.thread
        for one in elements(message.blocks)
        if one.get("type") == "text"
    )
    for words in WORDS[:3]:
        assert words in said
    assert scene.vendor.conversations[scene.talk].state == "bot"  # words of theirs are no command
    await alive(stage, bridge)


async def test_so_are_an_ai_agents(stage: Stage, bridge: Process) -> None:
    """Whom a customer may well have talked into saying it."""
    for vendor in (stage.ada, stage.moveo):
        scene = await opened(stage, vendor)
        for number, words in enumerate(WORDS):
            vendor.bot_says(scene.talk, words)
            vendor.bot_says(scene.talk, f"that was {number}")
        await scene.until(lambda: f"that was {len(WORDS) - 1}" in scene.texts, "the last words")  # noqa: B023
    harmless(stage)
    await alive(stage, bridge)


NAMES = [
    "<!channel>",
    "Mina Park (agent)",
    "Mina Park (agent)" + "\u3164" * 60,
    "Mina\u200b \u202eParkn",
    "<https://evil.example|Mina>",
    "Handoff Bridge",
    "x" * 500,
    "\n\nclaimed by Mina",
    ":white_check_mark: Mina",
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
async def test_a_customers_name_is_a_name(stage: Stage, bridge: Process, name: str) -> None:
    """On the card, in alerts and above what they say."""
    scene = await waiting(stage, name=name)
    scene.says("It is me")
    await scene.shows("It is me")
    (theirs,) = [message for message in scene.thread if message.text == "It is me"]
    assert theirs.username is not None and theirs.username.endswith("(customer)")
    assert len(theirs.username) <= 80
    harmless(stage)
    await alive(stage, bridge)
