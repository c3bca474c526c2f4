"""Whatever an agent's message holds, no id, private address or escape of Slack's leaves with it."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bridge.compose import Names, ReplyDraft, compose, mentioned

TOKEN = re.compile(r"<@[UW]|<#[CGD]|<!(?:here|channel|everyone|subteam|date)")
PRIVATE = re.compile(r"files\.slack\.com/|\w\.slack\.com/archives", re.IGNORECASE)
IDS = st.sampled_from(["U0AAAAAA1", "U0AAAAAA2", "C0AAAAAA1", "S0AAAAAA1", "W0AAAAAA1"])
NAMES = Names(users={"U0AAAAAA1": "Una\n<@U", "W0AAAAAA1": "<!here>"}, channels={"C0AAAAAA1": "C<#C"})

TYPED = st.text(max_size=20) | st.sampled_from(
    [
        "<@U0AAAAAA2>",
        "<@U0AAAAAA2|name>",
        "<",
        "<@",
        "<#C0AAAAAA2|general>",
        "<!here>",
        "<!subteam^S0AAAAAA2>",
        "<!date^1^{date}|x>",
        "https://acme.slack.com/archives/C0AAAAAA1/p1",
        "HTTPS://files.slack.com/files-pri/T1-F1/x.png?a=1",
        "acme.slack.com/archives/C0AAAAAA1",
        "a &amp; b",
    ]
)
ADDRESS = st.sampled_from(
    [
        "https://example.com/",
        "https://acme.slack.com/archives/C0AAAAAA1/p1",
        "https://acme.enterprise.slack.com/archives/C0AAAAAA1",
        "https://files.slack.com/files-pri/T1-F1/x.png",
        "slack://channel?id=C0AAAAAA1",
        "http://[",
    ]
)
INLINE = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, TYPED),
    st.builds(lambda text: {"type": "text", "text": text, "style": {"code": True}}, TYPED),
    st.builds(lambda text: {"type": "text", "text": text, "style": {"strike": True}}, TYPED),
    st.builds(lambda url, text: {"type": "link", "url": url, "text": text}, ADDRESS, TYPED | ADDRESS),
    st.builds(lambda id: {"type": "user", "user_id": id}, IDS),
    st.builds(lambda id: {"type": "channel", "channel_id": id}, IDS),
    st.builds(lambda id: {"type": "usergroup", "usergroup_id": id}, IDS),
    st.builds(lambda name: {"type": "emoji", "name": name}, st.sampled_from(["wave", "party"])),
    st.builds(
        lambda range: {"type": "broadcast", "range": range}, st.sampled_from(["here", "channel", "everyone"])
    ),
    st.dictionaries(
        st.sampled_from(["type", "text", "url", "elements", "style"]), TYPED | st.integers() | st.none()
    ),
)
SECTION = st.builds(
    lambda kind, elements: {"type": kind, "elements": elements},
    st.sampled_from(["rich_text_section", "rich_text_quote", "rich_text_preformatted", "rich_text_new"]),
    st.lists(INLINE, max_size=5),
)
LIST = st.builds(
    lambda style, indent, items: {
        "type": "rich_text_list",
        "style": style,
        "indent": indent,
        "elements": items,
    },
    st.sampled_from(["bullet", "ordered"]),
    st.integers(-1, 9),
    st.lists(SECTION, max_size=3),
)
BLOCKS = st.lists(
    st.builds(lambda inside: {"type": "rich_text", "elements": inside}, st.lists(SECTION | LIST, max_size=4)),
    max_size=2,
)
CELL = st.one_of(
    st.builds(lambda text: {"type": "raw_text", "text": text}, TYPED | ADDRESS),
    st.builds(lambda inside: {"type": "rich_text", "elements": inside}, st.lists(SECTION | LIST, max_size=2)),
)
TABLE = st.builds(
    lambda rows: {"type": "table", "rows": rows}, st.lists(st.lists(CELL, max_size=3), max_size=3)
)
ANYTHING = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(TYPED, inner),
)


def sent(message: dict[str, Any]) -> str:
    draft = compose(message, NAMES, note_prefix="//", as_is=True)
    if not isinstance(draft, ReplyDraft):
        return ""
    return "".join(part.text for part in draft.parts if part.kind == "text")


def assert_clean(text: str) -> None:
    assert not TOKEN.search(text)
    assert not PRIVATE.search(text)
    assert not re.search(r"[UCSW]0AAAAAA\d", text)


@given(BLOCKS)
def test_of_rich_text(blocks: list[Any]) -> None:
    text = sent({"text": "", "blocks": blocks})
    assert_clean(text)
    assert not re.search("&(?:amp|lt|gt);", text)


@given(st.lists(TABLE, max_size=2), st.lists(TABLE, max_size=2))
def test_of_tables(blocks: list[Any], attached: list[Any]) -> None:
    text = sent({"text": "", "blocks": blocks, "attachments": [{"blocks": attached}]})
    assert_clean(text)
    assert not re.search("&(?:amp|lt|gt);", text)


@given(st.lists(TYPED, max_size=6))
def test_of_text(written: list[str]) -> None:
    assert_clean(sent({"text": "".join(written)}))


@given(ANYTHING, ANYTHING)
def test_no_shape_is_an_error(blocks: Any, text: Any) -> None:
    message = {"text": text, "blocks": blocks, "files": blocks, "attachments": blocks}
    compose(message, NAMES, note_prefix="//")
    mentioned(message)
