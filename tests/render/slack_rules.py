"""What Slack accepts in a message, written down apart from the renderer's own limits.

Everything slackblocks can build is rebuilt with it, and the sandbox is asked too: each has its own
copy of Slack's limits.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from typing import Any

import slackblocks as sb

from bridge.render import Shown, SlackFile, without
from bridge.sandbox.slack.blocks import check_blocks
from bridge.sandbox.slack.pace import Pace
from bridge.sandbox.slack.views import check_view
from bridge.sandbox.slack.workspace import Workspace

INLINE = {"text", "link", "emoji", "date", "user", "usergroup", "channel"}
CONTAINERS = {"rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted"}
ADDRESS = re.compile(r"https?://[^\s/<>\"]+(?:[/?#][^\s<>\"]*)?$", re.IGNORECASE)
ENTITY = re.compile(r"&(?!amp;|lt;|gt;)")


def check(message: Shown) -> None:
    """Fails unless Slack would take every rung of `message`, or a file and what may be shown instead."""
    if isinstance(message, SlackFile):
        _check_file(message)
        return
    rungs = list(message.rungs())
    assert not rungs[-1].blocks
    assert not rungs[-1].attachments
    assert rungs[-1].username is None
    assert len({rung.broadcast for rung in rungs}) == 1
    for rung in rungs:
        assert 0 < len(rung.text) <= 4000
        assert rung.text.strip()
        assert not set("<>") & set(rung.text)
        assert not ENTITY.search(rung.text) or rung.text.endswith("…")
        assert len(rung.username or "") <= 80
        assert rung.icon_url is None or re.match(r"https?://[^\s]+$", rung.icon_url)
        assert rung.icon_url is None or rung.icon_emoji is None
        blocks = [_block(block) for block in rung.blocks]
        attachments = [
            sb.Attachment(blocks=[_block(block) for block in one["blocks"]], color=one.get("color"))
            for one in rung.attachments
        ]
        assert set().union(*rung.attachments) <= {"color", "blocks"}
        for shown in (rung.blocks, *(one["blocks"] for one in rung.attachments)):
            assert check_blocks(list(shown)) == []
        assert sum(block["type"] == "table" for block in rung.blocks) <= 1
        if blocks or attachments:
            built = sb.Message(channel="C1", text=rung.text, blocks=blocks, attachments=attachments or None)
            assert len(built.to_dict()["blocks"]) == len(rung.blocks)
        json.dumps(payload(rung))


def _check_file(file: SlackFile) -> None:
    assert file.kind in ("image", "video", "audio", "file")
    assert file.id or ADDRESS.match(file.url or "")
    # https://docs.slack.dev/reference/methods/files.getUploadURLExternal: alt_txt has at most 1000
    assert file.name is None or (0 < len(file.name) <= 1000 and not set("\n\u202e") & set(file.name))
    assert file.username == file.instead.username
    assert file.icon_url is None or file.icon_emoji is None
    if file.caption:
        # Only these are known to be taken there: https://github.com/slackapi/python-slack-sdk/issues/1756
        assert {block["type"] for block in file.caption} == {"rich_text"}
        assert sum(len(json.dumps(block)) for block in file.caption) < 40_000
        sb.Message(channel="C1", text="-", blocks=[_block(block) for block in file.caption])
        assert check_blocks(list(file.caption)) == []
    check(file.instead)
    check(without(file, "it is larger than 20 MB"))


def check_home(view: dict[str, Any]) -> None:
    """Fails unless Slack would publish `view`."""
    assert set(view) == {"type", "blocks"}
    assert view["type"] == "home"
    assert len(sb.HomeTabView([_block(block) for block in view["blocks"]]).to_dict()["blocks"]) <= 100
    _check_view(view)


def check_modal(view: dict[str, Any]) -> None:
    """Fails unless Slack would open `view`."""
    assert set(view) <= {"type", "title", "submit", "close", "callback_id", "private_metadata", "blocks"}
    assert view["type"] == "modal"
    built = sb.ModalView(
        title=_plain(view["title"], 24),
        blocks=[_block(block) for block in view["blocks"]],
        close=_plain(view["close"], 24),
        submit=_plain(view["submit"], 24) if "submit" in view else None,
    )
    assert len(built.to_dict()["blocks"]) <= 100
    _check_view(view)


def _check_view(view: dict[str, Any]) -> None:
    workspace = Workspace(
        clock=lambda: 0.0,
        pace=Pace(0, 1, lambda: 0.0),
        emit=lambda event, order: None,
        changed=lambda change: None,
    )
    assert check_view(workspace, view) == []
    assert len(json.dumps(view)) <= 250_000


def payload(message: Shown) -> dict[str, Any]:
    """As a golden file holds it: what is not set is left out, and the rungs follow one another."""
    fields = {field.name: getattr(message, field.name) for field in dataclasses.fields(message)}
    if isinstance(message, SlackFile):
        fields = {"file": fields.pop("kind"), **fields}
    below = {name: payload(fields.pop(name)) for name in ("instead", "plainer") if fields.get(name)}
    return {**{name: value for name, value in fields.items() if value}, **below}


def elements(value: Any) -> Iterator[dict[str, Any]]:
    """Every JSON object below `value`."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list | tuple):
        for one in value:
            yield from elements(one)


