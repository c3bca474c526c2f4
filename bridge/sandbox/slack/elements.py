"""The pieces that blocks are made of: text, images, buttons, menus, inputs.

Limits as https://docs.slack.dev/reference/block-kit/block-elements and
https://docs.slack.dev/reference/block-kit/composition-objects give them. They are written down here
a second time on purpose: the bridge has its own table, and an error in one has to show in the other.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from bridge.sandbox.slack.rich_text import RICH_TEXT_VALUE
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

ACTION_ID = string(255)
OPTIONS = 100
URL = 3000


def plain(most: int) -> Record:
    return Record("plain_text", {"text": string(most), "emoji": flag}, need=("text",))


def mrkdwn(most: int) -> Record:
    return Record("mrkdwn", {"text": string(most), "verbatim": flag}, need=("text",))


def text(most: int) -> Rule:
    """A text object of either kind; a bare string is none."""
    return any_of(plain(most), mrkdwn(most))


# ── images ───────────────────────────────────────────────────────────────────────────────────────


def _address(value: Any, at: str, found: Findings) -> None:
    url(URL, "http", "https")(value, at, found)
    if isinstance(value, str) and value in found.dead_images:
        found.add("downloading image failed", at)


def _one_source(value: dict[str, Any], at: str, found: Findings) -> None:
    if ("image_url" in value) == ("slack_file" in value):
        found.add("must define either `image_url` or `slack_file`", at)


def _id_or_url(value: dict[str, Any], at: str, found: Findings) -> None:
    if ("id" in value) == ("url" in value):
        found.add("must define either `id` or `url`", at)
    elif found.slack_files is not None and not {value.get("id"), value.get("url")} & set(found.slack_files):
        found.add("invalid slack file", at)


_SLACK_FILE = Record(None, {"id": string(), "url": string()}, also=_id_or_url)
IMAGE_FIELDS: dict[str, Rule] = {"image_url": _address, "slack_file": _SLACK_FILE, "alt_text": string(2000)}
IMAGE = Record("image", IMAGE_FIELDS, need=("alt_text",), also=_one_source)


def web_address(value: Any, at: str, found: Findings) -> None:
    """For videos: https, and a host the app's manifest lists (`features.unfurl_domains`)."""
    url(URL, "https")(value, at, found)
    if isinstance(value, str) and found.unfurl_domains is not None:
        host = urlsplit(value).hostname or ""
        if not any(host == domain or host.endswith(f".{domain}") for domain in found.unfurl_domains):
            found.add("domain is not in the app's unfurl domains", at)


# ── composition objects ──────────────────────────────────────────────────────────────────────────

_STYLE = one_of("primary", "danger")

