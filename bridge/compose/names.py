"""Whom and what a Slack message mentions, and the names to say instead of their ids."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_IN_TEXT = re.compile(r"<(@|#|!subteam\^)([A-Z0-9]+)")


@dataclass(frozen=True)
class Mentions:
    """Ids that need a name before the message can be composed."""

    users: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    usergroups: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Names:
    """Names by id. An id without one is "@someone" or "#a channel", never itself."""

    users: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)
    usergroups: Mapping[str, str] = field(default_factory=dict)

    def user(self, id: str) -> str:
        return "@" + (_said(self.users.get(id)) or "someone")

    def channel(self, id: str) -> str:
        return "#" + (_said(self.channels.get(id)) or "a channel")

    def usergroup(self, id: str) -> str:
        return "@" + (_said(self.usergroups.get(id)) or "someone")


def _said(name: str | None) -> str:
    return " ".join((name or "").split()).lstrip("@#")


def mentioned(message: Mapping[str, Any]) -> Mentions:
    """The ids a Slack message event mentions, in its blocks or its text."""
    found: dict[str, set[str]] = {"user": set(), "channel": set(), "usergroup": set()}
    attachments = _mappings(message.get("attachments"))
    shown = [message.get("blocks"), *(attachment.get("blocks") for attachment in attachments)]
    for element in _elements(shown):
        for kind, ids in found.items():
            if element.get("type") == kind and isinstance(id := element.get(f"{kind}_id"), str):
                ids.add(id)
    kinds = {"@": "user", "#": "channel", "!subteam^": "usergroup"}
    for mark, id in _IN_TEXT.findall(str(message.get("text") or "")):
        found[kinds[mark]].add(id)
    return Mentions(frozenset(found["user"]), frozenset(found["channel"]), frozenset(found["usergroup"]))


def _elements(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every element below `value`, at any depth, also in the cells of tables."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case list() as inner:
                waiting += inner
            case Mapping() as element:
                yield element
                waiting += [element.get("elements"), element.get("rows")]


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
