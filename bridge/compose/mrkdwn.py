"""A message's `text` as runs, for messages without rich_text.

Entities are escaped and `<...>` is always a token there:
https://docs.slack.dev/messaging/formatting-message-text
"""

from __future__ import annotations

import re

from bridge.compose.names import Names
from bridge.compose.runs import Run, date, link, said

_TOKEN = re.compile(r"<([^<>]*)>")


def read_text(text: str, names: Names) -> list[Run]:
    runs = []
    for index, piece in enumerate(_TOKEN.split(text)):
        if piece:
            runs.append(_token(piece, names) if index % 2 else said(unescape(piece)))
    return runs


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _token(token: str, names: Names) -> Run:
    target, _, label = token.partition("|")
    target, label = unescape(target), unescape(label)
    if target.startswith("@"):
        return Run("mention", names.user(target[1:]))
    if target.startswith("#"):
        named = names.channel(target[1:])
        return Run("channel", f"#{label}" if label and target[1:] not in names.channels else named)
    if target.startswith("!subteam^"):
        return Run("mention", names.usergroup(target.removeprefix("!subteam^")))
    if target.startswith("!date^"):
        return date(target.split("^")[1], label)
    if target.startswith("!"):
        return Run("mention", label or f"@{target[1:]}")
    return link(target, label)
