"""A kind of delivery: its name, its lane, what its key names, and the type of its payload. Pure.

`bridge.delivery.kinds` is the one list of them. A row has the kind's name and its payload as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, SkipValidation, ValidationError

from bridge.errors import DeliveryError, Rejected, RetryLater
from bridge.model import Direction


class Key(StrEnum):
    """What the key of a delivery names, after its kind and a colon."""

    OWN = "what came in, or the day, or the place"
    DELIVERY = "the delivery that queued it"
    ATTEMPT = "the delivery that queued it, and at which attempt"
    HANDOFF = "the handoff whose clock queued it"


class Failure(StrEnum):
    """Where people see that a delivery was given up."""

    THREAD = "a line in the thread"
    AUTHOR = "a line that its author alone sees"
    NOWHERE = "nowhere: `bridge deadletters list` and the metrics have it"


class Private:
    """Marks a field that holds words of people's: `bridge trace` shows it only where it is asked for."""


#: Not validated: Slack sends lone surrogates, which are kept as they are.
Words = Annotated[str, SkipValidation, Private]
Labels = Annotated[tuple[str, ...], Private]


@dataclass(frozen=True, slots=True)
class Kind:
    """`name` stands in the delivery's row, beside its `lane`."""

    name: str
    lane: Direction
    key: Key
    failure: Failure


class Payload(BaseModel):
    """What a delivery of one kind carries. A field that a row of an earlier version lacks has a default."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    kind: ClassVar[Kind]

    @property
    def workspace_team(self) -> str | None:
        """The id of the Slack workspace that the delivery is for, where its payload says so."""
        return None

    @classmethod
    def read(cls, row: str) -> Self:
        """The payload of a row. Raises `Rejected` where it has not the shape of this kind."""
        try:
            return cls.parse(row)
        except ValidationError as error:  # its own text would quote people's words
            fields = sorted({".".join(map(str, one["loc"])) for one in error.errors()} - {""})
            where = f" ({', '.join(fields)})" if fields else ""
            problem = f"the payload of a “{cls.kind.name}” delivery cannot be read{where}"
            raise Rejected(problem, can_retry=False) from None

    @classmethod
    def parse(cls, row: str) -> Self:
        """As `read`. Raises pydantic's `ValidationError`."""
        return cls.model_validate(json.loads(row))

    def write(self) -> str:
        """As a row. What was not set is left out: a process of an earlier version may not expect it."""
        return json.dumps(self.model_dump(by_alias=True, exclude_unset=True), default=str)

    def public(self) -> dict[str, Any]:
        """The fields that have a value, without those that hold people's words."""
        shown = {
            name: getattr(self, name)
            for name, field in type(self).model_fields.items()
            if Private not in field.metadata
        }
        return {name: value for name, value in shown.items() if value is not None}


P = TypeVar("P", bound=type[Payload])

_KINDS: dict[tuple[Direction, str], type[Payload]] = {}


def kind(
    name: str, lane: Direction, key: Key = Key.OWN, *, failure: Failure = Failure.NOWHERE
) -> Callable[[P], P]:
    """Register a payload's class as that of the kind `name` in `lane`."""

    def register(payload: P) -> P:
        if (lane, name) in _KINDS:
            raise ValueError(f"the kind “{name}” of {lane} is registered already")
        payload.kind = Kind(name, lane, key, failure)
        _KINDS[lane, name] = payload
        return payload

    return register


def registered() -> Iterator[type[Payload]]:
    """The payload classes of all kinds."""
    return iter(_KINDS.values())


def payload_of(lane: Direction, name: str, row: str) -> Payload:
    """The payload of a delivery's row.

    Raises `RetryLater` where this version knows no such kind: during a deploy another process may.
    """
    known = _KINDS.get((lane, name))
    if known is None:
        raise RetryLater(
            f"this version of the bridge does not know deliveries of the kind “{name}” ({lane})",
            remedy="Finish the deploy, or go back to the version that queued it",
        )
    return known.read(row)


def readable_payload(lane: Direction, name: str, row: str) -> Payload | None:
    """As `payload_of`; None where this version cannot read the row."""
    try:
        return payload_of(lane, name, row)
    except DeliveryError:
        return None
