"""What Slack accepts as blocks: which block on which surface, its fields, its limits.

https://docs.slack.dev/reference/block-kit/blocks. Strict where Slack is not documented to be lenient:
an unknown key or a wrong text object is refused, as Slack refuses them (`invalid_blocks`).
The limits are this package's own and never imported by the bridge, nor the other way round.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any, Literal

from bridge.sandbox.slack.elements import (
    BUTTON,
    IMAGE,
    IMAGE_FIELDS,
    IN_ACTIONS,
    IN_CONTEXT,
    IN_CONTEXT_ACTIONS,
    IN_INPUT,
    IN_SECTION,
    plain,
    text,
    web_address,
)
from bridge.sandbox.slack.rich_text import BLOCK_ID, RICH_TEXT, RICH_TEXT_VALUE
from bridge.sandbox.slack.schema import (
    Findings,
    Record,
    Rule,
    any_of,
    flag,
    items,
    one_of,
    string,
    url,
    whole,
)
from bridge.sandbox.slack.tables import (
    DATA_TABLE,
    DATA_TABLE_CHARACTERS,
    DATA_VISUALIZATION,
    TABLE,
    TABLE_CHARACTERS,
    characters,
)

Surface = Literal["message", "modal", "home"]

#: https://docs.slack.dev/reference/block-kit/blocks
BLOCKS_ON: dict[Surface, int] = {"message": 50, "modal": 100, "home": 100}
#: of all markdown blocks together; https://docs.slack.dev/reference/block-kit/blocks/markdown-block
MARKDOWN = 12_000
#: https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block
CHARTS_IN_A_MESSAGE = 2


def _block(type: str, *, need: tuple[str, ...] = (), also: Rule | None = None, **fields: Rule) -> Record:
    return Record(type, {**fields, "block_id": BLOCK_ID}, need, also)


# ── the classic ones ─────────────────────────────────────────────────────────────────────────────


def _text_or_fields(value: dict[str, Any], at: str, found: Findings) -> None:
    if "text" not in value and "fields" not in value:
        found.add("must define either `text` or `fields`", at)


_SECTION = _block(
    "section",
    text=text(3000),
    fields=items(text(2000), 10),
    accessory=IN_SECTION,
    expand=flag,
    also=_text_or_fields,
)
_HEADER = _block("header", text=plain(150), level=whole(1, 4), need=("text",))
_DIVIDER = _block("divider")
_IMAGE = _block("image", **IMAGE_FIELDS, title=plain(2000), need=IMAGE.need, also=IMAGE.also)
_ACTIONS = _block("actions", elements=items(IN_ACTIONS, 25), need=("elements",))
_CONTEXT = _block("context", elements=items(IN_CONTEXT, 10), need=("elements",))
_INPUT = _block(
    "input",
    label=plain(2000),
    element=IN_INPUT,
    hint=plain(2000),
    optional=flag,
    dispatch_action=flag,
    need=("label", "element"),
)
_VIDEO = _block(  # needs links.embed:write and a listed domain, which an app for any vendor's videos has not
    "video",
    alt_text=string(),
    title=plain(199),
    title_url=url(3000, "https"),
    description=plain(199),
    author_name=string(49),
    provider_name=string(),
    provider_icon_url=url(3000, "http", "https"),
    thumbnail_url=url(3000, "http", "https"),
    video_url=web_address,
    need=("alt_text", "title", "thumbnail_url", "video_url"),
)
_MARKDOWN = _block("markdown", text=string(MARKDOWN), need=("text",))
_CONTEXT_ACTIONS = _block("context_actions", elements=items(IN_CONTEXT_ACTIONS, 5), need=("elements",))

# ── cards, carousels, containers ─────────────────────────────────────────────────────────────────

#: https://docs.slack.dev/reference/block-kit/blocks/card-block
_ICON_NAMES = (  # noqa: SIM905
    "archive book bookmark bot bug calendar call caret-left caret-right check clipboard code comment compass "
    "copy cube download edit email eye-closed eye-open file flag folder gear globe heart help image info key "
    "lightbulb link map mobile new-window pin plus refine refresh rocket save screen share sparkle star "
    "star-filled tag thumbs-down thumbs-up trash upload user warning"
).split()


def _card_has_something(value: dict[str, Any], at: str, found: Findings) -> None:
    if not {"hero_image", "title", "actions", "body"} & value.keys():
        found.add("must define at least one of `hero_image`, `title`, `actions`, `body`", at)
    if "icon" in value and "slack_icon" in value:
        found.add("must define only one of `icon`, `slack_icon`", at)


_CARD = _block(
    "card",
    title=text(150),
    subtitle=text(150),
    body=text(200),
    subtext=text(200),
    hero_image=IMAGE,
    icon=IMAGE,
    slack_icon=Record("icon", {"name": one_of(*_ICON_NAMES)}, need=("name",)),
    actions=items(BUTTON, 3),
    also=_card_has_something,
)
_CAROUSEL = _block("carousel", elements=items(_CARD, 10), need=("elements",))


def _container_fits(value: dict[str, Any], at: str, found: Findings) -> None:
    if "title" not in value and "rich_text_title" not in value:
        found.add("missing required field: title", at)
    if value.get("default_collapsed") and not value.get("is_collapsible"):
        found.add("needs `is_collapsible`", f"{at}/default_collapsed")
    if value.get("has_header_divider") and value.get("is_collapsible"):
        found.add("is not allowed with `is_collapsible`", f"{at}/has_header_divider")


_CONTAINER = _block(
    "container",
    title=plain(150),
    rich_text_title=RICH_TEXT,
    subtitle=text(150),
    icon=IMAGE,
    width=one_of("narrow", "standard", "wide", "full"),
    is_collapsible=flag,
    default_collapsed=flag,
    has_header_divider=flag,
    child_blocks=items(
        any_of(_ACTIONS, _CONTEXT, _DIVIDER, _HEADER, _IMAGE, _INPUT, RICH_TEXT, _SECTION, TABLE, _VIDEO), 10
    ),
    need=("child_blocks",),
    also=_container_fits,
)
_ALERT = _block(
    "alert",
    text=text(200),
    level=one_of("default", "info", "warning", "error", "success"),
    need=("text",),
)

# ── tasks ────────────────────────────────────────────────────────────────────────────────────────

_SOURCE = Record("url", {"url": url(3000), "text": string()}, need=("url", "text"))
_TASK: dict[str, Rule] = {
    "task_id": string(),
    "title": string(),  # a bare string, unlike a card's
    "details": RICH_TEXT_VALUE,
    "output": RICH_TEXT_VALUE,
    "sources": items(_SOURCE),
}
_DONE_STATES = ("in_progress", "complete", "error")
_TASK_CARD = _block("task_card", **_TASK, status=one_of(*_DONE_STATES), need=("task_id", "title", "status"))
_PLANNED = Record(None, {**_TASK, "status": one_of("pending", *_DONE_STATES)}, need=("task_id", "title"))
_PLAN = _block("plan", title=string(), tasks=items(_PLANNED, 50), need=("title", "tasks"))

# ── which block on which surface ─────────────────────────────────────────────────────────────────

# `file` is in Slack's table for messages, but only read there: no app can post one.
_EVERYWHERE = (_ACTIONS, _CARD, _CONTEXT, _DIVIDER, _HEADER, _IMAGE, _INPUT, RICH_TEXT, _SECTION, _VIDEO)
_WIDE = (_CAROUSEL, _CONTAINER, TABLE, DATA_TABLE, DATA_VISUALIZATION)
_SURFACES: dict[Surface, Rule] = {
    "message": any_of(*_EVERYWHERE, *_WIDE, _MARKDOWN, _CONTEXT_ACTIONS, _TASK_CARD, _PLAN),
    "modal": any_of(*_EVERYWHERE, _ALERT),
    "home": any_of(*_EVERYWHERE, *_WIDE),
}


def check_blocks(
    blocks: list[Any],
    surface: Surface = "message",
    *,
    at: str = "/blocks",
    dead_images: Collection[str] = (),
    unfurl_domains: Collection[str] | None = None,
    slack_files: Collection[str] | None = None,
) -> list[str]:
    """What is wrong with `blocks` on this surface, in Slack's words; empty if it would take them."""
    found = Findings(dead_images, unfurl_domains, slack_files)
    items(_SURFACES[surface], BLOCKS_ON[surface], least=0)(blocks, at, found)
    if not found.problems:
        _check_together(blocks, at, found)
    return found.problems


