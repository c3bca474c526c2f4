"""Slack's rich_text blocks as runs: https://docs.slack.dev/reference/block-kit/blocks/rich-text-block"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from bridge.compose.names import Names
from bridge.compose.runs import Run, date, link, said, unsent

_INDENT = "    "
#: elements that mean something in Slack only
_NAMED: Final[Mapping[str, str]] = {
    "attachment_mention": "a mention of an app's content",
    "canvas": "a canvas",
    "canvas_message_unfurl": "a preview of a message",
    "canvas_user_mention": "a mention in a canvas",
    "citation": "a citation",
    "file": "a mention of a file",
    "list_record": "an item of a list",
    "message_mention": "a mention of a message",
    "salesforce_data_field": "a field from Salesforce",
    "tag": "a tag",
    "work_object_mention": "a mention of an app's content",
    "workflow_mention": "a workflow",
}


def read_rich_text(block: Mapping[str, Any], names: Names) -> list[Run]:
    runs: list[Run] = []
    for container in mappings(block.get("elements")):
        new_line(runs)
        runs += _container(container, names)
    return runs


def _container(container: Mapping[str, Any], names: Names) -> list[Run]:
    if container.get("type") == "rich_text_list":
        return _quoted(container, _list(container, names))
    runs = _inline(container, names)
    match container.get("type"):
        case "rich_text_section":
            return runs
        case "rich_text_quote":
            return _prefixed(runs, "> ", "> ")
        case "rich_text_preformatted":
            end = "" if runs and runs[-1].text.endswith("\n") else "\n"
            return _quoted(container, [Run("mark", "```\n"), *runs, Run("mark", end + "```\n")])
    kind = text_of(container, "type") or "unknown"
    return [unsent(kind, f"formatted text of type “{kind}”", "".join(run.text for run in runs))]


def _quoted(container: Mapping[str, Any], runs: list[Run]) -> list[Run]:
    """`runs` as a quote where Slack draws a bar beside the list or the code: its `border`."""
    if not _number(container.get("border")) or not any(run.text for run in runs if run.kind != "unsent"):
        return runs
    last = runs[-1]
    ended = last.text.endswith("\n")
    quoted = _prefixed([*runs[:-1], last._replace(text=last.text.removesuffix("\n"))], "> ", "> ")
    return [*quoted, Run("mark", "\n")] if ended else quoted


def _list(container: Mapping[str, Any], names: Names) -> list[Run]:
    pad = _INDENT * _number(container.get("indent"))
    first = 1 + _number(container.get("offset"))
    runs: list[Run] = []
    for number, item in enumerate(mappings(container.get("elements")), first):
        mark = f"{number}. " if container.get("style") == "ordered" else "• "
        new_line(runs)
        runs += _prefixed(_container(item, names), pad + mark, pad + " " * len(mark))
    return runs


def _inline(container: Mapping[str, Any], names: Names) -> list[Run]:
    code = container.get("type") != "rich_text_preformatted"
    runs: list[Run] = []
    for struck, elements in groupby(mappings(container.get("elements")), _is_struck):
        shown = [run for element in elements for run in _element(element, names, code)]
        runs += _struck(shown) if struck else shown
    return runs


def _is_struck(element: Mapping[str, Any]) -> bool:
    style = element.get("style")
    return isinstance(style, Mapping) and style.get("strike") is True


def _struck(runs: Sequence[Run]) -> list[Run]:
    """`runs` between `~`, line by line, as people type it: struck words must not read as if they counted."""
    marked: list[Run] = []
    line: list[Run] = []
    for run in runs:
        for number, text in enumerate(run.text.split("\n")):
            if number:
                marked += [*_between_tildes(line), run._replace(text="\n")]
                line = []
            line.append(run._replace(text=text, left_out=None if number else run.left_out))
    return marked + _between_tildes(line)


def _between_tildes(line: list[Run]) -> list[Run]:
    """White space stays outside: `~50 EUR ~` is not read as struck."""
    shown = [index for index, run in enumerate(line) if run.kind != "unsent" and run.text.strip()]
    if not shown:
        return line
    first, last = line[shown[0]], line[shown[-1]]
    before = first.text[: len(first.text) - len(first.text.lstrip())]
    after = last.text[len(last.text.rstrip()) :]
    line[shown[0]] = first._replace(text=first.text.lstrip())
    line[shown[-1]] = line[shown[-1]]._replace(text=line[shown[-1]].text.rstrip())
    inner = line[shown[0] : shown[-1] + 1]
    return [
        *line[: shown[0]],
        Run("mark", before + "~"),
        *inner,
        Run("mark", "~" + after),
        *line[shown[-1] + 1 :],
    ]


def _element(element: Mapping[str, Any], names: Names, code: bool) -> list[Run]:
    text = text_of(element, "text")
    match element.get("type"):
        case "text":
            style = element.get("style")
            if code and text.strip() and isinstance(style, Mapping) and style.get("code"):
                return [Run("mark", "`"), said(text), Run("mark", "`")]
            return [said(text)]
        case "link":
            return [link(text_of(element, "url"), text)]
        case "user":
            id = text_of(element, "user_id")
            return [Run("mention", names.user(id), user=id)]
        case "usergroup":
            return [Run("mention", names.usergroup(text_of(element, "usergroup_id")))]
        case "broadcast":
            return [Run("mention", f"@{text_of(element, 'range') or 'here'}")]
        case "team":
            return [Run("mention", "@team")]
        case "channel":
            return [Run("channel", names.channel(text_of(element, "channel_id")))]
        case "emoji":
            return [_emoji(element)]
        case "date":
            shown = date(element.get("timestamp"), element.get("fallback"))
            return [link(url, shown.text) if (url := text_of(element, "url")) else shown]
        case "color":
            return [said(text_of(element, "value"))]
    return [_unknown(element)]


def _unknown(element: Mapping[str, Any]) -> Run:
    """https://docs.slack.dev/reference/block-kit/block-elements/rich-text-section-element"""
    kind = text_of(element, "type") or "unknown"
    text = text_of(element, "text") or text_of(element, "label") or text_of(element, "fallback")
    label = _NAMED.get(kind, f"an element of type “{kind}”")
    return unsent(kind, f"{label} ({text})" if text else label, text)


def _emoji(element: Mapping[str, Any]) -> Run:
    """A standard emoji as itself (`unicode` is its code points in hex, joined by hyphens), else `:name:`."""
    alias = f":{text_of(element, 'name')}:"
    try:
        shown = "".join(chr(int(point, 16)) for point in text_of(element, "unicode").split("-"))
    except (ValueError, OverflowError):
        shown = alias
    # Half of a surrogate pair, or a control character, can be neither stored nor sent.
    stored = not any(unicodedata.category(character) in ("Cc", "Cs") for character in shown)
    return Run("emoji", shown if stored else alias, alias)


def _prefixed(runs: Sequence[Run], first: str, following: str) -> list[Run]:
    """`runs` with `first` before them and `following` before every further line."""
    lines = [run._replace(text=run.text.replace("\n", "\n" + following)) for run in runs]
    return [Run("mark", first), *lines]


def new_line(runs: list[Run]) -> None:
    last = next((run.text for run in reversed(runs) if run.kind != "unsent"), "\n")
    if not last.endswith("\n"):
        runs.append(Run("mark", "\n"))


def mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list | tuple) else []


def text_of(element: Mapping[str, Any], key: str) -> str:
    value = element.get(key)
    return value if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value < 10_000 else 0
