"""A Slack message as runs, and its words as they look."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from bridge.compose.mrkdwn import read_text, unescape
from bridge.compose.names import Names
from bridge.compose.rich_text import read_blocks
from bridge.compose.runs import Run

_TYPED_ENTITY = re.compile(r"&amp;(?:amp|lt|gt);")
#: for a class of characters: soft hyphens, joiners, marks of direction, fillers, selectors of a variant
UNSEEN = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
_UNSEEN = re.compile(f"[{UNSEEN}]")
#: what may stand before the first word beside white space: markup of a plain `text`, and what follows "@mina"
LEADING = "*_~`>•,:;"


def read(message: Mapping[str, Any], names: Names) -> list[Run]:
    """What a Slack message event says: its rich_text where it has some, else its text."""
    written = str(message.get("text") or "")
    runs = read_blocks(message.get("blocks"), names)
    if not _TYPED_ENTITY.search(written):
        # Slack documents escapes for `text` only, but is seen to return them in block texts too
        # (https://github.com/slackapi/bolt-python/issues/513); typed ones are escaped twice in `text`.
        runs = [run._replace(text=unescape(run.text)) for run in runs]
    return runs if any(run.text.strip() for run in runs) else read_text(written, names)


def files_of(message: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Slack's own file objects, in order, without those that were deleted."""
    files = message.get("files")
    if not isinstance(files, list):
        return ()
    return tuple(one for one in files if isinstance(one, Mapping) and one.get("mode") != "tombstone")


def seen(text: str) -> str:
    """`text` as it looks: without what nobody sees, and full-width characters as the usual ones."""
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", text))