CONFIRM = Record(
    None,
    {"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30), "style": _STYLE},
    need=("title", "text", "confirm", "deny"),
)


def _option(label: Rule, **more: Rule) -> Record:
    fields = {"text": label, "value": string(150), "description": text(75), **more}
    return Record(None, fields, need=("text", "value"))


_CHOICE = _option(plain(75))
_MARKED_CHOICE = _option(text(75))
_LINKED_CHOICE = _option(plain(75), url=url(URL))
_GROUP = Record(None, {"label": plain(75), "options": items(_CHOICE, OPTIONS)}, need=("label", "options"))
_DISPATCH = Record(
    None,
    {"trigger_actions_on": items(one_of("on_enter_pressed", "on_character_entered"), 2)},
    need=("trigger_actions_on",),
)
_FILTER = Record(
    None,
    {
        "include": items(one_of("im", "mpim", "private", "public")),
        "exclude_external_shared_channels": flag,
        "exclude_bot_users": flag,
    },
)

# ── buttons ──────────────────────────────────────────────────────────────────────────────────────

_FOR_USERS = items(string(), 10)

BUTTON = Record(
    "button",
    {
        "text": plain(75),
        "action_id": ACTION_ID,
        "url": url(URL),
        "value": string(2000),
        "style": _STYLE,
        "confirm": CONFIRM,
        "accessibility_label": string(75),
        "agent_prompt": string(4000),
        "agent_prompt_display": string(),
        "visible_to_user_ids": _FOR_USERS,
    },
    need=("text",),
)
_TRIGGER = Record(
    None,
    {
        "url": url(URL),
        "customizable_input_parameters": items(
            Record(None, {"name": string(), "value": string()}, need=("name", "value"))
        ),
    },
    need=("url",),
)
_WORKFLOW_BUTTON = Record(
    "workflow_button",
    {
        "text": plain(75),
        "action_id": ACTION_ID,
        "workflow": Record(None, {"trigger": _TRIGGER}, need=("trigger",)),
        "style": _STYLE,
        "accessibility_label": string(75),
    },
    need=("text", "workflow"),
)
_FEEDBACK_BUTTON = Record(
    None,
    {"text": plain(75), "value": string(2000), "accessibility_label": string(75)},
    need=("text", "value"),
)
FEEDBACK_BUTTONS = Record(
    "feedback_buttons",
    {"action_id": ACTION_ID, "positive_button": _FEEDBACK_BUTTON, "negative_button": _FEEDBACK_BUTTON},
    need=("positive_button", "negative_button"),
)
ICON_BUTTON = Record(
    "icon_button",
    {
        "icon": one_of("trash"),
        "text": plain(75),
        "action_id": ACTION_ID,
        "value": string(2000),
        "confirm": CONFIRM,
        "accessibility_label": string(75),
        "visible_to_user_ids": _FOR_USERS,
    },
    need=("icon", "text"),
)

# ── menus, pickers and inputs ────────────────────────────────────────────────────────────────────

_ACTIVE: dict[str, Rule] = {"action_id": ACTION_ID, "confirm": CONFIRM, "focus_on_load": flag}
_HINTED: dict[str, Rule] = {**_ACTIVE, "placeholder": plain(150)}
_INPUT: dict[str, Rule] = {
    "action_id": ACTION_ID,
    "focus_on_load": flag,
    "placeholder": plain(150),
    "dispatch_action_config": _DISPATCH,
}


def _options_or_groups(value: dict[str, Any], at: str, found: Findings) -> None:
    if ("options" in value) == ("option_groups" in value):
        found.add("must define either `options` or `option_groups`", at)


def _menus(kind: str, noun: str, initial: Rule, **more: Rule) -> tuple[Record, Record]:
    """A select menu and its multi-select."""
    also = _options_or_groups if kind == "static" else None
    one = Record(f"{kind}_select", {**_HINTED, f"initial_{noun}": initial, **more}, also=also)
    several = {**_HINTED, f"initial_{noun}s": items(initial), "max_selected_items": whole(1), **more}
    return one, Record(f"multi_{kind}_select", several, also=also)


_MENUS = (
    *_menus(
        "static", "option", _CHOICE, options=items(_CHOICE, OPTIONS), option_groups=items(_GROUP, OPTIONS)
    ),
    *_menus("external", "option", _CHOICE, min_query_length=whole(0)),
    *_menus("users", "user", string()),
    *_menus("channels", "channel", string(), response_url_enabled=flag),
    *_menus(
        "conversations",
        "conversation",
        string(),
        default_to_current_conversation=flag,
        filter=_FILTER,
        response_url_enabled=flag,
    ),
)
_OVERFLOW = Record(
    "overflow",
    {"action_id": ACTION_ID, "confirm": CONFIRM, "options": items(_LINKED_CHOICE, 5)},
    need=("options",),
)
_CHOICES = (
    Record(
        "checkboxes",
        {**_ACTIVE, "options": items(_MARKED_CHOICE, 10), "initial_options": items(_MARKED_CHOICE, 10)},
        need=("options",),
    ),
    Record(
        "radio_buttons",
        {**_ACTIVE, "options": items(_MARKED_CHOICE, 10), "initial_option": _MARKED_CHOICE},
        need=("options",),
    ),
)
_PICKERS = (
    Record("datepicker", {**_HINTED, "initial_date": string(10)}),
    Record("timepicker", {**_HINTED, "initial_time": string(5), "timezone": string()}),
    Record("datetimepicker", {**_ACTIVE, "initial_date_time": whole(0)}),
)
_RICH_TEXT_INPUT = Record(
    "rich_text_input",
    {**_INPUT, "initial_value": RICH_TEXT_VALUE, "min_lines": whole(1), "max_lines": whole(1)},
)
_INPUTS = (
    Record(
        "plain_text_input",
        {
            **_INPUT,
            "initial_value": string(3000, least=0),
            "multiline": flag,
            "min_length": whole(0, 3000),
            "max_length": whole(1, 3000),
        },
    ),
    Record("email_text_input", {**_INPUT, "initial_value": string()}),
    Record("url_text_input", {**_INPUT, "initial_value": string()}),
    Record(
        "number_input",
        {
            **_INPUT,
            "is_decimal_allowed": flag,
            "initial_value": string(),
            "min_value": string(),
            "max_value": string(),
        },
        need=("is_decimal_allowed",),
    ),
    Record("file_input", {"action_id": ACTION_ID, "filetypes": items(string()), "max_files": whole(1, 10)}),
    _RICH_TEXT_INPUT,
)

# ── which of them stand where ────────────────────────────────────────────────────────────────────

IN_ACTIONS = any_of(BUTTON, _WORKFLOW_BUTTON, _OVERFLOW, *_MENUS, *_CHOICES, *_PICKERS, _RICH_TEXT_INPUT)
IN_SECTION = any_of(BUTTON, _WORKFLOW_BUTTON, _OVERFLOW, IMAGE, *_MENUS, *_CHOICES, *_PICKERS)
IN_INPUT = any_of(*_MENUS, *_CHOICES, *_PICKERS, *_INPUTS)
IN_CONTEXT = any_of(IMAGE, plain(3000), mrkdwn(3000))
IN_CONTEXT_ACTIONS = any_of(FEEDBACK_BUTTONS, ICON_BUTTON)
