"""The words of a row: what went wrong where, what is done about it, who is told, how it ends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any


class Tried(StrEnum):
    """Whether it is sent again, and when."""

    NEVER = "no"
    AGAIN = "yes, with the configured delays"
    AFTER = "yes, after the time that was asked for"
    LOOKED = "only where it is not found there"
    PLAINER = "at once, in its next plainer form"
    ELSEWHERE = "at once, in a new thread"
    BY_SENDER = "yes, by whoever sent it"
    NO_NEED = "no need"


class End(StrEnum):
    SENT = "sent"
    FAILED = "failed"
    UNCERTAIN = "uncertain"


class Others(StrEnum):
    """What goes on while it lasts."""

    ALL = "all else"
    CHANNELS = "other channels; replies"
    ALERTS = "other channels, with its alerts"
    INGEST = "webhooks are taken; replies"
    SLACK = "what goes to Slack"
    NOTHING = "what is on its way; nothing new is taken"


@dataclass(frozen=True)
class Log:
    words: str

    def __str__(self) -> str:
        return f"log: `{self.words}`"


@dataclass(frozen=True)
class Metric:
    """A counter that grows, with its labels as `/metrics` writes them; `outcome` is the one that tells."""

    counter: str
    labels: str
    outcome: str

    @property
    def name(self) -> str:
        return f"{self.counter}{{{self.labels.format(self.outcome)}}}"

    def __str__(self) -> str:
        return f"`{self.counter}`: `{self.outcome}`"


@dataclass(frozen=True)
class Mark:
    """The marks that the agent's message had, in order; the last one stays."""

    names: tuple[str, ...]

    def __str__(self) -> str:
        return f"mark: {', then '.join(f':{name}:' for name in self.names)}"


@dataclass(frozen=True)
class Thread:
    """A message of the bridge's own in the thread, with all of `words`; `{key}` is the API key's variable."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"thread: “{' … '.join(self.words).format(key='<the key>')}”"


@dataclass(frozen=True)
class Alert:
    """A message in the alert channel that names the customer, and has all of `words`."""

    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"alert channel: “{' … '.join(self.words)}”"


@dataclass(frozen=True)
class Ready:
    """What `/readyz` misses, with a 503."""

    missing: str

    def __str__(self) -> str:
        return f"`/readyz`: `{self.missing}`"


Told = Log | Metric | Mark | Thread | Alert | Ready


@dataclass(frozen=True)
class Row:
    """`fault` at each of `sides`. `cause` is how it is brought about: arguments of the sandbox's
    `faults.next`, or what else a test does."""

    sides: tuple[str, ...]
    fault: str
    tried: Tried
    told: tuple[Told, ...]
    ends: End
    others: Others = Others.ALL
    given_up: bool = False  # it lasts for longer than `give_up_after`
    cause: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}), hash=False)

    def __str__(self) -> str:
        return self.fault
