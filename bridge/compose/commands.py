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
from typing import Any, Final, Literal, get_args

from bridge.compose.addresses import UNSEEN
from bridge.compose.names import Names
from bridge.compose.reading import LEADING, files_of, read, seen
from bridge.compose.runs import Run
from bridge.model import Act

Word = Literal["claim", "release", "transfer", "takeover", "bot", "resolve", "reopen", "note", "who", "help"]
WORDS: Final[tuple[Word, ...]] = get_args(Word)
#: those that are acts
ACTS: Final[Mapping[Word, Act]] = {
    "claim": Act.CLAIM,
    "release": Act.RELEASE,
    "transfer": Act.TRANSFER,
    "takeover": Act.TAKE_OVER,
    "bot": Act.HAND_BACK,
    "resolve": Act.RESOLVE,
    "reopen": Act.REOPEN,
}
_KNOWN: Final[Mapping[str, Word]] = {word: word for word in WORDS}

#: the word however it is styled, and what follows it
_BEGINNING = re.compile(
    rf"[\s{UNSEEN}{LEADING}]*[!！][!！{UNSEEN}]*([^\W\d_][\w{UNSEEN}-]*)[\s{UNSEEN}{LEADING}]*(.*)", re.DOTALL
)
_USER = re.compile(r"[UW][A-Z0-9]+")


@dataclass(frozen=True)
class Command:
    """`user` is whom a transfer mentions; `rest` what a note says, or the words that go with a transfer."""

    word: Word
    user: str | None = None
    rest: str = ""


@dataclass(frozen=True)
class Unclear:
    """`nearest` is what may have been meant: the word itself where only what follows it is in the way."""

    word: str
    nearest: Word | None


def command(message: Mapping[str, Any]) -> Command | Unclear | None:
    """What a Slack message event asks for; None where it is ordinary text."""
    return command_of(read(message, Names()), with_files=bool(files_of(message)))


def command_of(runs: Sequence[Run], *, with_files: bool) -> Command | Unclear | None:
    said = "".join(map(_words, dropwhile(lambda run: run.kind in ("emoji", "mark"), runs)))
    found = _BEGINNING.match(said)
    word = seen(found[1]).strip("_-").lower() if found else ""
    if found is None or not word:
        return None
    known = _KNOWN.get(word)
    if known is None:
        near = difflib.get_close_matches(word, WORDS, n=1)
        return Unclear(word, _KNOWN[near[0]] if near else None)
    rest = found[2].strip() if _says(found[2]) else ""
    if known == "note":
        return Command(known, rest=rest)
    mentioned = {run.user for run in runs if run.kind == "mention"}
    with_files |= any(run.kind == "table" for run in runs)
    if known == "transfer" and len(mentioned) == 1 and not with_files:
        (user,) = mentioned
        if _USER.fullmatch(user):  # not a group, or all of a channel
            return Command(known, user, rest)
    return Unclear(known, known) if rest or mentioned or with_files else Command(known)


def _words(run: Run) -> str:
    if run.kind == "mark":
        return "\n" if "\n" in run.text else ""
    return {"mention": " ", "table": ""}.get(run.kind, run.text)


def _says(text: str) -> bool:
    """Whether there is more in it than punctuation."""
    return any(unicodedata.category(char)[0] not in "CPZ" for char in seen(text))
