"""A message's `text` as runs, for messages without rich_text.

Entities are escaped and `<...>` is always a token there:
https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from bridge.compose.names import Names
from bridge.compose.runs import Run, date, link, said

_TOKEN = re.compile(r"<([^<>]*)>")
_EMOJI = re.compile(r"(?<!\w)(:[\w+'-]+:)(?!\w)")


def read_text(text: str, names: Names) -> list[Run]:
    runs = []
    for index, piece in enumerate(_TOKEN.split(text)):
        if index % 2:
            runs.append(_token(piece, names))
        else:
            runs += _plain(unescape(piece))
    return runs


def _plain(text: str) -> Iterator[Run]:
    for index, piece in enumerate(_EMOJI.split(text)):
        if piece:
            yield Run("emoji", piece, piece) if index % 2 else said(piece)


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _token(token: str, names: Names) -> Run:
    target, _, label = token.partition("|")
    target, label = unescape(target), unescape(label)
    if target.startswith("@"):
        return Run("mention", names.user(target[1:]), user=target[1:])
    if target.startswith("#"):
        named = names.channel(target[1:])
        return Run("channel", f"#{label}" if label and target[1:] not in names.channels else named)
    if target.startswith("!subteam^"):
        return Run("mention", names.usergroup(target.removeprefix("!subteam^")))
    if target.startswith("!date^"):
        _, timestamp, *more = target.split("^", 3)  # with the format, and an address to press
        shown = date(timestamp, label)
        return link(more[1], shown.text) if len(more) > 1 and more[1] else shown
    if target.startswith("!"):
        return Run("mention", label or f"@{target[1:].partition('^')[0]}")  # without an id
    return link(target, label)
