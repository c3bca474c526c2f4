"""Slack message -> draft: a reply for the customer, or a note, and then why it is one.

Where it is in doubt, a message stays in: a note can be sent again, a slip cannot be taken back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bridge.compose.mrkdwn import read_text, unescape
from bridge.compose.names import Names
from bridge.compose.rich_text import read_blocks
from bridge.compose.runs import Run, private
from bridge.model import AnyPart, Text

#: what may stand before a note's prefix: white space, seen or not, markup of a plain `text`, "@mina:"
_LEADING = " \t\r\n\u00a0\u200b\u200c\u200d\u2060\ufeff*_~`>•,:;"
#: an address, or a Slack host written without its scheme
_ADDRESS = re.compile(
    r"(?:(?:https?|slack)://|(?<![\w.-])(?=[\w.-]*slack(?:-files|-gov)?\.com))[^\s<>()\"'`]+", re.IGNORECASE
)
_TYPED_ENTITY = re.compile(r"&amp;(?:amp|lt|gt);")
_SLACK_TOKEN = re.compile(
    r"<@[UW][A-Z0-9]*(?:\|[^<>]*)?>|<#[CGD][A-Z0-9]*(?:\|[^<>]*)?>|<!(?:subteam|date|here|channel|everyone)[^<>]*>"
)
_TOKEN_START = re.compile(r"<(?=@[UW]|#[CGD]|!(?:subteam|date|here|channel|everyone))")


@dataclass(frozen=True)
class ReplyDraft:
    """What goes out. `files` are Slack's own file objects, in order, for whoever can fetch them."""

    parts: tuple[AnyPart, ...]
    files: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Note:
    """Stays in the thread."""

    reason: Literal["prefix", "mentions_only", "empty"]


Draft = ReplyDraft | Note


def compose(message: Mapping[str, Any], names: Names, *, note_prefix: str) -> Draft:
    """The draft of a Slack message event: its rich_text where it has some, else its text."""
    written = str(message.get("text") or "")
    runs = read_blocks(message.get("blocks"), names)
    if not _TYPED_ENTITY.search(written):
        # Slack documents escapes for `text` only, but is seen to return them in block texts too
        # (https://github.com/slackapi/bolt-python/issues/513); typed ones are escaped twice in `text`.
        runs = [run._replace(text=unescape(run.text)) for run in runs]
    if not any(run.text.strip() for run in runs):
        runs = read_text(written, names)
    if _is_note(runs, note_prefix):
        return Note("prefix")
    if _only_mentions(runs):
        return Note("mentions_only")
    files = _files(message.get("files"))
    text = _clean("".join(run.text for run in runs), names).strip()
    if not text and not files:
        return Note("empty")
    return ReplyDraft((Text(text=text),) if text else (), files)


def _is_note(runs: Sequence[Run], prefix: str) -> bool:
    """Whether the prefix comes first, before or after whom it is addressed to.

    However it is styled or split, as an emoji or its alias, and also where it opens an address
    (`//cdn.example.com/x`): what looks like a note is one.
    """
    words = [run for run in runs if run.kind not in ("mark", "mention")]
    shown = "".join(run.text for run in words)
    by_name = "".join(run.alias or run.text for run in words)
    mark = unicodedata.normalize("NFKC", prefix).strip() or prefix
    before = "".join(set(_LEADING) - set(mark))
    # full-width slashes are slashes
    return any(
        unicodedata.normalize("NFKC", text).lstrip(before).startswith(mark) for text in (shown, by_name)
    )


def _only_mentions(runs: Sequence[Run]) -> bool:
    """Whether it calls people and says nothing: no letter or digit but in the names and emoji."""
    if not any(run.kind == "mention" for run in runs):
        return False
    return not any(char.isalnum() for run in runs if run.kind == "said" for char in run.text)


def _files(files: Any) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(files, list):
        return ()
    return tuple(one for one in files if isinstance(one, Mapping) and one.get("mode") != "tombstone")


def _clean(text: str, names: Names) -> str:
    """Nothing of Slack's own in it, also where it was typed by hand or pasted into code."""
    text = _SLACK_TOKEN.sub(lambda token: "".join(run.text for run in read_text(token[0], names)), text)
    text = _ADDRESS.sub(lambda url: "(a private link)" if private(url[0]) else url[0], text)
    return _TOKEN_START.sub("< ", text)
