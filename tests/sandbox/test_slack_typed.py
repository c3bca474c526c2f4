"""What the sandbox's composer makes of what a person types."""

from __future__ import annotations

import pytest

from bridge.sandbox.slack.blocks import check_blocks
from bridge.sandbox.slack.typed import typed


@pytest.mark.parametrize(
    ("text", "escaped", "kinds"),
    [
        ("plain", "plain", ["text"]),
        ("a <b> & c", "a &lt;b&gt; &amp; c", ["text"]),
        ("<@U0JO> in <#C0VIP|vip>", "<@U0JO> in <#C0VIP|vip>", ["user", "text", "channel"]),
        ("<!here> :wave:", "<!here> :wave:", ["broadcast", "text", "emoji"]),
        ("see https://a.example/?x=1&y=2", "see <https://a.example/?x=1&amp;y=2>", ["text", "link"]),
        ("<https://a.example|here>", "<https://a.example|here>", ["link"]),
        ("*bold* and _it_ `code`", "*bold* and _it_ `code`", ["text", "text", "text", "text", "text"]),
    ],
)
def test_what_is_typed_becomes_rich_text(text: str, escaped: str, kinds: list[str]) -> None:
    said, blocks = typed(text)
    assert said == escaped
    assert [element["type"] for element in blocks[0]["elements"][0]["elements"]] == kinds
    assert check_blocks(blocks) == []


def test_quotes_and_fences_are_blocks_of_their_own() -> None:
    _, blocks = typed("look:\n> one\n> two\n```\nx = *1*\n```\n*done*")
    kinds = [
        (one["type"].removeprefix("rich_text_"), one["elements"][0]["text"]) for one in blocks[0]["elements"]
    ]
    assert kinds == [
        ("section", "look:"),
        ("quote", "one\ntwo"),
        ("preformatted", "x = *1*"),
        ("section", "done"),
    ]
    assert blocks[0]["elements"][3]["elements"][0]["style"] == {"bold": True}
    assert typed("") == ("", [])
