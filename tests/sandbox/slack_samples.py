# ruff: noqa: E501 - tables: a case a line
"""Blocks that Slack takes, and blocks that it refuses with where and why."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]


def plain(text: str, **more: Any) -> Json:
    return {"type": "plain_text", "text": text, **more}


def mrkdwn(text: str, **more: Any) -> Json:
    return {"type": "mrkdwn", "text": text, **more}


def section(text: str = "x", **more: Any) -> Json:
    return {"type": "section", "text": mrkdwn(text), **more}


def button(text: str = "Go", **more: Any) -> Json:
    return {"type": "button", "text": plain(text), **more}


def buttons(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def image(**more: Any) -> Json:
    return {"type": "image", "image_url": "https://example.com/a.png", "alt_text": "a", **more}


def card(**fields: Any) -> Json:
    return {"type": "card", **fields}


def carousel(*cards: Json) -> Json:
    return {"type": "carousel", "elements": list(cards)}


def container(*children: Json, **more: Any) -> Json:
    return {"type": "container", "title": plain("T"), "child_blocks": list(children), **more}


def rich(*elements: Json) -> Json:
    return {"type": "rich_text", "elements": list(elements)}


def line(*elements: Json) -> Json:
    return {"type": "rich_text_section", "elements": list(elements)}


def words(text: str = "x", **style: bool) -> Json:
    return {"type": "text", "text": text, **({"style": style} if style else {})}


def bullets(*lines: Json, **more: Any) -> Json:
    return {"type": "rich_text_list", "style": "bullet", "elements": list(lines), **more}


def cell(text: str = "x") -> Json:
    return {"type": "raw_text", "text": text}


def table(rows: list[list[Json]], **more: Any) -> Json:
    return {"type": "table", "rows": rows, **more}


def data_table(rows: list[list[Json]], **more: Any) -> Json:
    return {"type": "data_table", "caption": "c", "rows": rows, **more}


def chart(**more: Any) -> Json:
    return {"type": "data_visualization", "title": "T", "chart": {"type": "pie", "segments": [{"label": "a", "value": 1}]}, **more}  # fmt: skip


def markdown(text: str) -> Json:
    return {"type": "markdown", "text": text}


def video(**more: Any) -> Json:
    return {
        "type": "video",
        "title": plain("T"),
        "alt_text": "a",
        "thumbnail_url": "https://example.com/t.png",
        "video_url": "https://example.com/v",
        **more,
    }


def task(**more: Any) -> Json:
    return {"task_id": "1", "title": "T", **more}


def feedback(text: str = "Good", value: str = "up") -> Json:
    return {"text": plain(text), "value": value}


ALERT = {"type": "alert", "text": plain("Look")}
FEEDBACK = {
    "type": "feedback_buttons",
    "positive_button": feedback(),
    "negative_button": feedback("Bad", "down"),
}
TRASH = {"type": "icon_button", "icon": "trash", "text": plain("Delete")}
OPTION = {"text": plain("One"), "value": "1"}
SELECT = {"type": "static_select", "options": [OPTION]}
URL = "https://example.com"

TAKEN: dict[str, list[Json]] = {
    "fifty blocks": [{"type": "divider"}] * 50,
    "section of 3000": [section("x" * 3000)],
    "section with fields": [{"type": "section", "fields": [mrkdwn("x" * 2000)] * 10}],
    "section with accessory": [section(accessory=button(action_id="a")), section(accessory=image(), expand=True)],
    "header of 150": [{"type": "header", "text": plain("x" * 150, emoji=True), "level": 2}],
    "verbatim": [{"type": "section", "text": mrkdwn("x", verbatim=True)}],
    "button at its limits": [
        buttons(
            button(
                "x" * 75, value="x" * 2000, url=URL + "/" + "x" * 2980, action_id="x" * 255, style="danger",
                confirm={"title": plain("t"), "text": mrkdwn("x"), "confirm": plain("y"), "deny": plain("n")},
            )
        )
    ],
    "25 actions": [buttons(*(button(action_id=str(number)) for number in range(25)))],
    "menus": [buttons(SELECT, {"type": "users_select"}, {"type": "overflow", "options": [OPTION] * 5})],
    "same action_id in two blocks": [buttons(button(action_id="a")), buttons(button(action_id="a"))],
    "10 in context": [{"type": "context", "elements": [mrkdwn("x"), plain("y"), *[image()] * 8]}],
    "image": [image(title=plain("x" * 2000)), image(alt_text="x" * 2000)],
    "slack_file": [{"type": "image", "slack_file": {"id": "F0123456789"}, "alt_text": "a"}],
    "card": [
        card(
            title=mrkdwn("x" * 150), subtitle=plain("x" * 150), body=mrkdwn("x" * 200), subtext=plain("x" * 200),
            hero_image=image(), icon=image(), actions=[button(action_id=str(number)) for number in range(3)],
        ),
        card(title=plain("x"), slack_icon={"type": "icon", "name": "bot"}),
    ],
    "carousel of ten": [carousel(*[card(body=plain("x"))] * 10)],
    "container": [
        container(section(), {"type": "divider"}, buttons(button()), rich(line(words())), width="full", subtitle=mrkdwn("s")),
        container(section(), is_collapsible=True, default_collapsed=True),
    ],
    "rich_text": [
        rich(
            line(
                words("x", bold=True, italic=True, strike=True, code=True),
                {"type": "link", "url": URL, "text": "here", "style": {"bold": True}},
                {"type": "emoji", "name": "wave", "unicode": "1f44b"},
                {"type": "user", "user_id": "U0MINA"},
                {"type": "channel", "channel_id": "C0SUPPORT"},
                {"type": "usergroup", "usergroup_id": "S0SUPPORT"},
                {"type": "broadcast", "range": "here"},
                {"type": "date", "timestamp": 1_790_000_000, "format": "{date}", "fallback": "then"},
                {"type": "color", "value": "#ff0000"},
            ),
            bullets(line(words()), indent=8, offset=3, border=1),
            {"type": "rich_text_quote", "elements": [words()], "border": 0},
            {"type": "rich_text_preformatted", "elements": [words("x = 1\n")], "language": "python"},
        )
    ],
    "table": [
        table(
            [[cell("x" * 499)] * 20, [rich(line(words())), {"type": "raw_number", "value": 1.5, "text": "1.5"}]],
            column_settings=[{"align": "right", "is_wrapped": True}],
        )
    ],
    "table of 10000": [table([[cell("x" * 5000), rich(line(words("x" * 5000)))]])],
    "table of 100 rows": [table([[cell()]] * 100)],
    "data_table": [data_table([[cell(), cell()], [cell(), rich(line(words()))]], page_size=100)],
    "two charts": [
        chart(),
        chart(chart={
            "type": "bar",
            "series": [{"name": "s", "data": [{"label": "b", "value": -1}, {"label": "a", "value": 2}]}],
            "axis_config": {"categories": ["a", "b"], "x_label": "x"},
        }),
    ],
    "markdown": [markdown("x" * 6000), markdown("x" * 6000)],
    "video": [video(description=plain("d"), author_name="a", title_url=URL)],
    "context_actions": [{"type": "context_actions", "elements": [FEEDBACK, TRASH]}],
    "input": [{"type": "input", "label": plain("L"), "element": {"type": "plain_text_input", "multiline": True}}],
    "tasks": [
        {"type": "task_card", **task(status="complete", sources=[{"type": "url", "url": URL, "text": "x"}])},
        {"type": "plan", "title": "P", "tasks": [task(status="pending"), task(task_id="2")]},
    ],
}  # fmt: skip

#: blocks, where it hurts, and a piece of what is said
REFUSED: dict[str, tuple[list[Any], str, str]] = {
    "51 blocks": ([{"type": "divider"}] * 51, "/blocks", "no more than 50 items allowed"),
    "no object": (["divider"], "/blocks/0", "must provide an object"),
    "no type": ([{}], "/blocks/0/type", "missing required field: type"),
    "unknown type": ([{"type": "banner"}], "/blocks/0/type", "unsupported type: banner"),
    "odd type": ([{"type": ["divider"]}], "/blocks/0/type", "unsupported type"),
    "alert": ([ALERT], "/blocks/0/type", "unsupported type: alert"),
    "file": ([{"type": "file", "external_id": "x", "source": "remote"}], "/blocks/0/type", "unsupported"),
    "unknown key": ([{"type": "divider", "text": "x"}], "/blocks/0", "invalid additional property: text"),
    "section of 3001": ([section("x" * 3001)], "/blocks/0/text/text", "must be less than 3001 characters"),
    "section of nothing": ([section("")], "/blocks/0/text/text", "must be more than 0 characters"),
    "section without both": ([{"type": "section"}], "/blocks/0", "`text` or `fields`"),
    "string for text": ([{"type": "section", "text": "x"}], "/blocks/0/text", "must provide an object"),
    "wrong text type": ([{"type": "section", "text": {"type": "text", "text": "x"}}], "/blocks/0/text/type", "unsupported type: text"),
    "emoji on mrkdwn": ([{"type": "section", "text": mrkdwn("x", emoji=True)}], "/blocks/0/text", "property: emoji"),
    "verbatim on plain": ([{"type": "section", "text": plain("x", verbatim=True)}], "/blocks/0/text", "property: verbatim"),
    "11 fields": ([{"type": "section", "fields": [plain("x")] * 11}], "/blocks/0/fields", "no more than 10"),
    "field of 2001": ([{"type": "section", "fields": [plain("x" * 2001)]}], "/blocks/0/fields/0/text", "2001"),
    "header of 151": ([{"type": "header", "text": plain("x" * 151)}], "/blocks/0/text/text", "less than 151"),
    "header in mrkdwn": ([{"type": "header", "text": mrkdwn("x")}], "/blocks/0/text/type", "unsupported type: mrkdwn"),
    "button of 76": ([buttons(button("x" * 76))], "/blocks/0/elements/0/text/text", "less than 76"),
    "button value of 2001": ([buttons(button(value="x" * 2001))], "/blocks/0/elements/0/value", "2001"),
    "button style": ([buttons(button(style="warning"))], "/blocks/0/elements/0/style", "enum"),
    "button disabled": ([buttons(button(disabled=True))], "/blocks/0/elements/0", "property: disabled"),
    "button url": ([buttons(button(url="example.com"))], "/blocks/0/elements/0/url", "invalid_url"),
    "26 actions": ([buttons(*[button()] * 26)], "/blocks/0/elements", "no more than 25"),
    "no actions": ([buttons()], "/blocks/0/elements", "missing element"),
    "text in actions": ([buttons(plain("x"))], "/blocks/0/elements/0/type", "unsupported type"),
    "empty option value": ([buttons({**SELECT, "options": [{**OPTION, "value": ""}]})], "/blocks/0/elements/0/options/0/value", "0"),
    "101 options": ([buttons({**SELECT, "options": [OPTION] * 101})], "/blocks/0/elements/0/options", "100"),
    "options twice": ([buttons({**SELECT, "option_groups": [{"label": plain("g"), "options": [OPTION]}]})], "/blocks/0/elements/0", "either"),
    "block_id twice": ([section(block_id="a"), container(section(block_id="a"))], "/blocks", "block_id `a`"),
    "action_id twice": ([buttons(button(action_id="a"), button(action_id="a"))], "/blocks", "action_id `a`"),
    "action_id twice in a card": ([carousel(card(actions=[button(action_id="a")] * 2))], "/blocks", "action_id `a`"),
    "block_id of 256": ([section(block_id="x" * 256)], "/blocks/0/block_id", "256"),
    "11 in context": ([{"type": "context", "elements": [plain("x")] * 11}], "/blocks/0/elements", "no more than 10"),
    "button in context": ([{"type": "context", "elements": [button()]}], "/blocks/0/elements/0/type", "button"),
    "image without alt": ([{"type": "image", "image_url": URL}], "/blocks/0", "missing required field: alt_text"),
    "image without source": ([{"type": "image", "alt_text": "a"}], "/blocks/0", "either `image_url` or `slack_file`"),
    "image twice": ([image(slack_file={"id": "F1"})], "/blocks/0", "either `image_url` or `slack_file`"),
    "image url of 3001": ([image(image_url=URL + "/" + "x" * 2981)], "/blocks/0/image_url", "3001"),
    "image of data": ([image(image_url="data:image/png;base64,AA==")], "/blocks/0/image_url", "invalid_url"),
    "dead image in a card": ([card(hero_image=image(image_url=URL + "/dead"))], "/blocks/0/hero_image/image_url", "downloading image failed"),
    "card with a string": ([card(title="x")], "/blocks/0/title", "must provide an object"),
    "card of nothing": ([card(subtitle=plain("x"), subtext=plain("y"))], "/blocks/0", "at least one"),
    "card title of 151": ([card(title=plain("x" * 151))], "/blocks/0/title/text", "151"),
    "card subtitle of 151": ([card(title=plain("x"), subtitle=plain("x" * 151))], "/blocks/0/subtitle/text", "151"),
    "card body of 201": ([card(body=plain("x" * 201))], "/blocks/0/body/text", "201"),
    "card subtext of 201": ([card(body=plain("x"), subtext=plain("x" * 201))], "/blocks/0/subtext/text", "201"),
    "card with 4 buttons": ([card(actions=[button()] * 4)], "/blocks/0/actions", "no more than 3"),
    "card with a menu": ([card(actions=[SELECT])], "/blocks/0/actions/0/type", "unsupported"),
    "card with both icons": ([card(body=plain("x"), icon=image(), slack_icon={"type": "icon", "name": "bot"})], "/blocks/0", "only one"),
    "unknown icon": ([card(body=plain("x"), slack_icon={"type": "icon", "name": "unicorn"})], "/blocks/0/slack_icon/name", "enum"),
    "carousel of none": ([carousel()], "/blocks/0/elements", "missing element"),
    "carousel of 11": ([carousel(*[card(body=plain("x"))] * 11)], "/blocks/0/elements", "no more than 10"),
    "carousel of sections": ([carousel(section())], "/blocks/0/elements/0/type", "unsupported type: section"),
    "container without title": ([{"type": "container", "child_blocks": [section()]}], "/blocks/0", "title"),
    "container with a card": ([container(card(body=plain("x")))], "/blocks/0/child_blocks/0/type", "unsupported type: card"),
    "container with markdown": ([container(markdown("x"))], "/blocks/0/child_blocks/0/type", "unsupported"),
    "container of 11": ([container(*[section()] * 11)], "/blocks/0/child_blocks", "no more than 10"),
    "collapsed but not collapsible": ([container(section(), default_collapsed=True)], "/blocks/0/default_collapsed", "needs"),
    "divider on collapsible": ([container(section(), is_collapsible=True, has_header_divider=True)], "/blocks/0/has_header_divider", "not allowed"),
    "empty text": ([rich(line(words("")))], "/blocks/0/elements/0/elements/0/text", "must be more than 0 characters"),
    "empty line": ([rich(line())], "/blocks/0/elements/0/elements", "missing element"),
    "text outside a line": ([rich(words())], "/blocks/0/elements/0/type", "unsupported type: text"),
    "link without url": ([rich(line({"type": "link", "text": "x"}))], "/blocks/0/elements/0/elements/0", "missing required field: url"),
    "emoji without name": ([rich(line({"type": "emoji"}))], "/blocks/0/elements/0/elements/0", "missing required field: name"),
    "unknown style": ([rich(line(words("x", shout=True)))], "/blocks/0/elements/0/elements/0/style", "property: shout"),
    "list without style": ([rich({"type": "rich_text_list", "elements": [line(words())]})], "/blocks/0/elements/0", "style"),
    "list of numbers": ([rich(bullets(line(words()), style="numbered"))], "/blocks/0/elements/0/style", "enum"),
    "indent of 9": ([rich(bullets(line(words()), indent=9))], "/blocks/0/elements/0/indent", "between 0 and 8"),
    "list in a list": ([rich(bullets(bullets(line(words()))))], "/blocks/0/elements/0/elements/0/type", "unsupported"),
    "mention in code": ([rich({"type": "rich_text_preformatted", "elements": [{"type": "user", "user_id": "U1"}]})], "/blocks/0/elements/0/elements/0/type", "user"),
    "table of 101 rows": ([table([[cell()]] * 101)], "/blocks/0/rows", "no more than 100"),
    "table of 21 columns": ([table([[cell()] * 21])], "/blocks/0/rows/0", "no more than 20"),
    "empty cell": ([table([[cell(""), cell()]])], "/blocks/0/rows/0/0/text", "more than 0"),
    "mrkdwn cell": ([table([[mrkdwn("x")]])], "/blocks/0/rows/0/0/type", "unsupported type: mrkdwn"),
    "table of 10001": ([table([[cell("x" * 5000), rich(line(words("x" * 5001)))]])], "/blocks", "10001"),
    "two tables": ([table([[cell()]]), table([[cell()]])], "/blocks", "only_one_table_allowed"),
    "data_table of one row": ([data_table([[cell()]])], "/blocks/0/rows", "no fewer than 2"),
    "uneven data_table": ([data_table([[cell()], [cell(), cell()]])], "/blocks/0/rows/1", "1 columns"),
    "rich header": ([data_table([[rich(line(words()))], [cell()]])], "/blocks/0/rows/0/0/type", "rich_text"),
    "data_table without caption": ([{"type": "data_table", "rows": [[cell()], [cell()]]}], "/blocks/0", "caption"),
    "data_table of 20001": ([data_table([[cell("x" * 20_000)], [cell()]])], "/blocks", "20001"),
    "three charts": ([chart()] * 3, "/blocks", "no more than 2"),
    "chart with a gap": (
        [chart(chart={"type": "line", "series": [{"name": "s", "data": [{"label": "a", "value": 1}]}], "axis_config": {"categories": ["a", "b"]}})],
        "/blocks/0/chart/series/0/data",
        "one point for each",
    ),
    "7 series": (
        [chart(chart={"type": "bar", "series": [{"name": str(name), "data": [{"label": "a", "value": 1}]} for name in range(7)], "axis_config": {"categories": ["a"]}})],
        "/blocks/0/chart/series",
        "no more than 6",
    ),
    "7 slices": ([chart(chart={"type": "pie", "segments": [{"label": "a", "value": 1}] * 7})], "/blocks/0/chart/segments", "no more than 6"),
    "21 categories": (
        [chart(chart={"type": "bar", "series": [{"name": "s", "data": [{"label": "a", "value": 1}]}], "axis_config": {"categories": [str(number) for number in range(21)]}})],
        "/blocks/0/chart/axis_config/categories",
        "no more than 20",
    ),
    "series twice": (
        [chart(chart={"type": "bar", "series": [{"name": "s", "data": [{"label": "a", "value": 1}]}] * 2, "axis_config": {"categories": ["a"]}})],
        "/blocks/0/chart/series",
        "unique",
    ),
    "label of 21": ([chart(chart={"type": "pie", "segments": [{"label": "x" * 21, "value": 1}]})], "/blocks/0/chart/segments/0/label", "less than 21"),
    "chart title of 51": ([chart(title="x" * 51)], "/blocks/0/title", "less than 51"),
    "axis label of 51": (
        [chart(chart={"type": "line", "series": [{"name": "s", "data": [{"label": "a", "value": 1}]}], "axis_config": {"categories": ["a"], "y_label": "x" * 51}})],
        "/blocks/0/chart/axis_config/y_label",
        "less than 51",
    ),
    "number in words": ([chart(chart={"type": "pie", "segments": [{"label": "a", "value": "1"}]})], "/blocks/0/chart/segments/0/value", "number"),
    "empty slice": ([chart(chart={"type": "pie", "segments": [{"label": "a", "value": 0}]})], "/blocks/0/chart/segments/0/value", "greater"),
    "markdown of 12001 together": ([markdown("x" * 6000), markdown("x" * 6001)], "/blocks", "12001"),
    "video over http": ([video(video_url="http://example.com/v")], "/blocks/0/video_url", "invalid_url"),
    "video title of 200": ([video(title=plain("x" * 200))], "/blocks/0/title/text", "less than 200"),
    "6 context_actions": ([{"type": "context_actions", "elements": [TRASH] * 6}], "/blocks/0/elements", "no more than 5"),
    "button in context_actions": ([{"type": "context_actions", "elements": [button()]}], "/blocks/0/elements/0/type", "button"),
    "pending task alone": ([{"type": "task_card", **task(status="pending")}], "/blocks/0/status", "enum"),
    "plan with a text object": ([{"type": "plan", "title": plain("P"), "tasks": [task()]}], "/blocks/0/title", "string"),
    "input without label": ([{"type": "input", "element": {"type": "plain_text_input"}}], "/blocks/0", "label"),
    "button as input": ([{"type": "input", "label": plain("L"), "element": button()}], "/blocks/0/element/type", "button"),
    "a bool for a number": ([rich(bullets(line(words()), indent=True))], "/blocks/0/elements/0/indent", "integer"),
}  # fmt: skip