def _block(block: dict[str, Any]) -> sb.Block:
    match block["type"]:
        case "rich_text":
            _keys(block, "elements")
            return sb.RichTextBlock([_container(one) for one in block["elements"]])
        case "context":
            assert 1 <= len(block["elements"]) <= 10
            for one in block["elements"]:
                _plain(one, 3000)
            return sb.ContextBlock.from_dict(block)
        case "container":
            _keys(block, "title", "is_collapsible", "default_collapsed", "child_blocks")
            return sb.ContainerBlock(
                [_block(one) for one in block["child_blocks"]],
                title=_plain(block["title"], 150),
                is_collapsible=block["is_collapsible"],
                default_collapsed=block["default_collapsed"],
            )
        case "image":
            _keys(block, "image_url", "alt_text", "title")
            assert ADDRESS.match(block["image_url"])
            title = _plain(block["title"], 2000) if "title" in block else None
            return sb.ImageBlock(block["image_url"], block["alt_text"], title=title)
        case "actions":
            _keys(block, "elements")
            assert 1 <= len(block["elements"]) <= 25
            return sb.ActionsBlock([*_buttons(block["elements"])])
        case "carousel":
            _keys(block, "elements")
            return sb.CarouselBlock([_card(one) for one in block["elements"]])
        case "table":
            return _table(block)
        case "data_visualization":
            return _chart(block)
        case "alert":  # in modals only, as the sandbox knows
            _keys(block, "text", "level")
            return sb.AlertBlock(_plain(block["text"], 200), block["level"])
        case "input":
            _keys(block, "block_id", "label", "element")
            menu = block["element"]
            assert menu["type"] == "users_select"
            _keys(menu, "action_id")
            return sb.InputBlock(_plain(block["label"], 2000), sb.UserSelectMenu(menu["action_id"]))
        case "header":
            _keys(block, "text")
            return sb.HeaderBlock(_plain(block["text"], 150))
    raise AssertionError(f"a block of type {block['type']} is not expected here")


def _buttons(buttons: list[dict[str, Any]]) -> list[Any]:
    assert len({one["action_id"] for one in buttons}) == len(buttons)
    return [_button(one) for one in buttons]


def _button(button: dict[str, Any]) -> sb.Button:
    """One that leads somewhere, or one that does something and may ask first."""
    text, action = _plain(button["text"], 75), button["action_id"]
    if "url" in button:
        _keys(button, "text", "url", "action_id")
        assert ADDRESS.match(button["url"])
        return sb.Button(text, action, url=button["url"])
    _keys(button, "text", "value", "action_id", "style", "confirm")
    value, style = button.get("value"), button.get("style")
    assert value is None or 1 <= len(value) <= 2000
    if "confirm" not in button:
        return sb.Button(text, action, value=value, style=style)
    asked = button["confirm"]
    _keys(asked, "title", "text", "confirm", "deny")
    confirm = sb.ConfirmationDialogue(
        title=_plain(asked["title"], 100),
        text=_plain(asked["text"], 300),
        confirm=_plain(asked["confirm"], 30),
        deny=_plain(asked["deny"], 30),
    )
    return sb.Button(text, action, value=value, style=style, confirm=confirm)


