"""What the sandbox's Slack takes as blocks and what it refuses; `slackblocks` is the third opinion."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import slackblocks as sb

from bridge.sandbox.slack.blocks import check_blocks
from tests.sandbox.slack_samples import (
    ALERT,
    REFUSED,
    TAKEN,
    TRASH,
    URL,
    Json,
    button,
    buttons,
    card,
    carousel,
    cell,
    chart,
    container,
    data_table,
    image,
    line,
    markdown,
    plain,
    rich,
    section,
    table,
    words,
)


@pytest.mark.parametrize("name", TAKEN)
def test_taken(name: str) -> None:
    assert check_blocks(TAKEN[name]) == []


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    blocks, pointer, said = REFUSED[name]
    problems = check_blocks(blocks, dead_images={URL + "/dead"})
    assert any(said in one and one.endswith(f"[json-pointer:{pointer}]") for one in problems), problems


def test_checking_changes_nothing() -> None:
    before = copy.deepcopy(TAKEN)
    for blocks in TAKEN.values():
        check_blocks(blocks)
    assert before == TAKEN


@pytest.mark.parametrize(
    ("surface", "taken", "refused"),
    [
        (
            "message",
            "carousel container table data_table data_visualization markdown context_actions",
            "alert",
        ),
        ("modal", "alert", "carousel container table data_table data_visualization markdown context_actions"),
        ("home", "carousel container table data_table data_visualization", "alert markdown context_actions"),
    ],
)
def test_surfaces(surface: Any, taken: str, refused: str) -> None:
    samples: dict[str, Json] = {
        "alert": ALERT,
        "carousel": carousel(card(body=plain("x"))),
        "container": container(section()),
        "table": table([[cell()]]),
        "data_table": data_table([[cell()], [cell()]]),
        "data_visualization": chart(),
        "markdown": markdown("x"),
        "context_actions": {"type": "context_actions", "elements": [TRASH]},
    }
    everywhere = [
        "divider",
        section(),
        card(body=plain("x")),
        rich(line(words())),
        buttons(button()),
        image(),
    ]
    for block in everywhere[1:] + [samples[name] for name in taken.split()]:
        assert check_blocks([block], surface) == []
    for name in refused.split():
        assert check_blocks([samples[name]], surface) == [
            f"unsupported type: {name} [json-pointer:/blocks/0/type]"
        ]
    assert check_blocks([{"type": "divider"}] * 100, surface) == [] or surface == "message"
    assert check_blocks([{"type": "divider"}] * 101, surface)


# ── the third opinion ────────────────────────────────────────────────────────────────────────────


def _slackblocks() -> dict[str, Any]:
    picture = sb.Image(image_url=URL + "/a.png", alt_text="a")
    press = sb.Button(text="Go", action_id="go", value="1", style="primary", url=URL)
    confirm = sb.ConfirmationDialogue(title="t", text="x", confirm="y", deny="n")
    sure = sb.Button(text="Sure", action_id="sure", confirm=confirm)
    options = [sb.Option(sb.Text("One", type_=sb.TextType.PLAINTEXT), "1")]
    inline = sb.RichTextSection(
        [
            sb.RichText("x", bold=True),
            sb.RichTextLink(URL, "here"),
            sb.RichTextUser("U0MINA"),
            sb.RichTextChannel("C0SUPPORT"),
            sb.RichTextEmoji("wave"),
        ]
    )
    return {
        "section": sb.SectionBlock("x" * 3000, fields=["a", "b"], accessory=press),
        "header": sb.HeaderBlock("x" * 150),
        "divider": sb.DividerBlock(),
        "image": sb.ImageBlock(image_url=URL + "/a.png", alt_text="a", title="t"),
        "context": sb.ContextBlock([sb.Text("x"), picture]),
        "actions": sb.ActionsBlock([press, sure, sb.StaticSelectMenu(action_id="s", options=options)]),
        "card": sb.CardBlock(
            title="t", subtitle="s", body="b", subtext="u", hero_image=picture, actions=[press],
            slack_icon=sb.SlackIcon("bot"),
        ),
        "carousel": sb.CarouselBlock([sb.CardBlock(title="t", actions=[press]) for _ in range(10)]),
        "container": sb.ContainerBlock([sb.SectionBlock("x")], title="t", subtitle="s", icon=picture),
        "markdown": sb.MarkdownBlock("x" * 12_000),
        "rich_text": sb.RichTextBlock(
            [
                inline,
                sb.RichTextList("bullet", [inline], indent=8),
                sb.RichTextQuote([sb.RichText("q")]),
                sb.RichTextCodeBlock([sb.RichText("c")]),
            ]
        ),
        "table": sb.TableBlock([[sb.RawText("a"), inline]], column_settings=[sb.ColumnSettings("left")]),
        "data_table": sb.DataTableBlock([[sb.RawText("a")], [sb.RawNumber(1, "1")]], caption="c"),
        "data_visualization": sb.DataVisualizationBlock("t", sb.PieChart([sb.ChartSegment("a", 1)])),
        "context_actions": sb.ContextActionsBlock([sb.IconButton(text="Delete", action_id="d")]),
        "task_card": sb.TaskCardBlock("1", "t", status="complete"),
        "plan": sb.PlanBlock("p", [sb.TaskCardBlock("1", "t", status="pending")]),
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(_slackblocks()))
def test_what_slackblocks_builds_is_taken(name: str) -> None:
    assert check_blocks([_slackblocks()[name]._resolve()]) == []


def _message(*blocks: Any) -> Any:
    return sb.Message("C0SUPPORT", text="x", blocks=list(blocks))


@pytest.mark.parametrize(
    ("build", "same"),
    [
        (lambda: sb.SectionBlock("x" * 3001), [section("x" * 3001)]),
        (lambda: sb.HeaderBlock("x" * 151), [{"type": "header", "text": plain("x" * 151)}]),
        (lambda: sb.Button(text="x" * 76, action_id="a"), [buttons(button("x" * 76))]),
        (lambda: sb.CardBlock(title="x" * 151), [card(title=plain("x" * 151))]),
        (lambda: sb.CardBlock(body="x" * 201), [card(body=plain("x" * 201))]),
        (
            lambda: sb.CarouselBlock([sb.CardBlock(title="t")] * 11),
            [carousel(*[card(title=plain("t"))] * 11)],
        ),
        (lambda: sb.MarkdownBlock("x" * 12_001), [markdown("x" * 12_001)]),
        (lambda: _message(sb.AlertBlock("x")), [ALERT]),
        (lambda: _message(*[sb.DividerBlock() for _ in range(51)]), [{"type": "divider"}] * 51),
        (
            lambda: sb.ContainerBlock([sb.CardBlock(title="t")], title="t"),
            [container(card(title=plain("t")))],
        ),
    ],
)
def test_what_slackblocks_refuses_is_refused(build: Any, same: list[Json]) -> None:
    with pytest.raises(sb.InvalidUsageError):
        build()
    assert check_blocks(same)
