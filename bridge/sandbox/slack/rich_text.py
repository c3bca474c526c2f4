"""`rich_text`: sections, lists, quotes and preformatted text, and the elements inside a line.

https://docs.slack.dev/reference/block-kit/blocks/rich-text-block. Slack refuses an empty `text` element
and a section, quote or preformatted block without elements, which is what rendering an empty table
cell or quote line easily makes.
"""

from __future__ import annotations

from bridge.sandbox.slack.schema import Record, Rule, any_of, flag, items, one_of, string, url, whole

LINK_URL = 3000
BLOCK_ID = string(255)

_STYLE = Record(None, dict.fromkeys(("bold", "italic", "strike", "code", "underline"), flag))
_MENTION_STYLE = Record(
    None, dict.fromkeys(("bold", "italic", "strike", "highlight", "client_highlight", "unlink"), flag)
)


def _inline(type: str, *, need: tuple[str, ...], style: Rule = _STYLE, **fields: Rule) -> Record:
    return Record(type, {**fields, "style": style}, need=need)


_TEXT = _inline("text", text=string(), need=("text",))
_LINK = _inline("link", url=url(LINK_URL), text=string(), unsafe=flag, need=("url",))
_INLINE = any_of(
    _TEXT,
    _LINK,
    _inline(
        "emoji", name=string(), unicode=string(), skin_tone=whole(1, 6), url=url(LINK_URL), need=("name",)
    ),
    _inline("user", user_id=string(), style=_MENTION_STYLE, need=("user_id",)),
    _inline("usergroup", usergroup_id=string(), style=_MENTION_STYLE, need=("usergroup_id",)),
    _inline("channel", channel_id=string(), style=_MENTION_STYLE, need=("channel_id",)),
    _inline("team", team_id=string(), need=("team_id",)),
    _inline("broadcast", range=one_of("here", "channel", "everyone"), need=("range",)),
    _inline(
        "date",
        timestamp=whole(0),
        format=string(),
        url=url(LINK_URL),
        fallback=string(),
        need=("timestamp", "format"),
    ),
    _inline("color", value=string(), need=("value",)),
)
_BORDER = whole(0, 1)

_SECTION = Record("rich_text_section", {"elements": items(_INLINE)}, need=("elements",))
_LIST = Record(
    "rich_text_list",
    {
        "elements": items(_SECTION),
        "style": one_of("bullet", "ordered"),
        "indent": whole(0, 8),
        "offset": whole(0),
        "border": _BORDER,
    },
    need=("elements", "style"),
)
_QUOTE = Record("rich_text_quote", {"elements": items(_INLINE), "border": _BORDER}, need=("elements",))
_PREFORMATTED = Record(
    "rich_text_preformatted",
    {"elements": items(any_of(_TEXT, _LINK)), "border": _BORDER, "language": string()},
    need=("elements",),
)
_ELEMENTS = items(any_of(_SECTION, _LIST, _QUOTE, _PREFORMATTED))

RICH_TEXT = Record("rich_text", {"elements": _ELEMENTS, "block_id": BLOCK_ID}, need=("elements",))
RICH_TEXT_VALUE = Record("rich_text", {"elements": _ELEMENTS}, need=("elements",))