def _card(card: dict[str, Any]) -> sb.CardBlock:
    _keys(card, "title", "subtitle", "body", "hero_image", "actions")
    assert set(card) & {"title", "body", "hero_image", "actions"}
    hero = card.get("hero_image")
    if hero:
        _keys(hero, "image_url", "alt_text")
        assert ADDRESS.match(hero["image_url"])
    return sb.CardBlock(
        hero_image=sb.Image(image_url=hero["image_url"], alt_text=hero["alt_text"]) if hero else None,
        title=_plain(card["title"], 150) if "title" in card else None,
        subtitle=_plain(card["subtitle"], 150) if "subtitle" in card else None,
        body=_plain(card["body"], 200) if "body" in card else None,
        actions=_buttons(card["actions"]) if "actions" in card else None,
    )


def _table(block: dict[str, Any]) -> sb.TableBlock:
    _keys(block, "rows", "column_settings")
    rows, settings = block["rows"], block["column_settings"]
    assert len({len(row) for row in rows} | {len(settings)}) == 1
    assert sum(len(str(cell.get("text", cell.get("elements")))) for row in rows for cell in row) <= 10_000
    return sb.TableBlock(
        [[_cell(cell) for cell in row] for row in rows],
        [sb.ColumnSettings(align=one["align"], is_wrapped=one["is_wrapped"]) for one in settings],
    )


def _chart(block: dict[str, Any]) -> sb.DataVisualizationBlock:
    _keys(block, "title", "chart")
    chart = block["chart"]
    assert set(chart) == {"type", "series", "axis_config"}
    assert chart["type"] == "bar"
    series = []
    for one in chart["series"]:
        assert set(one) == {"name", "data"}
        assert all(set(point) == {"label", "value"} for point in one["data"])
        series.append(sb.DataSeries(one["name"], [sb.DataPoint(**point) for point in one["data"]]))
    # https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block says 6, slackblocks 12
    assert len(series) <= 6
    return sb.DataVisualizationBlock(
        block["title"], sb.BarChart(series, sb.AxisConfig(**chart["axis_config"]))
    )


def _cell(cell: dict[str, Any]) -> Any:
    if cell["type"] == "raw_text":
        _keys(cell, "text")
        assert cell["text"]
        return sb.RawText(cell["text"])
    _keys(cell, "elements")
    [section] = cell["elements"]
    return _container(section)


def _plain(text: dict[str, Any], limit: int) -> sb.Text:
    assert text["type"] == "plain_text", "mrkdwn is parsed; nothing of ours needs it"
    assert 1 <= len(text["text"]) <= limit
    assert text["text"].strip()
    return sb.Text.from_dict(text)


def _container(container: dict[str, Any]) -> Any:
    kind, inside = container["type"], container["elements"]
    assert kind in CONTAINERS
    assert inside
    if kind == "rich_text_list":
        _keys(container, "style", "indent", "offset", "elements")
        return sb.RichTextList(
            container["style"],
            [_container(item) for item in inside],
            indent=container.get("indent"),
            offset=container.get("offset", 0),
        )
    _keys(container, "elements", "language")
    built = [_inline(one) for one in inside]
    match kind:
        case "rich_text_quote":
            return sb.RichTextQuote(built)
        case "rich_text_preformatted":
            return sb.RichTextCodeBlock(built)
    return sb.RichTextSection(built)


def _inline(element: dict[str, Any]) -> Any:
    assert element["type"] in INLINE
    match element["type"]:
        case "link":
            _keys(element, "url", "text", "style")
            assert ADDRESS.match(element["url"])
            assert 1 <= len(element["url"]) <= 3000
            assert element.get("text", "-").strip()
            return sb.RichTextLink(element["url"], text=element.get("text"), **element.get("style", {}))
        case "emoji":
            return sb.RichTextEmoji(element["name"])
        case "user":
            _keys(element, "user_id")
            return sb.RichTextUser(element["user_id"])
        case "usergroup":
            _keys(element, "usergroup_id")
            return sb.RichTextUserGroup(element["usergroup_id"])
        case "channel":
            _keys(element, "channel_id")
            return sb.RichTextChannel(element["channel_id"])
        case "date":
            _keys(element, "timestamp", "format", "fallback")
            return sb.RichText(element["fallback"])  # slackblocks does not know dates
    _keys(element, "text", "style")
    assert element["text"]
    assert set(element.get("style", {})) <= {"bold", "italic", "strike", "code"}
    return sb.RichText(element["text"], **element.get("style", {}))


def _keys(element: dict[str, Any], *allowed: str) -> None:
    assert set(element) <= {"type", *allowed}