def _check_together(blocks: list[dict[str, Any]], at: str, found: Findings) -> None:
    """The limits that only all the blocks of one payload can break."""
    every = list(walk(blocks))
    for block_id, times in Counter(block.get("block_id") for block in every).items():
        if block_id is not None and times > 1:
            found.add(f"block_id `{block_id}` must be unique", at)
    for block in every:
        for action_id, times in Counter(one.get("action_id") for one in interactive(block)).items():
            if action_id is not None and times > 1:
                found.add(f"action_id `{action_id}` must be unique in its block", at)

    def having(type: str) -> list[dict[str, Any]]:
        return [block for block in every if block["type"] == type]

    if sum(len(block["text"]) for block in having("markdown")) > MARKDOWN:
        found.add(f"markdown blocks must be less than {MARKDOWN + 1} characters together", at)
    if len(having("table")) > 1:
        found.add("only_one_table_allowed", at)
    if characters([block["rows"] for block in having("table")]) > TABLE_CHARACTERS:
        found.add(f"tables must be less than {TABLE_CHARACTERS + 1} characters together", at)
    if characters([block["rows"] for block in having("data_table")]) > DATA_TABLE_CHARACTERS:
        found.add(f"data tables must be less than {DATA_TABLE_CHARACTERS + 1} characters together", at)
    if len(having("data_visualization")) > CHARTS_IN_A_MESSAGE:
        found.add(f"no more than {CHARTS_IN_A_MESSAGE} data_visualization blocks allowed", at)


def walk(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every block, those inside carousels and containers too."""
    for block in blocks:
        yield block
        if block["type"] == "carousel":
            yield from walk(block["elements"])
        elif block["type"] == "container":
            yield from walk(block["child_blocks"])


def finish(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Valid blocks as Slack keeps them: each with an id, each thing to press with one too."""
    for block in walk(blocks):
        block.setdefault("block_id", secrets.token_urlsafe(4))
        for one in interactive(block):
            one.setdefault("action_id", secrets.token_urlsafe(4))
    return blocks


def interactive(block: dict[str, Any]) -> list[dict[str, Any]]:
    """What can be pressed or filled in, in one block."""
    match block["type"]:
        case "actions" | "context_actions":
            return list(block["elements"])
        case "card":
            return list(block.get("actions", ()))
        case "section":
            return [block["accessory"]] if block.get("accessory", {}).get("type", "image") != "image" else []
        case "input":
            return [block["element"]]
    return []
