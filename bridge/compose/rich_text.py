"""Slack's rich_text blocks as runs: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bridge.compose.names import Names
from bridge.compose.runs import Run, date, link, said

_INDENT = "    "


def read_blocks(blocks: Any, names: Names) -> list[Run]:
    """What the rich_text blocks say; other blocks are not what a person writes."""
    runs: list[Run] = []
    for block in _mappings(blocks):
        if block.get("type") == "rich_text":
            for container in _mappings(block.get("elements")):
                _new_line(runs)
                runs += _container(container, names)
    return runs


def _container(container: Mapping[str, Any], names: Names) -> list[Run]:
    if container.get("type") == "rich_text_list":
        return _list(container, names)
    runs = _inline(container, names)
    match container.get("type"):
        case "rich_text_quote":
            return _prefixed(runs, "> ", "> ")
        case "rich_text_preformatted":
            end = "" if runs and runs[-1].text.endswith("\n") else "\n"
            return [Run("mark", "```\n"), *runs, Run("mark", end + "```\n")]
    return runs


def _list(container: Mapping[str, Any], names: Names) -> list[Run]:
    pad = _INDENT * _number(container.get("indent"))
    first = 1 + _number(container.get("offset"))
    runs: list[Run] = []
    for number, item in enumerate(_mappings(container.get("elements")), first):
        mark = f"{number}. " if container.get("style") == "ordered" else "• "
        _new_line(runs)
        runs += _prefixed(_inline(item, names), pad + mark, pad + " " * len(mark))
    return runs


def _inline(container: Mapping[str, Any], names: Names) -> list[Run]:
    code = container.get("type") != "rich_text_preformatted"
    return [run for one in _mappings(container.get("elements")) for run in _element(one, names, code)]


def _element(element: Mapping[str, Any], names: Names, code: bool) -> list[Run]:
    text = _text(element, "text")
    match element.get("type"):
        case "text":
            style = element.get("style")
            if code and text.strip() and isinstance(style, Mapping) and style.get("code"):
                return [Run("mark", "`"), said(text), Run("mark", "`")]
            return [said(text)]
        case "link":
            return [link(_text(element, "url"), text)]
        case "user":
            id = _text(element, "user_id")
            return [Run("mention", names.user(id), user=id)]
        case "usergroup":
            return [Run("mention", names.usergroup(_text(element, "usergroup_id")))]
        case "broadcast":
            return [Run("mention", f"@{_text(element, 'range') or 'here'}")]
        case "team":
            return [Run("mention", "@team")]
        case "channel":
            return [Run("channel", names.channel(_text(element, "channel_id")))]
        case "emoji":
            return [_emoji(element)]
        case "date":
            return [date(element.get("timestamp"), element.get("fallback"))]
        case "color":
            return [said(_text(element, "value"))]
    return [said(text or _text(element, "fallback"))]  # a type Slack adds next


def _emoji(element: Mapping[str, Any]) -> Run:
    """A standard emoji as itself (`unicode` is its code points in hex, joined by hyphens), else `:name:`."""
    alias = f":{_text(element, 'name')}:"
    try:
        return Run("emoji", "".join(chr(int(one, 16)) for one in _text(element, "unicode").split("-")), alias)
    except (ValueError, OverflowError):
        return Run("emoji", alias, alias)


def _prefixed(runs: Sequence[Run], first: str, following: str) -> list[Run]:
    """`runs` with `first` before them and `following` before every further line."""
    lines = [run._replace(text=run.text.replace("\n", "\n" + following)) for run in runs]
    return [Run("mark", first), *lines]


def _new_line(runs: list[Run]) -> None:
    if runs and not runs[-1].text.endswith("\n"):
        runs.append(Run("mark", "\n"))


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []


def _text(element: Mapping[str, Any], key: str) -> str:
    value = element.get(key)
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value < 10_000 else 0
