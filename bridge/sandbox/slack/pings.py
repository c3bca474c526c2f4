"""Whom a message pings: who is named in it in a way that Slack makes a mention of.

https://docs.slack.dev/messaging/formatting-message-text. Counted on the safe side: what a mention in an
attachment, in `text` above blocks or in an edit sets off is not documented, so all of them count.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_MENTION = re.compile(
    r"<@(?P<users>[UW]\w+)[|>]|<!subteam\^(?P<groups>S\w+)[|>]|<!(?P<broadcast>here|channel|everyone)[|>]"
)
#: elements of rich_text -> what they name, and where
_ELEMENTS = {
    "user": ("users", "user_id"),
    "usergroup": ("groups", "usergroup_id"),
    "broadcast": ("broadcast", "range"),
}
#: what has mrkdwn in its `text`: text objects, blocks of markdown, and attachments, which have no type
_PARSED = ("mrkdwn", "markdown", None)


@dataclass(frozen=True)
class Pings:
    """`broadcast` holds here, channel and everyone. False where nobody is pinged."""

    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    broadcast: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.users or self.groups or self.broadcast)

    def __or__(self, other: Pings) -> Pings:
        return Pings(self.users | other.users, self.groups | other.groups, self.broadcast | other.broadcast)


def pings(text: str, blocks: list[Any], attachments: list[Any]) -> Pings:
    found: dict[str, set[str]] = {"users": set(), "groups": set(), "broadcast": set()}
    for kind, name in (*_in_text(text), *_below(blocks), *_below(attachments)):
        found[kind].add(name)
    return Pings(**{kind: frozenset(names) for kind, names in found.items()})


def _in_text(text: str) -> Iterator[tuple[str, str]]:
    for mention in _MENTION.finditer(text):
        yield from ((kind, name) for kind, name in mention.groupdict().items() if name)


def _below(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for one in value:
            yield from _below(one)
    elif isinstance(value, dict):
        kind, key = _ELEMENTS.get(value.get("type", ""), ("", ""))
        if key in value:
            yield kind, value[key]
        if value.get("type") in _PARSED:
            for key in ("text", "pretext"):
                if isinstance(value.get(key), str):
                    yield from _in_text(value[key])
        yield from _below(list(value.values()))
