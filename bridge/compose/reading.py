"""A Slack message as runs, and its words as they look."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from bridge.compose.addresses import UNSEEN
from bridge.compose.attachments import read_attachments
from bridge.compose.blocks import joined, read_blocks
from bridge.compose.mrkdwn import read_text, unescape
from bridge.compose.names import Names
from bridge.compose.runs import Run

_TYPED_ENTITY = re.compile(r"&amp;(?:amp|lt|gt);")
_UNSEEN = re.compile(f"[{UNSEEN}]")
#: what may stand before the first word beside white space: markup of a plain `text`, and what follows "@mina"
LEADING = "*_~`>•,:;"


def read(message: Mapping[str, Any], names: Names) -> list[Run]:
    """The runs of a Slack message event: its blocks if it has any, else its text; then its attachments."""
    written = str(message.get("text") or "")
    blocks = read_blocks(message.get("blocks"), names)
    attached = read_attachments(message, names)
    if not _TYPED_ENTITY.search(written):
        # Slack documents escapes for `text` only, but is seen to return them in block texts too
        # (https://github.com/slackapi/bolt-python/issues/513); typed ones are escaped twice in `text`.
        blocks, attached = _unescaped(blocks), _unescaped(attached)
    text = read_text(written, names)
    if not any(run.text.strip() or run.left_out for run in blocks):
        blocks = text
    elif all(run.kind in ("table", "unsent", "mark") for run in blocks):
        # Slack does not show `text` beside blocks, but what it begins with may make it a note or a command.
        blocks = [
            Run("unsent", run.text, run.alias) for run in text if run.kind in ("said", "emoji")
        ] + blocks
    return joined(blocks, attached)


def _unescaped(runs: list[Run]) -> list[Run]:
    return [run._replace(text=unescape(run.text)) for run in runs]


def files_of(message: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Slack's own file objects, in order, without those that were deleted."""
    files = message.get("files")
    if not isinstance(files, list):
        return ()
    return tuple(one for one in files if isinstance(one, Mapping) and not _is_deleted(one))


def _is_deleted(file: Mapping[str, Any]) -> bool:
    """https://docs.slack.dev/reference/objects/file-object"""
    return file.get("mode") == "tombstone" or file.get("file_access") == "file_not_found"


def seen(text: str) -> str:
    """`text` as it looks: without what nobody sees, and full-width characters as the usual ones."""
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", text))
