"""Slack message -> what its author wants done, where it begins with a word like `!claim`.

Slash commands do not work in threads (https://docs.slack.dev/interactivity/implementing-slash-commands). A
word that stands alone is a command. Where it is misspelt, or what follows could be meant for the customer,
nobody acts on it and nothing is sent: its author is asked.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import dropwhile
from typing import Any, Final

from bridge.actions import ACTIONS, OTHER_WORDS
from bridge.compose.addresses import UNSEEN
from bridge.compose.names import Names
from bridge.compose.reading import LEADING, files_of, read, seen
from bridge.compose.runs import Run
from bridge.model import Act

#: the words that are acts
ACTS: Final[Mapping[str, Act]] = {action.word: act for act, action in ACTIONS.items()}
WORDS: Final[tuple[str, ...]] = (*ACTS, *OTHER_WORDS)

#: the word however it is styled, and what follows it
_BEGINNING = re.compile(
    rf"[\s{UNSEEN}{LEADING}]*[!！][!！{UNSEEN}]*([^\W\d_][\w{UNSEEN}-]*)[\s{UNSEEN}{LEADING}]*(.*)", re.DOTALL
)
_USER = re.compile(r"[UW][A-Z0-9]+")


@dataclass(frozen=True)
class Command:
    """`user` is whom a transfer mentions; `rest` what a note says, or the words that go with a transfer."""

    word: str
    user: str | None = None
    rest: str = ""


@dataclass(frozen=True)
class Unclear:
    """`nearest` is what may have been meant: the word itself where only what follows it is in the way."""

    word: str
    nearest: str | None


def command(message: Mapping[str, Any]) -> Command | Unclear | None:
    """What a Slack message event asks for; None where it is ordinary text."""
    return command_of(read(message, Names()), with_files=bool(files_of(message)))


def command_of(runs: Sequence[Run], *, with_files: bool) -> Command | Unclear | None:
    said = "".join(map(_words, dropwhile(lambda run: run.kind in ("emoji", "mark"), runs)))
    found = _BEGINNING.match(said)
    word = seen(found[1]).strip("_-").lower() if found else ""
    if found is None or not word:
        return None
    if word not in WORDS:
        near = difflib.get_close_matches(word, WORDS, n=1)
        return Unclear(word, near[0] if near else None)
    rest = found[2].strip() if _says(found[2]) else ""
    if word == "note":
        return Command(word, rest=rest)
    mentioned = {run.user for run in runs if run.kind == "mention"}
    with_files |= any(run.kind == "table" for run in runs)
    names_colleague = word in ACTS and ACTIONS[ACTS[word]].names_colleague
    if names_colleague and len(mentioned) == 1 and not with_files:
        (user,) = mentioned
        if _USER.fullmatch(user):  # not a group, or all of a channel
            return Command(word, user, rest)
    return Unclear(word, word) if rest or mentioned or with_files else Command(word)


def _words(run: Run) -> str:
    if run.kind == "mark":
        return "\n" if "\n" in run.text else ""
    return {"mention": " ", "table": ""}.get(run.kind, run.text)


def _says(text: str) -> bool:
    """Whether there is more in it than punctuation."""
    return any(unicodedata.category(char)[0] not in "CPZ" for char in seen(text))
