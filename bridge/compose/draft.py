"""Slack message -> draft: a reply for the customer, or a note, and then why it is one.

Where it is in doubt, a message stays in: a note can be sent again, a slip cannot be taken back.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from bridge.compose.addresses import private
from bridge.compose.commands import Command, command_of
from bridge.compose.mrkdwn import read_text
from bridge.compose.names import Names
from bridge.compose.reading import LEADING, files_of, read, seen
from bridge.compose.runs import Run, Unsendable
from bridge.model import AnyPart, Text

#: an address, or a Slack host written without its scheme
_ADDRESS = re.compile(
    r"(?:(?:https?|slack)://"
    r"|(?<![a-z0-9_%@:/\\+-])(?<![a-z0-9_%@:/\\+-]\.)(?=[a-z0-9._%@:/\\+-]*slack(?:-files|-gov|-redir)*(?:[.。．｡]|%2e)(?:com|net)))"
    r"[^\s<>()\"'`]+",
    re.IGNORECASE,
)
#: where a sentence goes on behind an address, and a mark or a sign that the sentence puts there
_SENTENCE = re.compile(r"[^\x00-\x7f]|[|{}\[\]]|[*_~.,;:!?]+\Z|[,;](?=https?://)", re.IGNORECASE)
#: with which an address goes on, also behind characters that are not seen
_GOES_ON = frozenset("/\\?&=#%+@-" + string.ascii_letters + string.digits)
#: how many places are tried where a private address may end, in a run of how many characters
_TRIES = 20
_LONG = 2000
_PRIVATE = "(a private link)"
_SLACK_TOKEN = re.compile(
    r"<@[UW][A-Z0-9]*(?:\|[^<>]*)?>|<#[CGD][A-Z0-9]*(?:\|[^<>]*)?>|<!(?:subteam|date|here|channel|everyone)[^<>]*>"
)
_TOKEN_START = re.compile(r"<(?=@[UW]|#[CGD]|!(?:subteam|date|here|channel|everyone))")


@dataclass(frozen=True)
class ReplyDraft:
    """The parts that go out. `files` are Slack's own file objects, in order. `left_out` does not go out: the
    author has to be asked. It may be all that the message holds."""

    parts: tuple[AnyPart, ...]
    files: tuple[Mapping[str, Any], ...] = ()
    left_out: tuple[Unsendable, ...] = ()


@dataclass(frozen=True)
class Note:
    """Stays in the thread."""

    reason: Literal["prefix", "mentions_only", "command", "unclear", "empty"]


Draft = ReplyDraft | Note


def compose(message: Mapping[str, Any], names: Names, *, note_prefix: str, as_is: bool = False) -> Draft:
    """The draft of a Slack message event.

    `as_is`: its author, when asked, has said that an unclear command is a reply.
    """
    runs, files = read(message, names), files_of(message)
    if _is_note(runs, note_prefix):
        return Note("prefix")
    if _only_mentions(runs):
        return Note("mentions_only")
    if command := command_of(runs, with_files=bool(files)):
        if isinstance(command, Command):
            return Note("command")
        if not as_is:
            return Note("unclear")
    shown = [run for run in runs if run.kind != "unsent"]
    text = _clean(_joined(shown), names).strip()
    has_words = any(seen(run.text).strip() for run in shown if run.kind != "mark")
    parts = (Text(text=text),) if has_words and text else ()
    left_out = tuple(run.left_out for run in runs if run.left_out is not None)
    return ReplyDraft(parts, files, left_out) if parts or files or left_out else Note("empty")


def _is_note(runs: Sequence[Run], prefix: str) -> bool:
    """Whether the prefix comes first, before or after whom it is addressed to.

    However it is styled, split or capitalised, as an emoji or its alias, and also where it opens an address
    (`//cdn.example.com/x`): what looks like a note is one.
    """
    shown = [run for run in runs if run.kind not in ("mark", "mention")]
    words = [run for run in shown if run.kind != "table"]
    mark = seen(prefix).strip() or prefix
    before = rf"[\s{re.escape(''.join(sorted(set(LEADING) - set(mark))))}]*"
    begins = re.compile(before + re.escape(mark), re.IGNORECASE)
    unadorned = [run for run in words if run.kind not in ("emoji", "channel")]
    texts = (_joined(words), _joined(words, by_name=True), _joined(shown), _joined(unadorned))
    if any(begins.match(seen(text)) for text in texts):
        return True
    first = next((run for run in words if not re.fullmatch(before, seen(run.text))), None)
    # Slack need not say which emoji a name stands for, and does not in `text`:
    # https://docs.slack.dev/reference/block-kit/block-elements/emoji-element
    unknown = first is not None and first.kind == "emoji" and first.text == first.alias
    return unknown and unicodedata.category(mark[0]) == "So"


def _joined(runs: Sequence[Run], by_name: bool = False) -> str:
    return "".join((by_name and run.alias) or run.text for run in runs)


def _only_mentions(runs: Sequence[Run]) -> bool:
    """Whether it calls people and says nothing: no letter or digit but in the names and emoji."""
    if not any(run.kind == "mention" for run in runs):
        return False
    return not any(char.isalnum() for run in runs if run.kind == "said" for char in run.text)


def _clean(text: str, names: Names) -> str:
    """Nothing of Slack's own in it, also where it was typed by hand or pasted into code."""
    text = _SLACK_TOKEN.sub(lambda token: "".join(run.text for run in read_text(token[0], names)), text)
    text = _ADDRESS.sub(lambda found: _public(found[0]), text)
    return _TOKEN_START.sub("< ", text)


def _public(run: str, tries: int = _TRIES) -> str:
    """`run`, an address and what follows it without a space, without the addresses in it that are private.

    The words behind one stay where they can be no part of it, as in `…/archives/C1，谢谢`.
    """
    if not private(run):
        return run
    ends = _SENTENCE.finditer(run) if tries and len(run) < _LONG else iter(())
    for end in islice(ends, _TRIES):
        address, behind = run[: end.start()], run[end.start() :]
        if seen(behind)[:1] in _GOES_ON or not (private(address) or private(behind)):
            continue
        if not private(address) and behind[0] in "。．｡":
            continue  # a dot of its host
        behind = _ADDRESS.sub(lambda found: _public(found[0], tries - 1), behind)
        shown = f"{_PRIVATE if private(address) else address}{behind}"
        if not private(shown):
            return shown
    return _PRIVATE
