"""How the shape of a payload is described: rules that collect what is wrong, each with its JSON pointer.

A rule is called with a value, the pointer to it and the `Findings` it adds to. The wording of the
findings is Slack's own, since a sender reads it in `response_metadata.messages`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Findings:
    """What is wrong, as `what [json-pointer:where]`."""

    dead_images: Collection[str] = ()
    unfurl_domains: Collection[str] | None = None  # None: any host may play in a video block
    slack_files: Collection[str] | None = None  # ids and addresses of images in Slack; None: not looked at
    problems: list[str] = field(default_factory=list)

    def add(self, what: str, at: str) -> None:
        self.problems.append(f"{what} [json-pointer:{at}]")


Rule = Callable[[Any, str, Findings], None]


def string(most: int | None = None, *, least: int = 1) -> Rule:
    def check(value: Any, at: str, found: Findings) -> None:
        if not isinstance(value, str):
            found.add("must be a string", at)
        elif len(value) < least:
            found.add(f"must be more than {least - 1} characters", at)
        elif most is not None and len(value) > most:
            found.add(f"must be less than {most + 1} characters", at)

    return check


def url(most: int, *schemes: str) -> Rule:
    """An address; with `schemes`, only those."""
    length = string(most)

    def check(value: Any, at: str, found: Findings) -> None:
        length(value, at, found)
        if isinstance(value, str):
            scheme = re.match(r"([a-z][a-z0-9+.-]*):\S+$", value, re.IGNORECASE)
            if scheme is None or (schemes and scheme[1].lower() not in schemes):
                found.add("invalid_url", at)

    return check


def whole(least: int, most: int | None = None) -> Rule:
    def check(value: Any, at: str, found: Findings) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            found.add("must be an integer", at)
        elif value < least or (most is not None and value > most):
            found.add(f"must be between {least} and {most if most is not None else '∞'}", at)

    return check


def number(value: Any, at: str, found: Findings) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        found.add("must be a number", at)


def flag(value: Any, at: str, found: Findings) -> None:
    if not isinstance(value, bool):
        found.add("must be a boolean", at)


def one_of(*allowed: str) -> Rule:
    def check(value: Any, at: str, found: Findings) -> None:
        if not isinstance(value, str) or value not in allowed:
            found.add("must be a valid enum value", at)

    return check


def items(rule: Rule, most: int | None = None, *, least: int = 1) -> Rule:
    def check(value: Any, at: str, found: Findings) -> None:
        if not isinstance(value, list):
            found.add("must be an array", at)
            return
        if len(value) < least:
            found.add("missing element" if least == 1 else f"no fewer than {least} items required", at)
        if most is not None and len(value) > most:
            found.add(f"no more than {most} items allowed", at)
        for index, one in enumerate(value):
            rule(one, f"{at}/{index}", found)

    return check


@dataclass(frozen=True)
class Record:
    """An object: its `type` (None where Slack wants none), its keys, those it needs. No other passes."""

    type: str | None
    fields: Mapping[str, Rule]
    need: tuple[str, ...] = ()
    also: Rule | None = None  # what one key says about another; asked only where each key is right by itself

    def __call__(self, value: Any, at: str, found: Findings) -> None:
        if not isinstance(value, dict):
            found.add("must provide an object", at)
            return
        before = len(found.problems)
        if self.type is not None and value.get("type") != self.type:
            found.add(_unsupported(value), f"{at}/type")
        for name in self.need:
            if name not in value:
                found.add(f"missing required field: {name}", at)
        for name, one in value.items():
            if name == "type" and self.type is not None:
                continue
            if rule := self.fields.get(name):
                rule(one, f"{at}/{name}", found)
            else:
                found.add(f"invalid additional property: {name}", at)
        if self.also and len(found.problems) == before:
            self.also(value, at, found)


def any_of(*records: Record) -> Rule:
    """One of several objects, told apart by their `type`."""
    by_type = {record.type: record for record in records}

    def check(value: Any, at: str, found: Findings) -> None:
        if not isinstance(value, dict):
            found.add("must provide an object", at)
        elif not isinstance(value.get("type"), str) or value["type"] not in by_type:
            found.add(_unsupported(value), f"{at}/type")
        else:
            by_type[value["type"]](value, at, found)

    return check


def _unsupported(value: dict[str, Any]) -> str:
    return f"unsupported type: {value['type']}" if "type" in value else "missing required field: type"
