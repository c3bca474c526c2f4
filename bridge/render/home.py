"""The App Home: which conversations wait for a human and which are with one, across all channels.

https://docs.slack.dev/surfaces/app-home
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.model import Act, Control
from bridge.render import limits
from bridge.render.acts import act_button, button
from bridge.render.card import EMOJI, when
from bridge.render.literal import (
    Block,
    Element,
    context,
    emoji,
    link,
    one_line,
    plain,
    rich_text,
    section,
    text,
)
from bridge.render.words import lasting

REFRESH = "home-refresh"


@dataclass(frozen=True)
class HomeRow:
    """One conversation, WAITING or HUMAN `since` then; its handoff began at `started_at`, before a release.

    `held` counts the replies that wait for their authors' choice.
    """

    conversation: int
    name: str | None  # the customer's
    source: str
    control: Control
    since: datetime
    started_at: datetime | None = None
    owner: str | None = None
    thread: str | None = None  # its permalink
    channel: str | None = None  # its id
    reason: str | None = None
    held: int = 0
    breached: bool = False


def home(rows: Sequence[HomeRow], *, more: int, now: datetime) -> dict[str, Any]:
    """Who waits, then who is with a human, oldest first; `more` are in the store and not among `rows`."""
    blocks = _top(now)
    if (rows or not more) and not any(_waits(row) for row in rows):
        blocks.append(_calm(nobody=not rows))
    size = len(json.dumps(blocks))
    shown = 0
    heading: str | None = None
    for row in sorted(rows, key=lambda row: (not _waits(row), row.since)):
        title = "Waiting for a human" if _waits(row) else "With a human"
        added = ([] if title == heading else [_header(title)]) + _row(row, now)
        size += len(json.dumps(added))
        # one block and some room stay free for how many more there are
        if len(blocks) + len(added) >= limits.VIEW_BLOCKS or size > limits.VIEW - 1000:
            break
        blocks += added
        heading = title
        shown += 1
    if left := len(rows) - shown + more:
        blocks.append(context(f"and {left} more"))
    return {"type": "home", "blocks": blocks}


def _waits(row: HomeRow) -> bool:
    return row.control is Control.WAITING


def _top(now: datetime) -> list[Block]:
    return [
        rich_text(section(text("Shown as of ", italic=True), when(now))),
        {"type": "actions", "elements": [button(REFRESH, "Refresh")]},
    ]


def _calm(*, nobody: bool) -> Block:
    words = " Nobody is waiting for a human" + (", and nobody is with one. All is well." if nobody else ".")
    return rich_text(section(emoji("white_check_mark"), text(words)))


def _header(title: str) -> Block:
    return {"type": "header", "text": plain(title)}


def _row(row: HomeRow, now: datetime) -> list[Block]:
    head = [emoji(EMOJI[row.control]), text(f" {one_line(row.name) or 'Customer'}", bold=True)]
    if not _waits(row):
        return [rich_text(section(*head, *_owned(row), *_below(row)))]
    head.append(text(f" has waited {lasting((now - row.since).total_seconds())}"))
    if row.started_at and row.started_at < row.since:
        head += [text(" again, and first asked "), when(row.started_at)]
    claim = act_button(Act.CLAIM, conversation=row.conversation)
    return [rich_text(section(*head, *_below(row))), {"type": "actions", "elements": [claim]}]


def _owned(row: HomeRow) -> list[Element]:
    owner = f" is with {one_line(row.owner)}" if one_line(row.owner) else " is with a human"
    return [text(f"{owner} since "), when(row.since)]


def _below(row: HomeRow) -> list[Element]:
    """What stands below the name: why, where, and what is left to do."""
    told: list[list[Element]] = []
    if row.breached:
        told.append([emoji("rotating_light"), text(" breach", bold=True)])
    if row.held:
        told.append([text("1 reply held" if row.held == 1 else f"{row.held} replies held", bold=True)])
    if one_line(row.reason):
        told.append([text(one_line(row.reason))])
    told.append([text(one_line(row.source) or "–")])
    if row.channel:
        told.append([{"type": "channel", "channel_id": row.channel}])
    if row.thread:
        told.append(link(row.thread, "Open thread"))
    below: list[Element] = []
    for one in told:
        below += [text(" · " if below else "\n"), *one]
    return below
