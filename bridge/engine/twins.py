"""Replies that a vendor's search cannot tell apart: the same words, or a file of the same name. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bridge.delivery.kinds import SlackReply
from bridge.engine.steps import Step

NEAR = 15.0  # seconds: adapters allow for 5 between two clocks, and a send may take some
_NUMBER = re.compile(r" \(\d+\)(?=\.[^.]*$|$)")  # what tells two files of one message apart


def has_twin(step: Step, own: SlackReply, others: Iterable[SlackReply]) -> bool:
    """Whether one of the `others` may be what the vendor has in place of this `step` of `own`."""
    if step.file is None:
        return any(other.text.strip() == own.text.strip() for other in others)
    name = _NUMBER.sub("", step.file.name)
    return any(name in names(other.message) for other in others)


def names(message: Mapping[str, Any]) -> set[str]:
    """The names of a message's files, as the message says them."""
    files = [one for one in message.get("files") or () if isinstance(one, Mapping)]
    return {str(one[key]) for one in files for key in ("name", "title") if one.get(key)}
